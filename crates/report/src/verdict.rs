//! The verdict in one plain sentence, the same on the page and in the terminal.

use crate::format::{NBSP, confidence, interval, percent, radius, significant, size};
use crate::nearest;
use brinell_record::{Artefact, Label, Ruling, Severity, Summary, TaskKind};

/// One sentence in two parts, so that the count can be set apart.
pub(crate) struct Verdict {
    /// The count that the sentence is about.
    pub(crate) lead: String,
    /// The rest, with its own leading space and full stop.
    pub(crate) rest: String,
    /// What must be known before the sentence is believed.
    pub(crate) caveat: Option<String>,
}

impl Verdict {
    /// States what the audit found, and whether it may be believed.
    pub(crate) fn of(summary: &Summary) -> Self {
        let (lead, rest) = match (&summary.minimum_norm, summary.data.n) {
            (Some(nearest), _) => nearest::finding(summary, nearest),
            (None, 1) => of_one(summary),
            (None, _) => of_many(summary),
        };
        let rest = match task_words(&summary.question.artefact) {
            Some(words) => format!("{} Here {words}.", rest.trim_end()),
            None => rest,
        };
        let blocking = summary.flags.iter().filter(|flag| flag.severity == Severity::Blocking).count();
        let caveat = (blocking > 0).then(|| {
            let flags = if blocking == 1 { "a blocking flag makes".to_owned() } else { format!("{blocking} blocking flags make") };
            format!("Do not use these figures: {flags} them unreliable. Fix what the flags say, then audit again.")
        });
        Self { lead, rest, caveat }
    }

    /// The whole sentence.
    pub(crate) fn sentence(&self) -> String {
        format!("{}{}", self.lead, self.rest)
    }
}

fn of_many(summary: &Summary) -> (String, String) {
    let noun = noun(summary);
    let rate = &summary.robust_accuracy;
    let share = format!("({}, {} interval {})", percent(rate.value), confidence(rate), interval(rate));
    let survivors = survivors(summary);
    if summary.stages.is_empty() {
        let verb = if summary.survived == 1 { "is" } else { "are" };
        return (survivors, format!(" {share} {verb} {}; no attack was run.", right(summary)));
    }
    let Some(target) = summary.allowed.target else {
        let verb = if summary.survived == 1 { "survives" } else { "survive" };
        return (survivors, format!(" {share} {verb} every attack that was run at {}.", at_radius(summary)));
    };
    let lead =
        format!("{} of {} correctly classified {}", size(summary.broken), size(summary.clean_correct), plural(summary.clean_correct, noun));
    let rest = format!(
        " {} turned into “{}” by a change of at most {}; {} of all {} {share} survived every attack that was run.",
        if summary.broken == 1 { "was" } else { "were" },
        class_name(&summary.classes, target),
        radius(&summary.question.threat),
        size(summary.survived),
        size(summary.data.n),
    );
    (lead, rest)
}

/// A rate of one sample says nothing, so it is left out.
fn of_one(summary: &Summary) -> (String, String) {
    let lead = format!("The {}", noun(summary));
    let radius = radius(&summary.question.threat);
    let target = summary.allowed.target.map(|target| class_name(&summary.classes, target));
    let rest = match (summary.clean_correct, summary.broken, target) {
        (0, _, _) => format!(" is {} without any attack.", wrong(summary)),
        _ if summary.stages.is_empty() => format!(" is {}; no attack was run.", right(summary)),
        (_, 0, None) => format!(" survives every attack that was run at {}.", at_radius(summary)),
        (_, 0, Some(target)) => format!(" was not turned into “{target}” by any attack that was run at {}.", at_radius(summary)),
        (_, _, None) => format!(" is broken by a change of at most {radius}."),
        (_, _, Some(target)) => format!(" was turned into “{target}” by a change of at most {radius}."),
    };
    (lead, rest)
}

/// What a sample is that the model gets right.
pub(crate) fn right(summary: &Summary) -> &'static str {
    if summary.question.artefact.task().is_of_classes() { "classified correctly" } else { "answered correctly" }
}

/// What a sample is that the model gets wrong.
pub(crate) fn wrong(summary: &Summary) -> &'static str {
    if summary.question.artefact.task().is_of_classes() { "misclassified" } else { "answered wrongly" }
}

/// How many of all kept their answer: `412 of 892 images`.
pub(crate) fn survivors(summary: &Summary) -> String {
    format!("{} of {} {}", size(summary.survived), size(summary.data.n), plural(summary.data.n, noun(summary)))
}

/// The radius in a sentence, kept on one line.
pub(crate) fn at_radius(summary: &Summary) -> String {
    format!("eps{NBSP}={NBSP}{}", radius(&summary.question.threat))
}

/// The attacks that ran, by name and in their order; one that ran twice is named once.
pub(crate) fn attack_names(summary: &Summary) -> String {
    let mut names: Vec<&str> = Vec::new();
    for stage in &summary.stages {
        if !names.contains(&stage.name.as_str()) {
            names.push(&stage.name);
        }
    }
    names.join(", ")
}

/// The name of a class, or its number where it has none or is named by a number.
pub(crate) fn class_name(classes: &[String], class: usize) -> String {
    match classes.get(class) {
        Some(name) if name.parse::<u64>().is_err() => name.clone(),
        Some(name) => format!("class {name}"),
        None => format!("class {class}"),
    }
}

/// What is right about a sample, or what a model says of it, in words.
pub(crate) fn label_name(classes: &[String], label: &Label) -> String {
    let known = |place: usize| classes.get(place).filter(|name| name.parse::<u64>().is_err());
    match label {
        Label::Class(class) => class_name(classes, *class),
        Label::Labels { labels } => {
            let name = |place: usize| known(place).cloned().unwrap_or_else(|| place.to_string());
            let applying: Vec<String> = (0..labels.len()).filter(|&place| labels.get(place) == Some(&true)).map(name).collect();
            if applying.is_empty() { "no label".to_owned() } else { applying.join(" + ") }
        }
        Label::Values { values } => values.iter().map(|value| significant(*value, 5)).collect::<Vec<_>>().join(", "),
        Label::Pair { same, distance } => {
            let said = if *same { "same" } else { "different" };
            distance.map_or_else(|| said.to_owned(), |distance| format!("{said} ({})", significant(distance, 3)))
        }
        other => other.to_string(),
    }
}

/// What makes an answer right, where that is not the class with the largest value.
pub(crate) fn task_words(artefact: &Artefact) -> Option<String> {
    Some(match artefact.task() {
        TaskKind::Classification => return None,
        TaskKind::TopK => format!("an answer is right if the true class is among the best {}", artefact.top_k.unwrap_or(1)),
        TaskKind::Multilabel if artefact.only_labels.is_empty() => "an answer is right if all its labels are right".to_owned(),
        TaskKind::Multilabel => format!("an answer is right if it is right about {}", artefact.only_labels.join(", ")),
        TaskKind::Regression => {
            format!("an answer is right if it is at most {} away from the label", artefact.tolerance.unwrap_or_default())
        }
        TaskKind::Embedding => {
            format!("two inputs count as the same up to a cosine distance of {}", artefact.distance.unwrap_or_default())
        }
    })
}

/// What one sample is called: an image where its shape is one.
pub(crate) fn noun(summary: &Summary) -> &'static str {
    if crate::picture::Layout::of(&summary.data.shape).is_some() { "image" } else { "sample" }
}

/// The noun with its plural ending.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// The name of the ruling on a claim.
pub(crate) fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Refuted => "refuted",
        Ruling::Proven => "proven",
        Ruling::Supported => "supported",
        Ruling::Undecided => "undecided",
        Ruling::Stale => "stale",
    }
}
