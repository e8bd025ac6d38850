//! The race as plain text for a terminal.

use std::fmt::Write as _;

use super::words;
use crate::format::{interval, percent, percent_figure, significant, size};
use crate::terminal::{NARROWEST, Paint, ascii, shorten, wrap};
use brinell_record::{Defended, Detected, Latency, MoveKind, Race, Rate, Shares};

const NAME: usize = 18;
const COLUMN: usize = 9;

/// The race as text of at most `width` columns (at least 60); `colour` adds ANSI escapes. The text ends in a line feed.
#[must_use]
pub fn table(race: &Race, width: usize, colour: bool) -> String {
    let width = width.max(NARROWEST);
    let paint = Paint { colour };
    let mut out = String::new();
    let say = |out: &mut String, text: &str, paint: &dyn Fn(&str) -> String| {
        for line in wrap(&ascii(text), width) {
            let _ = writeln!(out, "{}", paint(&line));
        }
    };
    say(&mut out, &format!("{}.", words::headline(race)), &|line| paint.bold(line));
    out.push('\n');
    let head: String = ["clean", "first", "strong", "adaptive", "stronger"].iter().map(|name| format!("{name:>COLUMN$}")).collect();
    let _ = writeln!(out, "{:<NAME$}{head}", "% surviving");
    for round in &race.rounds {
        let figure = |rate: Option<&Rate>| rate.map_or_else(|| "-".to_owned(), |rate| percent_figure(rate.value));
        let rates = std::iter::once(Some(&round.clean)).chain(MoveKind::ALL.iter().map(|kind| words::left(round, *kind)));
        let cells: String = rates.map(|rate| format!("{:>COLUMN$}", figure(rate))).collect();
        let _ = writeln!(out, "{:<NAME$}{cells}", shorten(&ascii(&round.name), NAME - 1));
        let refused = round.refused.as_ref().map(|rate| format!(" ({} refused without any attack)", percent(rate.value)));
        let _ = writeln!(out, "  {}{}", words::verdict(round), refused.unwrap_or_default());
    }
    out.push('\n');
    for (name, kind) in ["first", "strong", "adaptive", "stronger"].iter().zip(MoveKind::ALL) {
        say(&mut out, &format!("{name}: the attacker {}", kind.knows()), &str::to_owned);
    }
    out.push('\n');
    for sentence in race.rounds.iter().filter_map(|round| words::sentence(race, round)) {
        say(&mut out, &format!("{sentence}."), &str::to_owned);
    }
    say(&mut out, &format!("{}.", words::scope(race)), &str::to_owned);
    for note in &race.notes {
        say(&mut out, &format!("note: {note}"), &|line| paint.yellow(line));
    }
    out
}

/// What a defended file costs, as text of at most `width` columns. The text ends in a line feed.
#[must_use]
pub fn defended(defended: &Defended, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut out = String::new();
    let say = |out: &mut String, text: &str| {
        for line in wrap(&ascii(text), width) {
            let _ = writeln!(out, "{line}");
        }
    };
    let [before, after] = &defended.clean;
    say(&mut out, &format!("{} in front of {}", defended.transforms, defended.parent));
    for (name, rate) in [("without", before), ("with", after)] {
        say(&mut out, &format!("{name:>8}: {} right ({})", percent(rate.value), interval(rate)));
    }
    say(&mut out, &format!("{} of {} answers differ", size(defended.differing), size(defended.n)));
    defended.latency.iter().for_each(|one| say(&mut out, &times(one)));
    out
}

fn times(one: &Latency) -> String {
    let ms = |value: f64| significant(value, 3);
    format!(
        "batch {}: {} -> {} ms at the median, {} -> {} ms at the 99th percentile of {} calls",
        one.batch,
        ms(one.parent.p50),
        ms(one.defended.p50),
        ms(one.parent.p99),
        ms(one.defended.p99),
        size(one.calls)
    )
}

/// What a detector refuses and costs, as text of at most `width` columns. The text ends in a line feed.
#[must_use]
pub fn detected(detected: &Detected, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut out = String::new();
    let say = |out: &mut String, text: &str| {
        for line in wrap(&ascii(text), width) {
            let _ = writeln!(out, "{line}");
        }
    };
    let refusal = &detected.refusal;
    say(&mut out, &format!("{} behind {}", refusal.detector, detected.parent));
    say(
        &mut out,
        &format!(
            "It refuses a suspicion above {} (number {} of {} ordinary samples). With 95 % confidence it refuses at most {} of ordinary samples, if they are like these.",
            significant(refusal.threshold, 4),
            size(refusal.k),
            size(refusal.n),
            percent(refusal.fpr_upper)
        ),
    );
    let shares = |out: &mut String, name: &str, shares: &Shares| {
        say(
            out,
            &format!(
                "{name}, {} samples: {} right, {} refused, {} wrong and accepted",
                size(shares.n),
                percent(shares.right.value),
                percent(shares.refused.value),
                percent(shares.fooled.value)
            ),
        );
        let worst = shares.worst_class.as_ref().map(|(class, rate)| format!("; most of class {class}, {}", percent(rate.value)));
        say(
            out,
            &format!(
                "  of those that are right without it, it refuses {} ({}){}",
                percent(shares.fpr.value),
                interval(&shares.fpr),
                worst.unwrap_or_default()
            ),
        );
    };
    shares(&mut out, "calibration", &detected.calibration);
    match &detected.fresh {
        Some(fresh) => shares(&mut out, "fresh", fresh),
        None => say(&mut out, "What it refuses of other samples was not measured."),
    }
    detected.latency.iter().for_each(|one| say(&mut out, &times(one)));
    out
}
