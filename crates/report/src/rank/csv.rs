//! The ranking as CSV (RFC 4180), a line per model.

use super::words;
use brinell_record::{Ranked, Ranking};

const HEADER: [&str; 29] = [
    "model",
    "path",
    "sha256",
    "rank_best",
    "rank_worst",
    "n",
    "clean_correct",
    "clean_accuracy",
    "clean_low",
    "clean_high",
    "survived",
    "robust_accuracy",
    "robust_low",
    "robust_high",
    "norm",
    "eps",
    "eps_text",
    "median_norm",
    "median_low",
    "median_high",
    "without_example",
    "norm_rank_best",
    "norm_rank_worst",
    "multiple_of_class_distance",
    "queries",
    "queries_to_half",
    "confidence",
    "attacks",
    "blocking_flags",
];

/// The models as CSV with a header. Lines end in CR and LF; texts that a spreadsheet would take for a formula begin with an apostrophe, and what is infinite is `inf`.
pub fn csv(ranking: &Ranking) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory fails for rows of different lengths only, and these are arrays of one length.
    let _ = writer.write_record(HEADER);
    for model in &ranking.models {
        let _ = writer.write_record(row(ranking, model));
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn row(ranking: &Ranking, model: &Ranked) -> [String; HEADER.len()] {
    let (clean, robust) = (&model.clean_accuracy, &model.robust_accuracy);
    let distances = |of: &dyn Fn(&brinell_record::RankedDistances) -> String| model.distances.as_ref().map(of).unwrap_or_default();
    [
        text(&model.name),
        text(&model.path),
        model.model.sha256.clone(),
        model.rank.best.to_string(),
        model.rank.worst.to_string(),
        ranking.data.n.to_string(),
        model.clean_correct.to_string(),
        clean.value.to_string(),
        clean.low.to_string(),
        clean.high.to_string(),
        model.survived.to_string(),
        robust.value.to_string(),
        robust.low.to_string(),
        robust.high.to_string(),
        ranking.threat.norm.name().to_owned(),
        ranking.eps.to_string(),
        text(ranking.threat.eps.text()),
        distances(&|found| found.median.value.to_string()),
        distances(&|found| found.median.low.to_string()),
        distances(&|found| found.median.high.to_string()),
        distances(&|found| found.not_found.to_string()),
        distances(&|found| found.rank.best.to_string()),
        distances(&|found| found.rank.worst.to_string()),
        distances(&|found| found.multiple.map(|multiple| multiple.value.to_string()).unwrap_or_default()),
        model.queries.to_string(),
        model.queries_to_half.map(|queries| queries.to_string()).unwrap_or_default(),
        robust.confidence.to_string(),
        text(&words::attacks(model)),
        model.blocking.join(" "),
    ]
}

/// Keeps a spreadsheet from taking a text for a formula.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
