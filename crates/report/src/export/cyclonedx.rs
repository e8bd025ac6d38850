//! CycloneDX 1.6: the model as a component with a model card, and claims with evidence as declarations.
//!
//! The serial number follows from the content, so that the same record gives the same document.

use super::{Audit, Check, Document, digest, pretty, uri, words};
use crate::ReportError;
use crate::format::significant;
use crate::verdict::attack_names;
use brinell_record::{Flag, Rate, Ruling, Severity, Summary, TaskKind};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A model with all that is told about it.
struct Model<'d, 'a> {
    sha256: &'d str,
    path: &'d str,
    name: &'d str,
    audits: Vec<&'d Audit<'a>>,
    checks: Vec<&'d Check<'a>>,
}

pub(super) fn render(document: &Document<'_>) -> Result<String, ReportError> {
    let models = models(document);
    let mut bom = Map::from_iter([
        ("bomFormat".to_owned(), json!("CycloneDX")),
        ("specVersion".to_owned(), json!("1.6")),
        ("version".to_owned(), json!(1)),
        ("metadata".to_owned(), metadata(document)),
        ("components".to_owned(), json!(models.iter().map(component).collect::<Vec<_>>())),
    ]);
    if !document.checks.is_empty() {
        bom.insert("declarations".to_owned(), declarations(&document.checks));
    }
    let content = serde_json::to_string(&bom)?;
    bom.insert("serialNumber".to_owned(), json!(format!("urn:uuid:{}", digest::uuid(&["cyclonedx", &content]))));
    pretty(&bom)
}

/// The models of the document, each once, in order.
fn models<'d, 'a>(document: &'d Document<'a>) -> Vec<Model<'d, 'a>> {
    let mut models: Vec<Model<'d, 'a>> = Vec::new();
    for audit in &document.audits {
        let model = &audit.run.summary.model;
        match models.iter_mut().find(|known| known.sha256 == model.sha256) {
            Some(known) => known.audits.push(audit),
            None => {
                models.push(Model { sha256: &model.sha256, path: &audit.model, name: &model.name, audits: vec![audit], checks: Vec::new() })
            }
        }
    }
    for check in &document.checks {
        let subject = &check.verdict.claim.subject;
        match models.iter_mut().find(|known| known.sha256 == subject.digest()) {
            Some(known) => known.checks.push(check),
            None => {
                let name = subject.model.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                models.push(Model { sha256: subject.digest(), path: &check.model, name, audits: Vec::new(), checks: vec![check] });
            }
        }
    }
    models
}

fn metadata(document: &Document<'_>) -> Value {
    let of_audits = document.audits.iter().map(|audit| (&audit.run.summary.created, &audit.run.summary.brinell_version));
    let of_checks = document.checks.iter().map(|check| (&check.verdict.created, &check.verdict.brinell_version));
    let all: Vec<(&String, &String)> = of_audits.chain(of_checks).collect();
    let timestamp = all.iter().map(|(created, _)| *created).max();
    let versions: BTreeSet<&String> = all.iter().map(|(_, version)| *version).collect();
    let tools: Vec<Value> = versions.iter().map(|version| json!({"type": "application", "name": "brinell", "version": version})).collect();
    json!({"timestamp": timestamp, "tools": {"components": tools}})
}

/// Reference to a model: the same in every document.
fn model_ref(sha256: &str) -> String {
    format!("model:{}", sha256.get(..16).unwrap_or(sha256))
}

fn component(model: &Model<'_, '_>) -> Value {
    json!({
        "type": "machine-learning-model",
        "bom-ref": model_ref(model.sha256),
        "name": model.name,
        "hashes": [{"alg": "SHA-256", "content": model.sha256}],
        "properties": [property("brinell:path", model.path)],
        "modelCard": {
            "modelParameters": parameters(model),
            "quantitativeAnalysis": {"performanceMetrics": metrics(model)},
            "considerations": {"technicalLimitations": limitations(model)},
            "properties": properties(model),
        },
    })
}

fn property(name: &str, value: impl ToString) -> Value {
    json!({"name": name, "value": value.to_string()})
}

fn parameters(model: &Model<'_, '_>) -> Value {
    let of_audits = model.audits.iter().map(|audit| &audit.run.summary);
    let of_audits = of_audits.map(|summary| (summary.question.population.data.to_string_lossy(), summary.data.sha256.as_str()));
    let of_checks = model.checks.iter().map(|check| &check.verdict.claim.population);
    let of_checks = of_checks.map(|population| (population.data.to_string_lossy(), population.digest()));
    let data: BTreeSet<(Cow<'_, str>, &str)> = of_audits.chain(of_checks).collect();
    let datasets: Vec<Value> = data
        .into_iter()
        .map(|(path, sha256)| json!({"type": "dataset", "name": path, "contents": {"properties": [property("brinell:sha256", sha256)]}}))
        .collect();
    let task = model.audits.first().map_or_else(TaskKind::default, |audit| audit.run.summary.question.artefact.task());
    let task = if task == TaskKind::TopK { TaskKind::Classification } else { task }.name();
    let mut parameters = Map::from_iter([("task".to_owned(), json!(task)), ("datasets".to_owned(), json!(datasets))]);
    if let Some(summary) = model.audits.first().map(|audit| &audit.run.summary) {
        let shape: Vec<String> = summary.data.shape.iter().map(usize::to_string).collect();
        let [lo, hi] = summary.allowed.input_box;
        let input = format!("numbers from {} to {}, shape {}", significant(lo, 6), significant(hi, 6), shape.join(" x "));
        parameters.insert("inputs".to_owned(), json!([{"format": input}]));
        parameters.insert("outputs".to_owned(), json!([{"format": outputs(summary)}]));
    }
    Value::Object(parameters)
}

fn outputs(summary: &Summary) -> String {
    match summary.question.artefact.task() {
        TaskKind::Classification | TaskKind::TopK => format!("scores of {} classes", summary.classes.len()),
        TaskKind::Multilabel => format!("scores of {} labels", summary.classes.len()),
        TaskKind::Regression => "numbers".to_owned(),
        TaskKind::Embedding => "an embedding".to_owned(),
    }
}

fn metrics(model: &Model<'_, '_>) -> Vec<Value> {
    let metric = |kind: &str, value: f64, slice: &str, low: f64, high: f64| {
        json!({
            "type": kind,
            "value": value.to_string(),
            "slice": slice,
            "confidenceInterval": {"lowerBound": low.to_string(), "upperBound": high.to_string()},
        })
    };
    let of_audits = model.audits.iter().flat_map(|audit| {
        let summary = &audit.run.summary;
        let slice = format!("{} samples of {}", summary.data.n, summary.question.population.data.display());
        let attacked = format!("{slice}, {}, attacks {}", words::threat(summary), attack_names(summary));
        let of = |kind: &str, rate: &Rate, slice: &str| metric(kind, rate.value, slice, rate.low, rate.high);
        [of("clean_accuracy", &summary.clean_accuracy, &slice), of("robust_accuracy", &summary.robust_accuracy, &attacked)]
    });
    let of_checks = model.checks.iter().filter_map(|check| {
        let numbers = check.verdict.numbers.as_ref()?;
        let slice = format!("{} samples of {}, claim {}", numbers.n, check.verdict.claim.population.data.display(), check.verdict.claim.id);
        Some(metric(&numbers.quantity, numbers.value?, &slice, numbers.low, numbers.high))
    });
    of_audits.chain(of_checks).collect()
}

/// What the figures do not say, and the flags.
fn limitations(model: &Model<'_, '_>) -> Vec<String> {
    let of_audits = model.audits.iter().flat_map(|audit| &audit.run.summary.flags);
    let flags: BTreeSet<String> = of_audits.chain(model.checks.iter().flat_map(|check| &check.verdict.flags)).map(limitation).collect();
    std::iter::once(words::NO_PROOF.to_owned()).chain(flags).collect()
}

fn limitation(flag: &Flag) -> String {
    let severity = match flag.severity {
        Severity::Blocking => "figures must not be used",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    words::plain(&format!("{} ({severity}): {}", flag.id, flag.message))
}

fn properties(model: &Model<'_, '_>) -> Vec<Value> {
    model
        .audits
        .iter()
        .flat_map(|audit| {
            let summary = &audit.run.summary;
            [
                property("brinell:n", summary.data.n),
                property("brinell:clean_correct", summary.clean_correct),
                property("brinell:survived", summary.survived),
                property("brinell:broken", summary.broken),
                property("brinell:interval", format!("Clopper-Pearson at {}", summary.robust_accuracy.confidence)),
                property("brinell:threat", words::threat(summary)),
                property("brinell:attacks", summary.attacks.join(", ")),
                property("brinell:seed", summary.question.effort.seed),
                property("brinell:runtime", format!("{} {}", summary.runtime.name, summary.runtime.version)),
                property("brinell:command", &summary.command),
            ]
        })
        .collect()
}

fn declarations(checks: &[Check<'_>]) -> Value {
    const ASSESSOR: &str = "assessor:brinell";
    let map: Vec<Value> = checks
        .iter()
        .enumerate()
        .map(|(at, check)| {
            let mut entry = Map::from_iter([("claims".to_owned(), json!([claim_ref(at)]))]);
            let score = match check.verdict.verdict {
                Ruling::Proven | Ruling::Supported => Some(1),
                Ruling::Refuted => Some(0),
                Ruling::Undecided | Ruling::Stale => None,
            };
            if let Some(score) = score {
                entry.insert("conformance".to_owned(), json!({"score": score, "rationale": words::explanation(check)}));
            }
            if let Some(numbers) = &check.verdict.numbers {
                entry.insert("confidence".to_owned(), json!({"score": numbers.confidence, "rationale": words::numbers(numbers)}));
            }
            Value::Object(entry)
        })
        .collect();
    json!({
        "assessors": [{"bom-ref": ASSESSOR, "thirdParty": false}],
        "attestations": [{"summary": "Verdicts on claims, decided by Brinell.", "assessor": ASSESSOR, "map": map}],
        "claims": checks.iter().enumerate().map(claim).collect::<Vec<_>>(),
        "evidence": checks.iter().enumerate().map(evidence).collect::<Vec<_>>(),
    })
}

// Ids are unique in a file of claims, and there may be several files.
fn claim_ref(at: usize) -> String {
    format!("claim:{at}")
}

fn evidence_ref(at: usize) -> String {
    format!("evidence:{at}")
}

fn claim((at, check): (usize, &Check<'_>)) -> Value {
    let verdict = check.verdict;
    let mut claim = Map::from_iter([
        ("bom-ref".to_owned(), json!(claim_ref(at))),
        ("target".to_owned(), json!(model_ref(verdict.claim.subject.digest()))),
        ("predicate".to_owned(), json!(verdict.claim.statement)),
        ("reasoning".to_owned(), json!(format!("{}: {}", words::ruling(verdict.verdict), words::explanation(check)))),
    ]);
    let side = match verdict.verdict {
        Ruling::Refuted => Some("counterEvidence"),
        Ruling::Proven | Ruling::Supported => Some("evidence"),
        Ruling::Undecided | Ruling::Stale => None,
    };
    if let Some(side) = side {
        claim.insert(side.to_owned(), json!([evidence_ref(at)]));
    }
    Value::Object(claim)
}

fn evidence((at, check): (usize, &Check<'_>)) -> Value {
    let verdict = check.verdict;
    let files: BTreeSet<&str> = std::iter::once("verdict.json").chain(verdict.files.iter().map(|file| file.path.as_str())).collect();
    let data: Vec<Value> = files
        .into_iter()
        .map(|file| json!({"name": file, "contents": {"url": uri::of_path(&format!("{}/{file}", check.evidence))}}))
        .collect();
    let mut evidence = Map::from_iter([
        ("bom-ref".to_owned(), json!(evidence_ref(at))),
        ("propertyName".to_owned(), json!(format!("brinell:{}:{}", verdict.claim.id, words::ruling(verdict.verdict)))),
        ("description".to_owned(), json!(verdict.numbers.as_ref().map_or_else(|| words::explanation(check), words::numbers))),
        ("data".to_owned(), json!(data)),
        ("created".to_owned(), json!(verdict.created)),
    ]);
    if let Some(day) = &verdict.claim.expires {
        evidence.insert("expires".to_owned(), json!(format!("{day}T23:59:59Z")));
    }
    Value::Object(evidence)
}
