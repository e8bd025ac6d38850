//! The comparison as plain text for a terminal.

use super::words;
use crate::format::{confidence_level, size};
use crate::terminal::{NARROWEST, Paint, ascii, shorten, wrap};
use brinell_record::{Comparison, Paired, RunEntry, Turned};
use std::fmt::Write as _;

/// Samples listed one by one.
const ROWS: usize = 20;

/// The comparison as text of at most `width` columns (at least 60); `colour` adds ANSI escapes. The text ends in a line feed.
pub fn table(comparison: &Comparison, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let mut out = String::new();
    for line in wrap(&ascii(&words::headline(comparison)), width) {
        let _ = writeln!(out, "{}", paint.bold(&line));
    }
    for caveat in words::caveats(comparison) {
        for line in wrap(&ascii(&caveat), width) {
            let _ = writeln!(out, "{}", paint.yellow(&line));
        }
    }
    differences(&mut out, comparison, width);
    counts(&mut out, comparison);
    for (name, table) in [("clean", &comparison.clean), ("under attack", &comparison.robust)] {
        let text = format!("{name}: {} Change {}.", words::test(table), words::change(&table.change));
        for line in wrap(&ascii(&text), width) {
            let _ = writeln!(out, "{line}");
        }
    }
    out.push('\n');
    for (name, run) in [("A", &comparison.a), ("B", &comparison.b)] {
        side(&mut out, name, run, width);
    }
    let level = ascii(&confidence_level(comparison.b.robust_accuracy.confidence));
    let _ = writeln!(out, "Intervals of shares are exact (Clopper-Pearson, {level}).");
    list(&mut out, "Lost", "A but not in B", &comparison.lost, &comparison.b, comparison, width);
    list(&mut out, "Gained", "B but not in A", &comparison.gained, &comparison.a, comparison, width);
    out
}

fn differences(out: &mut String, comparison: &Comparison, width: usize) {
    let name = comparison.differences.iter().map(|difference| difference.setting.len()).max().unwrap_or(0);
    for difference in &comparison.differences {
        for (side, value) in [("A", &difference.a), ("B", &difference.b)] {
            let setting = if side == "A" { difference.setting.as_str() } else { "" };
            let _ = writeln!(out, "{}", shorten(&ascii(&format!("  {setting:<name$}  {side}: {value}")), width));
        }
    }
    out.push('\n');
}

/// Columns: what holds, before any attack, under attack.
fn counts(out: &mut String, comparison: &Comparison) {
    let _ = writeln!(out, "{:<24}{:>10}{:>15}", "samples right with", "clean", "under attack");
    let cells = |table: &Paired| [table.both, table.only_a, table.only_b, table.neither].map(size);
    let names = ["both", "A only (lost)", "B only (gained)", "neither"];
    for ((name, clean), robust) in names.iter().zip(cells(&comparison.clean)).zip(cells(&comparison.robust)) {
        let _ = writeln!(out, "  {name:<22}{clean:>10}{robust:>15}");
    }
    out.push('\n');
}

fn side(out: &mut String, name: &str, run: &RunEntry, width: usize) {
    let [clean, robust] = words::accuracy(run);
    let _ = writeln!(out, "{}", shorten(&ascii(&format!("{name}  {}  {}  {}", run.model.name, run.created, run.folder)), width));
    let _ = writeln!(out, "   {}", ascii(&format!("clean   {clean}")));
    let _ = writeln!(out, "   {}", ascii(&format!("robust  {robust}")));
}

fn list(out: &mut String, name: &str, place: &str, turned: &[Turned], fell: &RunEntry, comparison: &Comparison, width: usize) {
    if turned.is_empty() {
        let _ = writeln!(out, "\n{name}: no sample survives in {place}.");
        return;
    }
    let _ = writeln!(out, "\n{name}: {} survive in {place}", size(turned.len()));
    for one in turned.iter().take(ROWS) {
        let label = crate::verdict::label_name(&comparison.classes, &one.label);
        let text = format!("{:>8}  {}: {}", one.sample, label, words::fall(one, fell, &comparison.classes));
        let _ = writeln!(out, "{}", shorten(&ascii(&text), width));
    }
    if turned.len() > ROWS {
        let _ = writeln!(out, "{:>8}  and {} more; the JSON and the page list them", "..", size(turned.len() - ROWS));
    }
}
