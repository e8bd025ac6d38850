//! The sandwich: proven <= truth <= survived, in one bar over all samples, and the same figures as a table.

use super::{coordinate, escape, share};
use crate::format::{NBSP, confidence, interval, percent, size};
use crate::verdict::{class_name, noun, plural};
use brinell_record::{Rate, Summary};
use serde::Serialize;
use std::fmt::Write as _;

/// The drawing, its rows and what follows from it.
#[derive(Serialize)]
pub(crate) struct SandwichView {
    svg: String,
    rows: Vec<Row>,
    /// Level of the intervals.
    confidence: String,
    /// Where the truth lies, on these samples and beyond them.
    truth: String,
}

/// One part of the bar.
#[derive(Serialize)]
struct Row {
    /// Class of the swatch; empty for a sum of the rows above.
    key: &'static str,
    name: String,
    count: String,
    share: String,
    interval: String,
}

impl SandwichView {
    /// Draws an audit; `None` for a single sample, of which the verdict says all, and where there is no radius within which to survive.
    ///
    /// `fixed` tells whether the number of samples was fixed beforehand; where it was not, intervals would not hold and are left out.
    pub(crate) fn of(summary: &Summary, fixed: bool) -> Option<Self> {
        (summary.data.n > 1 && summary.minimum_norm.is_none()).then(|| Self {
            svg: svg(summary, fixed),
            rows: rows(summary, fixed),
            confidence: confidence(&summary.robust_accuracy),
            truth: truth(summary, fixed),
        })
    }
}

/// Samples that were proven to be robust.
fn proven(summary: &Summary) -> usize {
    summary.certified.map_or(0, |certified| certified.count)
}

/// Reaches from the left: what was proven, what survived, what was broken, what was wrong.
fn svg(summary: &Summary, fixed: bool) -> String {
    let n = summary.data.n;
    let (survived, broken, proven) = (share(summary.survived, n), share(summary.broken, n), share(proven(summary), n));
    let rate = &summary.robust_accuracy;
    let mut body = String::new();
    for (class, from, width) in [
        ("rest", survived + broken, 100.0 - survived - broken),
        ("fell", survived, broken),
        ("survived", proven, survived - proven),
        ("proven", 0.0, proven),
    ] {
        if width > 0.0 {
            let _ = write!(body, r#"<rect class="{class}" x="{}%" y="30" width="{}%" height="34"/>"#, coordinate(from), coordinate(width));
        }
    }
    for edge in [proven, survived, survived + broken] {
        if edge > 0.0 && edge < 100.0 {
            let x = coordinate(edge);
            let _ = write!(body, r#"<line class="edge" x1="{x}%" x2="{x}%" y1="30" y2="64"/>"#);
        }
    }
    bracket(&mut body, proven, survived);
    if fixed {
        whisker(&mut body, rate);
    }
    for tick in [0, 25, 50, 75, 100] {
        let anchor = match tick {
            0 => "start",
            100 => "end",
            _ => "middle",
        };
        let _ = write!(body, r#"<text class="axis" x="{tick}%" y="104" text-anchor="{anchor}">{tick}{NBSP}%</text>"#);
    }
    let between = if fixed { format!(", {} interval {}", confidence(rate), interval(rate)) } else { String::new() };
    let said = match summary.certified {
        Some(certified) => format!("Proven {}", percent(certified.rate.value)),
        None => "Proven 0 %, because no proof was attempted".to_owned(),
    };
    let label = format!(
        "Bar of all {} {}. {said}. Survived every attack {}{between}. Broken {}. Wrong without an attack {}.",
        size(n),
        plural(n, noun(summary)),
        percent(rate.value),
        percent(broken / 100.0),
        percent(1.0 - summary.clean_accuracy.value),
    );
    format!(r#"<svg class="sandwich" width="100%" height="108" role="img" aria-label="{}">{body}</svg>"#, escape(&label))
}

/// Spans what is neither proven nor broken.
fn bracket(body: &mut String, from: f64, to: f64) {
    if to <= from {
        return;
    }
    let (anchor, x) = if to - from >= 40.0 {
        ("middle", f64::midpoint(from, to))
    } else if from > 60.0 {
        ("end", to)
    } else {
        ("start", from)
    };
    let _ = write!(
        body,
        r#"<text class="truth" x="{}%" y="13" text-anchor="{anchor}">the true value is here</text><g class="bracket"><line x1="{from}%" x2="{to}%" y1="22" y2="22"/><line x1="{from}%" x2="{from}%" y1="18" y2="26"/><line x1="{to}%" x2="{to}%" y1="18" y2="26"/></g>"#,
        coordinate(x),
        from = coordinate(from),
        to = coordinate(to),
    );
}

/// An interval with its point below the bar.
fn whisker(body: &mut String, rate: &Rate) {
    let [low, value, high] = [rate.low, rate.value, rate.high].map(|end| coordinate(100.0 * end));
    let _ = write!(
        body,
        r#"<g class="whisker"><line x1="{low}%" x2="{high}%" y1="77" y2="77"/><line x1="{low}%" x2="{low}%" y1="72" y2="82"/><line x1="{high}%" x2="{high}%" y1="72" y2="82"/></g><svg x="{value}%" y="77" overflow="visible"><path class="point" d="M0-5L5 0L0 5L-5 0Z"/></svg>"#
    );
}

fn rows(summary: &Summary, fixed: bool) -> Vec<Row> {
    let n = summary.data.n;
    let wrong = n.saturating_sub(summary.clean_correct);
    let (survived, broken) = match (summary.stages.is_empty(), summary.allowed.target) {
        (true, _) => ("Right, and not attacked".to_owned(), None),
        (false, None) => ("Survived every attack, not proven".to_owned(), Some("Broken by an attack".to_owned())),
        (false, Some(target)) => (
            "Resisted every attack, not proven".to_owned(),
            Some(format!("Turned into “{}” by an attack", class_name(&summary.classes, target))),
        ),
    };
    let row = |key, name: String, count, interval: Option<String>| Row {
        key,
        name,
        count: size(count),
        share: percent(share(count, n) / 100.0),
        interval: interval.unwrap_or_else(|| "–".to_owned()),
    };
    let clean = &summary.clean_accuracy;
    let complement = Rate { value: 1.0 - clean.value, low: 1.0 - clean.high, high: 1.0 - clean.low, confidence: clean.confidence };
    let mut rows = vec![
        match summary.certified {
            Some(certified) => row("proven", "Proven to be robust".to_owned(), certified.count, fixed.then(|| interval(&certified.rate))),
            None => row("proven", "Proven to be robust".to_owned(), 0, Some("not attempted".to_owned())),
        },
        match summary.certified {
            Some(certified) => row("survived", survived, summary.survived - certified.count.min(summary.survived), None),
            None => row("survived", survived, summary.survived, fixed.then(|| interval(&summary.robust_accuracy))),
        },
    ];
    rows.extend(broken.map(|name| row("fell", name, summary.broken, None)));
    rows.extend(summary.certified.map(|_| {
        row("", "Proven, or survived every attack".to_owned(), summary.survived, fixed.then(|| interval(&summary.robust_accuracy)))
    }));
    rows.push(row("", "Right without an attack".to_owned(), summary.clean_correct, fixed.then(|| interval(clean))));
    rows.push(row("rest", "Wrong without an attack".to_owned(), wrong, fixed.then(|| interval(&complement))));
    rows
}

fn truth(summary: &Summary, fixed: bool) -> String {
    let rate = &summary.robust_accuracy;
    let what = if summary.allowed.target.is_some() { "true share that resists" } else { "true robust accuracy" };
    let samples = format!("these {} {}", size(summary.data.n), plural(summary.data.n, noun(summary)));
    let here = if summary.survived == 0 {
        format!("On {samples} the {what} is exactly 0{NBSP}%.")
    } else {
        format!(
            "On {samples} the {what} lies between {}, and {}, because a stronger attack may succeed.",
            summary.certified.map_or_else(
                || format!("0{NBSP}%, because no proof was attempted"),
                |certified| format!("{}, which was proven", percent(certified.rate.value))
            ),
            percent(rate.value)
        )
    };
    if !fixed {
        return format!(
            "{here} The audit stopped as soon as the bounds above decided the claim, so only those bounds say something about other samples."
        );
    }
    format!(
        "{here} If they were drawn at random, the value for all such {} is at most {}, with {} confidence.",
        plural(2, noun(summary)),
        percent(rate.high),
        confidence(rate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_of_no_width_is_not_drawn() {
        let mut body = String::new();
        bracket(&mut body, 0.0, 0.0);
        assert!(body.is_empty());
    }

    #[test]
    fn the_label_of_a_narrow_bracket_stays_inside_the_bar() {
        for (from, to, anchor) in [(0.0, 100.0, "middle"), (0.0, 3.0, "start"), (97.0, 100.0, "end"), (30.0, 60.0, "start")] {
            let mut body = String::new();
            bracket(&mut body, from, to);
            assert!(body.contains(&format!(r#"text-anchor="{anchor}""#)), "{from} to {to}: {body}");
        }
    }
}
