//! From the rows of a table to samples: one sample a row, one value a column, labels in a column or a file of their own.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::array::{Numbers, Samples};
use super::cell::Cell;
use super::columns::Columns;
use super::csv::{Header, Walk};
use super::dataset::{Dataset, NamedArray};
use super::draw::Kept;
use super::error::{At, DataError, DataErrorKind};
use super::gather::{Gather, Gathered, Order, Place, single};
use super::labels;
use super::load::{self, Parts};
use super::moments::Moments;
use super::number::Number;
use super::options::{ColumnKind, LoadOptions};
use super::precision::Precision;
use super::rows::Labels;
use super::truths::{self, Matrix, TruthKind, Truths};
use super::words::Words;

/// The first rows of a table.
struct Sheet {
    columns: Columns,
    values: Gather,
    /// The texts of features that are text.
    words: Words,
    labels: Vec<usize>,
    truths: Vec<f64>,
    arrays: Vec<Column>,
    /// Rows so far, those beyond a limit too.
    total: usize,
    /// Rows kept.
    n: usize,
}

/// The cells of a column that is an input of its own.
#[derive(Default)]
struct Column {
    numbers: Vec<Number>,
    texts: Vec<String>,
}

/// Reads a table with its labels.
pub(super) fn labelled(path: &Path, walk: Walk, format: &'static str, options: &LoadOptions) -> Result<Dataset, DataError> {
    let (header, sheet) = read(path, walk, options).at(path)?;
    let Sheet { columns, values, words, mut labels, truths: found_truths, arrays, total, n } = sheet;
    let kept = Kept::of(options, total);
    let width = columns.features.len();
    let name = |place: &usize| header.columns.get(*place).cloned().unwrap_or_default();
    let Gathered { mut pixels, exact, notes: found } =
        values.finish(&Order::AsStored, |index| columns.features.get(index).map(name)).at(path)?;
    let texts = words.finish(&mut pixels, width, |index| columns.features.get(index).map(name).unwrap_or_default());
    let mut notes = header.notes.clone();
    notes.extend(columns.notes);
    notes.extend(found);
    let file = options.labels.as_ref().filter(|labels| labels.is_file());
    let truths = match (options.truth, file) {
        (TruthKind::Classes | TruthKind::Pairs, _) => Truths::Classes,
        (_, Some(file)) => truths::checked(truths::matrix(file)?, total, file, options)?,
        (kind, None) => Matrix::new(columns.truths.len(), found_truths).truths(kind, &Kept::First(n)).at(path)?,
    };
    if let Some(file) = file.filter(|_| columns.label.is_none() && options.truth == TruthKind::Classes) {
        let found = labels::read(file, options)?;
        if found.len() != total {
            return Err(DataError::new(file, DataErrorKind::CountMismatch { samples: total, labels: found.len() }));
        }
        labels = kept.pick(found.classes(options, &mut notes).at(file)?, 1);
    }
    let is_text = |place: &usize| options.texts.contains(&name(place));
    let beside = columns.arrays.iter().zip(arrays).map(|(place, column)| column.named(name(place), n, is_text(place)));
    let arrays = beside.chain(texts).collect();
    let parts = Parts {
        samples: Samples { pixels, exact, notes, shape: vec![width], n, total, rows: kept.numbers() },
        labels,
        truths,
        label_path: file.cloned(),
        format,
        class_names: options.class_names.clone(),
        ids: Vec::new(),
        columns: if header.named { columns.features.iter().map(name).collect() } else { Vec::new() },
        files: files(path, options),
    };
    Ok(Dataset { arrays, ..load::dataset(path, parts)? })
}

/// Returns ranges and deviations of all rows.
pub(super) fn moments(path: &Path, walk: Walk, options: &LoadOptions) -> Result<Moments, DataErrorKind> {
    let mut all: Option<(Columns, Moments)> = None;
    let mut sample = 0;
    walk(path, &mut |header, line, row| {
        let (columns, all) = match &mut all {
            Some(all) => all,
            None => {
                let columns = Columns::of(header, row, options)?;
                let width = columns.features.len();
                all.insert((columns, Moments::new(width)))
            }
        };
        for (index, &place) in columns.features.iter().enumerate() {
            // What text there is has no range of its own.
            let ColumnKind::Numbers { missing, .. } = columns.kind(index) else { continue };
            let number = number(header, line, place, row, missing)?;
            all.add(index, single(number, missing, &stands(header, sample, index, place))?);
        }
        sample += 1;
        Ok(())
    })?;
    all.map(|(_, all)| all).ok_or(DataErrorKind::Empty)
}

/// Reads the labels alone, from the only column or the one that is named as one of labels.
pub(super) fn labels(path: &Path, walk: Walk, options: &LoadOptions) -> Result<Labels, DataErrorKind> {
    let mut labels = Vec::new();
    walk(path, &mut |header, line, row| {
        let place = if header.columns.len() == 1 { 0 } else { header.label_column()? };
        labels.push(class(header, line, place, row, options)?);
        Ok(())
    })?;
    Ok(Labels::Known(labels))
}

/// Reads the class of every row and nothing else; `None` where no column says it.
pub(super) fn classes(path: &Path, walk: Walk, options: &LoadOptions) -> Result<Option<Vec<usize>>, DataError> {
    if let Some(file) = options.labels.as_ref().filter(|labels| labels.is_file()) {
        return labels::read(file, options)?.classes(options, &mut Vec::new()).at(file).map(Some);
    }
    let (mut place, mut found) = (None, Vec::new());
    walk(path, &mut |header, line, row| {
        let place = match place {
            Some(place) => place,
            None => *place.insert(Columns::of(header, row, options)?.label),
        };
        if let Some(place) = place {
            found.push(class(header, line, place, row, options)?);
        }
        Ok(())
    })
    .at(path)?;
    Ok((!found.is_empty()).then_some(found))
}

/// Returns the files that a table is made of, in the order in which they are hashed.
pub(super) fn files(path: &Path, options: &LoadOptions) -> Vec<PathBuf> {
    std::iter::once(path.to_path_buf())
        .chain(options.labels.clone().filter(|labels| labels.is_file()))
        .chain(truths::pairs_file(options))
        .collect()
}

fn read(path: &Path, walk: Walk, options: &LoadOptions) -> Result<(Header, Sheet), DataErrorKind> {
    let mut sheet: Option<Sheet> = None;
    let header = walk(path, &mut |header, line, row| {
        let sheet = match &mut sheet {
            Some(sheet) => sheet,
            None => sheet.insert(Sheet::new(Columns::of(header, row, options)?)),
        };
        sheet.row(header, line, row, options)
    })?;
    header.zip(sheet).ok_or(DataErrorKind::Empty)
}

impl Sheet {
    fn new(columns: Columns) -> Self {
        let arrays = columns.arrays.iter().map(|_| Column::default()).collect();
        let (precisions, missing): (Vec<Precision>, Vec<bool>) = columns.kinds.iter().map(|kind| kind.numbers()).unzip();
        let values = Gather::of(precisions, missing.contains(&true), 0);
        Self { columns, values, words: Words::default(), labels: Vec::new(), truths: Vec::new(), arrays, total: 0, n: 0 }
    }

    /// Takes a row, or only counts it where it is beyond a limit.
    fn row(&mut self, header: &Header, line: u64, row: &[Cell<'_>], options: &LoadOptions) -> Result<(), DataErrorKind> {
        let sample = self.total;
        self.total += 1;
        let beyond = !options.keeps(sample);
        for (index, &place) in self.columns.features.iter().enumerate() {
            let number = match self.columns.kind(index) {
                // Rows beyond a limit have a say in what texts there are, so that a limit changes no sample.
                ColumnKind::Text => self.words.see(index, text(header, line, place, row)?),
                ColumnKind::Numbers { .. } if beyond => continue,
                ColumnKind::Numbers { missing, .. } => number(header, line, place, row, missing)?,
            };
            if !beyond {
                self.values.push(number, &stands(header, sample, index, place))?;
            }
        }
        if beyond {
            return Ok(());
        }
        self.n += 1;
        if let Some(place) = self.columns.label {
            self.labels.push(class(header, line, place, row, options)?);
        }
        for &place in &self.columns.truths {
            self.truths.push(truth(header, line, place, row)?);
        }
        for (column, &place) in self.arrays.iter_mut().zip(&self.columns.arrays) {
            let cell = row.get(place).unwrap_or(&Cell::Missing);
            column.texts.push(cell.text().into_owned());
            column.numbers.extend(cell.number(header.decimal).ok().flatten());
        }
        Ok(())
    }
}

impl Column {
    /// Returns the column as an array of `n` rows: numbers where all cells are and text is not asked for, else text.
    fn named(self, name: String, n: usize, is_text: bool) -> NamedArray {
        let whole: Option<Vec<i64>> =
            self.numbers.iter().map(|number| if let Number::Whole(whole) = number { i64::try_from(*whole).ok() } else { None }).collect();
        let numbers = match whole {
            _ if is_text || self.numbers.len() < n => Numbers::Text(self.texts),
            Some(whole) => Numbers::Whole(whole),
            None => Numbers::Real(self.numbers.iter().map(|number| number.double()).collect()),
        };
        NamedArray { name, shape: vec![n, 1], numbers }
    }
}

fn stands(header: &Header, sample: usize, index: usize, place: usize) -> Place<'_> {
    Place { sample, index, column: header.columns.get(place).map(String::as_str) }
}

/// The number in a cell; NaN where it is missing and the model handles that.
fn number(header: &Header, line: u64, place: usize, row: &[Cell<'_>], missing: bool) -> Result<Number, DataErrorKind> {
    let cell = row.get(place).unwrap_or(&Cell::Missing);
    match cell.number(header.decimal).map_err(|reason| header.cell(line, place, reason))? {
        Some(number) => Ok(number),
        None if missing => Ok(Number::Real(f64::NAN)),
        None => {
            let text = cell.text();
            let reason = if text.is_empty() { "the cell is empty".to_owned() } else { format!("`{text}` means a missing value") };
            Err(header.cell(line, place, reason))
        }
    }
}

/// The text in a cell, which may be any word.
fn text<'a>(header: &Header, line: u64, place: usize, row: &'a [Cell<'_>]) -> Result<Cow<'a, str>, DataErrorKind> {
    let text = row.get(place).unwrap_or(&Cell::Missing).text();
    if text.is_empty() { Err(header.cell(line, place, "the cell is empty".to_owned())) } else { Ok(text) }
}

/// The number of a label; truth values are 1 and 0.
fn truth(header: &Header, line: u64, place: usize, row: &[Cell<'_>]) -> Result<f64, DataErrorKind> {
    let cell = row.get(place).unwrap_or(&Cell::Missing);
    let found = cell.number(header.decimal).map_err(|reason| header.cell(line, place, reason))?;
    found.map(Number::double).ok_or_else(|| header.cell(line, place, "the label is missing".to_owned()))
}

/// The class of a label; numbers may be written as 1 or 1.0, and two classes as truth values.
fn class(header: &Header, line: u64, place: usize, row: &[Cell<'_>], options: &LoadOptions) -> Result<usize, DataErrorKind> {
    let text = row.get(place).unwrap_or(&Cell::Missing).text();
    if text.is_empty() {
        return Err(header.cell(line, place, "the label is missing".to_owned()));
    }
    let whole = text.strip_suffix(".0").filter(|rest| rest.parse::<i64>().is_ok());
    let truth = [("false", "0"), ("true", "1")].into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, digit)| digit);
    options
        .class(&text)
        .or_else(|unknown| whole.or(truth).map_or(Err(unknown.clone()), |other| options.class(other).map_err(|_| unknown)))
        .map_err(|unknown| header.cell(line, place, unknown.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::dataset::Pixels;
    use super::super::note::Note;
    use super::*;

    fn load_with(name: &str, text: &[u8], options: LoadOptions) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let names = vec!["no".to_owned(), "yes".to_owned()];
        let options = LoadOptions { class_names: Some(names), ..options };
        load::load(&path, &options).map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
    }

    fn load(name: &str, text: &str, labels: Option<&str>) -> Result<Dataset, String> {
        load_with(name, text.as_bytes(), LoadOptions { labels: labels.map(Into::into), ..LoadOptions::default() })
    }

    #[test]
    fn columns_are_features_but_the_one_of_labels() {
        let data = load("a.csv", "age,target,income\n1,yes,2.5\n3, no ,true\n", None).unwrap();
        assert_eq!(data.pixels, Pixels::F32(vec![1.0, 2.5, 3.0, 1.0]));
        assert_eq!((data.labels, data.columns, data.shape), (vec![1, 0], vec!["age".to_owned(), "income".to_owned()], vec![2]));
        let data = load("a.tsv", "1\t2\t0.0\n3\t4\t1\n", Some("2")).unwrap();
        assert_eq!((data.labels, data.n, data.columns.len()), (vec![0, 1], 2, 0));
        let data = load("a.csv", "0;1;2\n5;6;1\n", Some("2")).unwrap();
        assert_eq!((data.n, data.pixels), (1, Pixels::F32(vec![5.0, 6.0])));
        let data = load("a.csv", "age,y\n1,True\n2,false\n", None).unwrap();
        assert_eq!(data.labels, [1, 0]);
    }

    #[test]
    fn what_cannot_be_used_is_named_by_line_and_column() {
        for (text, labels, expected) in [
            ("age,y\n1,0\n,1\n", None, "line 3, column `age`: the cell is empty"),
            ("age,y\nnan,0\n", None, "line 2, column `age`: `nan` means a missing value"),
            ("age,y\ninf,0\n", None, "line 2, column `age`: `inf` is not a finite number"),
            ("age,y\nred,0\n", None, "line 2, column `age`: `red` is not a number"),
            ("# made\nage,y\nred,0\n", None, "line 3, column `age`"),
            ("age,y\n1,perhaps\n", None, "line 2, column `y`: unknown class `perhaps`"),
            ("age,y\n1,\n", None, "column `y`: the label is missing"),
            ("age,y\n1\n", None, "with `,` as the separator, line 2 has 1 cells, but the lines before it have 2"),
            ("age,height\n1,2\n", None, "none is named label"),
            ("age,height\n1,2\n", Some("weight"), "there is no column `weight`; the columns are age, height"),
            ("age,,y\n0,1,2\n", None, "column 1 has no name"),
            ("a,a,y\n0,1,2\n", None, "two columns are named `a`"),
            ("a,b,y\n\"1,234\",5,0\n", None, "may be a decimal comma or separate thousands"),
            ("age,y\n", None, "there are no samples"),
        ] {
            let error = load("a.csv", text, labels).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        assert!(load("a.parquet", "PAR1....PAR1", None).unwrap_err().contains("Parquet"));
    }

    #[test]
    fn tables_of_many_writers_are_the_same_data() {
        let expected = Pixels::F32(vec![4.5, 1234.5, 3.25, 7.0]);
        let wide = |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect() };
        for (name, text) in [
            ("a.csv", b"a,\"b, in cm\",label\n4.5,\"1,234.5\",0\n3.25,7,1\n".to_vec()),
            ("a.csv", b"a;b, in cm;label\r\n4,5;1234,5;0\r\n3,25;7;1\r\n".to_vec()),
            ("a.csv", b"a;b, in cm;label\n4,5;1.234,5;0\n\n3,25;7;1".to_vec()),
            ("a.tsv", b"a\tb, in cm\tlabel\n4.5\t1234.5\t0\n3.25\t7\t1\n".to_vec()),
            ("a.csv", wide("a,\"b, in cm\",label\n4.5,1234.5,0\n3.25,7,1\n")),
            ("a.csv", b"# from the field\n,a,\"b, in cm\",label\n0,4.5,1234.5,0\n1,3.25,7,1\n".to_vec()),
        ] {
            let data = load_with(name, &text, LoadOptions::default()).unwrap();
            assert_eq!((&data.pixels, &data.labels, &data.columns[1]), (&expected, &vec![0, 1], &"b, in cm".to_owned()));
        }
        let data = load_with("a.csv", b"a,gr\xf6\xdfe,label\n1,2,0\n", LoadOptions::default()).unwrap();
        assert_eq!((data.columns[1].as_str(), &data.notes[0]), ("größe", &Note::Encoding { name: "windows-1252" }));
    }

    #[test]
    fn missing_values_stay_where_the_model_handles_them() {
        let options = LoadOptions { missing: true, ..LoadOptions::default() };
        let data = load_with("a.csv", b"a,b,label\n1,,0\nNA,2,1\n", options.clone()).unwrap();
        let Pixels::F32(values) = &data.pixels else { unreachable!("they are numbers") };
        assert_eq!(values.iter().map(|value| value.is_nan()).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!(data.notes, [Note::Missing { values: 2 }]);
        let all = Moments::of(&data);
        assert_eq!((all.range(0), all.range(1)), ((1.0, 1.0), (2.0, 2.0)));
        assert!(load_with("a.csv", b"a,label\n1,\n", options).unwrap_err().contains("the label is missing"));
    }

    #[test]
    fn columns_that_are_inputs_of_their_own_keep_their_type() {
        let options = LoadOptions {
            input: Some("age".to_owned()),
            arrays: vec!["id".to_owned(), "city".to_owned(), "pay".to_owned()],
            ..LoadOptions::default()
        };
        let data = load_with("a.csv", b"city,id,pay,age,label\nRome,20000001,0.1,5,0\nParis,20000003,2,6,1\n", options).unwrap();
        assert_eq!(data.pixels, Pixels::F32(vec![5.0, 6.0]));
        let numbers: Vec<&Numbers> = data.arrays.iter().map(|array| &array.numbers).collect();
        let text = Numbers::Text(vec!["Rome".to_owned(), "Paris".to_owned()]);
        assert_eq!(numbers, [&Numbers::Whole(vec![20_000_001, 20_000_003]), &text, &Numbers::Real(vec![0.1, 2.0])]);
        assert_eq!(data.arrays[0].shape, [2, 1]);
    }
}
