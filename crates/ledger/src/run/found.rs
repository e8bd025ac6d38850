//! Adversarial inputs on disk: frames of (sample, number of values, values), little-endian.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::LedgerError;
use brinell_record::FileError;

const HEADER: u64 = 16;

/// The adversarial inputs found so far; only their places are kept in memory.
#[derive(Debug)]
pub struct Found {
    path: PathBuf,
    file: File,
    end: u64,
    places: BTreeMap<u64, u64>,
    width: usize,
}

impl Found {
    /// Opens the file for samples of `width` values and cuts off an incomplete last frame. A sample that stands there twice
    /// counts as it stands last.
    ///
    /// # Errors
    /// [`LedgerError::File`]; [`LedgerError::Damaged`] where a frame has another width.
    pub fn open(path: &Path, width: usize) -> Result<Self, LedgerError> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(FileError::on("open", path))?;
        let (places, end) = places(path, &file, width)?;
        let found = Self { path: path.to_path_buf(), file, end, places, width };
        found.file.set_len(found.end).map_err(FileError::on("repair", path))?;
        Ok(found)
    }

    /// Cuts off everything behind the first `frames` frames.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn keep_first(mut self, frames: usize) -> Result<Self, LedgerError> {
        let end = frames as u64 * (HEADER + 4 * self.width as u64);
        if end >= self.end {
            return Ok(self);
        }
        self.file.set_len(end).map_err(FileError::on("repair", &self.path))?;
        Self::open(&std::mem::take(&mut self.path), self.width)
    }

    /// Returns a reader of what is stored now.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn examples(&self) -> Result<Examples, LedgerError> {
        let file = File::open(&self.path).map_err(FileError::on("open", &self.path))?;
        Ok(Examples { path: self.path.clone(), file, places: self.places.clone(), width: self.width })
    }

    /// Appends one adversarial input.
    ///
    /// # Errors
    /// [`LedgerError::File`], for instance on a full disk.
    pub fn append(&mut self, sample: u64, x_adv: &[f32]) -> Result<(), LedgerError> {
        let bytes = frame(sample, x_adv);
        self.file.seek(SeekFrom::Start(self.end)).map_err(FileError::on("write to", &self.path))?;
        self.file.write_all(&bytes).map_err(FileError::on("write to", &self.path))?;
        self.places.insert(sample, self.end);
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Reads one adversarial input.
    ///
    /// # Errors
    /// [`LedgerError::File`]; [`LedgerError::Damaged`] where the sample is missing.
    pub(super) fn read(&mut self, sample: u64) -> Result<Vec<f32>, LedgerError> {
        read(&self.path, &mut self.file, &self.places, self.width, sample)
    }

    /// Returns true where the sample's adversarial input is stored.
    pub(super) fn contains(&self, sample: u64) -> bool {
        self.places.contains_key(&sample)
    }
}

/// Reads what was stored when it was made, while more is appended.
#[derive(Debug)]
pub struct Examples {
    path: PathBuf,
    file: File,
    places: BTreeMap<u64, u64>,
    width: usize,
}

impl Examples {
    /// Opens a file that nobody is writing to; samples have as many values as its frames say, and one that stands there twice counts as it stands last. Where
    /// there is no file, there is no example.
    ///
    /// # Errors
    /// [`LedgerError::File`]; [`LedgerError::Damaged`] where a frame has another width than the first.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut file = File::open(path).map_err(FileError::on("open", path))?;
        let mut header = [0u8; HEADER as usize];
        let width = match file.read_exact(&mut header) {
            Ok(()) => usize::try_from(number(header.get(8..).unwrap_or_default())).unwrap_or(usize::MAX),
            Err(_) => 0,
        };
        let len = file.metadata().map_err(FileError::on("read", path))?.len();
        if width as u64 > len {
            return Err(LedgerError::Damaged { path: path.to_path_buf(), problem: "its first frame is longer than the file".to_owned() });
        }
        let (places, _) = places(path, &file, width)?;
        Ok(Self { path: path.to_path_buf(), file, places, width })
    }

    /// Reads one adversarial input.
    ///
    /// # Errors
    /// [`LedgerError::File`]; [`LedgerError::Damaged`] where the sample is missing.
    pub fn read(&mut self, sample: u64) -> Result<Vec<f32>, LedgerError> {
        read(&self.path, &mut self.file, &self.places, self.width, sample)
    }
}

/// Returns one adversarial input as it stands in the file.
pub(super) fn frame(sample: u64, x_adv: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER as usize + 4 * x_adv.len());
    bytes.extend(sample.to_le_bytes());
    bytes.extend((x_adv.len() as u64).to_le_bytes());
    bytes.extend(x_adv.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap_or_default())
}

/// Returns where the last frame of each sample begins, and where the last complete frame ends.
fn places(path: &Path, file: &File, width: usize) -> Result<(BTreeMap<u64, u64>, u64), LedgerError> {
    let len = file.metadata().map_err(FileError::on("read", path))?.len();
    let frame = HEADER + 4 * width as u64;
    let (mut places, mut end) = (BTreeMap::new(), 0);
    let mut reader = BufReader::new(file);
    while end + frame <= len {
        let mut header = [0u8; HEADER as usize];
        reader.seek(SeekFrom::Start(end)).map_err(FileError::on("read", path))?;
        reader.read_exact(&mut header).map_err(FileError::on("read", path))?;
        let (sample, count) = header.split_at(8);
        if number(count) != width as u64 {
            return Err(LedgerError::Damaged { path: path.to_path_buf(), problem: "a frame has another width".to_owned() });
        }
        places.insert(number(sample), end);
        end += frame;
    }
    Ok((places, end))
}

fn read(path: &Path, file: &mut File, places: &BTreeMap<u64, u64>, width: usize, sample: u64) -> Result<Vec<f32>, LedgerError> {
    let Some(&place) = places.get(&sample) else {
        return Err(LedgerError::Damaged { path: path.to_path_buf(), problem: format!("sample {sample} is missing") });
    };
    let mut bytes = vec![0u8; 4 * width];
    file.seek(SeekFrom::Start(place + HEADER)).map_err(FileError::on("read", path))?;
    file.read_exact(&mut bytes).map_err(FileError::on("read", path))?;
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap_or_default())).collect())
}
