//! Tables of text: what their lines and columns are.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::cell::{Cell, Decimal};
use super::dataset::Dataset;
use super::error::{At, DataError, DataErrorKind};
use super::moments::Moments;
use super::note::Note;
use super::options::LoadOptions;
use super::rows::Labels;
use super::{parquet, sheet, sniff, text};

/// Bytes that tell what separates cells.
const START: u64 = 1 << 20;

/// Names of a column of labels, the surest first.
const LABELS: &[&str] = &["label", "target", "class", "y"];

/// Returns true for files whose names say that they hold a table: `.csv` and `.tsv`, compressed or not, and `.parquet`.
#[must_use]
pub fn is_table(path: &Path) -> bool {
    let name = name(path);
    [".csv", ".tsv", ".parquet"].iter().any(|end| name.ends_with(end))
}

/// The name of a file in lower case, without the ending of compression.
fn name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.strip_suffix(".gz").map_or(name.clone(), str::to_owned)
}

/// What the columns of a table are called, and how its numbers are written.
pub(super) struct Header {
    pub(super) columns: Vec<String>,
    /// False where they are called by their numbers, for want of names.
    pub(super) named: bool,
    pub(super) decimal: Decimal,
    /// What was done before the first row.
    pub(super) notes: Vec<Note>,
}

/// What a reader of tables does with a row and its line.
pub(super) type Each<'a> = dyn FnMut(&Header, u64, &[Cell<'_>]) -> Result<(), DataErrorKind> + 'a;

/// Passes all rows of a file on.
pub(super) type Walk = fn(&Path, &mut Each<'_>) -> Result<Option<Header>, DataErrorKind>;

/// Reads a table of text with its labels.
pub(super) fn read(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    sheet::labelled(path, rows, "csv", options)
}

/// Reads a Parquet file with its labels.
pub(super) fn read_parquet(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    sheet::labelled(path, parquet::rows, "parquet", options)
}

/// Returns ranges and deviations of all rows of a table of text.
pub(super) fn moments(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    sheet::moments(path, rows, options).at(path)
}

/// Returns ranges and deviations of all rows of a Parquet file.
pub(super) fn moments_of_parquet(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    sheet::moments(path, parquet::rows, options).at(path)
}

/// Reads the labels of a table that holds more; `None` where it has a single column, which may have no title.
pub(super) fn labels(path: &Path, options: &LoadOptions) -> Result<Option<Labels>, DataErrorKind> {
    if open(path)?.dialect.width > 1 { sheet::labels(path, rows, options).map(Some) } else { Ok(None) }
}

/// Reads the labels of a Parquet file.
pub(super) fn labels_of_parquet(path: &Path, options: &LoadOptions) -> Result<Labels, DataErrorKind> {
    sheet::labels(path, parquet::rows, options)
}

/// Reads the class of every row of a table of text and nothing else.
pub(super) fn classes(path: &Path, options: &LoadOptions) -> Result<Option<Vec<usize>>, DataError> {
    sheet::classes(path, rows, options)
}

/// Reads the class of every row of a Parquet file and nothing else.
pub(super) fn classes_of_parquet(path: &Path, options: &LoadOptions) -> Result<Option<Vec<usize>>, DataError> {
    sheet::classes(path, parquet::rows, options)
}

pub(super) fn malformed(reason: impl Into<String>) -> DataErrorKind {
    DataErrorKind::Malformed { format: "table", reason: reason.into() }
}

/// A table of text from its first line on.
struct Opened {
    dialect: sniff::Dialect,
    stream: Box<dyn Read>,
    note: Option<Note>,
}

/// Opens a table behind its comments.
fn open(path: &Path) -> Result<Opened, DataErrorKind> {
    let (mut stream, note) = text::open(path)?;
    let mut start = Vec::new();
    (&mut stream).take(START).read_to_end(&mut start)?;
    let dialect = sniff::dialect(&start, (start.len() as u64) < START, name(path).ends_with(".tsv"));
    let mut whole = BufReader::new(std::io::Cursor::new(start).chain(stream));
    for _ in 0..dialect.comments {
        whole.skip_until(b'\n')?;
    }
    Ok(Opened { dialect, stream: Box::new(whole), note })
}

/// Passes the rows of a table of text on; in memory is one at a time.
fn rows(path: &Path, each: &mut Each<'_>) -> Result<Option<Header>, DataErrorKind> {
    let Opened { dialect, stream, note } = open(path)?;
    let mut notes: Vec<Note> = note.into_iter().collect();
    if dialect.comments > 0 {
        notes.push(Note::Comments { lines: dialect.comments });
    }
    if dialect.decimal == Decimal::Comma {
        notes.push(Note::DecimalComma);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(dialect.separator).trim(csv::Trim::All).from_reader(stream);
    let mut header: Option<Header> = None;
    for record in reader.records() {
        let record = record.map_err(|error| refused(&error, dialect))?;
        let line = record.position().map_or(0, csv::Position::line) + dialect.comments as u64;
        let cells: Vec<Cell<'_>> = record.iter().map(Cell::Raw).collect();
        match &header {
            Some(header) => each(header, line, &cells)?,
            None => {
                let named = is_header(&record);
                let header = header.insert(Header::of(&record, named, dialect.decimal, std::mem::take(&mut notes))?);
                if !named {
                    each(header, line, &cells)?;
                }
            }
        }
    }
    Ok(header)
}

fn refused(error: &csv::Error, dialect: sniff::Dialect) -> DataErrorKind {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line) + dialect.comments as u64;
            let separator = match dialect.separator {
                b'\t' => "a tab".to_owned(),
                other => format!("`{}`", char::from(other)),
            };
            malformed(format!(
                "with {separator} as the separator, line {line} has {len} cells, but the lines before it have {expected_len}"
            ))
        }
        csv::ErrorKind::Utf8 { .. } => malformed("it is not text"),
        _ => malformed(error.to_string()),
    }
}

/// True where no cell is a number, or where the numbers are those of their columns, which a column without a name may precede.
fn is_header(row: &csv::StringRecord) -> bool {
    let shift = usize::from(row.get(0).is_some_and(str::is_empty));
    let numbers = row.iter().enumerate().filter_map(|(place, cell)| cell.parse::<f64>().ok().map(|number| (place, number)));
    let mut all_places = true;
    let mut count = 0;
    for (place, number) in numbers {
        count += 1;
        all_places &= number.to_bits() == (place.saturating_sub(shift) as f64).to_bits();
    }
    count == 0 || (all_places && count > 1)
}

impl Header {
    /// The names of the first row, or the numbers of its cells.
    fn of(first: &csv::StringRecord, named: bool, decimal: Decimal, notes: Vec<Note>) -> Result<Self, DataErrorKind> {
        if !named {
            return Ok(Self { columns: (0..first.len()).map(|place| place.to_string()).collect(), named, decimal, notes });
        }
        let columns: Vec<String> = first.iter().map(str::to_owned).collect();
        // The first column of a table that pandas or R wrote may number its rows.
        if let Some(place) = columns.iter().skip(1).position(String::is_empty) {
            return Err(DataErrorKind::NamelessColumn { place: place + 1 });
        }
        let twice = |(place, name): (usize, &String)| columns.iter().take(place).any(|other| other == name).then(|| name.clone());
        match columns.iter().enumerate().find_map(twice) {
            Some(name) => Err(malformed(format!("two columns are named `{name}`"))),
            None => Ok(Self { columns, named, decimal, notes }),
        }
    }

    /// Returns the place of a column by its name or its number.
    pub(super) fn column(&self, asked: &str) -> Result<usize, DataErrorKind> {
        let by_name = self.columns.iter().position(|name| name == asked);
        let by_number = || asked.parse::<usize>().ok().filter(|place| *place < self.columns.len());
        by_name.or_else(by_number).ok_or_else(|| DataErrorKind::Column { column: asked.to_owned(), columns: self.columns.clone() })
    }

    /// Returns the column that is named as one of labels.
    pub(super) fn label_column(&self) -> Result<usize, DataErrorKind> {
        let find = |wanted: &&str| self.columns.iter().rposition(|name| name.eq_ignore_ascii_case(wanted));
        LABELS.iter().find_map(find).filter(|_| self.named).ok_or(DataErrorKind::NoLabelColumn)
    }

    pub(super) fn cell(&self, line: u64, place: usize, reason: String) -> DataErrorKind {
        DataErrorKind::Cell { line, column: self.columns.get(place).cloned().unwrap_or_default(), reason }
    }
}
