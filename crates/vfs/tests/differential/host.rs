//! The operations on a directory of the host.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use faasm_vfs::{Errno, Filetype};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom};
use rustix::io;

use crate::ops::{Answer, Op, Outcome, count, done, has, names};

pub struct Host {
    pub root: OwnedFd,
    pub open: Vec<OwnedFd>,
}

impl Host {
    fn at(&self, at: usize) -> BorrowedFd<'_> {
        let open = at.checked_sub(1).and_then(|index| self.open.get(index));
        open.unwrap_or(&self.root).as_fd()
    }

    pub fn run(&mut self, op: &Op) -> Outcome {
        use Op::*;
        if let Close(index) = op {
            if *index >= self.open.len() {
                return Err(Errno::Badf);
            }
            self.open.remove(*index);
            return Ok(Answer::Done);
        }
        if let Open {
            at,
            path,
            flags,
            follow,
        } = op
        {
            let mut options = [OFlags::RDONLY, OFlags::WRONLY, OFlags::RDWR, OFlags::RDONLY]
                [usize::from(flags % 4)];
            options.set(OFlags::NOFOLLOW, !follow);
            options.set(OFlags::CREATE, has(*flags, 2));
            options.set(OFlags::EXCL, has(*flags, 2) && has(*flags, 3));
            options.set(OFlags::TRUNC, has(*flags, 4));
            options.set(OFlags::APPEND, has(*flags, 5));
            options.set(OFlags::DIRECTORY, has(*flags, 6) && has(*flags, 7));
            let fd = fs::openat(self.at(*at), path, options, Mode::RWXU).map_err(errno)?;
            self.open.push(fd);
            return Ok(Answer::Done);
        }
        if let Dup(index) = op {
            let fd = io::dup(self.open.get(*index).ok_or(Errno::Badf)?).map_err(errno)?;
            self.open.push(fd);
            return Ok(Answer::Done);
        }
        self.run_shared(op)
    }

    fn run_shared(&self, op: &Op) -> Outcome {
        use Op::*;
        let fd = |index: &usize| self.open.get(*index).ok_or(Errno::Badf);
        let nofollow = |follow: &bool| match follow {
            true => AtFlags::empty(),
            false => AtFlags::SYMLINK_NOFOLLOW,
        };
        match op {
            Open { .. } | Close(_) | Dup(_) => unreachable!("run has done these"),
            SetAppend(index, append) => {
                let mut flags = OFlags::empty();
                flags.set(OFlags::APPEND, *append);
                done(fs::fcntl_setfl(fd(index)?, flags).map_err(errno))
            }
            Read(index, n) => {
                let mut buf = vec![0; *n];
                let n = io::read(fd(index)?, &mut buf).map_err(errno)?;
                buf.truncate(n);
                Ok(Answer::Bytes(buf))
            }
            Write(index, data) => count(io::write(fd(index)?, data).map_err(errno)),
            Pread(index, n, offset) => {
                let mut buf = vec![0; *n];
                let n = io::pread(fd(index)?, &mut buf, *offset).map_err(errno)?;
                buf.truncate(n);
                Ok(Answer::Bytes(buf))
            }
            Pwrite(index, data, offset) => {
                count(io::pwrite(fd(index)?, data, *offset).map_err(errno))
            }
            Seek(index, by, from) => {
                let fd = fd(index)?;
                let to = match from {
                    0 => SeekFrom::Start(u64::try_from(*by).map_err(|_| Errno::Inval)?),
                    1 => SeekFrom::Current(*by),
                    _ => SeekFrom::End(*by),
                };
                fs::seek(fd, to).map(Answer::Number).map_err(errno)
            }
            SetSize(index, len) => done(fs::ftruncate(fd(index)?, *len).map_err(errno)),
            Stat { at, path, follow } => fs::statat(self.at(*at), path, nofollow(follow))
                .map(host_stat)
                .map_err(errno),
            Fstat(index) => fs::fstat(fd(index)?).map(host_stat).map_err(errno),
            Mkdir { at, path } => done(fs::mkdirat(self.at(*at), path, Mode::RWXU).map_err(errno)),
            Rmdir { at, path } => {
                done(fs::unlinkat(self.at(*at), path, AtFlags::REMOVEDIR).map_err(errno))
            }
            Unlink { at, path } => {
                done(fs::unlinkat(self.at(*at), path, AtFlags::empty()).map_err(errno))
            }
            Rename { from, to } => {
                let (old, new) = (self.at(from.0), self.at(to.0));
                done(fs::renameat(old, &from.1, new, &to.1).map_err(errno))
            }
            Link { from, to, follow } => {
                let flags = if *follow {
                    AtFlags::SYMLINK_FOLLOW
                } else {
                    AtFlags::empty()
                };
                let (old, new) = (self.at(from.0), self.at(to.0));
                done(fs::linkat(old, &from.1, new, &to.1, flags).map_err(errno))
            }
            Symlink { target, at, path } => {
                done(fs::symlinkat(target, self.at(*at), path).map_err(errno))
            }
            Readlink { at, path } => fs::readlinkat(self.at(*at), path, Vec::new())
                .map(|target| Answer::Bytes(target.into_bytes()))
                .map_err(errno),
            List { at, path } => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let fd = fs::openat(self.at(*at), path, flags, Mode::empty()).map_err(errno)?;
                let mut buf = [MaybeUninit::uninit(); 8192];
                let mut entries = RawDir::new(fd, &mut buf);
                let mut list = Vec::new();
                while let Some(entry) = entries.next() {
                    let entry = entry.map_err(errno)?;
                    let name = entry.file_name().to_string_lossy().into_owned();
                    list.push((name, filetype(entry.file_type())));
                }
                Ok(names(list))
            }
        }
    }
}

fn host_stat(stat: fs::Stat) -> Answer {
    let filetype = filetype(FileType::from_raw_mode(stat.st_mode));
    if filetype == Filetype::Directory {
        return Answer::Stat {
            filetype,
            size: 0,
            nlink: u64::from(stat.st_nlink > 0),
        };
    }
    Answer::Stat {
        filetype,
        size: stat.st_size as u64,
        nlink: stat.st_nlink,
    }
}

fn filetype(filetype: FileType) -> Filetype {
    match filetype {
        FileType::RegularFile => Filetype::RegularFile,
        FileType::Directory => Filetype::Directory,
        FileType::Symlink => Filetype::SymbolicLink,
        other => panic!("no test makes a {other:?}"),
    }
}

fn errno(errno: io::Errno) -> Errno {
    match errno {
        io::Errno::BADF => Errno::Badf,
        io::Errno::BUSY => Errno::Busy,
        io::Errno::EXIST => Errno::Exist,
        io::Errno::INVAL => Errno::Inval,
        io::Errno::ISDIR => Errno::Isdir,
        io::Errno::LOOP => Errno::Loop,
        io::Errno::NAMETOOLONG => Errno::Nametoolong,
        io::Errno::NOENT => Errno::Noent,
        io::Errno::NOTDIR => Errno::Notdir,
        io::Errno::NOTEMPTY => Errno::Notempty,
        io::Errno::PERM => Errno::Perm,
        other => panic!("the host answered {other:?}, which no operation should"),
    }
}
