//! Robust accuracy over the radius, with interval bands; one or several series.

use super::{coordinate, escape, percent_axis, tick};
use crate::format::{denominator, interval, percent, significant, size};
use brinell_record::{CurvePoint, Threat};
use serde::Serialize;
use std::fmt::Write as _;

/// Points that are marked; a curve of more is drawn as a line alone.
const MOST_MARKS: usize = 24;

/// One audit's curve.
pub(crate) struct Series<'a> {
    /// What the series is called in the legend.
    pub(crate) name: &'a str,
    /// Radii ascending.
    pub(crate) points: &'a [CurvePoint],
    /// Threat of the audit, for the way radii are written.
    pub(crate) threat: &'a Threat,
}

/// The drawing, its legend and the same figures as a table.
#[derive(Serialize)]
pub(crate) struct CurveView {
    svg: String,
    legend: Vec<Entry>,
    header: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    key: String,
}

#[derive(Serialize)]
struct Row {
    eps: String,
    cells: Vec<String>,
}

impl CurveView {
    /// Draws the series in one frame; `None` where there is nothing to draw.
    pub(crate) fn of(series: &[Series<'_>]) -> Option<Self> {
        let threat = series.first()?.threat;
        let most = series.iter().flat_map(|one| one.points).map(|point| point.eps).fold(0.0, f64::max);
        if most <= 0.0 || series.iter().all(|one| one.points.len() < 2) {
            return None;
        }
        let mut body = String::new();
        grid(&mut body, most, threat);
        let _ = write!(body, r#"<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%" aria-hidden="true">"#);
        for (at, one) in series.iter().enumerate() {
            let _ = write!(body, r#"<path class="band s{}" d="{}"/>"#, at % 4, band(one.points, most));
        }
        for (at, one) in series.iter().enumerate() {
            let _ = write!(body, r#"<path class="line s{}" d="{}"/>"#, at % 4, line(one.points, most));
        }
        body.push_str("</svg>");
        for (at, one) in series.iter().enumerate() {
            for point in one.points.iter().filter(|_| one.points.len() <= MOST_MARKS) {
                marker(&mut body, at, 100.0 * point.eps / most, 100.0 * (1.0 - point.robust_accuracy.value));
            }
        }
        let svg = format!(
            r#"<svg class="curve" width="100%" height="260" overflow="visible" role="img" aria-label="{}">{body}</svg>"#,
            escape(&describe(series))
        );
        Some(Self {
            svg,
            legend: series.iter().enumerate().map(|(at, one)| Entry { name: one.name.to_owned(), key: key(at) }).collect(),
            header: series.iter().map(|one| one.name.to_owned()).collect(),
            rows: rows(series),
        })
    }
}

/// Lines of the grid with their labels.
fn grid(body: &mut String, most: f64, threat: &Threat) {
    percent_axis(body);
    for (value, label) in ticks(most, threat) {
        tick(body, 100.0 * value / most, &label);
    }
}

/// Four or five round radii from 0, written as the audit's own radius was typed.
fn ticks(most: f64, threat: &Threat) -> Vec<(f64, String)> {
    let below = denominator(threat).unwrap_or(1.0);
    let rough = most * below / 4.0;
    let decade = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|multiple| multiple * decade).find(|step| *step >= rough * 0.999).unwrap_or(rough);
    (0_u8..9)
        .map(|at| f64::from(at) * step)
        .take_while(|value| *value <= most * below * 1.001)
        .map(|value| {
            let figure = significant(value, 4);
            let label = if below > 1.0 && value > 0.0 { format!("{figure}/{}", significant(below, 6)) } else { figure };
            (value / below, label)
        })
        .collect()
}

fn position(eps: f64, value: f64, most: f64) -> String {
    format!("{} {}", coordinate(1000.0 * eps / most), coordinate(1000.0 * (1.0 - value)))
}

fn line(points: &[CurvePoint], most: f64) -> String {
    let positions: Vec<String> = points.iter().map(|point| position(point.eps, point.robust_accuracy.value, most)).collect();
    if positions.is_empty() { String::new() } else { format!("M{}", positions.join("L")) }
}

fn band(points: &[CurvePoint], most: f64) -> String {
    let upper = points.iter().map(|point| position(point.eps, point.robust_accuracy.high, most));
    let lower = points.iter().rev().map(|point| position(point.eps, point.robust_accuracy.low, most));
    let positions: Vec<String> = upper.chain(lower).collect();
    if positions.is_empty() { String::new() } else { format!("M{}Z", positions.join("L")) }
}

/// Discs, squares, triangles and diamonds, so that series differ without colour.
pub(crate) fn marker(body: &mut String, series: usize, x: f64, y: f64) {
    let _ = write!(
        body,
        r#"<svg x="{}%" y="{}%" overflow="visible"><path class="mark s{}" d="{}"/></svg>"#,
        coordinate(x),
        coordinate(y),
        series % 4,
        shape(series)
    );
}

fn shape(series: usize) -> &'static str {
    match series % 4 {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
        1 => "M-3.5-3.5h7v7h-7Z",
        2 => "M0-4.8L4.6 3.4H-4.6Z",
        _ => "M0-5L5 0L0 5L-5 0Z",
    }
}

/// The legend's sample of a series.
pub(crate) fn key(series: usize) -> String {
    format!(
        r#"<svg class="key" width="34" height="12" aria-hidden="true"><line class="line s{s}" x1="0" x2="34" y1="6" y2="6"/><svg x="17" y="6" overflow="visible"><path class="mark s{s}" d="{}"/></svg></svg>"#,
        shape(series),
        s = series % 4
    )
}

fn describe(series: &[Series<'_>]) -> String {
    let mut text = "Robust accuracy over the radius.".to_owned();
    for one in series {
        if let (Some(first), Some(last)) = (one.points.first(), one.points.last()) {
            let _ = write!(
                text,
                " {}: {} at {}, {} at {}.",
                one.name,
                percent(first.robust_accuracy.value),
                radius(first.eps, one.threat),
                percent(last.robust_accuracy.value),
                radius(last.eps, one.threat)
            );
        }
    }
    text
}

fn radius(eps: f64, threat: &Threat) -> String {
    crate::format::distance(eps, threat)
}

/// One row per radius that any series has.
fn rows(series: &[Series<'_>]) -> Vec<Row> {
    let Some(threat) = series.first().map(|one| one.threat) else { return Vec::new() };
    let mut radii: Vec<f64> = series.iter().flat_map(|one| one.points).map(|point| point.eps).collect();
    radii.sort_by(f64::total_cmp);
    radii.dedup_by(|a, b| (*a - *b).abs() <= 1e-12);
    radii
        .iter()
        .map(|eps| Row {
            eps: radius(*eps, threat),
            cells: series
                .iter()
                .map(|one| {
                    one.points.iter().find(|point| (point.eps - eps).abs() <= 1e-12).map_or_else(
                        || "–".to_owned(),
                        |point| {
                            let rate = &point.robust_accuracy;
                            format!("{} · {} ({})", size(point.survived), percent(rate.value), interval(rate))
                        },
                    )
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_record::{Norm, Rate};

    fn threat(text: &str) -> Threat {
        Threat { norm: Norm::Linf, eps: text.parse().unwrap(), ..Threat::default() }
    }

    fn point(eps: f64, value: f64) -> CurvePoint {
        CurvePoint { eps, survived: 5, robust_accuracy: Rate { value, low: value - 0.1, high: value + 0.1, confidence: 0.95 } }
    }

    #[test]
    fn ticks_are_written_as_the_radius_was_typed() {
        let labels = |text, eps| ticks(eps, &threat(text)).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels("8/255", 8.0 / 255.0), ["0", "2/255", "4/255", "6/255", "8/255"]);
        assert_eq!(labels("0.1", 0.1), ["0", "0.025", "0.05", "0.075", "0.1"]);
        assert_eq!(labels("3", 3.0), ["0", "1", "2", "3"]);
    }

    #[test]
    fn the_band_goes_out_along_the_top_and_back_along_the_bottom() {
        let points = [point(0.0, 0.9), point(1.0, 0.5)];
        assert_eq!(line(&points, 1.0), "M0 100L1000 500");
        assert_eq!(band(&points, 1.0), "M0 0L1000 400L1000 600L0 200Z");
    }

    #[test]
    fn names_of_series_are_escaped_in_the_drawing() {
        let (points, threat) = ([point(0.0, 0.9), point(1.0, 0.5)], threat("1"));
        let view = CurveView::of(&[Series { name: "\"><script>", points: &points, threat: &threat }]).unwrap();
        assert!(!view.svg.contains("<script"));
        assert!(view.svg.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_curve_of_one_point_is_not_drawn() {
        let (points, threat) = ([point(0.0, 0.9)], threat("1"));
        assert!(CurveView::of(&[Series { name: "a", points: &points, threat: &threat }]).is_none());
        assert!(CurveView::of(&[]).is_none());
    }
}
