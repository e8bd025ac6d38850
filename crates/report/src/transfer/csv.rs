//! The matrix as CSV (RFC 4180), a line per cell.

use brinell_record::{Cell, Transfer};

use super::words;

const HEADER: [&str; 21] = [
    "source",
    "target",
    "white_box",
    "attack",
    "eps",
    "both_right",
    "fooled",
    "rate",
    "low",
    "high",
    "same_mistake",
    "other_mistake",
    "target_right",
    "fooled_of_target_right",
    "rate_of_target_right",
    "low_of_target_right",
    "high_of_target_right",
    "wrong",
    "examples",
    "no_answer",
    "fooled_by_another_images_change",
];

/// The cells as CSV with a header. Lines end in CR and LF; texts that a spreadsheet would take for a formula begin with an apostrophe.
pub fn csv(transfer: &Transfer) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory fails for rows of different lengths only, and these are arrays of one length.
    let _ = writer.write_record(HEADER);
    for cell in &transfer.cells {
        let _ = writer.write_record(row(transfer, cell));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn row(transfer: &Transfer, cell: &Cell) -> [String; HEADER.len()] {
    [
        text(&words::source(transfer, cell)),
        text(&words::model(transfer, cell.target)),
        cell.white_box.to_string(),
        text(&transfer.made.attack),
        text(&transfer.made.eps),
        cell.both.to_string(),
        cell.fooled.to_string(),
        cell.rate.value.to_string(),
        cell.rate.low.to_string(),
        cell.rate.high.to_string(),
        cell.same.to_string(),
        (cell.fooled - cell.same).to_string(),
        cell.right.to_string(),
        cell.right_fooled.to_string(),
        cell.right_rate.value.to_string(),
        cell.right_rate.low.to_string(),
        cell.right_rate.high.to_string(),
        cell.wrong.to_string(),
        cell.n.to_string(),
        cell.unobserved.to_string(),
        cell.shuffled.to_string(),
    ]
}

/// Keeps a spreadsheet from taking a text for a formula.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
