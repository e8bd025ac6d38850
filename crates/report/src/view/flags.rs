//! Flags, the gravest first, each with what was measured, what its severity asks of the reader and what the documentation says.

use super::manual::{self, Paragraph};
use crate::format::{count, sentence, significant};
use brinell_record::{Flag, Indicator, Measurement, Sanity, SanityLevel, Severity, Side};
use serde::Serialize;

/// All flags of an audit or a claim.
#[derive(Serialize)]
pub(super) struct FlagsView {
    items: Vec<FlagView>,
    /// What stands at the head of the page: the flags that are more than notes.
    doubts: Vec<Doubt>,
    /// What was measured and stayed on the right side of its threshold.
    silent: Vec<SilentRow>,
    /// How closely was looked.
    sanity: String,
}

#[derive(Serialize)]
struct FlagView {
    id: String,
    /// Where the page jumps to.
    anchor: String,
    message: String,
    measured: String,
    severity: &'static str,
    advice: &'static str,
    manual: Vec<Paragraph>,
}

/// A link to a flag.
#[derive(Serialize)]
struct Doubt {
    severity: &'static str,
    id: String,
    anchor: String,
}

#[derive(Serialize)]
struct SilentRow {
    id: String,
    severity: &'static str,
    measured: String,
    raised_if: String,
    unit: String,
}

impl FlagsView {
    /// Links lead to anchors that begin with `prefix`, so that several audits fit on a page.
    pub(super) fn of(flags: &[Flag], indicators: &[Indicator], sanity: Option<&Sanity>, prefix: &str) -> Self {
        let mut flags: Vec<&Flag> = flags.iter().collect();
        flags.sort_by_key(|flag| std::cmp::Reverse(flag.severity));
        let items: Vec<FlagView> = flags
            .iter()
            .enumerate()
            .map(|(at, flag)| FlagView {
                id: flag.id.clone(),
                anchor: format!("{prefix}flag-{}", at + 1),
                message: sentence(&flag.message),
                measured: flag.measurement.as_ref().map(measured).unwrap_or_default(),
                severity: severity(flag.severity),
                advice: advice(flag.severity),
                manual: manual::section(&flag.id),
            })
            .collect();
        let doubts = flags
            .iter()
            .zip(&items)
            .filter(|(flag, _)| flag.severity > Severity::Note)
            .map(|(_, item)| Doubt { severity: item.severity, id: item.id.clone(), anchor: item.anchor.clone() })
            .collect();
        let silent = indicators.iter().filter(|indicator| !indicator.raised).map(silent).collect();
        Self { items, doubts, silent, sanity: sanity.map(looked).unwrap_or_default() }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "blocking",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn advice(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "Do not use these figures until this is fixed.",
        Severity::Warning => "The figures may be too good or too bad: check this before you rely on them.",
        Severity::Note => "Nothing to do; the figures are valid.",
    }
}

/// The value beside what it was compared with.
fn measured(measurement: &Measurement) -> String {
    format!("Measured: {} {}; raised {}.", significant(measurement.value, 4), measurement.unit, condition(measurement))
}

fn condition(measurement: &Measurement) -> String {
    let side = match measurement.raised_if {
        Side::Above => "above",
        Side::AtLeast => "from",
        Side::Below => "below",
        Side::AtMost => "up to",
    };
    format!("{side} {}", significant(measurement.threshold, 4))
}

fn silent(indicator: &Indicator) -> SilentRow {
    SilentRow {
        id: indicator.id.clone(),
        severity: severity(indicator.severity),
        measured: significant(indicator.measurement.value, 4),
        raised_if: condition(&indicator.measurement),
        unit: indicator.measurement.unit.clone(),
    }
}

fn looked(sanity: &Sanity) -> String {
    let level = match sanity.level {
        SanityLevel::Off => "off",
        SanityLevel::Cheap => "cheap",
        SanityLevel::Full => "full",
    };
    let asked = format!("{} additional forward and {} backward passes", count(sanity.forwards), count(sanity.backwards));
    format!("Checks ran at sanity level {level}, with {asked}. These passes are not counted in any stage.")
}
