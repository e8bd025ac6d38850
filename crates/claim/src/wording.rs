//! What was found, in one sentence.

use brinell_record::{Claim, Judge, Label, Property, Relation, Ruling, Sampling, Standing, Witness};

use super::decide::{Decision, Question};
use super::examine::Aim;

/// Returns the finding of a claim about a count of samples.
pub(super) fn finding(claim: &Claim, question: &Question, decision: &Decision, witnesses: &[Witness], judges: &[Judge]) -> String {
    let numbers = &decision.numbers;
    if numbers.n == 0 {
        return "no sample was examined".to_owned();
    }
    let confirmed = witnesses.iter().find(|witness| witness.standing == Standing::Confirmed);
    if let Some(witness) = confirmed.filter(|_| question.wanted.is_none() && decision.ruling == Ruling::Refuted) {
        return counterexample(claim, witness);
    }
    let what = match (question.aim, question.attacked) {
        (Aim::Clean, _) => format!("get the right answer{}", by(judges)),
        (Aim::NonFinite, _) => format!("get an answer that is not a finite number{}", by(judges)),
        (_, false) => format!("get the right answer{}, and the claim allows no change", by(judges)),
        (_, true) => format!("get the right answer and survive {}", under(claim)),
    };
    // An early decision needs no more samples.
    let of = if numbers.n < numbers.population {
        format!("the first {} samples (out of {})", numbers.n, numbers.population)
    } else {
        format!("{} samples", numbers.n)
    };
    let counted = format!("{} of {of} {what}", numbers.count);
    let threshold = match (numbers.relation, numbers.threshold) {
        (Some(Relation::AtLeast), Some(threshold)) => format!("; the claim asks for at least {}", near(threshold)),
        (Some(Relation::AtMost), Some(threshold)) => format!("; the claim allows at most {}", near(threshold)),
        _ => String::new(),
    };
    let exact = claim.population.sampling != Some(Sampling::Iid) && numbers.n == numbers.population;
    if exact || numbers.relation.is_none() || claim.population.sampling == Some(Sampling::Convenience) {
        let share = numbers.value.filter(|_| exact).map_or_else(String::new, |value| format!(", which is {}", near(value)));
        return format!("{counted}{share}{threshold}");
    }
    let all = if claim.population.sampling == Some(Sampling::Iid) { "inputs" } else { "samples" };
    let sure = |before: &str, after: &str| {
        if numbers.confidence < 1.0 { format!("{before}{} confidence{after}", near(numbers.confidence)) } else { String::new() }
    };
    let bound = match (decision.ruling, numbers.relation) {
        (Ruling::Supported | Ruling::Proven, Some(Relation::AtLeast)) | (Ruling::Refuted, Some(Relation::AtMost)) => {
            format!("{}at least {} of all {all} do", sure("with ", ", "), down(numbers.low))
        }
        (Ruling::Supported | Ruling::Proven, _) | (Ruling::Refuted, _) => {
            format!("{}at most {} of all {all} do", sure("with ", ", "), up(numbers.high))
        }
        _ => format!("of all {all}, between {} and {} do{}", down(numbers.low), up(numbers.high), sure(" (", " in each bound)")),
    };
    format!("{counted}; {bound}{threshold}")
}

fn by(judges: &[Judge]) -> String {
    let names: Vec<String> = judges.iter().map(|judge| format!("{} {}", judge.runtime, judge.version)).collect();
    if names.is_empty() { String::new() } else { format!(" on {}", names.join(" and ")) }
}

/// Returns the finding of an `equal` claim.
pub(super) fn agreement(claim: &Claim, agreeing: usize, n: usize, largest: f64, witness: Option<&Witness>, judges: &[Judge]) -> String {
    let Property::Equal { tolerance, .. } = &claim.property else { return String::new() };
    match witness {
        Some(witness) if witness.standing == Standing::Confirmed => {
            let predictions: Vec<String> = witness
                .opinions
                .iter()
                .map(|o| format!("{} and {} on {}", class(o.prediction.as_ref()), class(o.other_prediction.as_ref()), o.runtime))
                .collect();
            let difference = witness.opinions.iter().filter_map(|o| o.difference).fold(0.0, f64::max);
            format!(
                "on sample {} the outputs differ by {} (tolerance {tolerance}); the answers are {}",
                witness.sample,
                short(difference),
                predictions.join(", ")
            )
        }
        _ => format!(
            "the outputs agree on {agreeing} of {n} samples{}, and differ by {} at most (tolerance {tolerance})",
            by(judges),
            short(largest)
        ),
    }
}

fn counterexample(claim: &Claim, witness: &Witness) -> String {
    let right = match &witness.label {
        Label::Class(class) => format!("class {class}"),
        other => other.to_string(),
    };
    let answer = class(witness.prediction.as_ref());
    let change = match (&claim.threat, &witness.attack) {
        (Some(threat), Some(attack)) => {
            format!("after a change of {} in {} (allowed {}), found by {attack}", short(witness.norm), norm(claim), threat.threat.eps)
        }
        _ => "without any change".to_owned(),
    };
    let runtimes: Vec<&str> = witness.opinions.iter().map(|opinion| opinion.runtime.as_str()).collect();
    let alone = if runtimes.len() == 1 { ", the only runtime available" } else { "" };
    format!("sample {} ({right}) is classified as {answer} {change}; confirmed by {}{alone}", witness.sample, runtimes.join(" and "))
}

/// The attacks and the ball in words.
fn under(claim: &Claim) -> String {
    let Some(threat) = &claim.threat else { return String::new() };
    let effort = &threat.effort;
    let attacks = effort.suite.as_ref().map_or_else(|| effort.attacks.join(", "), |suite| format!("the suite {suite}"));
    let queries = effort.max_queries.map_or_else(String::new, |limit| format!(" with at most {limit} queries per stage"));
    format!("{attacks}{queries} within {} {}", norm(claim), threat.threat.eps)
}

fn norm(claim: &Claim) -> &'static str {
    claim.threat.as_ref().map_or("", |threat| threat.threat.norm.name())
}

fn class(prediction: Option<&Label>) -> String {
    prediction.map_or_else(|| "no class".to_owned(), ToString::to_string)
}

/// A share rounded down, so that "at least" stays true.
fn down(share: f64) -> String {
    percent((share * 1000.0 + 1e-9).floor() / 10.0)
}

/// A share rounded up, so that "at most" stays true.
fn up(share: f64) -> String {
    percent((share * 1000.0 - 1e-9).ceil() / 10.0)
}

fn near(share: f64) -> String {
    percent((share * 1e5).round() / 1e3)
}

/// A number with three digits that say something.
fn short(value: f64) -> String {
    if value == 0.0 || (1e-3..1e4).contains(&value.abs()) { format!("{}", (value * 1e4).round() / 1e4) } else { format!("{value:.2e}") }
}

fn percent(value: f64) -> String {
    format!("{} %", value.clamp(0.0, 100.0))
}
