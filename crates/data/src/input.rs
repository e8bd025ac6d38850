//! Bytes of a file that is not trusted: nothing is reserved on the word of a header alone.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::DataErrorKind;

/// The most memory that is reserved before the bytes for it have been seen, where the file's size does not tell.
const RESERVE: u64 = 16 << 20;

/// A file may unpack to this many bytes whatever its size ...
const UNPACKED: u64 = 256 << 20;
/// ... and beyond that to this many times its size. Samples that anyone would measure do not pack better; files made to fill the memory do.
const UNPACKED_RATIO: u64 = 128;

/// A stream of bytes and, where known, how many are left in it.
pub(super) struct Input<'a> {
    reader: Box<dyn Read + 'a>,
    left: Option<u64>,
}

impl<'a> Input<'a> {
    /// Opens a file, looking through gzip compression.
    pub(super) fn open(path: &Path) -> Result<Input<'static>, DataErrorKind> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(DataErrorKind::NotAFile);
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        if is_gzip(&mut reader)? {
            let packed = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader));
            return Ok(Input::unpacked(packed, metadata.len()));
        }
        Ok(Input { reader: Box::new(reader), left: Some(metadata.len()) })
    }

    /// Wraps a stream that unpacks `packed` bytes; where it gives far more than that, it ends in an error.
    pub(super) fn unpacked(reader: impl Read + 'a, packed: u64) -> Self {
        let most = unpacked_limit(packed);
        Self { reader: Box::new(Bounded { reader, left: most, most }), left: None }
    }

    /// Narrows the stream to its next `len` bytes.
    pub(super) fn first(self, len: u64) -> Result<Self, DataErrorKind> {
        self.check(len)?;
        Ok(Self { left: self.left.map(|_| len), reader: Box::new(self.reader.take(len)) })
    }

    /// Returns the stream itself.
    pub(super) fn into_read(self) -> Box<dyn Read + 'a> {
        self.reader
    }

    /// Returns the number of bytes left, where known.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    /// Returns the first bytes, up to `len`, of a file; fewer where it is shorter.
    pub(super) fn up_to(&mut self, len: u64) -> Result<Vec<u8>, DataErrorKind> {
        let mut bytes = Vec::new();
        (&mut self.reader).take(len).read_to_end(&mut bytes)?;
        self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
        Ok(bytes)
    }

    /// Returns exactly `len` bytes.
    pub(super) fn bytes(&mut self, len: u64) -> Result<Vec<u8>, DataErrorKind> {
        self.check(len)?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.left.map_or(len.min(RESERVE), |_| len)).unwrap_or(0));
        (&mut self.reader).take(len).read_to_end(&mut bytes)?;
        let found = bytes.len() as u64;
        if found < len {
            return Err(DataErrorKind::Truncated { expected: len, found });
        }
        self.left = self.left.map(|left| left.saturating_sub(found));
        Ok(bytes)
    }

    /// Passes exactly `len` bytes on in pieces of at most `piece` bytes.
    pub(super) fn pieces(
        &mut self,
        len: u64,
        piece: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), DataErrorKind>,
    ) -> Result<(), DataErrorKind> {
        self.check(len)?;
        let mut done = 0;
        while done < len {
            let step = piece.min(len - done);
            let bytes = self.bytes(step).map_err(|error| match error {
                DataErrorKind::Truncated { found, .. } => DataErrorKind::Truncated { expected: len, found: done + found },
                other => other,
            })?;
            each(&bytes)?;
            done += step;
        }
        Ok(())
    }

    /// Skips `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), DataErrorKind> {
        self.check(len)?;
        let found = io::copy(&mut (&mut self.reader).take(len), &mut io::sink())?;
        if found < len {
            return Err(DataErrorKind::Truncated { expected: len, found });
        }
        self.left = self.left.map(|left| left.saturating_sub(found));
        Ok(())
    }

    /// Checks that nothing is left.
    pub(super) fn finish(&mut self) -> Result<(), DataErrorKind> {
        let extra = match self.left {
            Some(left) => left,
            None => io::copy(&mut (&mut self.reader).take(1), &mut io::sink())?,
        };
        if extra > 0 { Err(DataErrorKind::TrailingBytes { extra }) } else { Ok(()) }
    }

    fn check(&self, len: u64) -> Result<(), DataErrorKind> {
        match self.left {
            Some(found) if found < len => Err(DataErrorKind::Truncated { expected: len, found }),
            _ => Ok(()),
        }
    }
}

/// Returns how many bytes `packed` bytes may unpack to.
pub(super) fn unpacked_limit(packed: u64) -> u64 {
    packed.saturating_mul(UNPACKED_RATIO).max(UNPACKED)
}

/// A stream that refuses to give more than a number of bytes.
struct Bounded<R> {
    reader: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        let Some(left) = self.left.checked_sub(n as u64) else { return Err(io::Error::other(Unpacked { most: self.most })) };
        self.left = left;
        Ok(n)
    }
}

/// A stream unpacks to more than its size makes likely.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {most} bytes, suspiciously many for a file of this size")]
pub(super) struct Unpacked {
    /// The most that is unpacked.
    pub(super) most: u64,
}

fn is_gzip(reader: &mut BufReader<File>) -> io::Result<bool> {
    Ok(io::BufRead::fill_buf(reader)?.starts_with(&[0x1f, 0x8b]))
}
