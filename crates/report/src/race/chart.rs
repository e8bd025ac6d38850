//! The race as a picture: a group of bars for each round.

use std::fmt::Write as _;

use super::words;
use crate::chart::{coordinate, escape, percent_axis};
use crate::format::percent_figure;
use brinell_record::{MoveKind, Race, RaceRound, Rate};

/// Bars of a group: clean, then the moves.
const BARS: usize = 5;
/// Letters for which there is room under all bars.
const WIDE: usize = 90;
/// Part of a group that its bars take.
const FILLED: f64 = 0.84;

/// What stands under a bar, so that colour is not needed to tell them apart.
pub(super) const MARKS: [&str; BARS] = ["c", "1", "2", "3", "4"];

pub(super) fn bars(race: &Race) -> String {
    let mut body = String::new();
    percent_axis(&mut body);
    let group = 100.0 / race.rounds.len().max(1) as f64;
    let width = group * FILLED / BARS as f64;
    let mut told = Vec::new();
    for (number, round) in race.rounds.iter().enumerate() {
        let start = group * (number as f64 + (1.0 - FILLED) / 2.0);
        let rates = rates(round);
        for (bar, rate) in rates.iter().enumerate() {
            let Some(rate) = rate else { continue };
            let (x, middle) = (start + width * bar as f64, start + width * (bar as f64 + 0.5));
            let y = |share: f64| coordinate(100.0 * (1.0 - share));
            let _ = write!(
                body,
                r#"<rect class="raced k{bar}" x="{}%" y="{}%" width="{}%" height="{}%"/><line class="whisker" x1="{m}%" x2="{m}%" y1="{}%" y2="{}%"/><text class="axis" x="{m}%" y="100%" dy="1.2em" text-anchor="middle">{}</text>"#,
                coordinate(x),
                y(rate.value),
                coordinate(width * 0.9),
                coordinate(100.0 * rate.value),
                y(rate.high),
                y(rate.low),
                MARKS.get(bar).unwrap_or(&""),
                m = coordinate(middle),
            );
        }
        let name = if round.name.chars().count() <= WIDE / race.rounds.len().max(1) { escape(&round.name) } else { words::number(number) };
        let _ = write!(
            body,
            r#"<text class="label" x="{}%" y="100%" dy="2.8em" text-anchor="middle">{name}</text>"#,
            coordinate(group * (number as f64 + 0.5))
        );
        let figures: Vec<String> = rates.iter().flatten().map(|rate| percent_figure(rate.value)).collect();
        told.push(format!("{}: {}", round.name, figures.join(", ")));
    }
    let told = format!("Per cent right, clean and after each move. {}.", told.join("; "));
    format!(r#"<svg class="curve" width="100%" height="280" overflow="visible" role="img" aria-label="{}">{body}</svg>"#, escape(&told))
}

fn rates(round: &RaceRound) -> [Option<&Rate>; BARS] {
    let of = |kind| words::left(round, kind);
    [Some(&round.clean), of(MoveKind::FirstSuccess), of(MoveKind::Strongest), of(MoveKind::Adaptive), of(MoveKind::Stronger)]
}
