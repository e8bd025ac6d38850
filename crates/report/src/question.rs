//! What was asked, in one plain sentence.

use crate::format::{norm, radius, size};
use crate::verdict::{class_name, noun, plural};
use brinell_record::Summary;

/// The question that an audit answers, the model called `title`.
pub(crate) fn question(title: &str, summary: &Summary) -> String {
    let n = summary.data.n;
    let noun = noun(summary);
    let samples = if n == 1 { format!("this {noun}") } else { format!("these {} {}", size(n), plural(n, noun)) };
    if summary.minimum_norm.is_some() {
        let each = if n == 1 { samples } else { format!("each of {samples}") };
        let made = summary.allowed.target.map_or_else(
            || format!("{} {each}", misjudge(summary)),
            |target| format!("take {each} for “{}”", class_name(&summary.classes, target)),
        );
        return format!("How small a change ({}) makes {title} {made}?", norm(summary.question.threat.norm));
    }
    let radius = radius(&summary.question.threat);
    if summary.stages.is_empty() {
        return format!(
            "Does {title} {} {samples} correctly?",
            if summary.question.artefact.task().is_of_classes() { "classify" } else { "answer" }
        );
    }
    if summary.minimum_norm.is_some() {
        let norm = norm(summary.question.threat.norm);
        return match summary.allowed.target {
            None => format!("How small a change ({norm}) makes {title} answer wrongly on {samples}?"),
            Some(target) => {
                format!("How small a change ({norm}) makes {title} take {samples} for “{}”?", class_name(&summary.classes, target))
            }
        };
    }
    match summary.allowed.target {
        None => format!("Does {title} still give the right answer on {samples} after any change of at most {radius}?"),
        Some(target) => {
            let class = class_name(&summary.classes, target);
            format!("Can a change of at most {radius} make {title} take {samples} for “{class}”?")
        }
    }
}

/// What a change is to make a model do to a sample.
fn misjudge(summary: &Summary) -> &'static str {
    if summary.question.artefact.task().is_of_classes() { "misclassify" } else { "misjudge" }
}
