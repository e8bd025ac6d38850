//! Files as bytes that the system brings in where they are looked at, so that weights take no memory of their own.
//!
//! Looking at a page that is no longer in its file ends the program, and nothing but a signal handler could prevent that. Files of up to [`COPIED`] bytes are
//! therefore read, which costs as much memory; larger ones are mapped, and whoever is about to go through their weights asks before whether the file still has
//! them ([`is_cut`]). What is left is a file that is cut within the seconds in which they are copied.
#![expect(unsafe_code, reason = "a file is mapped into memory")]

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use brinell_graph::Place;
use memmap2::MmapOptions;
use prost::bytes::Bytes;

/// Bytes of the largest file that is read; larger ones are mapped.
const COPIED: u64 = 1 << 26;

/// Returns `len` bytes from `offset` on of a file of `size` bytes, which must lie in it.
pub(crate) fn part(file: &File, size: u64, offset: u64, len: usize) -> io::Result<Bytes> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    if size <= COPIED {
        let mut file = file;
        let mut bytes = vec![0; len];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        return Ok(bytes.into());
    }
    // SAFETY: the mapping is private and only ever read as plain bytes, each of which may have any value. The one thing left is that
    // another process changes the file meanwhile: other weights are what it would have given if they were read later, and the hash of the file
    // that an audit keeps tells; of a shorter file the module says what is done.
    let mapped = unsafe { MmapOptions::new().offset(offset).len(len).map_copy_read_only(file) }?;
    Ok(Bytes::from_owner(mapped))
}

/// Where bytes of a file lie.
pub(crate) fn place(file: PathBuf, metadata: &Metadata, offset: u64) -> Place {
    Place { file: file.into(), modified: metadata.modified().ok(), number: number(metadata), offset }
}

/// Tells files of one system apart that have had the same name.
#[cfg(unix)]
fn number(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Systems that do not cut files which are mapped.
#[cfg(not(unix))]
fn number(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// True where the file that `len` bytes at `place` were read from does not have them any more. One that another file has replaced still has.
pub(crate) fn is_cut(place: &Place, len: usize) -> bool {
    let Ok(metadata) = std::fs::metadata(&place.file) else { return false };
    let end = u64::try_from(len).ok().and_then(|len| place.offset.checked_add(len));
    number(&metadata) == place.number && place.number.is_some() && end.is_none_or(|end| end > metadata.len())
}
