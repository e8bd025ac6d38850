//! A labels table: comma-separated lines of an image file and its label.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::DataErrorKind;

const MAX_TABLE: u64 = 1 << 30;
const FILE_COLUMNS: &[&str] = &["file", "filename", "file_name", "image", "path", "name"];
const LABEL_COLUMNS: &[&str] = &["label", "class", "target", "category", "y"];

/// One image's line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) file: String,
    pub(super) label: String,
}

/// Reads the table; with a header line its columns are found by name, without one they are the first two.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, DataErrorKind> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_TABLE).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| DataErrorKind::Malformed {
        format: "labels table",
        reason: "it is not UTF-8 text with lines of `file,label`".to_owned(),
    })?;
    parse(text.trim_start_matches('\u{feff}'))
}

fn parse(text: &str) -> Result<Vec<Row>, DataErrorKind> {
    let mut columns = None;
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for (index, content) in text.lines().enumerate().filter(|(_, content)| !content.trim().is_empty()) {
        let line = index + 1;
        let at_line = |reason: &str| DataErrorKind::Line { line, reason: reason.to_owned() };
        let cells = cells(content).ok_or_else(|| at_line("a quoted cell has no end"))?;
        let place = |names: &[&str]| cells.iter().position(|cell| names.contains(&cell.to_lowercase().as_str()));
        let (file, label) = match columns {
            Some(columns) => columns,
            None => match (place(FILE_COLUMNS), place(LABEL_COLUMNS)) {
                (Some(file), Some(label)) => {
                    columns = Some((file, label));
                    continue;
                }
                _ => *columns.insert((0, 1)),
            },
        };
        let (Some(file), Some(label)) = (cells.get(file), cells.get(label)) else {
            return Err(at_line("expected a file and a label, separated by a comma"));
        };
        // Tables made on Windows name files in folders with backslashes.
        let file = file.replace('\\', "/");
        if !seen.insert(file.clone()) {
            return Err(at_line(&format!("`{file}` is listed twice")));
        }
        rows.push(Row { line, file, label: label.clone() });
    }
    if rows.is_empty() { Err(DataErrorKind::Empty) } else { Ok(rows) }
}

/// Splits a line at its commas; a cell in double quotes may hold commas, and doubled quotes stand for one.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.trim_start();
        let (cell, after) = if let Some(mut inside) = start.strip_prefix('"') {
            let mut cell = String::new();
            loop {
                let (piece, after) = inside.split_once('"')?;
                cell.push_str(piece);
                match after.strip_prefix('"') {
                    Some(more) => {
                        cell.push('"');
                        inside = more;
                    }
                    None => break (cell, after.trim_start()),
                }
            }
        } else {
            let end = start.find(',').unwrap_or(start.len());
            (start[..end].trim_end().to_owned(), &start[end..])
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after.is_empty().then_some(cells),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: usize, file: &str, label: &str) -> Row {
        Row { line, file: file.to_owned(), label: label.to_owned() }
    }

    #[test]
    fn tables_with_and_without_a_header_are_read() {
        assert_eq!(parse("a.png,3\nb.png, 4 \r\n\n").unwrap(), [row(1, "a.png", "3"), row(2, "b.png", "4")]);
        assert_eq!(parse("Label,File\ncat,a.png\n").unwrap(), [row(2, "a.png", "cat")]);
        assert_eq!(parse("id,file,label\n0,sub\\a.png,cat\n").unwrap(), [row(2, "sub/a.png", "cat")]);
    }

    #[test]
    fn quoted_cells_may_hold_commas_and_quotes() {
        assert_eq!(parse("\"a,b.png\",\"great \"\"white\"\", shark\"").unwrap(), [row(1, "a,b.png", "great \"white\", shark")]);
        for text in ["\"a.png,3", "\"a.png\" x,3", "a.png", "a.png,1\na.png,2", "", "file,label\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
