//! Verdicts and replays as plain text for a terminal.

use std::fmt::Write as _;

use brinell_record::{CheckedClaim, Flag, Label, OnUndecided, Rechecked, Refound, Replay, Ruling, Severity, Standing, Verdict, Witness};

use super::{NARROWEST, Paint, ascii, wrap};
use crate::format::significant;
use crate::verdict::ruling as ruling_name;

/// Counterexamples that are listed although everybody confirms them; others always are.
const LISTED: usize = 20;

/// The verdicts with their reasons, and how many there are of each kind, as text of at most `width` columns (at least 60).
///
/// `colour` adds ANSI escapes, which take no columns. The text ends in a line feed.
pub fn verdicts(claims: &[CheckedClaim], width: usize, colour: bool) -> String {
    let (width, paint) = (width.max(NARROWEST), Paint { colour });
    let mut out = String::new();
    for claim in claims {
        verdict(&mut out, claim, width, &paint);
        out.push('\n');
    }
    let count = |ruling: Ruling| claims.iter().filter(|claim| claim.verdict.verdict == ruling).count();
    let kinds = [Ruling::Refuted, Ruling::Stale, Ruling::Undecided, Ruling::Supported, Ruling::Proven];
    let counts: Vec<String> =
        kinds.into_iter().filter(|&ruling| count(ruling) > 0).map(|ruling| format!("{} {}", count(ruling), ruling_name(ruling))).collect();
    let noun = if claims.len() == 1 { "claim" } else { "claims" };
    let _ = writeln!(out, "{} {noun}: {}", claims.len(), counts.join(", "));
    out
}

fn verdict(out: &mut String, claim: &CheckedClaim, width: usize, paint: &Paint) {
    let Verdict { verdict, claim: asked, .. } = &claim.verdict;
    let name = ruling_name(*verdict).to_uppercase();
    let painted = match verdict {
        Ruling::Refuted | Ruling::Stale => paint.red(&name),
        Ruling::Undecided => paint.yellow(&name),
        Ruling::Proven | Ruling::Supported => paint.bold(&name),
    };
    let rest = format!("{}{}", asked.id, if claim.unchanged { "  (unchanged)" } else { "" });
    let padding = " ".repeat(11 - name.len().min(10));
    let _ = writeln!(out, "{painted}{padding}{}", ascii(&rest));
    let mut indented = |first: &str, text: &str| {
        for (at, line) in wrap(&ascii(&format!("{first}{text}")), width - 4).iter().enumerate() {
            let _ = writeln!(out, "{}{line}", if at == 0 { "  " } else { "    " });
        }
    };
    for reason in &claim.replaced {
        indented("decided again: ", &reason.text);
    }
    indented("claimed: ", &asked.statement);
    indented("found: ", &claim.verdict.finding);
    for reason in &claim.verdict.reasons {
        indented(&format!("{}: ", reason.id), &reason.text);
    }
    // Flags that block are among the reasons.
    let passing = |flag: &&Flag| flag.severity == Severity::Warning || (flag.severity == Severity::Blocking && *verdict == Ruling::Refuted);
    for flag in claim.verdict.flags.iter().filter(passing) {
        indented("flag: ", &format!("{} [{}]", flag.message, flag.id));
    }
    if *verdict == Ruling::Undecided && asked.policy.undecided == OnUndecided::Warn {
        indented("policy: ", "an undecided claim does not fail the check");
    }
    if !claim.verdict.runs.is_empty() || !claim.verdict.witnesses.is_empty() {
        indented("evidence: ", &claim.evidence);
    }
    let confirmed = claim.verdict.witnesses.iter().filter(|witness| witness.standing == Standing::Confirmed).count();
    if confirmed > 0 {
        let noun = if confirmed == 1 { "counterexample" } else { "counterexamples" };
        indented("replay: ", &format!("{}   ({confirmed} confirmed {noun})", claim.evidence));
    }
}

/// What every runtime says of every counterexample, as text of at most `width` columns (at least 60) where names allow.
///
/// `colour` adds ANSI escapes, which take no columns. The text ends in a line feed.
pub fn replays(replays: &[Replay], width: usize, colour: bool) -> String {
    let (width, paint) = (width.max(NARROWEST), Paint { colour });
    let mut out = String::new();
    for replay in replays {
        let name = replay.claim.as_deref().unwrap_or("run");
        for line in wrap(&ascii(&format!("{name}  ({})", replay.source)), width) {
            let _ = writeln!(out, "{}", paint.bold(&line));
        }
        for line in wrap(&ascii(&format!("model {}", replay.model.path)), width) {
            let _ = writeln!(out, "{line}");
        }
        for reason in &replay.refused {
            for line in wrap(&ascii(&format!("not judging: {reason}")), width) {
                let _ = writeln!(out, "{line}");
            }
        }
        certificates(&mut out, &replay.certificates, width);
        if replay.witnesses.is_empty() {
            out.push_str(if replay.certificates.is_empty() { "no counterexamples are stored, so nothing was tested\n\n" } else { "\n" });
            continue;
        }
        table(&mut out, replay, &paint);
        out.push('\n');
    }
    out
}

/// How many certificates are confirmed, and why others are not.
fn certificates(out: &mut String, rechecked: &[Rechecked], width: usize) {
    if rechecked.is_empty() {
        return;
    }
    let confirmed = rechecked.iter().filter(|line| line.found == Refound::Confirmed).count();
    let _ = writeln!(out, "{confirmed} of {} certified samples are confirmed by the checker", rechecked.len());
    for line in rechecked.iter().filter(|line| line.found != Refound::Confirmed) {
        let why = line.problem.as_deref().unwrap_or("not confirmed");
        for line in wrap(&ascii(&format!("sample {}: {why}", line.sample)), width) {
            let _ = writeln!(out, "{line}");
        }
    }
}

fn table(out: &mut String, replay: &Replay, paint: &Paint) {
    let mut rows = vec![vec!["sample".to_owned(), "class".to_owned()]];
    if let Some(head) = rows.first_mut() {
        head.extend(replay.judges.iter().map(|judge| format!("{} {}", judge.runtime, judge.version)));
        head.extend(["change".to_owned(), "judged".to_owned()]);
    }
    let mut left_out = 0;
    let mut notes = Vec::new();
    for (at, witness) in replay.witnesses.iter().enumerate() {
        if at >= LISTED && witness.standing == Standing::Confirmed {
            left_out += 1;
            continue;
        }
        notes.extend(witness.violation.as_ref().map(|why| format!("sample {}: {why}", witness.sample)));
        rows.push(row(witness));
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{:>width$}", ascii(cell))).collect();
        let line = cells.join("  ");
        let _ = writeln!(out, "{}", if at == 0 { paint.dim(&line) } else { line });
    }
    if left_out > 0 {
        let _ = writeln!(out, "and {left_out} more, which all runtimes confirm; the JSON output lists them");
    }
    for note in notes {
        let _ = writeln!(out, "{}", ascii(&note));
    }
    let count = |standing: Standing| replay.witnesses.iter().filter(|witness| witness.standing == standing).count();
    let _ = writeln!(
        out,
        "{} judged by {} runtime{}: {} confirmed, {} boundary, {} rejected",
        replay.witnesses.len(),
        replay.judges.len(),
        if replay.judges.len() == 1 { "" } else { "s" },
        count(Standing::Confirmed),
        count(Standing::Boundary),
        count(Standing::Rejected)
    );
}

/// Sample, class, one opinion per runtime (class and margin, or the difference of two artefacts), change, outcome.
fn row(witness: &Witness) -> Vec<String> {
    let class = |prediction: &Option<Label>| prediction.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let mut row = vec![witness.sample.to_string(), witness.label.to_string()];
    row.extend(witness.opinions.iter().map(|opinion| match opinion.difference {
        Some(difference) => {
            format!("{}/{} ({})", class(&opinion.prediction), class(&opinion.other_prediction), significant(difference, 3))
        }
        None => {
            let sign = if opinion.margin >= 0.0 { "+" } else { "" };
            format!("{} ({sign}{})", class(&opinion.prediction), significant(opinion.margin, 3))
        }
    }));
    row.push(significant(witness.norm, 4));
    row.push(
        match witness.standing {
            Standing::Confirmed => "confirmed",
            Standing::Boundary => "boundary",
            Standing::Rejected => "rejected",
        }
        .to_owned(),
    );
    row
}
