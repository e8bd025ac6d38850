//! The figures that stand large at the head of an audit.

use crate::Run;
use crate::chart::interval_bar;
use crate::format::{confidence, count, distance, duration, interval, percent, size};
use crate::verdict::class_name;
use brinell_record::{Outcome, Rate, SampleRecord, Summary};
use serde::Serialize;

/// One figure with its name, a remark and perhaps a bar.
#[derive(Serialize)]
pub(crate) struct Tile {
    name: String,
    figure: String,
    note: String,
    bar: String,
}

/// The figures of an audit.
pub(crate) fn tiles(run: &Run) -> Vec<Tile> {
    match run.samples.as_slice() {
        [sample] if run.summary.data.n == 1 => of_one(&run.summary, sample),
        _ => of_many(&run.summary),
    }
}

fn of_many(summary: &Summary) -> Vec<Tile> {
    let targeted = summary.threat.target.is_some();
    vec![
        rate(if targeted { "Resisted, of all" } else { "Robust accuracy" }, &summary.robust_accuracy, "is-robust"),
        rate("Clean accuracy", &summary.clean_accuracy, "is-clean"),
        plain(
            if targeted { "Turned into the target" } else { "Broken" },
            size(summary.broken),
            format!("of {} that were right", size(summary.clean_correct)),
        ),
        effort(summary),
    ]
}

/// Rates of one sample say nothing; what happened to it does.
fn of_one(summary: &Summary, sample: &SampleRecord) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let name = |class| class_name(&summary.classes, class);
    if let (Some(confidence), Some(class)) = (sample.confidence, sample.prediction) {
        tiles.push(plain("Confidence before", percent(confidence), name(class)));
    }
    if sample.outcome == Outcome::Broken {
        if let (Some(confidence), Some(class)) = (sample.adv_confidence, sample.adv_prediction) {
            tiles.push(plain("Confidence after", percent(confidence), name(class)));
        }
        if let Some(norm) = sample.norm {
            tiles.push(plain("Size of the change", distance(norm, &summary.threat), format!("of {} allowed", summary.threat.eps_text)));
        }
    }
    tiles.push(effort(summary));
    tiles
}

fn plain(name: &str, figure: String, note: String) -> Tile {
    Tile { name: name.to_owned(), figure, note, bar: String::new() }
}

fn rate(name: &str, rate: &Rate, class: &str) -> Tile {
    Tile { bar: interval_bar(rate, class), ..plain(name, percent(rate.value), format!("{} interval {}", confidence(rate), interval(rate))) }
}

fn effort(summary: &Summary) -> Tile {
    let passes = summary.stages.iter().map(|stage| stage.forwards.saturating_add(stage.backwards)).fold(0, u64::saturating_add);
    plain("Effort", duration(summary.seconds), format!("{} passes through the model", count(passes)))
}
