//! How far the nearest known examples are: quantiles with their intervals on one scale.

use super::coordinate;
use crate::format::{NBSP, confidence_level, distance, norm, size};
use crate::nearest::{fooled, span};
use crate::verdict::{noun, plural};
use brinell_record::{MinimumNorm, Quantile, Summary};
use serde::Serialize;

/// The quantiles of an audit for the nearest examples.
#[derive(Serialize)]
pub(crate) struct DistancesView {
    rows: Vec<Row>,
    /// Head of the column of distances.
    size: String,
    confidence: String,
    note: String,
}

#[derive(Serialize)]
struct Row {
    share: String,
    /// True for the median.
    middle: bool,
    bar: String,
    value: String,
    interval: String,
    /// The same quantile when samples that are wrong unchanged count as fooled by nothing.
    of_all: String,
}

impl DistancesView {
    /// `None` for an audit within a radius, for a single sample, and where nothing is classified right.
    pub(crate) fn of(summary: &Summary) -> Option<Self> {
        let nearest = summary.minimum_norm.as_ref()?;
        let first = nearest.of_right.first().filter(|_| summary.data.n > 1)?;
        let most = nearest.of_right.iter().flat_map(|one| [one.value, one.high]).filter(|end| end.is_finite()).fold(0.0, f64::max);
        Some(Self {
            rows: nearest.of_right.iter().map(|quantile| row(quantile, nearest, summary, most)).collect(),
            size: format!("Smallest change found, {}", norm(summary.question.threat.norm)),
            confidence: confidence_level(first.confidence),
            note: note(summary, nearest),
        })
    }
}

fn row(quantile: &Quantile, nearest: &MinimumNorm, summary: &Summary, most: f64) -> Row {
    let value = |quantile: &Quantile| {
        if quantile.value.is_finite() { distance(quantile.value, &summary.question.threat) } else { "none found".to_owned() }
    };
    let same = nearest.of_all.iter().find(|other| (other.share - quantile.share).abs() < 1e-9);
    Row {
        share: format!("{}{NBSP}%", crate::format::significant(100.0 * quantile.share, 4)),
        middle: (quantile.share - 0.5).abs() < 1e-9,
        bar: bar(quantile, most),
        value: value(quantile),
        interval: span(quantile, summary),
        of_all: same.map_or_else(|| "–".to_owned(), value),
    }
}

/// An interval from its lower end to its upper one, or to the right edge, with the value as a tick.
fn bar(quantile: &Quantile, most: f64) -> String {
    let at = |value: f64| if most > 0.0 && value.is_finite() { 100.0 * value / most } else { 100.0 };
    let tick = if quantile.value.is_finite() {
        format!(r#"<rect class="tick" x="{}%" width="3" height="16" transform="translate(-1.5)"/>"#, coordinate(at(quantile.value)))
    } else {
        String::new()
    };
    format!(
        r#"<svg class="bar" width="100%" height="16" aria-hidden="true"><rect class="track" y="7" width="100%" height="2"/><rect class="survived" x="{}%" y="4" width="{}%" height="8"/>{tick}</svg>"#,
        coordinate(at(quantile.low)),
        coordinate((at(quantile.high) - at(quantile.low)).max(0.0)),
    )
}

fn note(summary: &Summary, nearest: &MinimumNorm) -> String {
    let noun = noun(summary);
    let wrong = summary.data.n.saturating_sub(summary.clean_correct);
    let found = format!(
        "An example was found for {} of the {} {} that are classified correctly; for the other {}, the distance counts as infinite.",
        size(nearest.found),
        size(summary.clean_correct),
        plural(summary.clean_correct, noun),
        size(nearest.not_found),
    );
    format!(
        "{found} Of all: the {} that {} wrong unchanged count as {} after a change of 0. Every distance is an upper bound of the true one, since a nearer example may exist that no attack found; no lower bound was proven.",
        size(wrong),
        if wrong == 1 { "is" } else { "are" },
        fooled(summary),
    )
}
