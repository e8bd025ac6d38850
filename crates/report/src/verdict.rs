//! The verdict in one plain sentence, the same on the page and in the terminal.

use crate::format::{confidence, interval, percent, radius, size};
use brinell_record::{Severity, Summary};

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
        let noun = noun(summary);
        let rate = &summary.robust_accuracy;
        let share = format!("({}, {} interval {})", percent(rate.value), confidence(rate), interval(rate));
        let survivors = format!("{} of {} {}", size(summary.survived), size(summary.data.n), plural(summary.data.n, noun));
        let (lead, rest) = match summary.threat.target {
            _ if summary.stages.is_empty() => {
                (survivors, format!(" {share} {} classified correctly; no attack was run.", is_are(summary.survived)))
            }
            Some(target) => (
                format!(
                    "{} of {} correctly classified {}",
                    size(summary.broken),
                    size(summary.clean_correct),
                    plural(summary.clean_correct, noun)
                ),
                format!(
                    " {} turned into “{}” by a change of at most {}; {} of all {} {share} resisted every attack tried.",
                    if summary.broken == 1 { "was" } else { "were" },
                    class_name(&summary.classes, target),
                    radius(&summary.threat),
                    size(summary.survived),
                    size(summary.data.n),
                ),
            ),
            None => (
                survivors,
                format!(
                    " {share} {} right answer under every attack tried at eps = {}.",
                    if summary.survived == 1 { "keeps its" } else { "keep their" },
                    radius(&summary.threat)
                ),
            ),
        };
        let blocking = summary.flags.iter().filter(|flag| flag.severity == Severity::Blocking).count();
        let caveat = (blocking > 0).then(|| {
            let flags = if blocking == 1 { "a blocking flag makes".to_owned() } else { format!("{blocking} blocking flags make") };
            format!("Not a verdict: {flags} these figures unreliable. Resolve what the flags say, then audit again.")
        });
        Self { lead, rest, caveat }
    }

    /// The whole sentence.
    pub(crate) fn sentence(&self) -> String {
        format!("{}{}", self.lead, self.rest)
    }
}

/// The name of a class, or its number where it has none.
pub(crate) fn class_name(classes: &[String], class: usize) -> String {
    classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
}

/// What one sample is called: an image where its shape is one.
pub(crate) fn noun(summary: &Summary) -> &'static str {
    if crate::picture::Layout::of(&summary.data.shape).is_some() { "image" } else { "sample" }
}

/// The noun with its plural ending.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

fn is_are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
