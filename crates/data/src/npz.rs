//! `adversarial.npz`: the broken samples of a run, as numpy reads them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use brinell_record::FileError;

use crate::{NamedArray, Numbers};

/// Entries longer than this need the 64-bit fields of the zip format.
const LARGE: usize = 1 << 31;
/// numpy aligns the values that follow a header to this many bytes.
const ALIGN: usize = 64;

/// Writes the adversarial samples of a run as an uncompressed .npz archive of the arrays `x_adv` (f32, `[n, ..sample_shape]`), `sample` (i64, `[n]`) and
/// `facts`, such as `label` and `prediction`, in f64 or i64 with a row for each sample. `sample` gives the values of one of the `ids`; it is called once for each, in order, so that one
/// sample is in memory at a time.
///
/// The file appears complete or not at all: it is written beside its place and then renamed. The same arrays give the same bytes.
/// [`load`](crate::load()) reads it as samples with labels.
///
/// # Errors
///
/// The arrays or a sample disagree in length (`InvalidInput`), `sample` fails, or the file cannot be written.
pub fn write_adversarial<E: From<FileError>>(
    path: &Path,
    ids: &[i64],
    facts: &[NamedArray],
    sample_shape: &[usize],
    sample: impl FnMut(i64) -> Result<Vec<f32>, E>,
) -> Result<(), E> {
    write(path, "x_adv", ids, facts, sample_shape, &[], sample)
}

/// Writes unchanged samples like [`write_adversarial`]: the arrays `x`, `sample` and `facts`, and `arrays` in f64 or i64, each under its name behind `held/`.
///
/// # Errors
/// As [`write_adversarial`].
pub fn write_inputs<E: From<FileError>>(
    path: &Path,
    ids: &[i64],
    facts: &[NamedArray],
    sample_shape: &[usize],
    arrays: &[NamedArray],
    sample: impl FnMut(i64) -> Result<Vec<f32>, E>,
) -> Result<(), E> {
    write(path, "x", ids, facts, sample_shape, arrays, sample)
}

/// Returns an array of one whole number for each sample.
#[must_use]
pub fn column(name: &str, values: Vec<i64>) -> NamedArray {
    NamedArray { name: name.to_owned(), shape: vec![values.len()], numbers: Numbers::Whole(values) }
}

/// Returns the name under which [`write_inputs`] stores what an input is held at; the input's own may be that of another array.
#[must_use]
pub fn held_name(input: &str) -> String {
    format!("held/{input}")
}

fn write<E: From<FileError>>(
    path: &Path,
    name: &str,
    ids: &[i64],
    facts: &[NamedArray],
    sample_shape: &[usize],
    arrays: &[NamedArray],
    sample: impl FnMut(i64) -> Result<Vec<f32>, E>,
) -> Result<(), E> {
    let failed = FileError::on("write", path);
    let n = ids.len();
    if facts.iter().any(|fact| fact.shape.first() != Some(&n) || len(fact) != fact.shape.iter().product::<usize>()) {
        let sizes: Vec<String> = facts.iter().map(|fact| format!("{} of `{}`", len(fact), fact.name)).collect();
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, sizes.join(", "))).into());
    }
    let beside = beside(path);
    let written =
        write_all(&beside, name, ids, facts, sample_shape, arrays, sample).and_then(|()| Ok(fs::rename(&beside, path).map_err(failed)?));
    if written.is_err() {
        // The first error is the one to report; what is left of the attempt may well be unremovable for the same reason.
        fs::remove_file(&beside).ok();
    }
    written
}

fn len(array: &NamedArray) -> usize {
    match &array.numbers {
        Numbers::Whole(values) => values.len(),
        Numbers::Real(values) => values.len(),
        Numbers::Text(values) => values.len(),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_all<E: From<FileError>>(
    path: &Path,
    name: &str,
    ids: &[i64],
    facts: &[NamedArray],
    sample_shape: &[usize],
    arrays: &[NamedArray],
    mut sample: impl FnMut(i64) -> Result<Vec<f32>, E>,
) -> Result<(), E> {
    let failed = || FileError::on("write", path);
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path).map_err(failed())?));
    let shape: Vec<usize> = std::iter::once(ids.len()).chain(sample_shape.iter().copied()).collect();
    let values = sample_shape.iter().product::<usize>();
    let mut writer = array(&mut archive, name, "<f4", &shape, 4).map_err(failed())?;
    for &id in ids {
        let x_adv = sample(id)?;
        if x_adv.len() != values {
            let sizes = format!("sample {id} has {} values, not {values}", x_adv.len());
            return Err(failed()(io::Error::new(io::ErrorKind::InvalidInput, sizes)).into());
        }
        x_adv.iter().try_for_each(|value| writer.write_all(&value.to_le_bytes())).map_err(failed())?;
    }
    writer.flush().map_err(failed())?;
    drop(writer);
    Ok(write_rest(archive, ids, facts, arrays).map_err(failed())?)
}

/// Writes the other arrays and the end of the archive.
fn write_rest(mut archive: ZipWriter<BufWriter<File>>, ids: &[i64], facts: &[NamedArray], arrays: &[NamedArray]) -> io::Result<()> {
    let ids = column("sample", ids.to_vec());
    let own = std::iter::once(&ids).chain(facts).map(|fact| (fact.name.clone(), fact));
    let held = arrays.iter().map(|array| (held_name(&array.name), array));
    for (name, NamedArray { shape, numbers, .. }) in own.chain(held) {
        match numbers {
            Numbers::Whole(values) => {
                let mut writer = array(&mut archive, &name, "<i8", shape, 8)?;
                values.iter().try_for_each(|value| writer.write_all(&value.to_le_bytes()))?;
                writer.flush()?;
            }
            Numbers::Real(values) => {
                let mut writer = array(&mut archive, &name, "<f8", shape, 8)?;
                values.iter().try_for_each(|value| writer.write_all(&value.to_le_bytes()))?;
                writer.flush()?;
            }
            Numbers::Text(values) => {
                let width = values.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
                let mut writer = array(&mut archive, &name, &format!("<U{width}"), shape, 4 * width)?;
                for text in values {
                    let padding = std::iter::repeat_n('\0', width - text.chars().count());
                    text.chars().chain(padding).try_for_each(|letter| writer.write_all(&u32::from(letter).to_le_bytes()))?;
                }
                writer.flush()?;
            }
        }
    }
    archive.finish()?.into_inner()?.sync_all()
}

/// Begins an array of elements of `width` bytes; its values are to be written to what is returned.
fn array<'a, W: Write + Seek>(
    archive: &'a mut ZipWriter<W>,
    name: &str,
    descr: &str,
    shape: &[usize],
    width: usize,
) -> io::Result<BufWriter<&'a mut ZipWriter<W>>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .large_file(shape.iter().product::<usize>() * width >= LARGE);
    archive.start_file(format!("{name}.npy"), options)?;
    let mut writer = BufWriter::with_capacity(1 << 16, archive);
    writer.write_all(&header(descr, shape))?;
    Ok(writer)
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
    use crate::{LoadOptions, Pixels};

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

    fn adversarial(path: &Path, samples: &[(i64, &[f32])], sample_shape: &[usize]) -> Result<(), FileError> {
        let ids: Vec<i64> = samples.iter().map(|&(id, _)| id).collect();
        let values = |id| samples.iter().find(|sample| sample.0 == id).unwrap().1.to_vec();
        let facts = [column("label", vec![1; ids.len()]), column("prediction", vec![-1; ids.len()])];
        write_adversarial(path, &ids, &facts, sample_shape, |id| Ok(values(id)))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adversarial.npz");
        let samples = [(4, &[0.0, 0.25, 1.0][..]), (9, &[-1.5, 0.1, f32::MIN_POSITIVE])];
        adversarial(&path, &samples, &[1, 3]).unwrap();
        let read = crate::load(&path, &LoadOptions::default()).unwrap();
        let values = [samples[0].1, samples[1].1].concat();
        assert_eq!((read.pixels, read.shape, read.labels), (Pixels::F32(values), vec![1, 3], vec![1, 1]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let first = fs::read(&path).unwrap();
        adversarial(&path, &samples, &[1, 3]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adversarial.npz");
        adversarial(&path, &[], &[3]).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(adversarial(&path, &[(1, &[0.0])], &[3]).is_err());
        assert!(write_adversarial(&path, &[1], &[column("label", Vec::new())], &[3], |_| Ok::<_, FileError>(vec![0.0; 3])).is_err());
        assert!(write_adversarial(&path, &[1, 2], &[column("label", vec![1, 1])], &[3], one_then_interrupted).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(adversarial(&folder.path().join("none/a.npz"), &[], &[3]).is_err());
    }

    fn one_then_interrupted(id: i64) -> Result<Vec<f32>, FileError> {
        if id == 1 { Ok(vec![0.0; 3]) } else { Err(FileError::on("read", Path::new("one"))(io::Error::from(io::ErrorKind::Interrupted))) }
    }
}
