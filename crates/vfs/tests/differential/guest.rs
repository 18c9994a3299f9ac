//! The operations on a [`Vfs`].

use faasm_vfs::{Errno, Fd, FdFlags, Filestat, Oflags, OpenOptions, Rights, Symlinks, Vfs, Whence};

use crate::common::RDWR;
use crate::ops::{Answer, Op, Outcome, count, done, has, names};

pub struct Guest {
    pub vfs: Vfs,
    pub open: Vec<Fd>,
}

impl Guest {
    pub fn at(&self, at: usize) -> Fd {
        if at == 0 {
            Vfs::ROOT
        } else {
            self.open.get(at - 1).copied().unwrap_or(Vfs::ROOT)
        }
    }

    pub fn run(&mut self, op: &Op) -> Outcome {
        use Op::*;
        let fd = |index: &usize| self.open.get(*index).copied().ok_or(Errno::Badf);
        let links = |follow: &bool| {
            if *follow {
                Symlinks::Follow
            } else {
                Symlinks::NoFollow
            }
        };
        match op {
            Open {
                at,
                path,
                flags,
                follow,
            } => {
                let mut options = OpenOptions {
                    symlinks: links(follow),
                    ..Default::default()
                };
                options.rights = match flags % 4 {
                    0 | 3 => Rights::FD_READ,
                    1 => Rights::FD_WRITE,
                    _ => RDWR,
                };
                options.oflags.set(Oflags::CREAT, has(*flags, 2));
                options
                    .oflags
                    .set(Oflags::EXCL, has(*flags, 2) && has(*flags, 3));
                options.oflags.set(Oflags::TRUNC, has(*flags, 4));
                options
                    .oflags
                    .set(Oflags::DIRECTORY, has(*flags, 6) && has(*flags, 7));
                options.fdflags.set(FdFlags::APPEND, has(*flags, 5));
                let fd = self.vfs.path_open(self.at(*at), path, options)?;
                self.open.push(fd);
                Ok(Answer::Done)
            }
            Close(index) => {
                let fd = fd(index)?;
                self.open.remove(*index);
                self.vfs.close(fd).map(|()| Answer::Done)
            }
            Dup(index) => {
                let fd = self.vfs.dup(fd(index)?)?;
                self.open.push(fd);
                Ok(Answer::Done)
            }
            SetAppend(index, append) => {
                let mut flags = FdFlags::empty();
                flags.set(FdFlags::APPEND, *append);
                done(self.vfs.fdstat_set_flags(fd(index)?, flags))
            }
            Read(index, n) => {
                let mut buf = vec![0; *n];
                let n = self.vfs.read(fd(index)?, &mut buf)?;
                buf.truncate(n);
                Ok(Answer::Bytes(buf))
            }
            Write(index, data) => count(self.vfs.write(fd(index)?, data)),
            Pread(index, n, offset) => {
                let mut buf = vec![0; *n];
                let n = self.vfs.pread(fd(index)?, &mut buf, *offset)?;
                buf.truncate(n);
                Ok(Answer::Bytes(buf))
            }
            Pwrite(index, data, offset) => count(self.vfs.pwrite(fd(index)?, data, *offset)),
            Seek(index, by, from) => {
                let whence = [Whence::Set, Whence::Cur, Whence::End][usize::from(*from)];
                self.vfs.seek(fd(index)?, *by, whence).map(Answer::Number)
            }
            SetSize(index, len) => done(self.vfs.filestat_set_size(fd(index)?, *len)),
            Stat { at, path, follow } => self
                .vfs
                .path_filestat_get(self.at(*at), path, links(follow))
                .map(|s| stat(&s)),
            Fstat(index) => self.vfs.filestat_get(fd(index)?).map(|s| stat(&s)),
            Mkdir { at, path } => done(self.vfs.path_create_directory(self.at(*at), path)),
            Rmdir { at, path } => done(self.vfs.path_remove_directory(self.at(*at), path)),
            Unlink { at, path } => done(self.vfs.path_unlink_file(self.at(*at), path)),
            Rename { from, to } => {
                let (old, new) = (self.at(from.0), self.at(to.0));
                done(self.vfs.path_rename(old, &from.1, new, &to.1))
            }
            Link { from, to, follow } => {
                let (old, new) = (self.at(from.0), self.at(to.0));
                done(self.vfs.path_link(old, links(follow), &from.1, new, &to.1))
            }
            Symlink { target, at, path } => done(self.vfs.path_symlink(target, self.at(*at), path)),
            Readlink { at, path } => {
                let at = self.at(*at);
                self.vfs
                    .path_readlink(at, path)
                    .map(|t| Answer::Bytes(t.as_bytes().to_vec()))
            }
            List { at, path } => {
                let options = OpenOptions {
                    oflags: Oflags::DIRECTORY,
                    ..Default::default()
                };
                let fd = self.vfs.path_open(self.at(*at), path, options)?;
                let list = |vfs: &mut Vfs| -> Outcome {
                    let entries = vfs.readdir(fd, 0)?;
                    Ok(names(
                        entries.map(|e| (e.name.to_owned(), e.filetype)).collect(),
                    ))
                };
                let answer = list(&mut self.vfs);
                self.vfs.close(fd)?;
                answer
            }
        }
    }
}

fn stat(stat: &Filestat) -> Answer {
    let Filestat {
        filetype,
        size,
        nlink,
        ..
    } = *stat;
    Answer::Stat {
        filetype,
        size,
        nlink,
    }
}
