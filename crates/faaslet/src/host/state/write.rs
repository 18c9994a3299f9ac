//! Writing values from a guest's buffers and files.

use faasm_model::Key;
use faasm_state::{Part, Replacement};
use faasm_vfs::{Errno, Fd, OpenOptions, Rights, Symlinks, Vfs};
use wasmtime::Linker;

use super::{Host, PIECE, bytes, key, misuse, with};
use crate::faaslet::Faaslet;
use crate::host::{ENV, MAX_STRING};
use crate::memory::guest;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        ENV,
        "__faasm_write_state",
        |mut host: Host<'_>, (key, data, len): (u32, u32, i32)| {
            Box::new(async move { write(&mut host, key, data, len).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_write_state_offset",
        |mut host: Host<'_>, (key, total, offset, data, len): (u32, i32, i32, u32, i32)| {
            Box::new(async move { write_offset(&mut host, key, total, offset, data, len).await })
        },
    )?;
    linker.func_wrap_async(
        ENV,
        "__faasm_write_state_from_file",
        |mut host: Host<'_>, (key, path): (u32, u32)| {
            Box::new(async move { write_from_file(&mut host, key, path).await })
        },
    )?;
    Ok(())
}

async fn write(host: &mut Host<'_>, name: u32, data: u32, len: i32) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_write_state";
    let key = key(host, IMPORT, name)?;
    let len = bytes(IMPORT, "length", len)?;
    guest(host, IMPORT)?.0.slice(data, len)?;
    let source = Source::Memory { data };
    set(host, IMPORT, &key, u64::from(len), source).await
}

async fn write_offset(
    host: &mut Host<'_>,
    name: u32,
    total: i32,
    offset: i32,
    data: u32,
    len: i32,
) -> wasmtime::Result<()> {
    const IMPORT: &str = "__faasm_write_state_offset";
    let key = key(host, IMPORT, name)?;
    let total = u64::from(bytes(IMPORT, "total", total)?);
    let offset = u64::from(bytes(IMPORT, "offset", offset)?);
    let len = bytes(IMPORT, "length", len)?;
    guest(host, IMPORT)?.0.slice(data, len)?;
    let len = u64::from(len);
    let part = with(host, IMPORT, async |session| {
        session.part(&key, total, offset, len).await
    });
    let part = part.await?;
    fill(host, IMPORT, &part, len, Source::Memory { data }).await
}

/// Makes a file's bytes the value; returns how many they are.
async fn write_from_file(host: &mut Host<'_>, name: u32, path: u32) -> wasmtime::Result<u32> {
    const IMPORT: &str = "__faasm_write_state_from_file";
    let key = key(host, IMPORT, name)?;
    let (memory, faaslet) = guest(host, IMPORT)?;
    let path = memory.c_str(path, MAX_STRING)?;
    let cannot = |errno: Errno| misuse(IMPORT, format_args!("{path}: {errno}"));
    let fd = open(faaslet, &path).map_err(cannot)?;
    let size = faaslet.vfs.filestat_get(fd).map_err(cannot)?.size;
    let source = Source::File { fd, path: &path };
    let written = set(host, IMPORT, &key, size, source).await;
    let closed = host.data_mut().vfs.close(fd);
    written?;
    closed.map_err(cannot)?;
    // A value that was set is not larger.
    Ok(u32::try_from(size).unwrap_or(u32::MAX))
}

fn open(faaslet: &mut Faaslet, path: &str) -> Result<Fd, Errno> {
    let options = OpenOptions {
        symlinks: Symlinks::Follow,
        rights: Rights::FD_READ,
        ..OpenOptions::default()
    };
    // There is one working directory, the root.
    let path = path.trim_start_matches('/');
    faaslet.vfs.path_open(Vfs::ROOT, path, options)
}

/// Where a value's bytes come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    Memory { data: u32 },
    File { fd: Fd, path: &'a str },
}

async fn set(
    host: &mut Host<'_>,
    import: &'static str,
    key: &Key,
    size: u64,
    source: Source<'_>,
) -> wasmtime::Result<()> {
    let replaced = with(host, import, async |session| {
        session.replace(key, size).await
    });
    match replaced.await? {
        Replacement::InPlace(part) => fill(host, import, &part, size, source).await,
        Replacement::New(value) => {
            fill(host, import, value.part(), size, source).await?;
            with(host, import, async |session| {
                session.install(value).await;
                Ok(())
            })
            .await
        }
    }
}

async fn fill(
    host: &mut Host<'_>,
    import: &'static str,
    part: &Part,
    size: u64,
    source: Source<'_>,
) -> wasmtime::Result<()> {
    let mut done = 0;
    while done < size {
        let count = u64::from(PIECE).min(size - done) as u32;
        let piece = source.piece(host, import, done, count)?;
        with(host, import, async |session| {
            session.fill(part, done, &piece).await
        })
        .await?;
        done += u64::from(count);
    }
    Ok(())
}

impl Source<'_> {
    /// A copy of some bytes: a buffer may be state itself, and change.
    fn piece(
        self,
        host: &mut Host<'_>,
        import: &'static str,
        offset: u64,
        count: u32,
    ) -> wasmtime::Result<Vec<u8>> {
        match self {
            Self::Memory { data } => {
                // Below 4 GiB: the whole buffer was found to lie in memory.
                let from = data.saturating_add(offset as u32);
                Ok(guest(host, import)?.0.slice(from, count)?.to_vec())
            }
            Self::File { fd, path } => {
                let mut piece = vec![0; count as usize];
                let mut read = 0;
                while read < piece.len() {
                    let at = offset + read as u64;
                    let vfs = &mut host.data_mut().vfs;
                    match vfs.pread(fd, &mut piece[read..], at) {
                        Ok(0) => break,
                        Ok(more) => read += more,
                        Err(errno) => {
                            return Err(misuse(import, format_args!("{path}: {errno}")));
                        }
                    }
                }
                Ok(piece)
            }
        }
    }
}
