//! What an audit for the nearest examples found, in words.

use crate::format::{NBSP, confidence_level, distance, norm, size};
use crate::verdict::{class_name, noun, plural, wrong};
use brinell_record::{MinimumNorm, Quantile, Summary};

/// The finding in two parts, as a verdict has them.
pub(crate) fn finding(summary: &Summary, nearest: &MinimumNorm) -> (String, String) {
    let noun = noun(summary);
    let right = summary.clean_correct;
    let fooled = fooled(summary);
    if summary.data.n == 1 {
        let lead = format!("The {noun}");
        return match (right, median(nearest).filter(|median| median.value.is_finite())) {
            (0, _) => (lead, format!(" is {} before any change.", wrong(summary))),
            (_, None) => (lead, format!(" was not {fooled} by any attack that was run, at any distance.")),
            (_, Some(found)) => (lead, format!(" is {fooled} after a change of {}, the smallest found.", length(found.value, summary))),
        };
    }
    let samples = format!("{} {} that {} {}", size(right), plural(right, noun), if right == 1 { "is" } else { "are" }, done_right(summary));
    match median(nearest) {
        Some(median) if right > 0 && median.value.is_finite() => (
            format!("Half of the {samples}"),
            format!(
                " {} {fooled} after a change of at most {}: the median of the smallest changes found ({} interval {}).",
                if right == 1 { "is" } else { "are" },
                length(median.value, summary),
                confidence_level(median.confidence),
                span(median, summary)
            ),
        ),
        _ if right > 0 => (
            format!("{} of {samples}", size(nearest.found)),
            format!(" {} {fooled}; for the others, no example was found at any distance.", if nearest.found == 1 { "was" } else { "were" }),
        ),
        _ => (
            format!("0 of {} {}", size(summary.data.n), plural(summary.data.n, noun)),
            format!(" are {} without any change.", done_right(summary)),
        ),
    }
}

/// What becomes of a sample: `misclassified`, or the class that it is turned into.
pub(crate) fn fooled(summary: &Summary) -> String {
    summary
        .allowed
        .target
        .map_or_else(|| wrong(summary).to_owned(), |target| format!("turned into “{}”", class_name(&summary.classes, target)))
}

fn done_right(summary: &Summary) -> &'static str {
    if summary.question.artefact.task().is_of_classes() { "classified correctly" } else { "answered correctly" }
}

/// The median over the samples that are classified right.
fn median(nearest: &MinimumNorm) -> Option<&Quantile> {
    nearest.of_right.iter().find(|quantile| (quantile.share - 0.5).abs() < 1e-9)
}

/// A distance with its norm: `0.31 (L2)`.
fn length(value: f64, summary: &Summary) -> String {
    format!("{}{NBSP}({})", distance(value, &summary.question.threat), norm(summary.question.threat.norm))
}

/// The ends of a quantile's interval: `0.29–0.33`.
pub(crate) fn span(quantile: &Quantile, summary: &Summary) -> String {
    if quantile.high.is_finite() {
        format!("{}–{}", distance(quantile.low, &summary.question.threat), distance(quantile.high, &summary.question.threat))
    } else {
        format!("{} or more", distance(quantile.low, &summary.question.threat))
    }
}
