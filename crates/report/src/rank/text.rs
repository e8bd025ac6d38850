//! The ranking as plain text for a terminal.

use super::words;
use crate::format::{NBSP, interval, percent};
use crate::terminal::{NARROWEST, Paint, ascii, shorten, wrap};
use brinell_record::Ranking;
use std::fmt::Write as _;

/// Columns of ranks, of clean accuracy and of robust accuracy with its interval.
const RANK: usize = 7;
const CLEAN: usize = 8;
const ROBUST: usize = 22;
/// Pairs up to which each has a line.
const LISTED: usize = 10;

/// The ranking as text of at most `width` columns (at least 60); `colour` adds ANSI escapes. The text ends in a line feed.
pub fn table(ranking: &Ranking, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let mut out = String::new();
    let say = |out: &mut String, text: &str, paint: &dyn Fn(&str) -> String| {
        for line in wrap(&ascii(text), width) {
            let _ = writeln!(out, "{}", paint(&line));
        }
    };
    say(&mut out, &format!("{}.", words::headline(ranking)), &|line| paint.bold(line));
    for note in &ranking.notes {
        say(&mut out, &format!("note: {note}"), &|line| paint.yellow(line));
    }
    out.push('\n');
    let name = width - RANK - CLEAN - ROBUST;
    let head = format!("{:<RANK$}{:<name$}{:>CLEAN$}{:>ROBUST$}", "rank", "model", "clean", "robust");
    let _ = writeln!(out, "{}", paint.dim(head.trim_end()));
    for model in &ranking.models {
        let robust = format!("{} ({})", percent(model.robust_accuracy.value), interval(&model.robust_accuracy));
        let _ = writeln!(
            out,
            "{:<RANK$}{:<name$}{:>CLEAN$}{:>ROBUST$}",
            ascii(&words::rank(model.rank)),
            shorten(&ascii(&model.name), name - 1),
            ascii(&percent(model.clean_accuracy.value)),
            ascii(&robust)
        );
    }
    distances(&mut out, ranking, width, &paint);
    out.push('\n');
    say(&mut out, &words::tested(ranking), &str::to_owned);
    if ranking.pairs.len() <= LISTED {
        pairs(&mut out, ranking, width);
    }
    say(&mut out, words::RANKS, &str::to_owned);
    if let Some(text) = words::class_distance(ranking) {
        say(&mut out, &text, &str::to_owned);
    }
    let intervals = format!("Intervals of shares and medians are exact (95{NBSP}%).");
    say(&mut out, &format!("{intervals} {}", crate::export::NO_PROOF), &str::to_owned);
    out
}

/// The nearest examples of every model, in their own order.
fn distances(out: &mut String, ranking: &Ranking, width: usize, paint: &Paint) {
    let mut models: Vec<_> = ranking.models.iter().filter_map(|model| Some((model, model.distances.as_ref()?))).collect();
    if models.is_empty() {
        return;
    }
    models.sort_by(|(_, a), (_, b)| b.median.value.total_cmp(&a.median.value));
    let multiple = models.iter().any(|(_, found)| found.multiple.is_some());
    let column = if multiple { 24 } else { 32 };
    let name = width - RANK - column * if multiple { 2 } else { 1 };
    let more = if multiple { format!("{:>column$}", "of class distance") } else { String::new() };
    let head = format!("{:<RANK$}{:<name$}{:>column$}{more}", "rank", "model", "median distance");
    let _ = writeln!(out, "\n{}", paint.dim(&head));
    for (model, found) in models {
        let more = found.multiple.as_ref().map(|multiple| format!("{:>column$}", ascii(&words::multiple(multiple)))).unwrap_or_default();
        let _ = writeln!(
            out,
            "{:<RANK$}{:<name$}{:>column$}{more}",
            ascii(&words::rank(found.rank)),
            shorten(&ascii(&model.name), name - 1),
            ascii(&words::median(&found.median, ranking))
        );
    }
}

fn pairs(out: &mut String, ranking: &Ranking, width: usize) {
    for pair in words::pairs(ranking) {
        let (a, b) = (words::name(ranking, pair.a), words::name(ranking, pair.b));
        let counts = format!("{} samples survive only with the first, {} only with the second", pair.robust.only_a, pair.robust.only_b);
        let text = format!("{a} and {b}: {counts}, corrected p = {}", words::p(pair.robust_adjusted));
        for (number, line) in wrap(&ascii(&text), width - 4).iter().enumerate() {
            let _ = writeln!(out, "{}{line}", if number == 0 { "  " } else { "    " });
        }
    }
}
