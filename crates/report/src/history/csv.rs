//! The history as CSV (RFC 4180), a line per run.

use super::words;
use brinell_record::{History, RunEntry};
use std::fmt::Write as _;

const HEADER: &str = "group,created,folder,model,model_sha256,data,data_sha256,n,norm,eps,eps_text,target,attacks,seed,runtime,\
    brinell_version,clean_correct,clean_accuracy,clean_low,clean_high,survived,robust_accuracy,robust_low,robust_high,confidence,\
    blocking_flags";

/// The runs as CSV with a header; figures of different groups answer different questions. Lines end in CR and LF.
///
/// Texts that a spreadsheet would take for a formula begin with an apostrophe.
pub fn csv(history: &History) -> String {
    let mut out = format!("{HEADER}\r\n");
    for (at, group) in history.groups.iter().enumerate() {
        for run in &group.runs {
            line(&mut out, at + 1, run);
        }
    }
    out
}

fn line(out: &mut String, group: usize, run: &RunEntry) {
    let (clean, robust) = (&run.clean_accuracy, &run.robust_accuracy);
    let cells = [
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
    ];
    let _ = write!(out, "{}\r\n", cells.join(","));
}

/// A cell that stands for itself.
fn text(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let value = format!("{}{value}", if formula { "'" } else { "" });
    if value.contains([',', '"', '\n', '\r']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn cells_stand_for_themselves() {
        assert_eq!(text("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(text("=1+1"), "'=1+1");
        assert_eq!(text("plain"), "plain");
    }
}
