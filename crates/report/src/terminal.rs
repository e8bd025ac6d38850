//! The result as plain text for a terminal.

mod claims;

pub use claims::{replays, verdicts};

use crate::chart::queries_to_break;
use crate::exhaustive;
use crate::format::{JOINER, NBSP, confidence, confidence_level, count, distance, duration, interval, norm, percent, size};
use crate::refusals;
use crate::verdict::Verdict;
use brinell_record::{MinimumNorm, Rate, Severity, Summary};
use std::fmt::Write as _;

/// Narrowest width that the stage table fits into.
pub(crate) const NARROWEST: usize = 60;

/// The verdict, the stages, both accuracies and the flags as text of at most `width` columns (at least 60).
///
/// `colour` adds ANSI escapes, which take no columns. The text ends in a line feed.
pub fn table(summary: &Summary, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let verdict = Verdict::of(summary);
    let mut out = String::new();
    for line in wrap(&ascii(&verdict.sentence()), width) {
        let _ = writeln!(out, "{}", paint.bold(&line));
    }
    if let Some(caveat) = &verdict.caveat {
        for line in wrap(&ascii(caveat), width) {
            let _ = writeln!(out, "{}", paint.red(&line));
        }
    }
    out.push('\n');
    if !summary.stages.is_empty() {
        stages(&mut out, summary, width, &paint);
        for line in reference(summary).iter().flat_map(|text| wrap(text, width)) {
            let _ = writeln!(out, "{}", paint.dim(&line));
        }
        out.push('\n');
    }
    accuracy(&mut out, "clean accuracy", summary.clean_correct, &summary.clean_accuracy, summary.data.n);
    let robust = match (&summary.minimum_norm, summary.allowed.target) {
        (Some(_), _) => "none found",
        (None, Some(_)) => "resisted",
        (None, None) => "robust accuracy",
    };
    accuracy(&mut out, robust, summary.survived, &summary.robust_accuracy, summary.data.n);
    if let Some(minimum) = &summary.minimum_norm {
        distances(&mut out, summary, minimum);
    }
    for text in
        [refusals::sentences(summary), proven(summary), exhaustive::sentences(summary), queries_to_break(summary)].into_iter().flatten()
    {
        out.push('\n');
        for line in wrap(&ascii(&text), width) {
            let _ = writeln!(out, "{line}");
        }
    }
    flags(&mut out, summary, width, &paint);
    out
}

/// What proofs say, where they were looked for.
fn proven(summary: &Summary) -> Option<String> {
    let certified = summary.certified?;
    Some(format!(
        "{} of {} samples are proven to be robust ({}, {} interval {}): no allowed change breaks them, with any attack.",
        size(certified.count),
        size(summary.data.n),
        percent(certified.rate.value),
        confidence(&certified.rate),
        crate::format::interval(&certified.rate)
    ))
}

/// Columns: stage, attacked, broken, left, forwards, backwards, time; where the nearest examples were looked for, those that came nearer stand in place of
/// those left.
fn stages(out: &mut String, summary: &Summary, width: usize, paint: &Paint) {
    let mut left = summary.clean_correct;
    let left_or_nearer = if summary.minimum_norm.is_some() { "nearer" } else { "left" };
    let mut rows = vec![["stage", "attacked", "broken", left_or_nearer, "forwards", "backwards", "time"].map(str::to_owned)];
    for stage in &summary.stages {
        left = left.saturating_sub(stage.broken);
        rows.push([
            ascii(&stage.name),
            size(stage.attacked),
            size(stage.broken),
            size(stage.improved.unwrap_or(left)),
            count(stage.forwards),
            count(stage.backwards),
            ascii(&duration(stage.seconds)),
        ]);
    }
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let [first, others @ ..] = &mut widths;
    let taken: usize = others.iter().sum::<usize>() + 2 * others.len();
    *first = (*first).min(width.saturating_sub(taken).max(5));
    for (at, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = shorten(cell, width);
            let _ = if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        let line = line.trim_end();
        let _ = writeln!(out, "{}", if at == 0 { paint.dim(line) } else { line.to_owned() });
    }
}

/// Suites that stand for AutoAttack, with whose queries theirs can be compared.
const OF_AUTOATTACK: [&str; 3] = ["standard", "plus", "rand"];

/// What AutoAttack itself would have spent on the same samples, where its suite was run.
fn reference(summary: &Summary) -> Option<String> {
    if !OF_AUTOATTACK.contains(&summary.suite.as_str()) {
        return None;
    }
    let known = summary.stages.iter().filter_map(|stage| Some((stage, stage.reference_forwards? + stage.reference_backwards?)));
    let (mut spent, mut reference) = (0, 0);
    for (stage, total) in known {
        spent += stage.forwards + stage.backwards;
        reference += total;
    }
    let share = (reference > 0).then(|| percent(spent as f64 / reference as f64))?;
    Some(ascii(&format!(
        "{} queries; the original AutoAttack would need {} for the same stages on these samples, so this is {share} of it",
        count(spent),
        count(reference)
    )))
}

/// Quantiles of the distances of the nearest examples.
fn distances(out: &mut String, summary: &Summary, minimum: &MinimumNorm) {
    let _ = writeln!(out, "\nnearest examples, {}: share of all samples that have one nearer", ascii(norm(summary.question.threat.norm)));
    for quantile in &minimum.of_all {
        let far = |value: f64| ascii(&distance(value, &summary.question.threat));
        let _ = writeln!(
            out,
            "{:<16}{:>7}   {} interval {} to {}",
            ascii(&percent(quantile.share)),
            far(quantile.value),
            ascii(&confidence_level(quantile.confidence)),
            far(quantile.low),
            far(quantile.high)
        );
    }
}

fn accuracy(out: &mut String, name: &str, k: usize, rate: &Rate, n: usize) {
    let text = format!(
        "{name:<16}{:>7}   {} of {}, {} interval {}",
        ascii(&percent(rate.value)),
        size(k),
        size(n),
        ascii(&confidence(rate)),
        ascii(&interval(rate))
    );
    let _ = writeln!(out, "{text}");
}

fn flags(out: &mut String, summary: &Summary, width: usize, paint: &Paint) {
    let mut flags: Vec<_> = summary.flags.iter().collect();
    flags.sort_by_key(|flag| std::cmp::Reverse(flag.severity));
    if !flags.is_empty() {
        out.push('\n');
    }
    for flag in flags {
        let name = flag.severity.name();
        let text = ascii(&format!("{name}: {} [{}]", flag.message, flag.id));
        for (at, line) in wrap(&text, width - 2).iter().enumerate() {
            let painted = match (at, flag.severity, line.split_once(':')) {
                (0, Severity::Blocking, Some((name, rest))) => format!("{}:{rest}", paint.red(name)),
                (0, Severity::Warning, Some((name, rest))) => format!("{}:{rest}", paint.yellow(name)),
                _ => line.clone(),
            };
            let _ = writeln!(out, "{}{painted}", if at == 0 { "" } else { "  " });
        }
    }
}

/// Plain signs in place of typographic ones, and nothing that could steer the terminal.
pub(crate) fn ascii(text: &str) -> String {
    text.chars()
        .filter(|character| *character != JOINER)
        .map(|character| match character {
            NBSP => ' ',
            '–' => '-',
            '“' | '”' => '"',
            other if other.is_control() || matches!(other, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                '?'
            }
            other => other,
        })
        .collect()
}

pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_owned() } else { text.chars().take(width.saturating_sub(1)).chain(['~']).collect() }
}

/// Lines of at most `width` characters, broken at spaces and inside words only where one is longer than a line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let characters: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + characters.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for character in characters {
            if length == width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push(character);
            length += 1;
        }
    }
    if length > 0 {
        lines.push(line);
    }
    lines
}

pub(crate) struct Paint {
    pub(crate) colour: bool,
}

impl Paint {
    fn escape(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.escape("1", text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.escape("2", text)
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.escape("1;31", text)
    }

    pub(crate) fn yellow(&self, text: &str) -> String {
        self.escape("33", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("a bbbbbbb c", 3), ["a", "bbb", "bbb", "b c"]);
        assert!(wrap("", 5).is_empty());
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(ascii("a\u{1b}[2Jb\nc"), "a?[2Jb?c");
    }
}
