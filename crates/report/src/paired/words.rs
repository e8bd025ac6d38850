//! Sentences about a comparison, the same on the page and in the terminal.

use crate::format::{NBSP, confidence_level, percent, significant, size};
use crate::verdict::{label_name, plural};
use brinell_record::{Change, Comparison, Outcome, Paired, RunEntry, Turned};

/// What the comparison found, in one sentence.
pub(super) fn headline(comparison: &Comparison) -> String {
    let (a, b) = (&comparison.a, &comparison.b);
    let (name_a, name_b) = names(comparison);
    let n = b.data.n;
    let verb = if b.survived == 1 { "survives" } else { "survive" };
    let counts = format!("{} of {} {} {verb} the attacks on {name_b}", size(b.survived), size(n), plural(n, "sample"));
    match b.survived.cmp(&a.survived) {
        std::cmp::Ordering::Equal => format!("{counts}, as many as with {name_a}."),
        order => {
            let more = if order.is_gt() { "more" } else { "fewer" };
            format!("{counts}, {} {more} than the {} with {name_a}.", size(b.survived.abs_diff(a.survived)), size(a.survived))
        }
    }
}

/// What the audits are called: by model, or by folder where that tells nothing.
pub(super) fn names(comparison: &Comparison) -> (String, String) {
    let (a, b) = (&comparison.a, &comparison.b);
    if a.model.name == b.model.name {
        (format!("A ({})", a.folder), format!("B ({})", b.folder))
    } else {
        (format!("A ({})", a.model.name), format!("B ({})", b.model.name))
    }
}

/// The test in a sentence.
pub(super) fn test(table: &Paired) -> String {
    format!("{} lost and {} gained; exact McNemar test: {}.", size(table.only_a), size(table.only_b), p_value(table.p_value))
}

/// A p-value: `p = 0.0026`.
pub(super) fn p_value(p: f64) -> String {
    if p < 1e-99 { format!("p{NBSP}<{NBSP}1e-99") } else { format!("p{NBSP}={NBSP}{}", significant(p, 2)) }
}

/// A difference of shares with its interval: `+3.2 points (95 % interval +1.0 to +5.4)`.
pub(super) fn change(change: &Change) -> String {
    let level = confidence_level(change.confidence);
    format!("{}{NBSP}points ({level} interval {} to {})", points(change.value), points(change.low), points(change.high))
}

fn points(value: f64) -> String {
    let text = format!("{:+.1}", 100.0 * value);
    if text == "-0.0" { "+0.0".to_owned() } else { text }
}

/// What must be known before the figures are compared.
pub(super) fn caveats(comparison: &Comparison) -> Vec<String> {
    let mut caveats = Vec::new();
    for (side, run) in [("A", &comparison.a), ("B", &comparison.b)] {
        if !run.blocking.is_empty() {
            caveats.push(format!("Do not use this comparison: the figures of {side} are unreliable ({}).", run.blocking.join(", ")));
        }
    }
    if !comparison.differences.is_empty() {
        let settings: Vec<&str> = comparison.differences.iter().map(|difference| difference.setting.as_str()).collect();
        caveats.push(format!("The runs differ in more than the model, and this may explain a change: {}.", settings.join(", ")));
    }
    if comparison.a.model.sha256 == comparison.b.model.sha256 {
        caveats.push("Both runs tested the same model file.".to_owned());
    }
    caveats
}

/// A rate as count, share and interval of one audit.
pub(super) fn accuracy(run: &RunEntry) -> [String; 2] {
    let one = |count, rate: &brinell_record::Rate| {
        format!("{} of {}, {} ({})", size(count), size(run.data.n), percent(rate.value), crate::format::interval(rate))
    };
    [one(run.clean_correct, &run.clean_accuracy), one(run.survived, &run.robust_accuracy)]
}

/// How a sample fell: `broken by apgd-ce at 2/255 as “dog”`.
pub(super) fn fall(turned: &Turned, fell: &RunEntry, classes: &[String]) -> String {
    let outcome = if turned.a == Outcome::Survived { turned.b } else { turned.a };
    let class = turned.prediction.as_ref().map(|label| format!(" as “{}”", label_name(classes, label))).unwrap_or_default();
    match outcome {
        Outcome::Broken => {
            let attack = turned.attack.as_ref().map(|attack| format!(" by {attack}")).unwrap_or_default();
            let norm = turned.norm.map(|norm| format!(" at {}", crate::format::distance(norm, &fell.question.threat))).unwrap_or_default();
            format!("broken{attack}{norm}{class}")
        }
        Outcome::Misclassified => format!("wrong without an attack{class}"),
        Outcome::Survived => "survived".to_owned(),
    }
}
