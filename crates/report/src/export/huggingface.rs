//! The `model-index` of a model card, as YAML front matter.
//!
//! Only measured figures go there, and none that a blocking flag forbids to use: a model card is quoted.

use super::{Audit, Document, Format, blocking, words};
use crate::ReportError;
use crate::verdict::{attack_names, noun};
use brinell_record::Rate;
use std::fmt::Write as _;

pub(super) fn render(document: &Document<'_>) -> Result<String, ReportError> {
    if document.audits.is_empty() {
        return Err(ReportError::NoAudit { format: Format::HuggingFace.name() });
    }
    for audit in &document.audits {
        if let Some(flag) = blocking(audit.run).next() {
            return Err(ReportError::Unreliable {
                format: Format::HuggingFace.name(),
                title: audit.run.title.clone(),
                flag: flag.to_owned(),
            });
        }
    }
    let mut models: Vec<(&str, Vec<&Audit<'_>>)> = Vec::new();
    for audit in &document.audits {
        match models.iter_mut().find(|(sha256, _)| *sha256 == audit.run.summary.model.sha256) {
            Some((_, audits)) => audits.push(audit),
            None => models.push((&audit.run.summary.model.sha256, vec![audit])),
        }
    }
    let mut out = String::from("---\nmodel-index:\n");
    for (_, audits) in models {
        let name = audits.first().map_or("", |audit| stem(&audit.run.summary.model.name));
        let _ = writeln!(out, "- name: {}\n  results:", text(name));
        for audit in audits {
            result(&mut out, audit);
        }
    }
    out.push_str("---\n");
    Ok(out)
}

fn result(out: &mut String, audit: &Audit<'_>) {
    let summary = &audit.run.summary;
    let task = if noun(summary) == "image" { "image-classification" } else { "other" };
    let data = summary.question.population.data.to_string_lossy();
    let data = data.rsplit(['/', '\\']).next().unwrap_or_default();
    let n = summary.data.n;
    let _ = writeln!(out, "  - task:\n      type: {task}");
    let _ = writeln!(out, "    dataset:\n      type: {}\n      name: {}", text(stem(data)), text(&format!("{n} samples of {data}")));
    let _ = writeln!(out, "      revision: {}", text(&summary.data.sha256));
    let _ = writeln!(out, "    metrics:");
    metric(out, "accuracy", "Clean accuracy", &summary.clean_accuracy, summary.clean_correct, n, "");
    let attacked = format!("Share that survives {} under {}", attack_names(summary), words::threat(summary));
    metric(out, "robust_accuracy", &attacked, &summary.robust_accuracy, summary.survived, n, words::NO_PROOF);
    let _ = writeln!(out, "        attacks: {}", text(&summary.attacks.join(" ")));
}

fn metric(out: &mut String, kind: &str, name: &str, rate: &Rate, count: usize, n: usize, note: &str) {
    let _ = writeln!(out, "    - type: {kind}\n      value: {}\n      name: {}", number(rate.value), text(name));
    let _ = writeln!(out, "      args:\n        count: {count}\n        n: {n}\n        interval: clopper-pearson");
    let _ =
        writeln!(out, "        low: {}\n        high: {}\n        confidence: {}", number(rate.low), number(rate.high), rate.confidence);
    if !note.is_empty() {
        let _ = writeln!(out, "        note: {}", text(note));
    }
}

/// A float that YAML 1.1 does not take for text: it wants a point in front of an exponent.
fn number(value: f64) -> String {
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}

/// The name without its extension.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

/// A double-quoted scalar; what YAML cannot print is escaped.
fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~'
            | '\u{a0}'..='\u{2027}'
            | '\u{202a}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}'
            | '\u{10000}'.. => quoted.push(character),
            other => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(other));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stand_for_themselves() {
        assert_eq!(text("a: \"b\" \\ #\n\u{7f}\u{feff}é"), "\"a: \\\"b\\\" \\\\ #\\u000a\\u007f\\ufeffé\"");
        assert_eq!(number(1e-7), "1.0e-7");
        assert_eq!(number(1.0), "1.0");
        assert_eq!((stem("a.b.onnx"), stem(".onnx"), stem("a")), ("a.b", ".onnx", "a"));
    }
}
