//! Descriptors: the standard streams, renumbering, rights, and files that are open but gone.

mod common;

use common::{RDWR, empty_vfs, names, open, put, text_of};
use faasm_vfs::{
    Errno, Fd, FdFlags, FdKind, Filetype, FstFlags, Oflags, OpenOptions, Rights, SetTimes,
    SharedChange, Symlinks, Vfs, Whence,
};

const STDIN: Fd = Fd(0);
const STDOUT: Fd = Fd(1);

#[test]
fn a_vfs_and_its_drafts_can_move_to_another_thread() {
    fn check<T: Send + 'static>() {}
    check::<Vfs>();
    check::<SharedChange>();
}

#[test]
fn a_call_starts_with_three_streams_and_the_root() {
    let mut vfs = empty_vfs();
    let kinds = [
        FdKind::Stdin,
        FdKind::Stdout,
        FdKind::Stderr,
        FdKind::Directory,
    ];
    for (number, kind) in (0..).zip(kinds) {
        assert_eq!(vfs.kind(Fd(number)), Ok(kind));
    }
    assert_eq!(vfs.kind(Fd(4)), Err(Errno::Badf));
    assert_eq!(vfs.kind(Fd(u32::MAX)), Err(Errno::Badf));
    assert_eq!(vfs.prestat(Vfs::ROOT), Ok("/"));
    assert_eq!(vfs.prestat(STDIN), Err(Errno::Badf));
    assert_eq!(vfs.prestat(Fd(4)), Err(Errno::Badf));
}

#[test]
fn streams_are_the_callers_in_their_direction_and_cannot_seek() {
    let mut vfs = empty_vfs();
    assert_eq!(vfs.kind_for_read(STDIN), Ok(FdKind::Stdin));
    assert_eq!(vfs.kind_for_write(STDIN), Err(Errno::Badf));
    assert_eq!(vfs.kind_for_write(STDOUT), Ok(FdKind::Stdout));
    assert_eq!(vfs.kind_for_read(STDOUT), Err(Errno::Badf));
    assert_eq!(vfs.seek(STDOUT, 0, Whence::Cur), Err(Errno::Spipe));
    assert_eq!(
        vfs.filestat_get(STDOUT).unwrap().filetype,
        Filetype::CharacterDevice
    );
    let rights = vfs.fdstat_get(STDOUT).unwrap().rights;
    assert!(
        !rights.intersects(Rights::FD_SEEK | Rights::FD_TELL),
        "isatty looks at these"
    );
}

#[test]
fn the_lowest_free_number_is_given_out() {
    let mut vfs = empty_vfs();
    vfs.close(STDIN).unwrap();
    assert_eq!(vfs.close(STDIN), Err(Errno::Badf));
    assert_eq!(open(&mut vfs, "f", Oflags::CREAT, RDWR), Ok(STDIN));
    assert_eq!(open(&mut vfs, "f", Oflags::CREAT, RDWR), Ok(Fd(4)));
    assert_eq!(vfs.kind(STDIN), Ok(FdKind::File));
}

#[test]
fn a_file_takes_the_place_of_a_stream_and_a_stream_that_of_a_file() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "log", Oflags::CREAT, RDWR).unwrap();
    vfs.renumber(fd, STDOUT).unwrap();
    assert_eq!(vfs.kind(fd), Err(Errno::Badf));
    assert_eq!(vfs.kind_for_write(STDOUT), Ok(FdKind::File));
    vfs.write(STDOUT, b"redirected").unwrap();
    assert_eq!(text_of(&mut vfs, STDOUT).unwrap(), "redirected");
    vfs.renumber(STDIN, STDOUT).unwrap();
    assert_eq!(vfs.kind(STDOUT), Ok(FdKind::Stdin));
    assert_eq!(vfs.renumber(STDOUT, STDOUT), Ok(()));
    assert_eq!(vfs.renumber(STDOUT, Fd(99)), Err(Errno::Badf));
    assert_eq!(vfs.renumber(Fd(99), STDOUT), Err(Errno::Badf));
    assert_eq!(
        vfs.kind(STDOUT),
        Ok(FdKind::Stdin),
        "a failed renumbering changes nothing"
    );
}

#[test]
fn the_root_can_be_renumbered_and_closed() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    vfs.renumber(Vfs::ROOT, fd).unwrap();
    assert_eq!(vfs.prestat(fd), Ok("/"));
    assert!(vfs.path_filestat_get(fd, "f", Symlinks::Follow).is_ok());
    vfs.close(fd).unwrap();
    assert_eq!(
        vfs.path_filestat_get(fd, "f", Symlinks::Follow),
        Err(Errno::Badf)
    );
}

#[test]
fn a_removed_file_lives_until_its_last_descriptor_is_closed() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    vfs.write(fd, &[1; 100_000]).unwrap();
    vfs.path_unlink_file(Vfs::ROOT, "f").unwrap();
    assert_eq!(vfs.filestat_get(fd).unwrap().nlink, 0);
    assert_eq!(vfs.pwrite(fd, b"x", 100_000), Ok(1));
    assert!(vfs.scratch_bytes() > 100_000);
    put(&mut vfs, "f", "another").unwrap();
    assert_eq!(vfs.filestat_get(fd).unwrap().size, 100_001);
    vfs.close(fd).unwrap();
    vfs.path_unlink_file(Vfs::ROOT, "f").unwrap();
    assert_eq!(vfs.scratch_bytes(), 0);
}

#[test]
fn a_file_replaced_by_renaming_or_renumbering_is_given_back() {
    let mut vfs = empty_vfs();
    put(&mut vfs, "a", "aaa").unwrap();
    put(&mut vfs, "b", &"b".repeat(100_000)).unwrap();
    vfs.path_rename(Vfs::ROOT, "a", Vfs::ROOT, "b").unwrap();
    assert!(vfs.scratch_bytes() < 1000);
    let fd = open(&mut vfs, "b", Oflags::empty(), RDWR).unwrap();
    vfs.path_unlink_file(Vfs::ROOT, "b").unwrap();
    vfs.renumber(STDIN, fd).unwrap();
    assert_eq!(vfs.scratch_bytes(), 0);
}

#[test]
fn nothing_can_be_made_in_a_removed_directory() {
    let mut vfs = empty_vfs();
    vfs.path_create_directory(Vfs::ROOT, "d").unwrap();
    let fd = open(&mut vfs, "d", Oflags::DIRECTORY, Rights::empty()).unwrap();
    vfs.path_remove_directory(Vfs::ROOT, "d").unwrap();
    assert_eq!(vfs.path_create_directory(fd, "e"), Err(Errno::Noent));
    assert_eq!(vfs.path_symlink("x", fd, "e"), Err(Errno::Noent));
    put(&mut vfs, "f", "").unwrap();
    assert_eq!(vfs.path_rename(Vfs::ROOT, "f", fd, "f"), Err(Errno::Noent));
    assert!(vfs.readdir(fd, 0).is_err());
    assert_eq!(names(&mut vfs, "/").unwrap(), ["f", "tmp"]);
    // Not even a name that is too long is looked at.
    let long = "n".repeat(256);
    assert_eq!(vfs.path_readlink(fd, &long), Err(Errno::Noent));
}

#[test]
fn rights_can_be_given_up_but_not_taken() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    let stat = vfs.fdstat_get(fd).unwrap();
    let fewer = stat.rights - Rights::FD_SEEK - Rights::FD_WRITE;
    vfs.fdstat_set_rights(fd, fewer, Rights::empty()).unwrap();
    assert_eq!(vfs.seek(fd, 1, Whence::Set), Err(Errno::Notcapable));
    assert_eq!(vfs.write(fd, b"x"), Err(Errno::Badf));
    let back = vfs.fdstat_set_rights(fd, stat.rights, Rights::empty());
    assert_eq!(back, Err(Errno::Notcapable));
}

#[test]
fn a_directory_passes_on_only_what_it_inherits() {
    let mut vfs = empty_vfs();
    put(&mut vfs, "tmp/f", "text").unwrap();
    let directory = open(&mut vfs, "tmp", Oflags::DIRECTORY, Rights::empty()).unwrap();
    let stat = vfs.fdstat_get(directory).unwrap();
    vfs.fdstat_set_rights(directory, stat.rights, stat.inheriting - Rights::FD_WRITE)
        .unwrap();
    let options = OpenOptions {
        rights: RDWR,
        ..OpenOptions::default()
    };
    let fd = vfs.path_open(directory, "f", options).unwrap();
    assert_eq!(vfs.write(fd, b"x"), Err(Errno::Badf));
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "text");
}

#[test]
fn append_follows_the_flag_as_it_is_set() {
    let mut vfs = empty_vfs();
    put(&mut vfs, "f", "12345").unwrap();
    let fd = open(&mut vfs, "f", Oflags::empty(), RDWR).unwrap();
    vfs.fdstat_set_flags(fd, FdFlags::APPEND).unwrap();
    vfs.write(fd, b"6").unwrap();
    vfs.fdstat_set_flags(fd, FdFlags::empty()).unwrap();
    vfs.seek(fd, 0, Whence::Set).unwrap();
    vfs.write(fd, b"a").unwrap();
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "a23456");
    assert_eq!(vfs.tell(fd), Ok(1));
}

#[test]
fn an_empty_range_is_refused_before_the_direction_is_looked_at() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "f", Oflags::CREAT, Rights::FD_READ).unwrap();
    assert_eq!(vfs.allocate(Fd(99), 0, 0), Err(Errno::Badf));
    for fd in [fd, Vfs::ROOT, STDOUT] {
        assert_eq!(vfs.allocate(fd, 0, 0), Err(Errno::Inval));
    }
    assert_eq!(vfs.allocate(fd, 0, 1), Err(Errno::Badf));
}

#[test]
fn a_directory_is_read_on_while_its_entries_come_and_go() {
    let mut vfs = empty_vfs();
    for n in 0..100 {
        put(&mut vfs, &format!("tmp/{n:02}"), "").unwrap();
    }
    let fd = open(&mut vfs, "tmp", Oflags::DIRECTORY, Rights::empty()).unwrap();
    let (mut cookie, mut seen) = (0, Vec::new());
    loop {
        let piece: Vec<(String, u64)> = vfs
            .readdir(fd, cookie)
            .unwrap()
            .take(7)
            .map(|entry| (entry.name.to_owned(), entry.next))
            .collect();
        let Some((_, next)) = piece.last() else { break };
        cookie = *next;
        for (name, _) in piece {
            if name != "." && name != ".." {
                vfs.path_unlink_file(Vfs::ROOT, format!("tmp/{name}"))
                    .unwrap();
                put(&mut vfs, &format!("tmp/late-{name}"), "").unwrap();
            }
            seen.push(name);
        }
    }
    let expected: Vec<String> = [".", ".."]
        .map(str::to_owned)
        .into_iter()
        .chain((0..100).map(|n| format!("{n:02}")))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(vfs.readdir(fd, u64::MAX).unwrap().count(), 0);
    assert_eq!(
        vfs.readdir(fd, 0).unwrap().count(),
        102,
        "a rewind shows what came later"
    );
}

#[test]
fn entries_removed_ahead_are_skipped() {
    let mut vfs = empty_vfs();
    for name in ["a", "b", "c"] {
        put(&mut vfs, &format!("tmp/{name}"), "").unwrap();
    }
    let fd = open(&mut vfs, "tmp", Oflags::DIRECTORY, Rights::empty()).unwrap();
    let cookie = vfs.readdir(fd, 0).unwrap().nth(2).unwrap().next;
    vfs.path_unlink_file(Vfs::ROOT, "tmp/b").unwrap();
    let rest: Vec<String> = vfs
        .readdir(fd, cookie)
        .unwrap()
        .map(|entry| entry.name.to_owned())
        .collect();
    assert_eq!(rest, ["c"]);
}

#[test]
fn a_time_cannot_be_set_to_a_value_and_to_now() {
    assert_eq!(
        SetTimes::from_flags(FstFlags::all(), 1, 1),
        Err(Errno::Inval)
    );
    assert_eq!(
        SetTimes::from_flags(FstFlags::empty(), 1, 1),
        Ok(SetTimes::default())
    );
}

#[test]
fn duplicates_share_position_flags_and_listing_but_not_rights() {
    let mut vfs = empty_vfs();
    let fd = open(&mut vfs, "f", Oflags::CREAT, RDWR).unwrap();
    let copy = vfs.dup(fd).unwrap();
    assert_eq!(copy, Fd(5));
    vfs.write(fd, b"abc").unwrap();
    vfs.write(copy, b"def").unwrap();
    assert_eq!(vfs.tell(fd), Ok(6));
    vfs.fdstat_set_flags(copy, FdFlags::APPEND).unwrap();
    vfs.seek(fd, 0, Whence::Set).unwrap();
    vfs.write(fd, b"!").unwrap();
    assert_eq!(text_of(&mut vfs, fd).unwrap(), "abcdef!");
    let fewer = vfs.fdstat_get(copy).unwrap().rights - Rights::FD_WRITE;
    vfs.fdstat_set_rights(copy, fewer, Rights::empty()).unwrap();
    assert_eq!(vfs.write(copy, b"x"), Err(Errno::Badf));
    vfs.path_unlink_file(Vfs::ROOT, "f").unwrap();
    vfs.close(fd).unwrap();
    assert_eq!(text_of(&mut vfs, copy).unwrap(), "abcdef!");
    vfs.close(copy).unwrap();
    assert_eq!(vfs.scratch_bytes(), 0);

    let one = open(&mut vfs, "/", Oflags::DIRECTORY, Rights::empty()).unwrap();
    let two = vfs.dup(one).unwrap();
    vfs.readdir(one, 0).unwrap();
    let charged = vfs.scratch_bytes();
    vfs.readdir(two, 1).unwrap();
    assert_eq!(vfs.scratch_bytes(), charged);
}

#[test]
fn a_stream_can_be_saved_redirected_and_restored() {
    let mut vfs = empty_vfs();
    let saved = vfs.dup(STDOUT).unwrap();
    let log = open(&mut vfs, "log", Oflags::CREAT, RDWR).unwrap();
    vfs.renumber(log, STDOUT).unwrap();
    assert_eq!(vfs.kind(STDOUT), Ok(FdKind::File));
    vfs.renumber(saved, STDOUT).unwrap();
    assert_eq!(vfs.kind_for_write(STDOUT), Ok(FdKind::Stdout));
    assert_eq!(vfs.dup(saved), Err(Errno::Badf));
}
