//! Whether an ELF file is whole.
//!
//! The system's loader maps a truncated library without complaint, and the process then dies on the first missing page.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Length of the header of a 64-bit ELF file.
const HEADER: usize = 64;
/// Length of one entry of its program header table.
const ENTRY: usize = 56;

/// Returns true when the file is a little-endian 64-bit ELF file of which a segment lies beyond its end.
///
/// Other files, and files that cannot be read, are left for the system's loader to refuse.
pub(crate) fn is_truncated(path: &Path) -> bool {
    lacks_segment(path).unwrap_or(false)
}

fn lacks_segment(path: &Path) -> Option<bool> {
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    let mut header = [0; HEADER];
    file.read_exact(&mut header).ok()?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, count) = (u64_at(&header, 32)?, u16_at(&header, 56)?);
    file.seek(SeekFrom::Start(table)).ok()?;
    let mut entries = vec![0; usize::from(count) * ENTRY];
    if file.read_exact(&mut entries).is_err() {
        return Some(true);
    }
    let end = |entry: &[u8]| u64_at(entry, 8)?.checked_add(u64_at(entry, 32)?);
    Some(entries.chunks_exact(ENTRY).any(|entry| end(entry).is_none_or(|end| end > len)))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}
