//! A claimed threshold beside what was found: the observed share and its bounds.

use super::{coordinate, escape};
use crate::format::{NBSP, percent, significant};
use brinell_record::{Numbers, Relation};
use std::fmt::Write as _;

/// Draws the figures that decide a claim; `None` where the claim names no threshold.
pub(crate) fn decision(numbers: &Numbers) -> Option<String> {
    let (threshold, relation) = (numbers.threshold?, numbers.relation?);
    let (from, to, word) = match relation {
        Relation::AtLeast => (threshold, 1.0, "at least"),
        Relation::AtMost => (0.0, threshold, "at most"),
    };
    let claimed = format!("claimed: {word} {}{NBSP}%", significant(100.0 * threshold, 6));
    let at = |share: f64| coordinate(100.0 * share.clamp(0.0, 1.0));
    // A label near an end of the bar grows towards the other.
    let anchor = if threshold > 0.6 { "end" } else { "start" };
    let mut body = format!(
        r#"<text class="truth" x="{x}%" y="13" text-anchor="{anchor}">{claimed}</text><g class="bracket"><line x1="{from}%" x2="{to}%" y1="22" y2="22"/></g><rect class="rest" width="100%" y="34" height="16"/>"#,
        x = at(if threshold > 0.6 { to } else { from }),
        from = at(from),
        to = at(to),
    );
    let _ = write!(
        body,
        r#"<rect class="survived" x="{}%" width="{}%" y="34" height="16"/><g class="bracket"><line x1="{t}%" x2="{t}%" y1="18" y2="56"/></g>"#,
        at(numbers.low),
        at((numbers.high - numbers.low).max(0.0)),
        t = at(threshold),
    );
    if let Some(value) = numbers.value {
        let _ = write!(body, r#"<svg x="{}%" y="42" overflow="visible"><path class="point" d="M0-5L5 0L0 5L-5 0Z"/></svg>"#, at(value));
    }
    for tick in [0, 25, 50, 75, 100] {
        let anchor = match tick {
            0 => "start",
            100 => "end",
            _ => "middle",
        };
        let _ = write!(body, r#"<text class="axis" x="{tick}%" y="74" text-anchor="{anchor}">{tick}{NBSP}%</text>"#);
    }
    let observed = numbers.value.map_or_else(|| "nothing observed".to_owned(), |value| format!("observed: {}", percent(value)));
    let label = format!("{claimed}; {observed}; bounds from {} to {}", percent(numbers.low), percent(numbers.high));
    Some(format!(r#"<svg class="decision" width="100%" height="78" role="img" aria-label="{}">{body}</svg>"#, escape(&label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(relation: Relation, threshold: f64) -> Numbers {
        Numbers {
            quantity: "robust_accuracy".into(),
            count: 6,
            n: 16,
            population: 100,
            value: Some(0.375),
            low: 0.12,
            high: 0.571,
            relation: Some(relation),
            threshold: Some(threshold),
            confidence: 0.95,
        }
    }

    #[test]
    fn the_claimed_side_reaches_to_its_end() {
        let drawn = decision(&numbers(Relation::AtLeast, 0.9)).unwrap();
        assert!(drawn.contains(r#"x1="90%" x2="100%""#) && drawn.contains(r#"x="12%" width="45.1%""#), "{drawn}");
        assert!(decision(&numbers(Relation::AtMost, 0.2)).unwrap().contains(r#"x1="0%" x2="20%""#));
    }

    #[test]
    fn a_claim_without_threshold_is_not_drawn() {
        assert!(decision(&Numbers { threshold: None, ..numbers(Relation::AtLeast, 0.9) }).is_none());
    }
}
