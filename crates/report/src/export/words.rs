//! Phrases that several formats share.

use super::Check;
use crate::format::{JOINER, NBSP, confidence, interval, percent, radius};
pub(super) use crate::verdict::ruling;
use brinell_record::{Numbers, Property, Rate, Relation, Summary, Threat};

/// What must be said wherever survivors are counted.
pub(crate) const NO_PROOF: &str =
    "Failed attacks prove nothing: robust accuracy is an upper bound on the true value, for the attacks that were run.";

/// Ordinary spaces in place of the typographic ones of pages, and no control characters.
pub(crate) fn plain(text: &str) -> String {
    let kept = text.chars().filter(|character| *character != JOINER);
    kept.map(|character| if character == NBSP || character.is_control() { ' ' } else { character }).collect()
}

/// The finding of an audit in one sentence, with its caveat.
pub(super) fn finding(summary: &Summary) -> String {
    let verdict = crate::verdict::Verdict::of(summary);
    let caveat = verdict.caveat.as_ref().map(|caveat| format!(" {caveat}")).unwrap_or_default();
    plain(&format!("{}{caveat}", verdict.sentence()))
}

/// A rate with its interval: `46.2 % (95 % interval 42.9–49.5 %)`.
pub(super) fn rate(rate: &Rate) -> String {
    plain(&format!("{} ({} interval {})", percent(rate.value), confidence(rate), interval(rate)))
}

/// The radius with its norm: `2/255 (L-inf)`.
pub(super) fn ball(threat: &Threat) -> String {
    plain(&radius(threat))
}

/// The threat of an audit: `any change of at most 2/255 (L-inf)`, and towards which class.
pub(super) fn threat(summary: &Summary) -> String {
    let towards = summary.allowed.target.map(|target| format!(" towards class {target}")).unwrap_or_default();
    format!("any change of at most {}{towards}", ball(&summary.question.threat))
}

/// The kind of property that a claim asserts; rules and classes of test cases are named after it.
pub(super) fn kind(property: &Property) -> &'static str {
    match property {
        Property::Forall { .. } => "forall",
        Property::Rate { .. } => "rate",
        Property::Bound { .. } => "bound",
        Property::Equal { .. } => "equal",
        _ => "other",
    }
}

/// Finding and reasons of a check, as sentences.
pub(super) fn explanation(check: &Check<'_>) -> String {
    let reasons = check.verdict.reasons.iter().map(|reason| sentence(&format!("{} ({})", reason.text.trim_end_matches('.'), reason.id)));
    std::iter::once(sentence(&check.verdict.finding)).chain(reasons).collect::<Vec<_>>().join(" ")
}

/// The text with a capital in front and a full stop at the end.
pub(super) fn sentence(text: &str) -> String {
    let text = plain(text);
    let text = text.trim();
    let mut characters = text.chars();
    let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}

/// The figures that decided, such as `robust_accuracy 412 of 892, bounds 0.42857 to 0.49522 at 95 %, claimed at least 0.4`.
pub(super) fn numbers(numbers: &Numbers) -> String {
    let claimed = match (numbers.relation, numbers.threshold) {
        (Some(Relation::AtLeast), Some(threshold)) => format!(", claimed at least {threshold}"),
        (Some(Relation::AtMost), Some(threshold)) => format!(", claimed at most {threshold}"),
        _ => String::new(),
    };
    format!(
        "{} {} of {}, bounds {} to {} at confidence {}{claimed}",
        numbers.quantity, numbers.count, numbers.n, numbers.low, numbers.high, numbers.confidence
    )
}
