//! What is right about samples where it is no class: labels that each apply or not, numbers, pairs.

use std::path::{Path, PathBuf};

use super::array::Numbers;
use super::dataset::{Dataset, Pixels};
use super::draw::Kept;
use super::error::{At, DataError, DataErrorKind};
use super::input::Input;
use super::load::{self, Contents, Format, Parts};
use super::options::LoadOptions;
use super::rows::ManyLabels;
use super::{archive, idx, labels, npy, tensors, text};

/// What files say is right about a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TruthKind {
    /// A class.
    #[default]
    Classes,
    /// Labels that each apply or not: a row of zeros and ones.
    Labels,
    /// Numbers: a row of them.
    Values,
    /// Whether it shows what another sample shows: labels are not read, and pairs are.
    Pairs,
}

/// What is right about all samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Truths {
    /// Classes, which are the labels of the data set.
    #[default]
    Classes,
    /// Labels that each apply or not.
    Labels(ManyLabels),
    /// Numbers.
    Values(ManyValues),
    /// Pairs: the samples of the data set are the first of each.
    Pairs(Pairs),
}

/// Numbers of samples: by sample, then by place.
#[derive(Debug, Clone, PartialEq)]
pub struct ManyValues {
    /// Numbers of one sample.
    pub width: usize,
    /// All of them; finite.
    pub values: Vec<f64>,
}

/// The second samples of pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Their values, each of them once.
    pub references: Pixels,
    /// For each pair the place of its second sample among the references.
    pub of: Vec<usize>,
    /// For each pair whether both show the same.
    pub same: Vec<bool>,
    /// For each pair the numbers of its two samples in the data.
    pub samples: Vec<[usize; 2]>,
}

impl Pairs {
    /// Returns the number of pairs that have a sample in common with another pair.
    #[must_use]
    pub fn dependent(&self) -> usize {
        let mut counts = std::collections::BTreeMap::<usize, usize>::new();
        for &[a, b] in &self.samples {
            *counts.entry(a).or_default() += 1;
            if a != b {
                *counts.entry(b).or_default() += 1;
            }
        }
        let shared = |sample: &usize| counts.get(sample).is_some_and(|count| *count > 1);
        self.samples.iter().filter(|pair| pair.iter().any(shared)).count()
    }
}

/// Rows of numbers, one for each sample.
pub(super) struct Matrix {
    width: usize,
    values: Vec<f64>,
}

impl Matrix {
    pub(super) fn new(width: usize, values: Vec<f64>) -> Self {
        Self { width: width.max(1), values }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    fn of_array((sizes, numbers): (Vec<usize>, Numbers)) -> Result<Self, DataErrorKind> {
        let values = match numbers {
            Numbers::Whole(values) => values.into_iter().map(|value| value as f64).collect(),
            Numbers::Real(values) => values,
            Numbers::Text(_) => return Err(DataErrorKind::ElementType { found: "text".to_owned(), accepted: "numbers" }),
        };
        match sizes.split_first() {
            Some((_, rest)) => Ok(Self::new(rest.iter().product(), values)),
            None => Err(DataErrorKind::Shape { found: sizes, expected: "one row of numbers per sample, [n] or [n, k]" }),
        }
    }

    /// Returns the rows that are kept as what is right.
    pub(super) fn truths(mut self, kind: TruthKind, kept: &Kept) -> Result<Truths, DataErrorKind> {
        let width = self.width;
        self.values = kept.pick(self.values, width);
        if kind == TruthKind::Labels {
            let flag = |(place, &value): (usize, &f64)| match value {
                0.0 => Ok(false),
                1.0 => Ok(true),
                _ => Err(DataErrorKind::BadFlag { sample: place / width, value }),
            };
            let values = self.values.iter().enumerate().map(flag).collect::<Result<_, _>>()?;
            return Ok(Truths::Labels(ManyLabels { classes: width, values }));
        }
        match self.values.iter().position(|value| !value.is_finite()) {
            Some(place) => {
                let value = self.values.get(place).copied().unwrap_or(f64::NAN).to_string();
                Err(DataErrorKind::BadNumber { sample: place / width, value })
            }
            None => Ok(Truths::Values(ManyValues { width, values: self.values })),
        }
    }
}

/// Gives the samples of an array what is right about them: what the file asked for says, else what stands in the same file, else beside it.
pub(super) fn label(path: &Path, contents: Contents, options: &LoadOptions) -> Result<Dataset, DataError> {
    let Contents { samples, arrays, format, .. } = contents;
    let total = samples.total;
    let own = match format {
        "npz" => archive::plain_labels(path)?,
        "safetensors" => tensors::plain_labels(path)?,
        _ => None,
    };
    let (matrix, label_path) = match (options.truth, &options.labels, own) {
        (TruthKind::Pairs, ..) => (None, None),
        (_, Some(file), _) => (Some(matrix(file)?), Some(file.clone())),
        (_, None, Some(own)) => (Some(Matrix::of_array(own).at(path)?), None),
        (_, None, None) => {
            let file = labels::beside(path)?.ok_or_else(|| DataError::new(path, DataErrorKind::NoLabels))?;
            (Some(matrix(&file)?), Some(file))
        }
    };
    let truths = match matrix {
        Some(matrix) => checked(matrix, total, label_path.as_deref().unwrap_or(path), options)?,
        None => Truths::Classes,
    };
    let files: Vec<PathBuf> = std::iter::once(path.to_path_buf()).chain(label_path.clone()).chain(pairs_file(options)).collect();
    let parts = Parts {
        samples,
        labels: Vec::new(),
        truths,
        label_path,
        format,
        class_names: options.class_names.clone(),
        ids: Vec::new(),
        columns: Vec::new(),
        files,
    };
    Ok(Dataset { arrays, ..load::dataset(path, parts)? })
}

/// Returns of `total` rows those that are kept as what is right.
pub(super) fn checked(matrix: Matrix, total: usize, of: &Path, options: &LoadOptions) -> Result<Truths, DataError> {
    // One row of text for one sample is no column of many.
    if matrix.rows() != total {
        return Err(DataError::new(of, DataErrorKind::CountMismatch { samples: total, labels: matrix.rows() }));
    }
    matrix.truths(options.truth, &Kept::of(options, total)).at(of)
}

/// Reads rows of numbers from a file of any format that can hold them.
pub(super) fn matrix(path: &Path) -> Result<Matrix, DataError> {
    if !path.is_file() {
        return Err(DataError::new(path, DataErrorKind::NotFound));
    }
    let of_own = |own: Option<(Vec<usize>, Numbers)>| own.ok_or_else(|| DataError::new(path, DataErrorKind::NoLabels));
    let mut input = Input::open(path).at(path)?;
    let array = match load::format(path)? {
        Some(Format::Npy) => npy::plain(&mut input).at(path)?,
        Some(Format::Idx) => idx::header(&mut input).and_then(|spec| spec.plain(&mut input)).at(path)?,
        Some(Format::Npz) => of_own(archive::plain_labels(path)?)?,
        Some(Format::Safetensors) => of_own(tensors::plain_labels(path)?)?,
        Some(Format::Image | Format::Cifar | Format::Parquet) => return Err(DataError::new(path, DataErrorKind::NoLabels)),
        Some(Format::Csv) | None => return lines(path).at(path),
    };
    Matrix::of_array(array).at(path)
}

/// Cells of a line of text.
fn cells(line: &str) -> Vec<&str> {
    let separator = [',', ';', '\t'].into_iter().find(|separator| line.contains(*separator)).unwrap_or(' ');
    line.split(separator).map(|cell| cell.trim().trim_matches('"')).filter(|cell| separator != ' ' || !cell.is_empty()).collect()
}

fn number(cell: &str) -> Option<f64> {
    match cell {
        "true" | "True" => Some(1.0),
        "false" | "False" => Some(0.0),
        cell => cell.parse().ok(),
    }
}

fn read_text(path: &Path) -> Result<String, DataErrorKind> {
    const MAX_TEXT: u64 = 1 << 30;
    let (stream, _) = text::open(path)?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(stream, MAX_TEXT), &mut text)?;
    Ok(text)
}

/// Reads one row a line; the first line may be a header.
fn lines(path: &Path) -> Result<Matrix, DataErrorKind> {
    let text = read_text(path)?;
    let mut width = None;
    let mut values = Vec::new();
    for (index, line) in text.trim_end().lines().enumerate() {
        let cells = cells(line);
        let row: Option<Vec<f64>> = cells.iter().map(|cell| number(cell)).collect();
        let Some(row) = row else {
            if index == 0 {
                continue;
            }
            let bad = cells.iter().find(|cell| number(cell).is_none()).copied().unwrap_or_default();
            return Err(DataErrorKind::Line { line: index + 1, reason: format!("`{bad}` is not a number") });
        };
        let expected = *width.get_or_insert(row.len());
        if row.len() != expected {
            let reason = format!("it has {} numbers, but the lines before it have {expected}", row.len());
            return Err(DataErrorKind::Line { line: index + 1, reason });
        }
        values.extend(row);
    }
    Ok(Matrix::new(width.unwrap_or(1), values))
}

/// Reads what is right about each image from the text that a table has for it: a number, or the labels that apply.
pub(super) fn of_texts(texts: &[String], options: &LoadOptions, at: &Path) -> Result<Truths, DataError> {
    if options.truth != TruthKind::Labels {
        let read = |(sample, text): (usize, &String)| {
            number(text.trim()).ok_or_else(|| DataError::new(at, DataErrorKind::BadNumber { sample, value: text.clone() }))
        };
        let values = texts.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        return Matrix::new(1, values).truths(options.truth, &Kept::First(texts.len())).at(at);
    }
    let applying = |(sample, text): (usize, &String)| {
        let names = text.split([' ', ';', '|', '+']).map(str::trim).filter(|name| !name.is_empty());
        let found = names.map(|name| options.class(name)).collect::<Result<Vec<usize>, _>>();
        found.map_err(|unknown| DataError::new(at, DataErrorKind::LabelName { sample, unknown }))
    };
    let rows: Vec<Vec<usize>> = texts.iter().enumerate().map(applying).collect::<Result<_, _>>()?;
    let most = rows.iter().flatten().max().map_or(0, |most| most + 1);
    let width = options.classes.or_else(|| options.class_names.as_ref().map(Vec::len)).unwrap_or(most).max(most);
    let values = rows.iter().flat_map(|row| (0..width).map(|label| row.contains(&label))).collect();
    Ok(Truths::Labels(ManyLabels { classes: width, values }))
}

/// Makes pairs of the samples, as a file lists them.
pub(super) fn paired(data: Dataset, path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let text = read_text(path).at(path)?;
    let sample = |name: &str| {
        let by_name = data.ids.iter().position(|id| id == name);
        by_name.or_else(|| name.parse().ok().filter(|number| data.ids.is_empty() && *number < data.n))
    };
    let (mut samples, mut same) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |reason: String| DataError::new(path, DataErrorKind::Line { line: index + 1, reason });
        let cells = cells(line);
        let (a, b, flag) = match cells.as_slice() {
            [a, b] => (*a, *b, None),
            [a, b, same] => (*a, *b, Some(*same)),
            _ => return Err(wrong("expected SAMPLE,REFERENCE or SAMPLE,REFERENCE,SAME, where SAME is 1 or 0".to_owned())),
        };
        match (sample(a), sample(b)) {
            (None, None) if index == 0 => continue,
            (Some(a), Some(b)) => samples.push([a, b]),
            (a_found, _) => {
                let name = if a_found.is_none() { a } else { b };
                let (name, by_number) = (name.to_owned(), data.ids.is_empty());
                return Err(DataError::new(path, DataErrorKind::UnknownSample { line: index + 1, name, by_number, n: data.n }));
            }
        }
        same.push(match flag.map(str::to_ascii_lowercase).as_deref() {
            None | Some("1" | "same" | "true") => true,
            Some("0" | "different" | "false") => false,
            Some(other) => return Err(wrong(format!("`{other}` is neither 1 nor 0"))),
        });
    }
    if samples.is_empty() {
        return Err(DataError::new(path, DataErrorKind::Empty));
    }
    let total = samples.len();
    let kept = Kept::of(options, total);
    let (samples, same) = (kept.pick(samples, 1), kept.pick(same, 1));
    let mut distinct: Vec<usize> = samples.iter().map(|[_, b]| *b).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let of = samples.iter().map(|[_, b]| distinct.binary_search(b).unwrap_or_default()).collect();
    let firsts: Vec<usize> = samples.iter().map(|[a, _]| *a).collect();
    let len = data.sample_len();
    Ok(Dataset {
        truths: Truths::Pairs(Pairs { references: data.pixels.rows(&distinct, len), of, same, samples }),
        pixels: data.pixels.rows(&firsts, len),
        ids: firsts.iter().filter_map(|&first| data.ids.get(first).cloned()).collect(),
        arrays: data.rows_of(&firsts),
        n: firsts.len(),
        total,
        rows: kept.numbers(),
        ..data
    })
}

/// Returns the file of pairs, which is hashed behind the data.
pub(super) fn pairs_file(options: &LoadOptions) -> Option<PathBuf> {
    options.pairs.clone().filter(|_| options.truth == TruthKind::Pairs)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn table(text: &str, labels: Option<&str>, truth: TruthKind) -> Result<Truths, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "t.csv", text);
        let labels = labels.map(Into::into);
        load::load(&path, &LoadOptions { labels, truth, ..LoadOptions::default() })
            .map(|data| data.truths)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_labels_of_a_table_stand_in_columns() {
        let (values, labels) = (TruthKind::Values, TruthKind::Labels);
        assert_eq!(table("a,y\n1,2.5\n2,-1\n", None, values), Ok(Truths::Values(ManyValues { width: 1, values: vec![2.5, -1.0] })));
        let two = ManyValues { width: 2, values: vec![2.5, 1.0, -1.0, 2.0] };
        assert_eq!(table("a,u,v\n1,2.5,1\n2,-1,2\n", Some("u,v"), values), Ok(Truths::Values(two)));
        let flags = ManyLabels { classes: 2, values: vec![true, false, false, false] };
        assert_eq!(table("a,cat,dog\n1,1,0\n2,0,false\n", Some("cat,dog"), labels), Ok(Truths::Labels(flags)));
        for (text, columns, kind, expected) in [
            ("a,y\n1,nan\n", None, values, "the label is missing"),
            ("a,y\n1,\n", None, values, "the label is missing"),
            ("a,y\n1,high\n", None, values, "`high` is not a number"),
            ("a,cat\n1,2\n", Some("cat"), labels, "is 2; every label must be 0 or 1"),
            ("a,cat\n1,1\n", Some("cat,dog"), labels, "there is no column `dog`"),
        ] {
            let error = table(text, columns, kind).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_file_of_its_own_has_a_row_for_each_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "t.csv", "a,b\n1,2\n3,4\n");
        let of = |text: &str, truth: TruthKind| {
            let labels = Some(write(folder.path(), "y.txt", text));
            load::load(&path, &LoadOptions { labels, truth, ..LoadOptions::default() })
                .map(|data| data.truths)
                .map_err(|error| error.to_string())
        };
        let values = |width: usize, values: &[f64]| Ok(Truths::Values(ManyValues { width, values: values.to_vec() }));
        assert_eq!(of("price\n1.5\n-2\n", TruthKind::Values), values(1, &[1.5, -2.0]));
        assert_eq!(of("1.5 2\n-2 7\n", TruthKind::Values), values(2, &[1.5, 2.0, -2.0, 7.0]));
        let flags = ManyLabels { classes: 3, values: vec![true, false, true, false, false, false] };
        assert_eq!(of("1,0,1\n0,0,0\n", TruthKind::Labels), Ok(Truths::Labels(flags)));
        for (text, kind, expected) in [
            ("1.5\n", TruthKind::Values, "1 labels for 2 samples"),
            ("1.5\nnan\n", TruthKind::Values, "the label of sample 1 is NaN"),
            ("1.5\n2 3\n", TruthKind::Values, "line 2: it has 2 numbers, but the lines before it have 1"),
            ("1,0\n1,0.5\n", TruthKind::Labels, "sample 1 is 0.5"),
            ("1,0\n1,x\n", TruthKind::Labels, "line 2: `x` is not a number"),
        ] {
            let error = of(text, kind).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn cells_of_a_labels_table_name_the_labels_that_apply() {
        let names = ["cat", "dog", "bird"].map(str::to_owned).to_vec();
        let options = |truth: TruthKind| LoadOptions { truth, class_names: Some(names.clone()), ..LoadOptions::default() };
        let of = |texts: &[&str], truth: TruthKind| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            of_texts(&texts, &options(truth), Path::new("labels.csv")).map_err(|error| error.to_string())
        };
        let flags = ManyLabels { classes: 3, values: vec![true, false, true, false, false, false, false, true, false] };
        assert_eq!(of(&["cat; bird", "", "1"], TruthKind::Labels), Ok(Truths::Labels(flags)));
        assert_eq!(of(&["2.5", "-1"], TruthKind::Values), Ok(Truths::Values(ManyValues { width: 1, values: vec![2.5, -1.0] })));
        assert!(of(&["cow"], TruthKind::Labels).unwrap_err().contains("sample 0: unknown class `cow`"));
        assert!(of(&["2.5", "inf"], TruthKind::Values).unwrap_err().contains("the label of sample 1 is inf"));
        assert!(of(&["high"], TruthKind::Values).unwrap_err().contains("the label of sample 0 is high"));
    }

    #[test]
    fn pairs_are_samples_with_references() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "t.csv", "a,b\n1,2\n3,4\n5,6\n");
        let of = |text: &str, limit: Option<usize>| {
            let pairs = Some(write(folder.path(), "pairs.csv", text));
            let options = LoadOptions { pairs, limit, truth: TruthKind::Pairs, ..LoadOptions::default() };
            let data = load::load(&path, &options).map_err(|error| error.to_string())?;
            assert_eq!(data.sha256, load::digest(&path, &options).unwrap());
            Ok::<_, String>(data)
        };
        let data = of("sample,reference,same\n2,0,1\n1,0,0\n2,2\n", None).unwrap();
        assert_eq!((data.n, data.total, &data.pixels), (3, 3, &Pixels::F32(vec![5.0, 6.0, 3.0, 4.0, 5.0, 6.0])));
        let Truths::Pairs(pairs) = &data.truths else { unreachable!("pairs were asked for") };
        assert_eq!(
            (&pairs.references, &pairs.of, &pairs.same),
            (&Pixels::F32(vec![1.0, 2.0, 5.0, 6.0]), &vec![0, 0, 1], &vec![true, false, true])
        );
        assert_eq!(pairs.dependent(), 3);
        let one = of("2,0,1\n1,0,0\n", Some(1)).unwrap();
        assert_eq!((one.n, one.total), (1, 2));
        for (text, expected) in [
            ("0,1\n0,3\n", "line 2: `3` is not one of the samples, which are numbered from 0 to 2"),
            ("0,1\nanna,0\n", "line 2: `anna` is not one of the samples"),
            ("0,1,2\n", "line 1: `2` is neither 1 nor 0"),
            ("0\n", "line 1: expected SAMPLE,REFERENCE"),
            ("a,b\n", "there are no samples"),
        ] {
            let error = of(text, None).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
