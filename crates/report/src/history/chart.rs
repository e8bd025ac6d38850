//! Robust accuracy of every run with its interval, one series per model name.

use crate::chart::{coordinate, escape, marker, percent_axis};
use crate::format::percent;
use brinell_record::HistoryGroup;
use std::fmt::Write as _;

/// Dates written below the chart.
const LABELS: usize = 6;

/// The drawing; runs are as far apart as each other, whatever the time between them.
pub(super) fn draw(group: &HistoryGroup) -> String {
    let n = group.runs.len();
    let names = series(group);
    let mut body = String::new();
    percent_axis(&mut body);
    let x = |at: usize| coordinate(100.0 * (at as f64 + 0.5) / n.max(1) as f64);
    let y = |value: f64| coordinate(100.0 * (1.0 - value));
    let step = n.div_ceil(LABELS).max(1);
    for (at, run) in group.runs.iter().enumerate().filter(|(at, _)| at % step == 0) {
        let day = run.created.get(..10).unwrap_or(&run.created);
        let _ = write!(body, r#"<text class="axis" x="{}%" y="100%" dy="1.7em" text-anchor="middle">{}</text>"#, x(at), escape(day));
    }
    for (series, name) in names.iter().enumerate() {
        let runs: Vec<_> = group.runs.iter().enumerate().filter(|(_, run)| run.model.name == *name).collect();
        for pair in runs.windows(2) {
            if let [(a, from), (b, to)] = pair {
                let (from, to) = (from.robust_accuracy.value, to.robust_accuracy.value);
                let _ = write!(
                    body,
                    r#"<line class="line s{}" x1="{}%" y1="{}%" x2="{}%" y2="{}%"/>"#,
                    series % 4,
                    x(*a),
                    y(from),
                    x(*b),
                    y(to)
                );
            }
        }
        for (at, run) in runs {
            let rate = &run.robust_accuracy;
            let _ = write!(
                body,
                r#"<line class="reach s{s}" stroke="var(--s{s})" stroke-width="2" x1="{x}%" x2="{x}%" y1="{}%" y2="{}%"/><svg x="{x}%" y="{}%" overflow="visible"><path stroke="var(--soft)" stroke-width="2" d="M-6 0h12"/></svg>"#,
                y(rate.low),
                y(rate.high),
                y(run.clean_accuracy.value),
                s = series % 4,
                x = x(at),
            );
            marker(&mut body, series, 100.0 * (at as f64 + 0.5) / n.max(1) as f64, 100.0 * (1.0 - rate.value));
        }
    }
    format!(
        r#"<svg class="curve" width="100%" height="260" overflow="visible" role="img" aria-label="{}">{body}</svg>"#,
        escape(&describe(group))
    )
}

/// Names of the models, in the order in which they first appear.
pub(super) fn series(group: &HistoryGroup) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for run in &group.runs {
        if !names.contains(&run.model.name.as_str()) {
            names.push(&run.model.name);
        }
    }
    names
}

fn describe(group: &HistoryGroup) -> String {
    let mut text = format!("Robust accuracy of {} runs.", group.runs.len());
    if let (Some(first), Some(last)) = (group.runs.first(), group.runs.last()) {
        let _ = write!(
            text,
            " {} at {}, {} at {}.",
            percent(first.robust_accuracy.value),
            first.created,
            percent(last.robust_accuracy.value),
            last.created
        );
    }
    text
}
