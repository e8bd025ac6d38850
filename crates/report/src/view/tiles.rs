//! The figures that stand large at the head of an audit of one sample.

use super::repeat::passes;
use crate::Run;
use crate::format::{distance, duration, percent};
use crate::verdict::label_name;
use brinell_record::{Outcome, SampleRecord, Summary};
use serde::Serialize;

/// One figure with its name and a remark.
#[derive(Serialize)]
pub(super) struct Tile {
    name: &'static str,
    figure: String,
    note: String,
}

/// The figures of an audit of one sample; none where there are several, of which rates say more.
pub(super) fn tiles(run: &Run) -> Vec<Tile> {
    match run.samples.as_slice() {
        [sample] if run.summary.data.n == 1 => of_one(&run.summary, sample),
        _ => Vec::new(),
    }
}

fn of_one(summary: &Summary, sample: &SampleRecord) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let name = |label| label_name(&summary.classes, label);
    if let (Some(confidence), Some(class)) = (sample.confidence, &sample.prediction) {
        tiles.push(plain("Confidence before", percent(confidence), name(class)));
    }
    if sample.outcome == Outcome::Broken {
        if let (Some(confidence), Some(class)) = (sample.adv_confidence, &sample.adv_prediction) {
            tiles.push(plain("Confidence after", percent(confidence), name(class)));
        }
        if let Some(norm) = sample.norm {
            tiles.push(plain(
                "Size of the change",
                distance(norm, &summary.question.threat),
                if summary.minimum_norm.is_some() {
                    "the smallest found".to_owned()
                } else {
                    format!("of {} allowed", summary.question.threat.eps)
                },
            ));
        }
    }
    tiles.push(plain("Effort", duration(summary.seconds), passes(summary)));
    tiles
}

fn plain(name: &'static str, figure: String, note: String) -> Tile {
    Tile { name, figure, note }
}
