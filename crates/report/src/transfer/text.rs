//! The matrix as plain text for a terminal.

use super::words;
use crate::format::{confidence, interval, percent, percent_figure, size};
use crate::terminal::{NARROWEST, Paint, ascii, shorten, wrap};
use brinell_record::Transfer;
use std::fmt::Write as _;

/// Columns of a source's name, and of one target.
const NAME: usize = 18;
const COLUMN: usize = 8;
/// Cells up to which each has a line of its own, with its interval.
const LISTED: usize = 16;

/// The matrix as text of at most `width` columns (at least 60); `colour` adds ANSI escapes. The text ends in a line feed.
pub fn table(transfer: &Transfer, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let mut out = String::new();
    let say = |out: &mut String, text: &str, paint: &dyn Fn(&str) -> String| {
        for line in wrap(&ascii(text), width) {
            let _ = writeln!(out, "{}", paint(&line));
        }
    };
    say(&mut out, &format!("{}.", words::headline(transfer)), &|line| paint.bold(line));
    out.push('\n');
    models(&mut out, transfer, width);
    out.push('\n');
    let columns = ((width - NAME) / COLUMN).max(1);
    for targets in transfer.targets.chunks(columns) {
        matrix(&mut out, transfer, targets);
        out.push('\n');
    }
    say(
        &mut out,
        "Percentage of the images that both target and source get right. In brackets: the attack on its own model, which is not transfer.",
        &str::to_owned,
    );
    out.push('\n');
    if transfer.cells.len() <= LISTED {
        cells(&mut out, transfer, width);
        out.push('\n');
    }
    means(&mut out, transfer, width);
    if let Some(text) = words::tested(&transfer.tests) {
        out.push('\n');
        say(&mut out, &text, &str::to_owned);
    }
    if let Some(cell) = transfer.cells.first() {
        let level = confidence(&cell.rate);
        say(
            &mut out,
            &format!("Intervals of cells are exact (Clopper-Pearson, {level}), of means from a bootstrap over images."),
            &str::to_owned,
        );
    }
    for note in &transfer.notes {
        say(&mut out, &format!("note: {note}"), &|line| paint.yellow(line));
    }
    out
}

/// Number, name and clean accuracy of every model, and what noise does to it.
fn models(out: &mut String, transfer: &Transfer, width: usize) {
    for (number, model) in transfer.models.iter().enumerate() {
        let noise = words::noise(transfer, number).map(|noise| format!(", noise fools {noise}")).unwrap_or_default();
        let line = format!("{:>2} {}: {} of {} right{noise}", number + 1, model.name, size(model.right), size(model.n));
        let _ = writeln!(out, "{}", shorten(&ascii(&line), width));
    }
}

fn matrix(out: &mut String, transfer: &Transfer, targets: &[usize]) {
    let head: String = targets.iter().map(|target| format!("{:>COLUMN$}", format!("to {}", target + 1))).collect();
    let _ = writeln!(out, "{:<NAME$}{head}", "made on");
    for (number, source) in transfer.sources.iter().enumerate() {
        let own = match source.models.as_slice() {
            [only] => format!("{:>2} {}", only + 1, source.name),
            _ => source.name.clone(),
        };
        let figures = targets.iter().map(|&target| {
            let cell = words::cell(transfer, number, target);
            let text = cell.map_or_else(
                || "-".to_owned(),
                |cell| {
                    let figure = if cell.both == 0 { "-".to_owned() } else { percent_figure(cell.rate.value) };
                    if cell.white_box { format!("[{figure}]") } else { figure }
                },
            );
            format!("{text:>COLUMN$}")
        });
        let _ = writeln!(out, "{:<NAME$}{}", shorten(&ascii(&own), NAME - 1), figures.collect::<String>());
    }
}

fn cells(out: &mut String, transfer: &Transfer, width: usize) {
    for cell in &transfer.cells {
        let (from, to) = (words::source(transfer, cell), words::model(transfer, cell.target));
        let counts = format!("{} of {} {} ({})", size(cell.fooled), size(cell.both), percent(cell.rate.value), interval(&cell.rate));
        let more = if cell.white_box {
            String::new()
        } else {
            format!(", {} with the same wrong class, {} by the change of another image", size(cell.same), size(cell.shuffled))
        };
        for (number, line) in wrap(&ascii(&format!("{from} -> {to}: {counts}{more}")), width - 2).iter().enumerate() {
            let _ = writeln!(out, "{}{line}", if number == 0 { "" } else { "  " });
        }
    }
}

fn means(out: &mut String, transfer: &Transfer, width: usize) {
    let mut line = |name: String, mean: String| {
        let _ = writeln!(out, "{}", shorten(&ascii(&format!("{name}: {mean}")), width));
    };
    for mean in transfer.outward.iter().filter(|mean| mean.cells > 1) {
        line(format!("made on {}: mean over {} targets", words::source_name(transfer, mean.number), mean.cells), words::mean(mean));
    }
    for mean in transfer.inward.iter().filter(|mean| mean.cells > 1) {
        line(format!("tested on {}: mean over {} sources", words::model(transfer, mean.number), mean.cells), words::mean(mean));
    }
}
