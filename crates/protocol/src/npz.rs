//! `adversarial.npz`: the broken samples of a run, as numpy reads them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Entries longer than this need the 64-bit fields of the zip format.
const LARGE: usize = 1 << 31;
/// numpy aligns the values that follow a header to this many bytes.
const ALIGN: usize = 64;

/// Writes the adversarial samples of a run as an uncompressed .npz archive of the arrays `x_adv` (f32, `[n, ..sample_shape]`), `sample`,
/// `label` and `prediction` (i64, `[n]`).
///
/// The file appears complete or not at all: it is written beside its place and then renamed. The same arrays give the same bytes.
/// [`data::load`](crate::data::load) reads it as samples with labels.
///
/// # Errors
///
/// The arrays disagree in length (`InvalidInput`), or the file cannot be written.
pub fn write_adversarial(
    path: &Path,
    ids: &[i64],
    labels: &[i64],
    predictions: &[i64],
    x_adv: &[f32],
    sample_shape: &[usize],
) -> io::Result<()> {
    let n = ids.len();
    let values = sample_shape.iter().product::<usize>();
    if labels.len() != n || predictions.len() != n || x_adv.len() != n * values {
        let sizes =
            format!("{n} ids, {} labels, {} predictions, {} values of {values} a sample", labels.len(), predictions.len(), x_adv.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, sizes));
    }
    let beside = beside(path);
    let written = write_all(&beside, ids, labels, predictions, x_adv, sample_shape).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report; what is left of the attempt may well be unremovable for the same reason.
        fs::remove_file(&beside).ok();
    }
    written
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_all(path: &Path, ids: &[i64], labels: &[i64], predictions: &[i64], x_adv: &[f32], sample_shape: &[usize]) -> io::Result<()> {
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path)?));
    let shape: Vec<usize> = std::iter::once(ids.len()).chain(sample_shape.iter().copied()).collect();
    array(&mut archive, "x_adv", "<f4", &shape, x_adv.iter().map(|value| value.to_le_bytes()))?;
    for (name, values) in [("sample", ids), ("label", labels), ("prediction", predictions)] {
        array(&mut archive, name, "<i8", &[values.len()], values.iter().map(|value| value.to_le_bytes()))?;
    }
    let file = archive.finish()?.into_inner()?;
    file.sync_all()
}

fn array<const N: usize>(
    archive: &mut ZipWriter<impl Write + Seek>,
    name: &str,
    descr: &str,
    shape: &[usize],
    values: impl ExactSizeIterator<Item = [u8; N]>,
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .large_file(values.len() * N >= LARGE);
    archive.start_file(format!("{name}.npy"), options)?;
    let mut writer = BufWriter::with_capacity(1 << 16, archive);
    writer.write_all(&header(descr, shape))?;
    for value in values {
        writer.write_all(&value)?;
    }
    writer.flush()
}

/// Returns the header of an npy file of version 1.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    const START: usize = 10;
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let tuple = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({tuple}), }}");
    let len = (START + text.len() + 1).next_multiple_of(ALIGN) - START;
    text.push_str(&" ".repeat(len - text.len() - 1));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((len as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{self, LoadOptions, Pixels};

    #[test]
    fn headers_are_aligned_and_end_in_a_newline() {
        for shape in [&[0][..], &[1], &[20, 3, 224, 224], &[7; 30]] {
            let bytes = header("<f4", shape);
            assert_eq!(bytes.len() % ALIGN, 0);
            assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), bytes.len() - 10);
            assert_eq!(bytes.last(), Some(&b'\n'));
        }
        assert!(String::from_utf8_lossy(&header("<i8", &[3])).contains("'shape': (3,), }"));
        assert!(String::from_utf8_lossy(&header("<i8", &[3, 1])).contains("'shape': (3, 1), }"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adversarial.npz");
        let values = [0.0, 0.25, 1.0, -1.5, 0.1, f32::MIN_POSITIVE];
        write_adversarial(&path, &[4, 9], &[1, 0], &[0, -1], &values, &[1, 3]).unwrap();
        let read = data::load(&path, &LoadOptions::default()).unwrap();
        assert_eq!((read.pixels, read.shape, read.labels), (Pixels::F32(values.to_vec()), vec![1, 3], vec![1, 0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let first = fs::read(&path).unwrap();
        write_adversarial(&path, &[4, 9], &[1, 0], &[0, -1], &values, &[1, 3]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adversarial.npz");
        write_adversarial(&path, &[], &[], &[], &[], &[3]).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(write_adversarial(&path, &[1], &[1], &[1], &[0.0], &[3]).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(write_adversarial(&folder.path().join("none/a.npz"), &[], &[], &[], &[], &[3]).is_err());
    }
}
