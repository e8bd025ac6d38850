//! Shares over epochs, and the loss over steps.

use crate::chart::{coordinate, escape, marker, percent_axis, tick};
use crate::format::percent;
use brinell_record::{EpochLine, StepLine};
use std::fmt::Write as _;

/// Points of the drawn loss.
const POINTS: usize = 200;
/// Epochs that are labelled.
const LABELS: usize = 10;

/// Clean and robust share of the validation samples at every epoch; the one that was kept is marked.
pub(super) fn epochs(lines: &[EpochLine], chosen: usize) -> String {
    let mut body = String::new();
    percent_axis(&mut body);
    let last = lines.iter().map(|line| line.epoch).max().unwrap_or(0).max(1);
    let x = |line: &EpochLine| 100.0 * line.epoch as f64 / last as f64;
    let step = last.div_ceil(LABELS).max(1);
    for line in lines.iter().filter(|line| line.epoch % step == 0) {
        tick(&mut body, x(line), &line.epoch.to_string());
    }
    let share = |count: usize, n: usize| count as f64 / n.max(1) as f64;
    for (series, of) in [(0, robust as fn(&EpochLine) -> usize), (1, clean)] {
        for pair in lines.windows(2) {
            if let [from, to] = pair {
                let y = |line: &EpochLine| coordinate(100.0 * (1.0 - share(of(line), line.n)));
                let (a, b) = (coordinate(x(from)), coordinate(x(to)));
                let _ = write!(body, r#"<line class="line s{series}" x1="{a}%" y1="{}%" x2="{b}%" y2="{}%"/>"#, y(from), y(to));
            }
        }
        for line in lines.iter().filter(|line| line.epoch == chosen) {
            marker(&mut body, series, x(line), 100.0 * (1.0 - share(of(line), line.n)));
        }
    }
    let told = match (lines.first(), lines.iter().find(|line| line.epoch == chosen)) {
        (Some(first), Some(kept)) => format!(
            "Robust share of the validation samples from {} to {} in epoch {chosen}, clean share from {} to {}.",
            percent(share(first.robust, first.n)),
            percent(share(kept.robust, kept.n)),
            percent(share(first.clean, first.n)),
            percent(share(kept.clean, kept.n))
        ),
        _ => "No epochs.".to_owned(),
    };
    framed(&body, &told)
}

fn robust(line: &EpochLine) -> usize {
    line.robust
}

fn clean(line: &EpochLine) -> usize {
    line.clean
}

/// The mean loss over stretches of steps.
pub(super) fn loss(steps: &[StepLine]) -> String {
    let size = steps.len().div_ceil(POINTS).max(1);
    let mean = |part: &[StepLine]| {
        let finite: Vec<f64> = part.iter().map(|line| line.loss).filter(|loss| loss.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len().max(1) as f64
    };
    let means: Vec<f64> = steps.chunks(size).map(mean).collect();
    let top = means.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut body = String::new();
    for part in [0.0, 0.5, 1.0] {
        let y = coordinate(100.0 * (1.0 - part));
        let _ = write!(
            body,
            r#"<line class="grid" x1="0" x2="100%" y1="{y}%" y2="{y}%"/><text class="axis" x="-10" y="{y}%" dy=".35em" text-anchor="end">{:.2}</text>"#,
            part * top
        );
    }
    for part in [0, 1] {
        tick(&mut body, 100.0 * f64::from(part), &(steps.len() * usize::try_from(part).unwrap_or(0)).to_string());
    }
    let x = |at: usize| coordinate(100.0 * at as f64 / (means.len().max(2) - 1) as f64);
    for (at, pair) in means.windows(2).enumerate() {
        if let [from, to] = pair {
            let y = |value: &f64| coordinate(100.0 * (1.0 - value / top));
            let _ = write!(body, r#"<line class="line s0" x1="{}%" y1="{}%" x2="{}%" y2="{}%"/>"#, x(at), y(from), x(at + 1), y(to));
        }
    }
    let told = match (means.first(), means.last()) {
        (Some(first), Some(last)) => format!("Loss from {first:.2} to {last:.2} over {} steps.", steps.len()),
        _ => "No steps.".to_owned(),
    };
    framed(&body, &told)
}

/// Returns the frame of a chart around what is drawn; `told` is what a screen reader says of it.
pub(super) fn framed(body: &str, told: &str) -> String {
    format!(r#"<svg class="curve" width="100%" height="260" overflow="visible" role="img" aria-label="{}">{body}</svg>"#, escape(told))
}
