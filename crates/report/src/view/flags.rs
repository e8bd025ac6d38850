//! Flags, the gravest first, each with what its severity asks of the reader.

use brinell_record::{Flag, Severity};
use serde::Serialize;

/// All flags of an audit.
#[derive(Serialize)]
pub(super) struct FlagsView {
    items: Vec<FlagView>,
    /// What stands at the head of the page: the flags that are more than notes.
    doubts: Vec<Doubt>,
}

#[derive(Serialize)]
struct FlagView {
    id: String,
    /// Where the page jumps to.
    anchor: String,
    message: String,
    severity: &'static str,
    advice: &'static str,
}

/// A link to a flag.
#[derive(Serialize)]
struct Doubt {
    severity: &'static str,
    id: String,
    anchor: String,
}

impl FlagsView {
    /// Links lead to anchors that begin with `prefix`, so that several audits fit on a page.
    pub(super) fn of(flags: &[Flag], prefix: &str) -> Self {
        let mut flags: Vec<&Flag> = flags.iter().collect();
        flags.sort_by_key(|flag| std::cmp::Reverse(flag.severity));
        let items: Vec<FlagView> = flags
            .iter()
            .enumerate()
            .map(|(at, flag)| {
                let (severity, advice) = words(flag.severity);
                FlagView {
                    id: flag.id.clone(),
                    anchor: format!("{prefix}flag-{}", at + 1),
                    message: flag.message.clone(),
                    severity,
                    advice,
                }
            })
            .collect();
        let doubts = flags
            .iter()
            .zip(&items)
            .filter(|(flag, _)| flag.severity > Severity::Note)
            .map(|(_, item)| Doubt { severity: item.severity, id: item.id.clone(), anchor: item.anchor.clone() })
            .collect();
        Self { items, doubts }
    }
}

fn words(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Blocking => ("blocking", "Do not quote these figures until this is resolved."),
        Severity::Warning => ("warning", "The figures may be too good or too bad: check this before you rely on them."),
        Severity::Note => ("note", "Nothing to do; the figures stand."),
    }
}
