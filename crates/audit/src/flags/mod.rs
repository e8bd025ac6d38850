//! What makes a result doubtful, as data.

mod kind;

use brinell_record::{Flag, Indicator, Measurement, Side};

pub(crate) use kind::*;
pub use kind::{ALL, Kind};

/// Collects flags and what was measured for them; one flag per id, the first message wins.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    flags: Vec<Flag>,
    indicators: Vec<Indicator>,
}

impl Flags {
    /// Raises a flag for a plain fact unless it is up already.
    pub(crate) fn raise(&mut self, kind: &Kind, message: impl Into<String>) {
        self.push(kind, message.into(), None);
    }

    /// Notes what was measured for a flag, and raises it where the value is on the wrong side of the kind's threshold.
    pub(crate) fn measure(&mut self, kind: &Kind, value: f64, message: impl FnOnce() -> String) {
        self.measure_against(kind, value, kind.threshold, message);
    }

    /// As [`Flags::measure`], with a threshold that depends on the run.
    pub(crate) fn measure_against(&mut self, kind: &Kind, value: f64, threshold: f64, message: impl FnOnce() -> String) {
        let raised = match kind.raised_if {
            Side::Above => value > threshold,
            Side::AtLeast => value >= threshold,
            Side::Below => value < threshold,
            Side::AtMost => value <= threshold,
        };
        let measurement = Measurement { value, threshold, raised_if: kind.raised_if, unit: kind.unit.to_owned() };
        let indicator =
            Indicator { id: kind.id.to_owned(), severity: kind.severity, raised, measurement: measurement.clone(), docs: kind.docs() };
        match self.indicators.iter_mut().find(|known| known.id == kind.id) {
            // What was raised once stays as it was raised.
            Some(known) if !known.raised => *known = indicator,
            Some(_) => {}
            None => self.indicators.push(indicator),
        }
        if raised {
            self.push(kind, message(), Some(measurement));
        }
    }

    /// Returns true where the flag is up.
    pub(crate) fn is_raised(&self, kind: &Kind) -> bool {
        self.flags.iter().any(|flag| flag.id == kind.id)
    }

    fn push(&mut self, kind: &Kind, message: String, measurement: Option<Measurement>) {
        if self.flags.iter().all(|flag| flag.id != kind.id) {
            self.flags.push(Flag { id: kind.id.to_owned(), message, severity: kind.severity, measurement, docs: kind.docs() });
        }
    }

    /// Returns all flags, the gravest first, and all indicators by id.
    pub(crate) fn into_sorted(mut self) -> (Vec<Flag>, Vec<Indicator>) {
        self.flags.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        self.indicators.sort_by(|a, b| a.id.cmp(&b.id));
        (self.flags, self.indicators)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_stays_in_the_record_whether_raised_or_not() {
        let mut flags = Flags::default();
        flags.measure(&SILENT_SUCCESS, 0.0, || unreachable!("not raised"));
        flags.measure_against(&NEAR_CHANCE, 0.08, 0.1, || "first".to_owned());
        flags.measure_against(&NEAR_CHANCE, 0.9, 0.1, || "second".to_owned());
        flags.raise(&RUNTIME, "rten");
        let (flags, indicators) = flags.into_sorted();
        let seen: Vec<_> = flags.iter().map(|flag| (flag.id.as_str(), flag.message.as_str(), flag.measurement.is_some())).collect();
        assert_eq!(seen, [(NEAR_CHANCE.id, "first", true), (RUNTIME.id, "rten", false)]);
        let seen: Vec<_> = indicators.iter().map(|i| (i.id.as_str(), i.raised, i.measurement.value)).collect();
        assert_eq!(seen, [(NEAR_CHANCE.id, true, 0.08), (SILENT_SUCCESS.id, false, 0.0)]);
    }

    #[test]
    fn each_side_of_a_threshold_is_what_its_name_says() {
        for (raised_if, expected) in [
            (Side::Above, [false, false, true]),
            (Side::AtLeast, [false, true, true]),
            (Side::Below, [true, false, false]),
            (Side::AtMost, [true, true, false]),
        ] {
            for (value, raised) in [1.0, 2.0, 3.0].into_iter().zip(expected) {
                let mut flags = Flags::default();
                flags.measure(&Kind { raised_if, threshold: 2.0, ..SILENT_SUCCESS }, value, String::new);
                assert_eq!(flags.flags.len(), usize::from(raised), "{raised_if:?} {value}");
                assert_eq!(flags.indicators[0].raised, raised);
            }
        }
    }

    /// Where the documentation says what a flag means.
    const PAGE: &str = include_str!("../../../../docs/flags.md");

    #[test]
    fn every_flag_has_its_section_and_every_section_its_flag() {
        let headings: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let mut ids: Vec<&str> = ALL.iter().map(|kind| kind.id).collect();
        for id in &ids {
            assert!(headings.contains(id), "docs/flags.md has no section `### {id}`");
        }
        for heading in &headings {
            assert!(ids.contains(heading), "docs/flags.md describes `{heading}`, which is no flag");
        }
        assert_eq!(headings.len(), ids.len());
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len(), "two flags share an id");
    }

    #[test]
    fn every_section_says_severity_condition_reason_and_remedy() {
        for kind in ALL {
            let section = PAGE.split("\n### ").find(|part| part.lines().next() == Some(kind.id)).unwrap();
            // A unit may be broken over two lines.
            let section = section.split_whitespace().collect::<Vec<_>>().join(" ");
            let severity = format!("**Severity:** {}", format!("{:?}", kind.severity).to_lowercase());
            for part in [severity.as_str(), "**Raised if**", "**Why it matters.**", "**What to do.**"] {
                assert!(section.contains(part), "{}: no {part}", kind.id);
            }
            assert!(kind.unit.is_empty() || section.contains(kind.unit), "{}: the unit `{}` is not said", kind.id, kind.unit);
        }
    }
}
