//! Files as bytes that the system brings in where they are looked at, so that weights take no memory of their own.
#![expect(unsafe_code, reason = "a file is mapped into memory")]

use std::fs::File;
use std::io;

use memmap2::MmapOptions;
use prost::bytes::Bytes;

/// Returns `len` bytes of a file from `offset` on, which must lie in it.
pub(crate) fn map(file: &File, offset: u64, len: usize) -> io::Result<Bytes> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the mapping is private and only ever read as plain bytes, each of which may have any value. The one thing left is that
    // another process changes the file meanwhile; that ends the program or gives other weights, as it would if they were read later, and the
    // hash of the file that an audit keeps tells.
    let mapped = unsafe { MmapOptions::new().offset(offset).len(len).map_copy_read_only(file) }?;
    Ok(Bytes::from_owner(mapped))
}
