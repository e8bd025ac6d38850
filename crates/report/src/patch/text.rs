//! A patch as plain text for a terminal.

use super::words;
use crate::format::{percent, size};
use crate::terminal::{NARROWEST, Paint, ascii, wrap};
use brinell_record::{Patch, PatchScore};
use std::fmt::Write as _;

/// What the patch does to each target, as text of at most `width` columns (at least 60); `colour` adds ANSI escapes. The text ends in a line feed.
pub fn table(patch: &Patch, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let mut out = String::new();
    for line in wrap(&ascii(&format!("{}.", words::headline(patch))), width) {
        let _ = writeln!(out, "{}", paint.bold(&line));
    }
    let mut say = |indent: usize, text: &str| {
        for (number, line) in wrap(&ascii(text), width - indent - 2).iter().enumerate() {
            let _ = writeln!(out, "{:indent$}{}{line}", "", if number == 0 { "" } else { "  " });
        }
    };
    for target in &patch.targets {
        let own = if target.white_box { ", also a source" } else { "" };
        let silent = target.patch.unobserved;
        let silent = if silent > 0 { format!(", {} without an answer", size(silent)) } else { String::new() };
        say(0, &format!("{}{own}{silent}", words::name(patch, target.target)));
        for (name, score) in [("patch", &target.patch), ("grey square", &target.grey), ("random square", &target.noise)] {
            say(2, &line(name, score));
        }
        say(2, &format!("images of the fit: {}, which says nothing about new images", words::control(&target.fit)));
    }
    say(0, &format!("{}.", words::grid(patch)));
    say(0, &words::scope());
    out
}

fn line(name: &str, score: &PatchScore) -> String {
    format!(
        "{name}: {} in the middle; {} under half of the conditions; mean {}, {}",
        words::share(&score.plain, score.n),
        words::share(&score.half, score.n),
        percent(score.mean),
        words::range(score)
    )
}
