//! A universal change as plain text for a terminal.

use crate::format::{interval, percent, size};
use crate::terminal::{NARROWEST, ascii, wrap};
use brinell_record::{Control, Universal};
use std::fmt::Write as _;

/// What a universal change does to each target, as text of at most `width` columns (at least 60). The text ends in a line feed.
pub fn universal(found: &Universal, width: usize) -> String {
    let width = width.max(NARROWEST);
    let name = |number: usize| found.models.get(number).map_or_else(|| number.to_string(), |model| model.name.clone());
    let sources = found.sources.iter().map(|source| name(*source)).collect::<Vec<_>>().join(", ");
    let mut out = String::new();
    let mut say = |text: &str| {
        for (number, line) in wrap(&ascii(text), width - 2).iter().enumerate() {
            let _ = writeln!(out, "{}{line}", if number == 0 { "" } else { "  " });
        }
    };
    say(&format!(
        "One change within {} for all images, computed with {sources} from {} images and tested on {} others.",
        found.eps,
        size(found.n_fit),
        size(found.n_test)
    ));
    let share = |control: &Control| {
        format!("{} of {} {} ({})", size(control.fooled), size(control.right), percent(control.rate.value), interval(&control.rate))
    };
    for target in &found.targets {
        let own = if target.white_box { ", also a source" } else { "" };
        let (fit, noise) = (&target.fit, &target.noise);
        let beside = format!(
            "random signs {} of {}, images it was computed from {} of {}",
            size(noise.fooled),
            size(noise.right),
            size(fit.fooled),
            size(fit.right)
        );
        say(&format!("{}{own}: fooled on {}; {beside}", name(target.target), share(&target.test)));
    }
    say(
        "Shares of the images that a target gets right. Success on the images that the change was computed from shows nothing about other images.",
    );
    out
}
