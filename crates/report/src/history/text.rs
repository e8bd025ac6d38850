//! The history as plain text for a terminal.

use super::words;
use crate::format::{confidence_level, percent};
use crate::terminal::{NARROWEST, Paint, ascii, shorten, wrap};
use brinell_record::{History, HistoryGroup, Rate, RunEntry};
use std::fmt::Write as _;

/// Widths of the columns before the chart: time, model, share.
const TIME: usize = 16;
const SHARE: usize = 7;

/// Tables with a bar per run, as text of at most `width` columns (at least 60); `colour` adds ANSI escapes. The text ends in a line
/// feed.
pub fn table(history: &History, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let mut out = String::new();
    if let Some(said) = words::separation(history) {
        for line in wrap(&ascii(&said), width) {
            let _ = writeln!(out, "{}", paint.yellow(&line));
        }
        out.push('\n');
    }
    for (at, group) in history.groups.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        one(&mut out, group, width, &paint);
    }
    out
}

fn one(out: &mut String, group: &HistoryGroup, width: usize, paint: &Paint) {
    for line in wrap(&ascii(&words::group(group)).replace('≤', "<="), width) {
        let _ = writeln!(out, "{}", paint.bold(&line));
    }
    if let Some(said) = words::variation(group) {
        for line in wrap(&ascii(&said), width) {
            let _ = writeln!(out, "{}", paint.yellow(&line));
        }
    }
    let model = group.runs.iter().map(|run| run.model.name.chars().count()).max().unwrap_or(0).clamp(5, 20);
    let chart = width - TIME - model - SHARE - 6;
    let scale = format!("{:<w$}100 %", "0 %", w = chart - 5);
    let header = format!("{:<TIME$}  {:<model$}  {:>SHARE$}  {scale}", "ended (UTC)", "model", "robust");
    let _ = writeln!(out, "{}", paint.dim(header.trim_end()));
    for run in &group.runs {
        let name = shorten(&ascii(&run.model.name), model);
        let share = ascii(&percent(run.robust_accuracy.value));
        let row = format!("{:<TIME$}  {name:<model$}  {share:>SHARE$}  {}", shorten(&ascii(&words::time(run)), TIME), bar(run, chart));
        let _ = writeln!(out, "{}", row.trim_end());
        if !run.blocking.is_empty() {
            let text = format!("{:<TIME$}  not reliable: {}", "", run.blocking.join(", "));
            let _ = writeln!(out, "{}", paint.red(&shorten(&ascii(&text), width)));
        }
    }
    if let Some(run) = group.runs.first() {
        let level = ascii(&confidence_level(run.robust_accuracy.confidence));
        let _ = writeln!(out, "{}", paint.dim(&format!("o robust accuracy with its {level} interval, c clean accuracy")));
    }
}

/// A line from 0 to 100 %: the interval as dashes, the share as `o`, clean accuracy as `c`.
fn bar(run: &RunEntry, width: usize) -> String {
    let mut cells = vec![' '; width];
    let at = |value: f64| ((value.clamp(0.0, 1.0) * (width - 1) as f64).round()) as usize;
    let Rate { value, low, high, .. } = run.robust_accuracy;
    cells[at(low)..=at(high).max(at(low))].fill('-');
    cells[at(run.clean_accuracy.value)] = 'c';
    cells[at(value)] = 'o';
    cells.into_iter().collect()
}
