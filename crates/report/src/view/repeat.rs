//! Everything that is needed to repeat a run, and the few facts that stand at the head of the page.

use crate::format::{bytes, confidence, count, duration, norm, significant, size};
use crate::verdict::{attack_names, class_name, noun, plural, task_words};
use brinell_record::{Artefact, Knowledge, Layout, ModelInterface, Port, Summary};
use serde::Serialize;

/// A name and what it stands for; `code` where the value is to be copied letter by letter.
#[derive(Serialize)]
pub(super) struct Fact {
    name: &'static str,
    value: String,
    code: bool,
}

/// Facts under one heading.
#[derive(Serialize)]
pub(super) struct Group {
    name: &'static str,
    facts: Vec<Fact>,
}

impl Group {
    pub(super) fn new(name: &'static str, facts: Vec<Fact>) -> Self {
        Self { name, facts }
    }
}

/// A fact to be read.
pub(super) fn text(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), code: false }
}

/// A fact to be copied letter by letter.
pub(super) fn code(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), code: true }
}

/// A time of the record as people read it: `2026-11-22 23:50 UTC`.
pub(super) fn when(time: &str) -> String {
    match (time.get(..10), time.get(10..11), time.get(11..16)) {
        (Some(day), Some("T"), Some(clock)) if time.ends_with('Z') => format!("{day} {clock} UTC"),
        _ => time.to_owned(),
    }
}

/// The facts at the head of the page.
pub(super) fn facts(summary: &Summary) -> Vec<Fact> {
    let n = summary.data.n;
    vec![
        text("Model", summary.model.name.clone()),
        text("Data", format!("{} {}", size(n), plural(n, noun(summary)))),
        text("Threat", threat(summary)),
        text("Attacks", if summary.stages.is_empty() { "none".to_owned() } else { attack_names(summary) + sight(summary) }),
        text("Effort", format!("{}, {}", duration(summary.seconds), passes(summary))),
    ]
}

/// What the attacker sees of the model, in words.
pub(super) fn knowledge(knowledge: Knowledge) -> &'static str {
    match knowledge {
        Knowledge::White => "everything, including gradients",
        Knowledge::Score => "the scores for any input",
        Knowledge::Label => "the predicted class for any input",
    }
}

/// Said beside the names of attacks that saw less than everything.
fn sight(summary: &Summary) -> &'static str {
    match summary.allowed.knowledge {
        Some(Knowledge::Score) => ", by scores alone",
        Some(Knowledge::Label) => ", by predictions alone",
        _ => "",
    }
}

fn threat(summary: &Summary) -> String {
    let target = summary.allowed.target.map(|target| format!(", towards “{}”", class_name(&summary.classes, target))).unwrap_or_default();
    if summary.minimum_norm.is_some() {
        return format!("smallest change, {}{target}", norm(summary.question.threat.norm));
    }
    format!("{} ≤ {}{target}", norm(summary.question.threat.norm), summary.question.threat.eps)
}

/// What is wanted where there is no target.
fn any_wrong(artefact: &Artefact) -> &'static str {
    if artefact.task().is_of_classes() { "any wrong class" } else { "any wrong answer" }
}

/// All settings, versions and hashes.
pub(super) fn groups(summary: &Summary) -> Vec<Group> {
    let [lo, hi] = summary.allowed.input_box;
    let (artefact, running) = (&summary.question.artefact, &summary.question.running);
    let runtime = &summary.runtime;
    let machine = &summary.machine;
    vec![
        Group::new(
            "Model",
            [
                text("Name", summary.model.name.clone()),
                code("File", artefact.model.display().to_string()),
                code("SHA-256", summary.model.sha256.clone()),
            ]
            .into_iter()
            .chain(task_words(artefact).map(|words| text("Task", format!("{}: {words}", artefact.task()))))
            .chain(summary.model.weights_sha256.clone().map(|digest| code("SHA-256 of weights", digest)))
            .chain(summary.model.interface.iter().flat_map(interface))
            .collect(),
        ),
        Group::new(
            "Data",
            vec![
                code("File", summary.question.population.data.display().to_string()),
                code("SHA-256", summary.data.sha256.clone()),
                text("Samples", size(summary.data.n)),
                text("Shape", join(&summary.data.shape, " × ")),
            ],
        ),
        Group::new(
            "Threat",
            vec![
                text("Norm", norm(summary.question.threat.norm)),
                text("Radius", radius(summary)),
                text("Attacker sees", summary.allowed.knowledge.map_or("not recorded", knowledge)),
                text("Input box", format!("{} to {}", significant(lo, 6), significant(hi, 6))),
                text(
                    "Goal",
                    summary.allowed.target.map_or(any_wrong(artefact).to_owned(), |target| {
                        format!("“{}” (class {target})", class_name(&summary.classes, target))
                    }),
                ),
            ],
        ),
        Group::new(
            "Preprocessing",
            vec![
                text("Input scale", artefact.scale().to_string()),
                text("Mean", numbers(&artefact.mean)),
                text("Deviation", numbers(&artefact.std)),
                text("Layout", artefact.layout.map_or("auto", Layout::name)),
            ],
        ),
        Group::new(
            "Attacks",
            vec![
                text("Suite", summary.suite.clone()),
                code("In order", summary.attacks.join("\n")),
                text("Seed", summary.question.effort.seed.to_string()),
                text("Intervals", format!("Clopper-Pearson, {}, of all samples", confidence(&summary.robust_accuracy))),
            ],
        ),
        Group::new(
            "Run",
            vec![
                text("Brinell", summary.brinell_version.clone()),
                text("Runtime", format!("{} {} (requested: {})", runtime.name, runtime.version, running.runtime)),
                text("Device", runtime.device.clone()),
                text("Threads, batch", format!("{}, {}", runtime.threads, runtime.batch)),
                text(
                    "Machine",
                    format!("{} {}, {}, {} {}", machine.os, machine.arch, machine.cpu, machine.cores, plural(machine.cores, "core")),
                ),
                text("Time", duration(summary.seconds)),
                text("Peak memory", summary.peak_rss_bytes.map_or("not known".to_owned(), bytes)),
                text("Asked", passes(summary)),
                text("Ended", when(&summary.created)),
            ],
        ),
    ]
}

/// What was attacked, what was held, what decided.
fn interface(interface: &ModelInterface) -> Vec<Fact> {
    let port = |port: &Port| format!("{} {} {}", port.name, port.dtype, port.shape);
    let reading = match (interface.threshold, interface.ending.as_str()) {
        (Some(threshold), "sigmoid") => format!("a sigmoid; class 1 from {} on", significant(threshold, 8)),
        (Some(threshold), _) => format!("one score; class 1 from {} on", significant(threshold, 8)),
        (None, "logits") => "logits; the largest decides".to_owned(),
        (None, ending) => format!("a {ending}; the largest decides"),
    };
    let mut rows = vec![code("Attacked input", port(&interface.input))];
    if !interface.parts.is_empty() {
        rows.push(code("Stands for", interface.parts.iter().map(port).collect::<Vec<_>>().join("\n")));
    }
    if !interface.held.is_empty() {
        rows.push(code("Held inputs", interface.held.iter().map(port).collect::<Vec<_>>().join("\n")));
    }
    if let Some(shape) = &interface.shape {
        rows.push(text("Sizes", format!("{}; the file does not fix all sizes", join(shape, " × "))));
    }
    rows.push(code("Output", port(&interface.output)));
    rows.push(text("Read as", reading));
    if let Some(defence) = &interface.defence {
        rows.push(code("Defence", defence.clone()));
    }
    if !interface.surrogates.is_empty() {
        rows.push(text("Surrogate gradient", format!("straight through {} rounding steps", interface.surrogates.len())));
    }
    if !interface.other_outputs.is_empty() {
        rows.push(code("Other outputs", interface.other_outputs.join(", ")));
    }
    rows
}

fn radius(summary: &Summary) -> String {
    if summary.minimum_norm.is_some() {
        return "no limit: the smallest change was searched for".to_owned();
    }
    let value = significant(summary.allowed.eps, 8);
    let typed = summary.question.threat.eps.text();
    if value == typed { value } else { format!("{typed} = {value}") }
}

/// What the attacks asked of the model.
pub(super) fn passes(summary: &Summary) -> String {
    let sum = |part: fn(&brinell_record::Stage) -> u64| count(summary.stages.iter().map(part).fold(0, u64::saturating_add));
    format!("{} forward and {} backward passes", sum(|stage| stage.forwards), sum(|stage| stage.backwards))
}

/// Values in a row, or that there are none.
pub(super) fn numbers(values: &[f32]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.iter().map(f32::to_string).collect::<Vec<_>>().join(", ") }
}

fn join(values: &[usize], between: &str) -> String {
    values.iter().map(usize::to_string).collect::<Vec<_>>().join(between)
}
