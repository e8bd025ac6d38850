//! Tables of numbers: one sample a row, one feature a column, labels in a column or a file of their own.

use std::path::Path;

use super::array::Samples;
use super::dataset::{Dataset, Pixels};
use super::error::{At, DataError, DataErrorKind};
use super::input::Input;
use super::labels;
use super::load::{self, Parts};
use super::options::LoadOptions;
use super::parquet;

const MAX_TABLE: u64 = 1 << 32;

/// Names of a column of labels, the surest first.
const LABELS: &[&str] = &["label", "target", "class", "y"];

/// Returns true for files whose names say that they hold a table: `.csv` and `.tsv`, compressed or not, and `.parquet`.
#[must_use]
pub fn is_table(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".csv", ".tsv", ".parquet"].iter().any(|end| name.ends_with(end))
}

/// Rows of a table, and where in the file they stand.
struct Table {
    columns: Vec<String>,
    named: bool,
    rows: Vec<(u64, csv::StringRecord)>,
}

/// Reads a table of text with its labels.
pub(super) fn read(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    labelled(path, text(path).at(path)?, "csv", options)
}

/// Reads a Parquet file with its labels.
pub(super) fn read_parquet(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let (columns, rows) = parquet::rows(path).at(path)?;
    if rows.is_empty() {
        return Err(DataError::new(path, DataErrorKind::Empty));
    }
    labelled(path, Table { columns, named: true, rows }, "parquet", options)
}

fn labelled(path: &Path, table: Table, format: &'static str, options: &LoadOptions) -> Result<Dataset, DataError> {
    let file = options.labels.as_ref().filter(|labels| labels.is_file());
    let column = match (&options.labels, file) {
        (_, Some(_)) => None,
        (Some(asked), None) => Some(table.column(&asked.to_string_lossy()).at(path)?),
        (None, None) => Some(table.label_column().at(path)?),
    };
    let total = table.rows.len();
    let n = options.limit.map_or(total, |limit| limit.min(total));
    let kept = table.rows.get(..n).unwrap_or_default();
    let is_feature = |place: &usize| Some(*place) != column;
    let width = (0..table.columns.len()).filter(is_feature).count();
    let mut values = Vec::with_capacity(n * width);
    for (line, row) in kept {
        for (place, cell) in row.iter().enumerate().filter(|(place, _)| is_feature(place)) {
            values.push(number(cell).map_err(|reason| table.cell(*line, place, reason)).at(path)?);
        }
    }
    let labels = match (column, file) {
        (Some(place), _) => {
            let class = |(line, row): &(u64, csv::StringRecord)| {
                class(row.get(place).unwrap_or_default(), options).map_err(|reason| table.cell(*line, place, reason))
            };
            kept.iter().map(class).collect::<Result<Vec<_>, _>>().at(path)?
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
    let mut files = vec![path.to_path_buf()];
    files.extend(file.cloned());
    let columns = (0..table.columns.len()).filter(is_feature).filter_map(|place| table.columns.get(place).cloned());
    let parts = Parts {
        samples: Samples { pixels: Pixels::F32(values), shape: vec![width], n, total },
        labels,
        label_path: file.cloned(),
        format,
        class_names: options.class_names.clone(),
        ids: Vec::new(),
        columns: if table.named { columns.collect() } else { Vec::new() },
        files,
    };
    load::dataset(path, parts)
}

fn text(path: &Path) -> Result<Table, DataErrorKind> {
    let malformed = |reason: String| DataErrorKind::Malformed { format: "table", reason };
    let text = String::from_utf8(Input::open(path)?.up_to(MAX_TABLE)?).map_err(|_| malformed("it is not UTF-8 text".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = match () {
        () if first.contains('\t') && !first.contains(',') => b'\t',
        () if first.contains(';') && !first.contains(',') => b';',
        () => b',',
    };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(error.to_string()))?;
        rows.push((record.position().map_or(0, csv::Position::line), record));
    }
    let Some((_, first)) = rows.first() else { return Err(DataErrorKind::Empty) };
    let named = is_header(first);
    let columns: Vec<String> =
        if named { first.iter().map(str::to_owned).collect() } else { (0..first.len()).map(|place| place.to_string()).collect() };
    if named {
        rows.remove(0);
        if let Some(place) = columns.iter().position(String::is_empty) {
            return Err(malformed(format!(
                "column {place} has no name; where it numbers the rows, write the table without it (pandas: index=False)"
            )));
        }
        if let Some(twice) =
            columns.iter().enumerate().find_map(|(place, name)| columns.iter().take(place).any(|other| other == name).then_some(name))
        {
            return Err(malformed(format!("two columns are called `{twice}`")));
        }
    }
    if rows.is_empty() { Err(DataErrorKind::Empty) } else { Ok(Table { columns, named, rows }) }
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
