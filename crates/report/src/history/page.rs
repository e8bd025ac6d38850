//! What the template of a history is given.

use super::{chart, words};
use crate::format::{interval, percent, size, without_settings};
use brinell_record::{History, HistoryGroup, RunEntry};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct HistoryView {
    title: String,
    created: String,
    version: String,
    headline: String,
    separation: Option<String>,
    groups: Vec<GroupView>,
}

#[derive(Serialize)]
struct GroupView {
    name: String,
    variation: Option<String>,
    legend: Vec<Entry>,
    svg: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    key: String,
}

#[derive(Serialize)]
struct Row {
    time: String,
    model: String,
    sha256: String,
    clean: String,
    robust: String,
    interval: String,
    attacks: String,
    seed: u64,
    runtime: String,
    folder: String,
    blocking: String,
}

impl HistoryView {
    pub(super) fn of(history: &History) -> Self {
        let runs = || history.groups.iter().flat_map(|group| &group.runs);
        let last = runs().max_by(|a, b| a.created.cmp(&b.created));
        Self {
            title: "History".to_owned(),
            created: last.map(|run| run.created.clone()).unwrap_or_default(),
            version: last.map(|run| run.brinell_version.clone()).unwrap_or_default(),
            headline: headline(history, runs().count()),
            separation: words::separation(history),
            groups: history.groups.iter().map(group).collect(),
        }
    }
}

fn headline(history: &History, n: usize) -> String {
    match history.groups.as_slice() {
        [group] if chart::series(group).len() == 1 => match group.runs.as_slice() {
            [first, .., last] => format!(
                "Robust accuracy went from {} to {} over {n} runs.",
                percent(first.robust_accuracy.value),
                percent(last.robust_accuracy.value)
            ),
            _ => "There is only one run.".to_owned(),
        },
        [group] => format!("{n} runs of {} models.", chart::series(group).len()),
        groups => format!("{n} runs in {} groups.", groups.len()),
    }
}

fn group(group: &HistoryGroup) -> GroupView {
    let legend = chart::series(group).into_iter().enumerate();
    GroupView {
        name: words::group(group),
        variation: words::variation(group),
        legend: legend.map(|(at, name)| Entry { name: name.to_owned(), key: crate::chart::key(at) }).collect(),
        svg: chart::draw(group),
        rows: group.runs.iter().map(row).collect(),
    }
}

fn row(run: &RunEntry) -> Row {
    Row {
        time: words::time(run),
        model: run.model.name.clone(),
        sha256: run.model.sha256.get(..12).unwrap_or(&run.model.sha256).to_owned(),
        clean: format!("{} · {}", size(run.clean_correct), percent(run.clean_accuracy.value)),
        robust: format!("{} · {}", size(run.survived), percent(run.robust_accuracy.value)),
        interval: interval(&run.robust_accuracy),
        attacks: without_settings(&run.attacks),
        seed: run.question.effort.seed,
        runtime: words::runtime(run),
        folder: run.folder.clone(),
        blocking: run.blocking.join(", "),
    }
}
