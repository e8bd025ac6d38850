//! The history as CSV (RFC 4180), a line per run.

use brinell_record::{History, RunEntry};

use super::words;

const HEADER: [&str; 26] = [
    "group",
    "created",
    "folder",
    "model",
    "model_sha256",
    "data",
    "data_sha256",
    "n",
    "norm",
    "eps",
    "eps_text",
    "target",
    "attacks",
    "seed",
    "runtime",
    "brinell_version",
    "clean_correct",
    "clean_accuracy",
    "clean_low",
    "clean_high",
    "survived",
    "robust_accuracy",
    "robust_low",
    "robust_high",
    "confidence",
    "blocking_flags",
];

/// The runs as CSV with a header; figures of different groups answer different questions. Lines end in CR and LF.
///
/// Texts that a spreadsheet would take for a formula begin with an apostrophe.
pub fn csv(history: &History) -> String {
    let runs = history.groups.iter().zip(1..).flat_map(|(group, number)| group.runs.iter().map(move |run| row(number, run)));
    let header = HEADER.map(str::to_owned);
    table(&std::iter::once(header).chain(runs).collect::<Vec<_>>())
}

/// The rows as CSV; a cell is quoted where it must be.
fn table(rows: &[[String; HEADER.len()]]) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Writing to memory fails for rows of different lengths only, and these are arrays of one length.
        let _ = writer.write_record(row);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn row(group: usize, run: &RunEntry) -> [String; HEADER.len()] {
    let (clean, robust) = (&run.clean_accuracy, &run.robust_accuracy);
    [
        group.to_string(),
        text(&run.created),
        text(&run.folder),
        text(&run.model.name),
        text(&run.model.sha256),
        text(&run.question.population.data.to_string_lossy()),
        text(&run.data.sha256),
        run.data.n.to_string(),
        run.question.threat.norm.name().to_owned(),
        run.allowed.eps.to_string(),
        text(run.question.threat.eps.text()),
        run.allowed.target.map_or(String::new(), |class| class.to_string()),
        text(&run.attacks.join(" ")),
        run.question.effort.seed.to_string(),
        text(&words::runtime(run)),
        text(&run.brinell_version),
        run.clean_correct.to_string(),
        clean.value.to_string(),
        clean.low.to_string(),
        clean.high.to_string(),
        run.survived.to_string(),
        robust.value.to_string(),
        robust.low.to_string(),
        robust.high.to_string(),
        robust.confidence.to_string(),
        text(&run.blocking.join(" ")),
    ]
}

/// A text that no spreadsheet takes for a formula.
fn text(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("{}{value}", if formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::{HEADER, table, text};

    #[test]
    fn cells_stand_for_themselves() {
        assert_eq!(text("=1+1"), "'=1+1");
        let mut row = HEADER.map(|_| String::new());
        row[0] = text("a,\"b\"\n");
        row[1] = text("plain");
        let commas = ",".repeat(HEADER.len() - 2);
        assert_eq!(table(&[row]), format!("\"a,\"\"b\"\"\n\",plain{commas}\r\n"));
    }
}
