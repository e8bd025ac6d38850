//! A claim with its verdict, what decided it and what it rests on.

use super::repeat::{self, Fact, Group, code, text};
use crate::chart::decision;
use crate::format::{NBSP, count, distance, duration, norm, percent, sentence, significant, size};
use crate::verdict::{label_name, ruling, task_words};
use brinell_record::{
    Claim, ClaimThreat, Knowledge, Label, Layout, Numbers, OnUndecided, Property, Quantity, Relation, Ruling, Sampling, Standing, Summary,
    Verdict, Witness,
};
use serde::Serialize;

/// Counterexamples shown; the verdict's file has all.
const WITNESSES: usize = 40;

/// The part of a page that is about the claim itself.
#[derive(Serialize)]
pub(super) struct ClaimView {
    id: String,
    statement: String,
    ruling: &'static str,
    /// What the word means.
    meaning: &'static str,
    finding: String,
    reasons: Vec<Named>,
    decision: Option<String>,
    numbers: Vec<Fact>,
    witnesses: WitnessesView,
    assumptions: Vec<String>,
    rests_on: Vec<Group>,
    command: String,
}

#[derive(Serialize)]
struct Named {
    id: String,
    text: String,
}

#[derive(Serialize)]
struct WitnessesView {
    /// Runtimes that judged: the last columns.
    judges: Vec<String>,
    rows: Vec<WitnessRow>,
    note: String,
}

#[derive(Serialize)]
struct WitnessRow {
    sample: usize,
    label: String,
    norm: String,
    attack: String,
    standing: &'static str,
    opinions: Vec<String>,
    place: String,
}

impl ClaimView {
    /// Describes a verdict; names of classes and the way radii are written are those of the audit.
    pub(super) fn of(verdict: &Verdict, audit: Option<&Summary>) -> Self {
        let claim = &verdict.claim;
        Self {
            id: claim.id.clone(),
            statement: sentence(&claim.statement),
            ruling: ruling(verdict.verdict),
            meaning: meaning(verdict.verdict),
            finding: sentence(&verdict.finding),
            reasons: verdict.reasons.iter().map(|reason| Named { id: reason.id.clone(), text: sentence(&reason.text) }).collect(),
            decision: verdict.numbers.as_ref().and_then(decision),
            numbers: verdict.numbers.as_ref().map(numbers).unwrap_or_default(),
            witnesses: WitnessesView::of(verdict, audit),
            assumptions: claim.assumptions.iter().map(|assumption| sentence(assumption)).collect(),
            rests_on: rests_on(verdict),
            command: verdict.command.clone(),
        }
    }
}

fn meaning(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Refuted => "Refuted: a counterexample was confirmed, or the exact bound of a rate is on the wrong side of the threshold.",
        Ruling::Proven => {
            "Proven: the claim allows no change and every sample was evaluated, or enough samples have a certificate. The result depends neither on chance nor on attacks."
        }
        Ruling::Supported => {
            "Supported: the exact bound clears the threshold, for the attacks and the budget that were named. Stronger attacks may still refute it."
        }
        Ruling::Undecided => "Undecided: neither refuted nor supported; the reasons say what is missing.",
        Ruling::Stale => {
            "Stale: the model or the data are not those that the claim names, the claim has expired, or the evidence was tampered with. Nothing is known about this claim."
        }
    }
}

/// A share without rounding to the tenth of a per cent, as it was typed.
fn typed_percent(share: f64) -> String {
    format!("{}{NBSP}%", significant(share * 100.0, 6))
}

fn quantity(name: &str) -> &str {
    match name {
        "robust_accuracy" => "Right, and right under every attack",
        "clean_accuracy" => "Right",
        "non_finite_rate" => "Without a finite answer",
        other => other,
    }
}

fn numbers(numbers: &Numbers) -> Vec<Fact> {
    let mut facts = vec![text(
        "Counted",
        format!("{}: {} of {}", quantity(&numbers.quantity), size(numbers.count), size(numbers.n))
            + &numbers.value.map(|value| format!(" ({})", percent(value))).unwrap_or_default(),
    )];
    // Rounded outwards, so that what is printed holds.
    let bounds = format!("{} to {}", percent((numbers.low * 1000.0).floor() / 1000.0), percent((numbers.high * 1000.0).ceil() / 1000.0));
    facts.push(text(
        "Bounds",
        if numbers.confidence >= 1.0 {
            format!("{bounds}; all samples were evaluated, so this is exact")
        } else {
            format!("{bounds}, each with {} confidence", typed_percent(numbers.confidence))
        },
    ));
    if let (Some(threshold), Some(relation)) = (numbers.threshold, numbers.relation) {
        facts.push(text("Claimed", format!("{} {}", side(relation), typed_percent(threshold))));
    }
    if numbers.population > numbers.n {
        facts.push(text(
            "Examined",
            format!("{} of {} samples, until the bounds decided the claim or the time was over", size(numbers.n), size(numbers.population)),
        ));
    }
    facts
}

fn side(relation: Relation) -> &'static str {
    match relation {
        Relation::AtLeast => "at least",
        Relation::AtMost => "at most",
    }
}

impl WitnessesView {
    fn of(verdict: &Verdict, audit: Option<&Summary>) -> Self {
        let total = verdict.witnesses.len();
        Self {
            judges: verdict.judges.iter().map(|judge| format!("{} {}", judge.runtime, judge.version)).collect(),
            rows: verdict.witnesses.iter().take(WITNESSES).map(|witness| row(witness, verdict, audit)).collect(),
            note: if total > WITNESSES {
                format!("The first {WITNESSES} of {}; verdict.json has all.", size(total))
            } else {
                String::new()
            },
        }
    }
}

fn row(witness: &Witness, verdict: &Verdict, audit: Option<&Summary>) -> WitnessRow {
    let classes = audit.map(|audit| audit.classes.as_slice()).unwrap_or_default();
    let class = |label: &Label| label_name(classes, label);
    let name = |prediction: &Option<Label>| prediction.as_ref().map_or_else(|| "not finite".to_owned(), class);
    let opinions = verdict
        .judges
        .iter()
        .map(|judge| {
            let Some(opinion) =
                witness.opinions.iter().find(|opinion| opinion.runtime == judge.runtime && opinion.version == judge.version)
            else {
                return "–".to_owned();
            };
            let answer = match (&opinion.other_prediction, opinion.difference) {
                (Some(other), Some(difference)) => {
                    format!("{} / {}, outputs differ by {}", name(&opinion.prediction), class(other), significant(difference, 3))
                }
                _ => format!("{}, margin {}", name(&opinion.prediction), significant(opinion.margin, 3)),
            };
            format!("{}: {answer}", if opinion.confirmed { "yes" } else { "no" })
        })
        .collect();
    WitnessRow {
        sample: witness.sample,
        label: class(&witness.label),
        norm: audit.map_or_else(|| significant(witness.norm, 4), |audit| distance(witness.norm, &audit.question.threat)),
        attack: witness.attack.clone().unwrap_or_else(|| "none, unchanged".to_owned()),
        standing: match (witness.standing, &witness.violation) {
            (_, Some(_)) => "not allowed",
            (Standing::Confirmed, None) => "confirmed",
            (Standing::Boundary, None) => "boundary",
            (Standing::Rejected, None) => "rejected",
        },
        opinions,
        place: format!("{} row {}", witness.file, witness.row),
    }
}

fn rests_on(verdict: &Verdict) -> Vec<Group> {
    let claim = &verdict.claim;
    let subject = &claim.subject;
    let population = &claim.population;
    let mut groups = vec![
        Group::new(
            "Claim",
            vec![
                text("Id", claim.id.clone()),
                text("Property", property(claim)),
                code("File", verdict.claim_file.path.clone()),
                code("SHA-256", verdict.claim_file.sha256.clone()),
                text("Expires", claim.expires.clone().unwrap_or_else(|| "never".to_owned())),
                text(
                    "If undecided",
                    match claim.policy.undecided {
                        OnUndecided::Fail => "the check fails",
                        OnUndecided::Warn => "the check does not fail",
                    },
                ),
            ],
        ),
        Group::new(
            "Subject",
            [code("Model", subject.model.display().to_string()), code("SHA-256", subject.digest())]
                .into_iter()
                .chain(subject.weights_sha256.clone().map(|digest| code("SHA-256 of weights", digest)))
                .chain(task_words(subject).map(|words| text("Task", format!("{}: {words}", subject.task()))))
                .chain([
                    text("Input scale", subject.scale().to_string()),
                    text("Mean", repeat::numbers(&subject.mean)),
                    text("Deviation", repeat::numbers(&subject.std)),
                    text("Layout", subject.layout.map_or("auto", Layout::name)),
                ])
                .collect(),
        ),
        Group::new(
            "Population",
            vec![
                code("Data", population.data.display().to_string()),
                code("SHA-256", population.digest()),
                text("Samples", size(population.n.unwrap_or_default())),
                text("Chosen", population.selection.clone().unwrap_or_default()),
                text(
                    "Sampling",
                    match population.sampling {
                        Some(Sampling::Exhaustive) => "exhaustive: the claim is about these samples only",
                        Some(Sampling::Iid) => "drawn independently and at random",
                        Some(Sampling::Convenience) | None => {
                            "what was available; such samples can refute a claim, but cannot support a rate"
                        }
                    },
                ),
            ],
        ),
    ];
    groups.extend(claim.threat.as_ref().map(threat));
    groups.push(Group::new(
        "Evidence",
        vec![
            code("Folder", verdict.evidence.clone()),
            text("Files", format!("{}, each with its SHA-256 in manifest.json", size(verdict.files.len()))),
            text(
                "Judges",
                verdict.judges.iter().map(|judge| format!("{} {}", judge.runtime, judge.version)).collect::<Vec<_>>().join(", "),
            ),
            text("Brinell", verdict.brinell_version.clone()),
            text("Time", duration(verdict.seconds)),
            text("Decided", repeat::when(&verdict.created)),
        ],
    ));
    groups
}

fn threat(claimed: &ClaimThreat) -> Group {
    let ClaimThreat { threat, effort, adaptive } = claimed;
    Group::new(
        "Threat",
        vec![
            text("Norm, radius", format!("{} ≤ {}", norm(threat.norm), threat.eps)),
            text("Goal", threat.target.clone().map_or_else(|| "any wrong class".to_owned(), |target| format!("“{target}”"))),
            text("Knowledge", super::repeat::knowledge(threat.knowledge.unwrap_or(Knowledge::White))),
            text(
                "Attacks",
                if effort.attacks.is_empty() {
                    effort.suite.clone().map_or_else(|| "the default suite".to_owned(), |suite| format!("suite {suite}"))
                } else {
                    effort.attacks.join("\n")
                },
            ),
            text(
                "Query limit",
                effort.max_queries.map_or_else(|| "none".to_owned(), |limit| format!("{} per sample and stage", count(limit))),
            ),
            text("Seed", effort.seed.to_string()),
            text("Defence", if *adaptive { "the attacks must know it" } else { "no condition" }.to_owned()),
        ],
    )
}

fn property(claim: &Claim) -> String {
    let sides = |at_least: Option<f64>, at_most: Option<f64>| {
        [(Relation::AtLeast, at_least), (Relation::AtMost, at_most)]
            .into_iter()
            .filter_map(|(relation, value)| Some(format!("{} {}", side(relation), typed_percent(value?))))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    match &claim.property {
        Property::Forall { among: brinell_record::Among::All } => "no allowed change fools the model on any sample".to_owned(),
        Property::Forall { among: brinell_record::Among::Correct } => {
            "no allowed change fools the model on any sample that it gets right unchanged".to_owned()
        }
        Property::Rate { at_least, at_most } => format!("{} are right and stay right", sides(*at_least, *at_most)),
        Property::Bound { quantity, at_least, at_most } => format!(
            "{} is {}",
            match quantity {
                Quantity::CleanAccuracy => "clean accuracy",
                Quantity::RobustAccuracy => "robust accuracy",
                Quantity::NonFiniteRate => "the share of answers that are not finite",
                _ => "the quantity",
            },
            sides(*at_least, *at_most)
        ),
        Property::Equal { other, tolerance, .. } => {
            format!("{other} gives the same predictions, and outputs within {}", significant(*tolerance, 6))
        }
        _ => "see the claim file".to_owned(),
    }
}
