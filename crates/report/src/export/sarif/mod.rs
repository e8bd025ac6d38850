//! SARIF 2.1.0, as code scanning reads it.
//!
//! GitHub shows every result as an alert and does not read `kind`, so that a claim that holds would be shown as a problem. The format
//! `sarif` therefore holds what needs attention only, and `sarif-all` everything. Flags are notifications of the tool, and a
//! blocking one makes the execution unsuccessful.

mod rule;

use super::{Audit, Check, Document, blocking, digest, pretty, uri, words};
use crate::ReportError;
use brinell_record::{Flag, Ruling, Severity};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Which results the log holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those that fail, and claims that are not decided.
    Attention,
    /// All.
    All,
}

pub(super) fn render(document: &Document<'_>, scope: Scope) -> Result<String, ReportError> {
    let ids: Vec<&str> = flags(document).map(|flag| flag.id.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let results: Vec<Value> = document
        .audits
        .iter()
        .filter(|audit| scope == Scope::All || audit.run.summary.broken > 0)
        .map(of_audit)
        .chain(document.checks.iter().filter(|check| scope == Scope::All || needs_attention(check.verdict.verdict)).map(of_check))
        .collect();
    let invocations: Vec<Value> = document
        .audits
        .iter()
        .map(|audit| invocation(&audit.run.summary.command, &audit.run.summary.created, &audit.run.summary.flags, &audit.model, &ids))
        .chain(
            document
                .checks
                .iter()
                .map(|check| invocation(&check.verdict.command, &check.verdict.created, &check.verdict.flags, &check.model, &ids)),
        )
        .collect();
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Brinell",
                "semanticVersion": version(document),
                "shortDescription": {"text": "Measures how hard it is to fool an AI model, with evidence."},
                "rules": rule::descriptors(),
                "notifications": ids.iter().map(|id| json!({"id": id, "name": id})).collect::<Vec<_>>(),
                "supportedTaxonomies": rule::supported(),
            }},
            "taxonomies": rule::taxonomies(),
            "automationDetails": {"id": "brinell/"},
            "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
            "invocations": invocations,
            "artifacts": artifacts(document),
            "results": results,
        }],
    }))
}

fn flags<'a>(document: &'a Document<'_>) -> impl Iterator<Item = &'a Flag> {
    let of_audits = document.audits.iter().flat_map(|audit| &audit.run.summary.flags);
    of_audits.chain(document.checks.iter().flat_map(|check| &check.verdict.flags))
}

fn version<'a>(document: &'a Document<'_>) -> &'a str {
    let of_audits = document.audits.iter().map(|audit| audit.run.summary.brinell_version.as_str());
    of_audits.chain(document.checks.iter().map(|check| check.verdict.brinell_version.as_str())).next().unwrap_or_default()
}

fn needs_attention(ruling: Ruling) -> bool {
    !matches!(ruling, Ruling::Proven | Ruling::Supported)
}

/// Every model once, with its digest.
fn artifacts(document: &Document<'_>) -> Vec<Value> {
    let of_audits = document.audits.iter().map(|audit| (&audit.model, audit.run.summary.model.sha256.as_str()));
    let of_checks = document.checks.iter().map(|check| (&check.model, check.verdict.claim.subject.digest()));
    let models: BTreeSet<(&String, &str)> = of_audits.chain(of_checks).collect();
    let artifact =
        |(path, sha256): (&String, &str)| json!({"location": place(path), "roles": ["analysisTarget"], "hashes": {"sha-256": sha256}});
    models.into_iter().map(artifact).collect()
}

fn invocation(command: &str, created: &str, flags: &[Flag], model: &str, ids: &[&str]) -> Value {
    let notifications: Vec<Value> = flags
        .iter()
        .map(|flag| {
            let level = match flag.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Blocking => "error",
            };
            let index = ids.iter().position(|id| *id == flag.id);
            json!({
                "descriptor": {"id": flag.id, "index": index},
                "level": level,
                "message": {"text": message(&flag.message)},
                "locations": [location(model)],
            })
        })
        .collect();
    json!({
        "commandLine": command,
        "endTimeUtc": created,
        "executionSuccessful": flags.iter().all(|flag| flag.severity != Severity::Blocking),
        "toolExecutionNotifications": notifications,
    })
}

/// An audit claims nothing: what it broke is a finding, and that it broke nothing is information.
fn of_audit(audit: &Audit<'_>) -> Value {
    let summary = &audit.run.summary;
    let broke = summary.broken > 0;
    let text = if broke { words::finding(summary) } else { format!("{} {}", words::finding(summary), words::NO_PROOF) };
    let properties = json!({
        "n": summary.data.n,
        "clean_correct": summary.clean_correct,
        "survived": summary.survived,
        "broken": summary.broken,
        "robust_accuracy": summary.robust_accuracy,
        "threat": summary.question.threat,
        "allowed": summary.allowed,
        "attacks": summary.attacks,
        "blocking_flags": blocking(audit.run).collect::<Vec<_>>(),
    });
    let threat = words::threat(summary);
    let fingerprint = digest::short(&["adversarial-example", &audit.model, &threat]);
    let kind = if broke { "fail" } else { "informational" };
    Value::Object(result("adversarial-example", kind, &text, &audit.model, &fingerprint, properties))
}

fn of_check(check: &Check<'_>) -> Value {
    let verdict = check.verdict;
    let kind = match verdict.verdict {
        Ruling::Refuted => "fail",
        Ruling::Proven | Ruling::Supported => "pass",
        Ruling::Undecided => "open",
        Ruling::Stale => "review",
    };
    let text = format!(
        "Claim {} is {}: {} {}",
        verdict.claim.id,
        words::ruling(verdict.verdict),
        words::sentence(&verdict.claim.statement),
        words::explanation(check)
    );
    let properties = json!({
        "claim": verdict.claim.id,
        "verdict": words::ruling(verdict.verdict),
        "numbers": verdict.numbers,
        "witnesses": verdict.witnesses.len(),
    });
    let fingerprint = digest::short(&["claim", &check.claim_file, &verdict.claim.id]);
    let mut result = result(words::kind(&verdict.claim.property), kind, &text, &check.model, &fingerprint, properties);
    let related = [("The claim.", check.claim_file.clone()), ("The evidence.", format!("{}/verdict.json", check.evidence))];
    let related = related.iter().enumerate().map(|(at, (text, path))| {
        let mut location = location(path);
        location.insert("id".to_owned(), json!(at + 1));
        location.insert("message".to_owned(), json!({"text": text}));
        location
    });
    result.insert("relatedLocations".to_owned(), json!(related.collect::<Vec<_>>()));
    let files: BTreeSet<&str> = verdict.witnesses.iter().map(|witness| witness.file.as_str()).collect();
    let attachments = files
        .iter()
        .map(|file| json!({"description": {"text": "Counterexamples."}, "artifactLocation": place(&format!("{}/{file}", check.evidence))}));
    if !files.is_empty() {
        result.insert("attachments".to_owned(), json!(attachments.collect::<Vec<_>>()));
    }
    Value::Object(result)
}

fn result(rule: &str, kind: &str, text: &str, model: &str, fingerprint: &str, properties: Value) -> Map<String, Value> {
    let index = rule::index(rule);
    let level = if kind == "fail" { rule::RULES.get(index).map_or("error", |rule| rule.level) } else { "none" };
    let fields = [
        ("ruleId", json!(rule)),
        ("ruleIndex", json!(index)),
        ("kind", json!(kind)),
        ("level", json!(level)),
        ("message", json!({"text": message(text)})),
        ("locations", json!([location(model)])),
        ("partialFingerprints", json!({"primaryLocationLineHash": format!("{fingerprint}:1")})),
        ("taxa", json!(rule::taxa())),
        ("properties", properties),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A place for display: models have no lines, and the first stands for the whole.
fn location(path: &str) -> Map<String, Value> {
    let physical = json!({
        "artifactLocation": place(path),
        "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2},
    });
    Map::from_iter([("physicalLocation".to_owned(), physical)])
}

/// A relative path is one from the root of the repository.
fn place(path: &str) -> Value {
    let uri = uri::of_path(path);
    if uri.starts_with("file:") { json!({"uri": uri}) } else { json!({"uri": uri, "uriBaseId": "%SRCROOT%"}) }
}

/// Text in which braces and brackets stand for themselves: unescaped, they are placeholders and links (SARIF 3.11.5, 3.11.6).
fn message(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in words::plain(text).chars() {
        match character {
            '{' => escaped.push_str("{{"),
            '}' => escaped.push_str("}}"),
            '[' | ']' | '\\' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}
