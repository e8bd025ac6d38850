//! Tables of numbers: one sample a row, one feature a column, labels in a column or a file of their own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::array::Samples;
use super::dataset::{Dataset, Pixels};
use super::error::{At, DataError, DataErrorKind};
use super::input::Input;
use super::labels;
use super::load::{self, Parts};
use super::moments::Moments;
use super::options::LoadOptions;
use super::parquet;

/// Bytes that are looked through for the end of the first line, which tells what separates cells.
const MAX_LINE: u64 = 1 << 24;

/// Names of a column of labels, the surest first.
const LABELS: &[&str] = &["label", "target", "class", "y"];

/// Returns true for files whose names say that they hold a table: `.csv` and `.tsv`, compressed or not, and `.parquet`.
#[must_use]
pub fn is_table(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".csv", ".tsv", ".parquet"].iter().any(|end| name.ends_with(end))
}

/// What the columns of a table are called.
pub(super) struct Header {
    pub(super) columns: Vec<String>,
    /// False where they are called by their numbers, for want of names.
    pub(super) named: bool,
}

/// The first rows of a table, and where in the file they stand.
struct Table {
    header: Header,
    rows: Vec<(u64, csv::StringRecord)>,
    /// Rows that there are.
    total: usize,
}

/// What a reader of tables does with a row and its line.
pub(super) type Each<'a> = dyn FnMut(&Header, u64, csv::StringRecord) -> Result<(), DataErrorKind> + 'a;

/// Passes all rows of a file on.
type Walk = fn(&Path, &mut Each<'_>) -> Result<Option<Header>, DataErrorKind>;

/// Reads a table of text with its labels.
pub(super) fn read(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    labelled(path, Table::read(path, text, options).at(path)?, "csv", options)
}

/// Reads a Parquet file with its labels.
pub(super) fn read_parquet(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    labelled(path, Table::read(path, parquet::rows, options).at(path)?, "parquet", options)
}

/// Returns ranges and deviations of all rows of a table of text.
pub(super) fn moments(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    moments_along(path, text, options)
}

/// Returns ranges and deviations of all rows of a Parquet file.
pub(super) fn moments_of_parquet(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    moments_along(path, parquet::rows, options)
}

fn moments_along(path: &Path, walk: Walk, options: &LoadOptions) -> Result<Moments, DataError> {
    let mut all: Option<(Option<usize>, Moments)> = None;
    let each = &mut |header: &Header, line: u64, row: csv::StringRecord| {
        let (column, all) = match &mut all {
            Some(all) => all,
            None => {
                let column = header.labels(options)?;
                all.insert((column, Moments::new(header.columns.len() - usize::from(column.is_some()))))
            }
        };
        let features = row.iter().enumerate().filter(|(place, _)| Some(*place) != *column);
        for (index, (place, cell)) in features.enumerate() {
            all.add(index, number(cell).map_err(|reason| header.cell(line, place, reason))?);
        }
        Ok(())
    };
    walk(path, each).at(path)?;
    all.map(|(_, all)| all).ok_or_else(|| DataError::new(path, DataErrorKind::Empty))
}

/// Returns the files that a table is made of, in the order in which they are hashed.
pub(super) fn files(path: &Path, options: &LoadOptions) -> Vec<PathBuf> {
    std::iter::once(path.to_path_buf()).chain(options.labels.clone().filter(|labels| labels.is_file())).collect()
}

fn labelled(path: &Path, table: Table, format: &'static str, options: &LoadOptions) -> Result<Dataset, DataError> {
    let file = options.labels.as_ref().filter(|labels| labels.is_file());
    let column = table.header.labels(options).at(path)?;
    let Table { header, rows, total } = table;
    let n = rows.len();
    let is_feature = |place: &usize| Some(*place) != column;
    let width = (0..header.columns.len()).filter(is_feature).count();
    let mut values = Vec::with_capacity(n * width);
    for (line, row) in &rows {
        for (place, cell) in row.iter().enumerate().filter(|(place, _)| is_feature(place)) {
            values.push(number(cell).map_err(|reason| header.cell(*line, place, reason)).at(path)?);
        }
    }
    let labels = match (column, file) {
        (Some(place), _) => {
            let class = |(line, row): &(u64, csv::StringRecord)| {
                class(row.get(place).unwrap_or_default(), options).map_err(|reason| header.cell(*line, place, reason))
            };
            rows.iter().map(class).collect::<Result<Vec<_>, _>>().at(path)?
        }
        (None, Some(file)) => {
            let mut labels = labels::read(file, options)?;
            if labels.len() != total {
                return Err(DataError::new(file, DataErrorKind::CountMismatch { samples: total, labels: labels.len() }));
            }
            labels.truncate(n);
            labels
        }
        (None, None) => return Err(DataError::new(path, DataErrorKind::NoLabelColumn)),
    };
    let columns = (0..header.columns.len()).filter(is_feature).filter_map(|place| header.columns.get(place).cloned());
    let parts = Parts {
        samples: Samples { pixels: Pixels::F32(values), shape: vec![width], n, total },
        labels,
        label_path: file.cloned(),
        format,
        class_names: options.class_names.clone(),
        ids: Vec::new(),
        columns: if header.named { columns.collect() } else { Vec::new() },
        files: files(path, options),
    };
    load::dataset(path, parts)
}

fn malformed(reason: impl Into<String>) -> DataErrorKind {
    DataErrorKind::Malformed { format: "table", reason: reason.into() }
}

/// Passes the rows of a table of text on; in memory is one at a time.
fn text(path: &Path, each: &mut Each<'_>) -> Result<Option<Header>, DataErrorKind> {
    let mut stream = BufReader::new(Input::open(path)?.into_read());
    let mut first = Vec::new();
    (&mut stream).take(MAX_LINE).read_until(b'\n', &mut first)?;
    let first = first.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&first);
    let delimiter = match () {
        () if first.contains(&b'\t') && !first.contains(&b',') => b'\t',
        () if first.contains(&b';') && !first.contains(&b',') => b';',
        () => b',',
    };
    let whole = first.chain(stream);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).trim(csv::Trim::All).from_reader(whole);
    let mut header = None;
    for record in reader.records() {
        let record = record.map_err(|error| match error.kind() {
            csv::ErrorKind::Utf8 { .. } => malformed("it is not UTF-8 text"),
            _ => malformed(error.to_string()),
        })?;
        let Some(header) = &header else {
            let named = is_header(&record);
            let header = header.insert(Header::of(&record, named)?);
            if !named {
                each(header, line(&record), record)?;
            }
            continue;
        };
        each(header, line(&record), record)?;
    }
    Ok(header)
}

fn line(record: &csv::StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// True where no cell is a number, or where the numbers are those of their columns.
fn is_header(row: &csv::StringRecord) -> bool {
    let numbers = row.iter().enumerate().filter_map(|(place, cell)| cell.parse::<f64>().ok().map(|number| (place, number)));
    let mut all_places = true;
    let mut count = 0;
    for (place, number) in numbers {
        count += 1;
        all_places &= number.to_bits() == (place as f64).to_bits();
    }
    count == 0 || (all_places && count > 1)
}

impl Table {
    /// Reads the first rows, and counts all.
    fn read(path: &Path, walk: Walk, options: &LoadOptions) -> Result<Self, DataErrorKind> {
        let (mut rows, mut total) = (Vec::new(), 0);
        let limit = options.limit.unwrap_or(usize::MAX);
        let header = walk(path, &mut |_, line, row| {
            total += 1;
            if total <= limit {
                rows.push((line, row));
            }
            Ok(())
        })?;
        match header {
            Some(header) if total > 0 => Ok(Self { header, rows, total }),
            _ => Err(DataErrorKind::Empty),
        }
    }
}

impl Header {
    /// The names of the first row, or the numbers of its cells.
    fn of(first: &csv::StringRecord, named: bool) -> Result<Self, DataErrorKind> {
        if !named {
            return Ok(Self { columns: (0..first.len()).map(|place| place.to_string()).collect(), named });
        }
        let columns: Vec<String> = first.iter().map(str::to_owned).collect();
        if let Some(place) = columns.iter().position(String::is_empty) {
            return Err(malformed(format!(
                "column {place} has no name; where it numbers the rows, write the table without it (pandas: index=False)"
            )));
        }
        let twice = |(place, name): (usize, &String)| columns.iter().take(place).any(|other| other == name).then(|| name.clone());
        match columns.iter().enumerate().find_map(twice) {
            Some(name) => Err(malformed(format!("two columns are called `{name}`"))),
            None => Ok(Self { columns, named }),
        }
    }

    /// Returns the column of labels; `None` where they stand in a file of their own.
    fn labels(&self, options: &LoadOptions) -> Result<Option<usize>, DataErrorKind> {
        match &options.labels {
            Some(file) if file.is_file() => Ok(None),
            Some(asked) => self.column(&asked.to_string_lossy()).map(Some),
            None => self.label_column().map(Some),
        }
    }

    fn column(&self, asked: &str) -> Result<usize, DataErrorKind> {
        let by_name = self.columns.iter().position(|name| name == asked);
        let by_number = || asked.parse::<usize>().ok().filter(|place| *place < self.columns.len());
        by_name.or_else(by_number).ok_or_else(|| DataErrorKind::Column { column: asked.to_owned(), columns: self.columns.clone() })
    }

    fn label_column(&self) -> Result<usize, DataErrorKind> {
        let find = |wanted: &&str| self.columns.iter().rposition(|name| name.eq_ignore_ascii_case(wanted));
        LABELS.iter().find_map(find).filter(|_| self.named).ok_or(DataErrorKind::NoLabelColumn)
    }

    fn cell(&self, line: u64, place: usize, reason: String) -> DataErrorKind {
        DataErrorKind::Cell { line, column: self.columns.get(place).cloned().unwrap_or_default(), reason }
    }
}

fn number(cell: &str) -> Result<f32, String> {
    match cell {
        "" => return Err("the cell is empty; fill or drop it as was done for training".to_owned()),
        _ if cell.eq_ignore_ascii_case("true") => return Ok(1.0),
        _ if cell.eq_ignore_ascii_case("false") => return Ok(0.0),
        _ => {}
    }
    match cell.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(format!("`{cell}` is not a finite number that single precision holds; fill or drop it as was done for training")),
        Err(_) => Err(format!("`{cell}` is not a number; encode it as was done for training")),
    }
}

/// The class of a label; numbers may be written as 1 or 1.0.
fn class(cell: &str, options: &LoadOptions) -> Result<usize, String> {
    if cell.is_empty() {
        return Err("the label is missing".to_owned());
    }
    let whole = cell.strip_suffix(".0").filter(|rest| rest.parse::<i64>().is_ok());
    options
        .class(cell)
        .or_else(|unknown| whole.map_or(Err(unknown.clone()), |whole| options.class(whole)))
        .map_err(|unknown| unknown.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, text: &str, labels: Option<&str>) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let names = vec!["no".to_owned(), "yes".to_owned()];
        let options = LoadOptions { labels: labels.map(Into::into), class_names: Some(names), ..LoadOptions::default() };
        load::load(&path, &options).map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
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
    }

    #[test]
    fn what_cannot_be_used_is_named_by_line_and_column() {
        for (text, labels, expected) in [
            ("age,y\n1,0\n,1\n", None, "line 3, column `age`: the cell is empty"),
            ("age,y\nnan,0\n", None, "line 2, column `age`: `nan` is not a finite number"),
            ("age,y\nred,0\n", None, "line 2, column `age`: `red` is not a number"),
            ("age,y\n1,perhaps\n", None, "line 2, column `y`: unknown class `perhaps`"),
            ("age,y\n1,\n", None, "column `y`: the label is missing"),
            ("age,y\n1\n", None, "record 1"),
            ("age,height\n1,2\n", None, "no column is named label"),
            ("age,height\n1,2\n", Some("weight"), "has no column `weight`; its columns are age, height"),
            (",age,y\n0,1,2\n", None, "column 0 has no name"),
            ("a,a,y\n0,1,2\n", None, "two columns are called `a`"),
            ("age,y\n", None, "holds no samples"),
        ] {
            let error = load("a.csv", text, labels).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        assert!(load("a.parquet", "PAR1....PAR1", None).unwrap_err().contains("Parquet"));
    }
}
