//! What separates the cells of a table of text, and where it begins.
//!
//! Sniffers that score every dialect always find one. Here a table that has no separator of its own must be refused, so that only what fits all lines counts;
//! the lines are taken apart by the reader that reads the table afterwards.

use super::cell::{Decimal, decimal};

/// What may separate cells, the surest first: a comma also stands inside numbers and names.
const SEPARATORS: [u8; 4] = [b'\t', b';', b'|', b','];

/// How a table of text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    pub(super) decimal: Decimal,
    /// Lines at the beginning that are comments.
    pub(super) comments: usize,
    /// Cells in a line.
    pub(super) width: usize,
}

/// What a table looks like with a separator.
struct Attempt {
    separator: u8,
    comments: usize,
    /// Cells of each record, and whether the last of them is empty.
    records: Vec<(usize, bool)>,
}

impl Attempt {
    /// Cells of the first record.
    fn width(&self) -> usize {
        self.records.first().map_or(1, |(width, _)| *width)
    }

    /// Records as wide as the first; none where the separator separates nothing.
    fn alike(&self) -> usize {
        let width = self.width();
        if width > 1 { self.records.iter().filter(|(other, _)| *other == width).count() } else { 0 }
    }

    /// True where all records are alike; what only ends lines separates nothing.
    fn is_even(&self) -> bool {
        self.alike() > 0 && self.alike() == self.records.len() && !self.records.iter().all(|(_, ends_empty)| *ends_empty)
    }
}

/// Tells the dialect from how a table begins; `whole` where that is all of it, `tabs` where its name says that tabs separate cells.
pub(super) fn dialect(start: &[u8], whole: bool, tabs: bool) -> Dialect {
    let marked = start.split(|byte| *byte == b'\n').take_while(|line| line.starts_with(b"#")).count();
    let attempt = |separator: u8| {
        // A title may begin with the sign of comments: it has as many cells as the lines below it.
        let records_after = |comments: usize| records(after(start, comments), separator, whole);
        let titled = records_after(marked.saturating_sub(1));
        if marked > 0 && matches!(titled.as_slice(), [(first, _), (second, _), ..] if first == second && *first > 1) {
            Attempt { separator, comments: marked - 1, records: titled }
        } else {
            Attempt { separator, comments: marked, records: records_after(marked) }
        }
    };
    let attempts = SEPARATORS.map(attempt);
    let by_name = attempts.iter().find(|attempt| tabs && attempt.separator == b'\t' && attempt.records.iter().any(|(width, _)| *width > 1));
    // Where nothing fits all lines, the reader names the first that the likeliest does not fit.
    let likeliest = || attempts.iter().rev().max_by_key(|attempt| attempt.alike()).filter(|attempt| attempt.alike() > 0);
    let found = by_name.or_else(|| attempts.iter().find(|attempt| attempt.is_even())).or_else(likeliest);
    let (separator, comments, width) = found.map_or((b',', marked, 1), |found| (found.separator, found.comments, found.width()));
    let mut cells: Vec<String> = Vec::new();
    for record in reader(after(start, comments), separator).records().skip(1).map_while(Result::ok) {
        cells.extend(record.iter().map(str::to_owned));
    }
    Dialect { separator, decimal: decimal(cells.iter().map(String::as_str)), comments, width }
}

/// Returns what follows the first lines.
fn after(mut start: &[u8], lines: usize) -> &[u8] {
    for _ in 0..lines {
        let end = start.iter().position(|byte| *byte == b'\n').map_or(start.len(), |end| end + 1);
        start = start.get(end..).unwrap_or_default();
    }
    start
}

fn reader(bytes: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).trim(csv::Trim::All).from_reader(bytes)
}

/// Returns the number of cells of every record, and whether the last of them is empty; a record that may be cut short is left out.
fn records(bytes: &[u8], separator: u8, whole: bool) -> Vec<(usize, bool)> {
    let mut found: Vec<(usize, bool)> = reader(bytes, separator)
        .byte_records()
        .map_while(Result::ok)
        .map(|record| (record.len(), record.iter().next_back().is_none_or(<[u8]>::is_empty)))
        .collect();
    if !whole && found.len() > 1 {
        found.pop();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, tabs: bool) -> (char, Decimal, usize) {
        let found = dialect(text.as_bytes(), true, tabs);
        (char::from(found.separator), found.decimal, found.comments)
    }

    #[test]
    fn the_separator_is_the_one_that_fits_all_lines_outside_quotes() {
        for (text, separator) in [
            ("a,b\n1,2\n", ','),
            ("a;b, in cm;c\n1.5;2.5;3\n", ';'),
            ("a\tb, in cm\n1\t2\n", '\t'),
            ("a|b\n1|2\n", '|'),
            ("\"a;b\",\"c;d\"\n1,2\n", ','),
            ("4,9;3,0;1\n4,6;3,1;0\n", ';'),
            ("a,b\n\"1;2\",3\n\"1;2\",4\n", ','),
            ("a,b\t\n1,2\t\n", ','),
            ("alone\n1\n", ','),
            ("a;b;c\n1;2\n1;2;3\n", ';'),
        ] {
            assert_eq!(of(text, false).0, separator, "{text:?}");
        }
        assert_eq!(of("a\tb;c\n1\t2;3\n1\t2\n", true).0, '\t');
        assert_eq!(of("a,b\n1,2\n", true).0, ',');
    }

    #[test]
    fn comments_stand_before_the_table_and_titles_may_look_like_one() {
        assert_eq!(of("# made by hand\n# today, at noon\na,b,c\n1,2,3\n", false), (',', Decimal::Unknown, 2));
        assert_eq!(of("#a,b\n1,2\n", false), (',', Decimal::Unknown, 0));
        assert_eq!(of("# note\n#a;b\n1,5;2\n", false), (';', Decimal::Comma, 1));
    }
}
