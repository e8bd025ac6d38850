//! Phrases about a history, the same on the page and in the terminal.

use crate::format::{norm, size};
use crate::verdict::plural;
use brinell_record::{History, HistoryGroup, RunEntry};

/// What a group of audits has in common: data, number of samples, threat.
pub(super) fn group(group: &HistoryGroup) -> String {
    let Some(first) = group.runs.first() else { return String::new() };
    let data = first.question.population.data.to_string_lossy();
    let data = data.rsplit(['/', '\\']).next().unwrap_or_default();
    let towards = first.allowed.target.map(|class| format!(", towards class {class}")).unwrap_or_default();
    let digest = first.data.sha256.get(..8).unwrap_or(&first.data.sha256);
    format!(
        "{} {} of {data} ({digest}), {} ≤ {}{towards}",
        size(first.data.n),
        plural(first.data.n, "sample"),
        norm(first.question.threat.norm),
        first.question.threat.eps
    )
}

/// Said where there is more than one group.
pub(super) fn separation(history: &History) -> Option<String> {
    let n = history.groups.len();
    (n > 1).then(|| format!("The runs used different samples or threats. Compare figures only within each of these {n} groups."))
}

/// Said where settings vary within a group.
pub(super) fn variation(group: &HistoryGroup) -> Option<String> {
    (!group.varies.is_empty())
        .then(|| format!("These settings differ between the runs and may explain a change: {}.", group.varies.join(", ")))
}

/// The time to the minute: `2026-11-22 23:50`.
pub(super) fn time(run: &RunEntry) -> String {
    match (run.created.get(..10), run.created.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => run.created.clone(),
    }
}

/// What evaluated the model: `onnxruntime 1.22.0`.
pub(super) fn runtime(run: &RunEntry) -> String {
    format!("{} {}", run.runtime.name, run.runtime.version)
}
