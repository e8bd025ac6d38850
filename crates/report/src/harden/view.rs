//! What the template of a training run is given.

use super::chart;
use crate::format::{percent, size};
use brinell_record::{HardenSummary, Paired, Rate, StepLine};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct HardenView {
    title: String,
    created: String,
    version: String,
    headline: String,
    caveats: Vec<String>,
    before_after: Vec<[String; 3]>,
    tests: Vec<[String; 4]>,
    epochs: String,
    rows: Vec<[String; 4]>,
    loss: String,
    recipe: Vec<[String; 2]>,
    facts: Vec<[String; 2]>,
    tensors: Vec<[String; 3]>,
    incidents: Vec<[String; 2]>,
    notes: Vec<String>,
    elsewhere: Vec<[String; 3]>,
    judged: usize,
    tested: usize,
}

impl HardenView {
    pub(super) fn of(summary: &HardenSummary, steps: &[StepLine]) -> Self {
        let comparison = &summary.comparison;
        let [before, after] = &summary.accuracy;
        let mut caveats = Vec::new();
        if summary.clean_loss > summary.max_clean_loss {
            caveats.push(format!(
                "Clean accuracy fell by {:.1} points on validation samples, more than the {} that are allowed.",
                summary.clean_loss, summary.max_clean_loss
            ));
        }
        for entry in [&comparison.a, &comparison.b] {
            caveats.extend(entry.blocking.iter().map(|flag| format!("The audit of {} has the blocking flag {flag}.", entry.model.name)));
        }
        let share = |count: usize, n: usize| percent(count as f64 / n.max(1) as f64);
        let test =
            |name: &str, paired: &Paired| [name.to_owned(), size(paired.only_b), size(paired.only_a), format!("{:.1e}", paired.p_value)];
        Self {
            title: comparison.a.model.name.clone(),
            created: comparison.b.created.clone(),
            version: comparison.b.brinell_version.clone(),
            headline: summary.headline.clone(),
            caveats,
            before_after: vec![
                ["Survives every attack".to_owned(), rate(&before[1]), rate(&after[1])],
                ["Right without an attack".to_owned(), rate(&before[0]), rate(&after[0])],
            ],
            tests: vec![test("Under attack", &comparison.robust), test("Without an attack", &comparison.clean)],
            epochs: chart::epochs(&summary.epochs, summary.chosen),
            rows: summary
                .epochs
                .iter()
                .map(|line| {
                    let kept = if line.epoch == summary.chosen { " (kept)" } else { "" };
                    [format!("{}{kept}", line.epoch), format!("{:.3}", line.loss), share(line.robust, line.n), share(line.clean, line.n)]
                })
                .collect(),
            loss: chart::loss(steps),
            recipe: recipe(summary),
            facts: summary.identity.facts.iter().map(|(name, value)| [name.clone(), value.clone()]).collect(),
            tensors: summary
                .identity
                .tensors
                .iter()
                .map(|tensor| {
                    [tensor.name.clone(), format!("{:?}", tensor.shape), tensor.kept.clone().unwrap_or_else(|| "trained".to_owned())]
                })
                .collect(),
            incidents: summary.incidents.iter().map(|one| [one.step.to_string(), one.what.clone()]).collect(),
            notes: summary.notes.clone(),
            elsewhere: summary
                .elsewhere
                .iter()
                .map(|one| [format!("{} at {:.4}", one.norm, one.eps), share(one.survived[0], one.n), share(one.survived[1], one.n)])
                .collect(),
            judged: summary.epochs.first().map_or(0, |line| line.n),
            tested: comparison.b.data.n,
        }
    }
}

pub(super) fn rate(rate: &Rate) -> String {
    format!("{} ({}-{})", percent(rate.value), percent(rate.low), percent(rate.high))
}

/// The settings of training as they were decided, by name.
fn recipe(summary: &HardenSummary) -> Vec<[String; 2]> {
    let value = serde_json::to_value(&summary.identity.recipe).unwrap_or_default();
    let entries = value.as_object().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries.map(|(name, value)| [name.replace('_', " "), text(value)]).collect()
}
