//! What the template of a curve over the clean weight is given.

use std::fmt::Write as _;

use super::chart::framed;
use super::view::rate;
use crate::chart::{coordinate, marker, percent_axis, tick};
use crate::format::percent;
use brinell_record::{HardenCurve, Rate};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct CurveView {
    title: String,
    created: String,
    version: String,
    headline: String,
    n: usize,
    written: String,
    chart: String,
    rows: Vec<[String; 4]>,
}

impl CurveView {
    pub(super) fn of(title: &str, curve: &HardenCurve) -> Self {
        let before = ["Original".to_owned(), rate(&curve.robust), rate(&curve.clean), String::new()];
        let after = curve.points.iter().map(|point| {
            let of = |found: &Option<Rate>| found.as_ref().map_or_else(|| "no model".to_owned(), rate);
            let mark = if point.clean_weight == curve.written { " (written)" } else { "" };
            let link = format!("{}/report.html", point.folder);
            [format!("{}{mark}", point.clean_weight), of(&point.robust), of(&point.clean), point.note.clone().unwrap_or(link)]
        });
        Self {
            title: title.to_owned(),
            created: curve.created.clone(),
            version: curve.brinell_version.clone(),
            headline: curve.headline.clone().unwrap_or_else(|| format!("no gain with clean weight {}", curve.written)),
            n: curve.n,
            written: curve.written.to_string(),
            chart: chart(curve),
            rows: std::iter::once(before).chain(after).collect(),
        }
    }
}

/// Robust and clean accuracy over the clean weight, with their intervals.
fn chart(curve: &HardenCurve) -> String {
    let mut body = String::new();
    percent_axis(&mut body);
    let weights: Vec<f64> = curve.points.iter().map(|point| point.clean_weight).collect();
    for &weight in &weights {
        tick(&mut body, 100.0 * weight, &weight.to_string());
    }
    let y = |share: f64| 100.0 * (1.0 - share);
    let mut told = String::new();
    for (series, name) in [(0, "robust"), (1, "clean")] {
        let found: Vec<(f64, Rate)> = curve
            .points
            .iter()
            .filter_map(|point| Some((100.0 * point.clean_weight, if series == 0 { point.robust? } else { point.clean? })))
            .collect();
        for pair in found.windows(2) {
            if let [(x1, from), (x2, to)] = pair {
                let (a, b) = (coordinate(y(from.value)), coordinate(y(to.value)));
                let _ = write!(
                    body,
                    r#"<line class="line s{series}" x1="{}%" y1="{a}%" x2="{}%" y2="{b}%"/>"#,
                    coordinate(*x1),
                    coordinate(*x2)
                );
            }
        }
        for (x, rate) in found {
            let (top, bottom, at) = (coordinate(y(rate.high)), coordinate(y(rate.low)), coordinate(x));
            let _ = write!(body, r#"<line class="line s{series}" x1="{at}%" y1="{top}%" x2="{at}%" y2="{bottom}%"/>"#);
            marker(&mut body, series, x, y(rate.value));
            let _ = write!(told, "At {:.2} {name} {}. ", x / 100.0, percent(rate.value));
        }
    }
    framed(&body, told.trim_end())
}
