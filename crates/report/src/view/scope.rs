//! What the audit shows, and what it did not look at.

use crate::format::{NBSP, norm, percent, radius, sentence, size};
use crate::verdict::{self, attack_names, class_name, noun, plural};
use brinell_record::{Knowledge, Norm, SanityLevel, Summary};
use serde::Serialize;

/// Facts that hold for good, and questions that stay open.
#[derive(Serialize)]
pub(super) struct ScopeView {
    shown: Vec<String>,
    open: Vec<Gap>,
}

/// One thing that was not examined.
#[derive(Serialize)]
struct Gap {
    name: String,
    text: String,
}

impl Gap {
    fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

impl ScopeView {
    pub(super) fn of(summary: &Summary) -> Self {
        let mut open = vec![proof(summary)];
        open.extend(attacks(summary));
        open.extend(gradients(summary));
        open.extend(sanity(summary));
        open.extend(wrong(summary));
        open.push(other_changes(summary));
        open.push(goal(summary));
        open.push(other_samples(summary));
        open.extend(flagged(summary));
        open.push(other_execution(summary));
        open.push(Gap::new(
            "Everything around the model",
            "What comes before and after the model in use (cameras, decoders, filters, people), and other attacks: poisoned training data, back doors, theft of the model or of its training data.",
        ));
        Self { shown: shown(summary), open }
    }
}

/// What an attacker who sees more would have to go by.
fn gradients(summary: &Summary) -> Option<Gap> {
    let seen = match summary.allowed.knowledge? {
        Knowledge::Score => "the model's scores",
        Knowledge::Label => "the predicted class",
        Knowledge::White => return None,
    };
    let text = format!(
        "The attacks saw {seen} but no gradients. An attacker who has the file, or a similar model, can do more with the same effort."
    );
    Some(Gap::new("An attacker who has the model file", text))
}

fn shown(summary: &Summary) -> Vec<String> {
    let noun = noun(summary);
    let n = summary.data.n;
    let mut shown = Vec::new();
    if summary.broken > 0 {
        let goal = summary.allowed.target.map_or_else(
            || format!("really {}", verdict::wrong(summary)),
            |target| format!("classified as “{}”", class_name(&summary.classes, target)),
        );
        let subject = if summary.broken == 1 {
            format!("The broken {noun} is a counterexample")
        } else {
            format!("Each of the {} broken {} is a counterexample", size(summary.broken), plural(summary.broken, noun))
        };
        shown.push(format!(
            "{subject} that anyone can replay from adversarial.npz. It was checked on the unmodified model file, one {noun} at a time: it is finite, inside the input range, within the radius, and {goal}."
        ));
    }
    let population = if n == 1 { format!("this {noun}") } else { format!("these {} {}", size(n), plural(n, noun)) };
    let share = if summary.allowed.target.is_some() { "share that resists" } else { "robust accuracy" };
    if summary.minimum_norm.is_some() {
        shown.push(format!("For each of {population}, the smallest adversarial change is at most as large as the one that was found."));
    } else if n > 1 {
        shown.push(format!(
            "On {population} the true {share} at eps{NBSP}={NBSP}{} is therefore at most {}. The denominator is all samples, also those that were misclassified.",
            radius(&summary.question.threat),
            percent(summary.robust_accuracy.value)
        ));
    }
    if shown.is_empty() {
        shown.push(format!("The model's answers on {population}, and the fact that the attacks named above did not change them."));
    }
    shown
}

fn proof(summary: &Summary) -> Gap {
    let noun = noun(summary);
    if summary.minimum_norm.is_some() {
        return Gap::new("Proof", format!("No proof was attempted, so it is unknown up to which distance {} are safe.", plural(2, noun)));
    }
    let text = match summary.survived {
        0 => format!("No proof was attempted. None of the {} survived.", plural(2, noun)),
        survived => format!(
            "No proof was attempted. A failed attack proves nothing: the {} {} that survived {} not broken, which does not mean safe.",
            size(survived),
            plural(survived, noun),
            if survived == 1 { "is" } else { "are" }
        ),
    };
    Gap::new("Proof", text)
}

fn attacks(summary: &Summary) -> Option<Gap> {
    if summary.stages.is_empty() {
        return Some(Gap::new("Attacks", "No attack was run."));
    }
    let others = if summary.attacks_not_run.is_empty() {
        String::new()
    } else {
        format!(" Attacks for this norm that were not run: {}.", summary.attacks_not_run.join(", "))
    };
    Some(Gap::new(
        "Stronger and other attacks",
        format!(
            "Only {} ran, with the settings and the seed below.{others} No attack was adapted to this model: if it has a defence, an attacker who knows the defence was not simulated. No examples from other models were tried.",
            attack_names(summary)
        ),
    ))
}

/// Checks on the attacks that take attacks of their own.
fn sanity(summary: &Summary) -> Option<Gap> {
    let level = summary.sanity.as_ref().map_or(SanityLevel::Off, |sanity| sanity.level);
    (level != SanityLevel::Full && !summary.stages.is_empty()).then(|| {
        Gap::new(
            "Whether the attacks work as they should",
            "It was not tested whether the attacks break every sample when the change is not limited, whether they break more samples at a larger radius, and whether the loss is smooth. Sanity level full tests this.",
        )
    })
}

fn wrong(summary: &Summary) -> Option<Gap> {
    let wrong = summary.data.n.saturating_sub(summary.clean_correct);
    let noun = noun(summary);
    (wrong > 0).then(|| {
        let verb = if wrong == 1 { "was" } else { "were" };
        Gap::new(
            format!("Misclassified {noun}s"),
            format!(
                "{} {} {verb} {} without any attack, and {verb} not attacked.",
                size(wrong),
                plural(wrong, noun),
                verdict::wrong(summary)
            ),
        )
    })
}

fn other_changes(summary: &Summary) -> Gap {
    let others: Vec<&str> =
        [Norm::Linf, Norm::L2, Norm::L1, Norm::L0].into_iter().filter(|other| *other != summary.question.threat.norm).map(norm).collect();
    Gap::new(
        "Other changes",
        format!(
            "{}hanges measured in other norms ({}) and changes that norms do not describe: rotation, blur, lighting, a sticker, a printed picture in front of a camera.",
            if summary.minimum_norm.is_some() {
                "C".to_owned()
            } else {
                format!("Anything larger than {}, c", radius(&summary.question.threat))
            },
            others.join(", ")
        ),
    )
}

fn goal(summary: &Summary) -> Gap {
    match summary.allowed.target {
        Some(target) => Gap::new(
            "Other goals",
            format!("Only changes into “{}” count; another wrong class may be easier to reach.", class_name(&summary.classes, target)),
        ),
        None => Gap::new("Other goals", "Any wrong answer counts. Whether an attacker can force a particular one was not tested."),
    }
}

fn other_samples(summary: &Summary) -> Gap {
    let noun = noun(summary);
    let n = summary.data.n;
    let chosen = match summary.question.population.n {
        Some(limit) if limit == n && summary.data.samples.is_empty() => format!(" Only the first {} of the data were used.", size(n)),
        Some(limit) if limit == n => format!(" Only {} of the data were used, spread evenly over the classes.", size(n)),
        _ => String::new(),
    };
    Gap::new(
        format!("Other {noun}s"),
        format!(
            "{} {} {} tested.{chosen} The intervals apply to other inputs only if these were drawn at random from them; they say nothing about stronger attacks.",
            size(n),
            plural(n, noun),
            if n == 1 { "was" } else { "were" }
        ),
    )
}

/// Flags that narrow what was looked at say so here as well.
fn flagged(summary: &Summary) -> Vec<Gap> {
    const NARROWING: [(&str, &str); 7] = [
        ("resized-images", "The data as they were before resizing"),
        ("query-limit", "What attacks with a larger query budget would find"),
        ("zero-gradient", "Samples without a gradient"),
        ("non-finite-output", "Samples without a finite answer"),
        ("non-finite-under-attack", "Points without a finite answer"),
        ("too-few-classes-for-dlr", "The DLR loss"),
        ("target-is-label", "Samples of the target class"),
    ];
    NARROWING
        .into_iter()
        .filter_map(|(id, name)| summary.flags.iter().find(|flag| flag.id == id).map(|flag| Gap::new(name, sentence(&flag.message))))
        .collect()
}

fn other_execution(summary: &Summary) -> Gap {
    let runtime = &summary.runtime;
    Gap::new(
        "Other ways to run the file",
        format!(
            "The answers come from {} {} on {}. Another runtime, device or number format rounds differently and may decide close cases differently.",
            runtime.name, runtime.version, runtime.device
        ),
    )
}
