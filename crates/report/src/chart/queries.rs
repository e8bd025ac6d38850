//! How many queries breaking takes: survivors over queries, on a logarithmic axis.

use super::{coordinate, escape, percent_axis, tick};
use crate::format::{count, interval, percent, size};
use brinell_record::{QueryPoint, Summary};
use serde::Serialize;
use std::fmt::Write as _;

/// Rows of the table at most.
const ROWS: usize = 24;

/// The drawing, a sentence about it and the same figures as a table.
#[derive(Serialize)]
pub(crate) struct QueriesView {
    svg: String,
    sentence: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    queries: String,
    survivors: String,
}

impl QueriesView {
    /// `None` where nothing was broken by an attack, and for a single sample.
    pub(crate) fn of(summary: &Summary) -> Option<Self> {
        let points = &summary.queries_curve;
        let sentence = queries_to_break(summary).filter(|_| summary.data.n > 1)?;
        let decades = points.last().map_or(1.0, |last| (last.queries as f64).log10().ceil().max(1.0));
        let mut body = String::new();
        grid(&mut body, decades);
        let _ = write!(
            body,
            r#"<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%" aria-hidden="true"><path class="band s0" d="{}"/><path class="line s0" d="{}"/></svg>"#,
            band(points, decades),
            line(points, decades)
        );
        let label = format!("Robust accuracy over queries. {sentence}");
        let svg = format!(
            r#"<svg class="curve" width="100%" height="220" overflow="visible" role="img" aria-label="{}">{body}</svg>"#,
            escape(&label)
        );
        let stride = points.len().div_ceil(ROWS).max(1);
        let shown = points.iter().enumerate().filter(|(at, _)| at % stride == 0 || at + 1 == points.len());
        let rows = shown
            .map(|(_, point)| Row {
                queries: count(point.queries),
                survivors: format!(
                    "{} · {} ({})",
                    size(point.survived),
                    percent(point.robust_accuracy.value),
                    interval(&point.robust_accuracy)
                ),
            })
            .collect();
        Some(Self { svg, sentence, rows })
    }
}

/// Says how many queries broke half and nine tenths of the broken samples, and how many the survivors cost; `None` where nothing was broken by an attack.
pub(crate) fn queries_to_break(summary: &Summary) -> Option<String> {
    let points = &summary.queries_curve;
    let (first, last) = (points.first()?, points.last()?);
    let broken = first.survived.saturating_sub(last.survived);
    let within = |share: f64| {
        let due = (share * broken as f64).ceil() as usize;
        points.iter().find(|point| first.survived - point.survived >= due).map(|point| count(point.queries))
    };
    let (half, most) = within(0.5).zip(within(0.9)).filter(|_| broken > 0)?;
    let survivors =
        if last.survived > 0 { format!("; up to {} queries were spent on a survivor", count(last.queries)) } else { String::new() };
    Some(format!("Queries to break a sample: {half} (median), {most} (for 90 % of the broken samples){survivors}."))
}

fn grid(body: &mut String, decades: f64) {
    percent_axis(body);
    let mut queries = 1_u64;
    while (queries as f64).log10() <= decades {
        tick(body, 100.0 * (queries as f64).log10() / decades, &count(queries));
        queries = queries.saturating_mul(10);
    }
}

/// Place of so many queries in the drawing; a single one, and none, stand at the left edge.
fn across(queries: u64, decades: f64) -> f64 {
    1000.0 * (queries.max(1) as f64).log10() / decades
}

/// Steps: what stands goes on standing until the next point.
fn line(points: &[QueryPoint], decades: f64) -> String {
    let mut path = String::new();
    for (at, point) in points.iter().enumerate() {
        let (x, y) = (coordinate(across(point.queries, decades)), coordinate(1000.0 * (1.0 - point.robust_accuracy.value)));
        let _ = if at == 0 { write!(path, "M{x} {y}") } else { write!(path, "H{x}V{y}") };
    }
    path
}

fn band(points: &[QueryPoint], decades: f64) -> String {
    let step = |value: fn(&QueryPoint) -> f64| {
        let mut corners: Vec<(f64, f64)> = Vec::new();
        for point in points {
            let (x, y) = (across(point.queries, decades), 1000.0 * (1.0 - value(point)));
            corners.extend(corners.last().copied().map(|(_, before)| (x, before)));
            corners.push((x, y));
        }
        corners
    };
    let upper = step(|point| point.robust_accuracy.high);
    let lower = step(|point| point.robust_accuracy.low);
    let positions: Vec<String> =
        upper.into_iter().chain(lower.into_iter().rev()).map(|(x, y)| format!("{} {}", coordinate(x), coordinate(y))).collect();
    if positions.is_empty() { String::new() } else { format!("M{}Z", positions.join("L")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_record::Rate;

    fn point(queries: u64, survived: usize) -> QueryPoint {
        let value = survived as f64 / 10.0;
        QueryPoint { queries, survived, robust_accuracy: Rate { value, low: value, high: value, confidence: 0.95 } }
    }

    #[test]
    fn what_stands_goes_on_standing_until_the_next_point() {
        assert_eq!(line(&[point(0, 10), point(10, 5), point(100, 5)], 2.0), "M0 0H500V500H1000V500");
        assert_eq!(band(&[point(0, 10), point(100, 5)], 2.0), "M0 0L1000 0L1000 500L1000 500L1000 0L0 0Z");
    }
}
