//! What was tried: one row per stage, with what it added and what it cost.

use super::share;
use crate::chart::survivors_bar;
use crate::format::{count, duration, percent, percent_figure, size};
use brinell_record::Summary;
use serde::Serialize;

/// Stands where a column does not apply to a row.
const NONE: &str = "–";

/// The table of stages.
#[derive(Serialize)]
pub(super) struct StagesView {
    rows: Vec<StageRow>,
    /// Sums over all stages.
    total: Option<StageRow>,
}

#[derive(Serialize)]
struct StageRow {
    name: String,
    attacked: String,
    broken: String,
    /// Samples for which it found a nearer example; a dash where the nearest was not looked for.
    nearer: String,
    /// Percentage points of robust accuracy that this stage took away.
    gain: String,
    left: String,
    share: String,
    forwards: String,
    backwards: String,
    time: String,
    bar: String,
}

impl StagesView {
    pub(super) fn of(summary: &Summary) -> Self {
        let n = summary.data.n;
        let wrong = n.saturating_sub(summary.clean_correct);
        let mut left = summary.clean_correct;
        let mut rows = vec![StageRow {
            name: "no attack".to_owned(),
            attacked: NONE.to_owned(),
            broken: format!("{} wrong", size(wrong)),
            nearer: NONE.to_owned(),
            gain: NONE.to_owned(),
            left: size(left),
            share: percent(share(left, n)),
            forwards: NONE.to_owned(),
            backwards: NONE.to_owned(),
            time: NONE.to_owned(),
            bar: survivors_bar(left, 0, n),
        }];
        for stage in &summary.stages {
            left = left.saturating_sub(stage.broken);
            rows.push(StageRow {
                name: stage.name.clone(),
                attacked: size(stage.attacked),
                broken: size(stage.broken),
                nearer: stage.improved.map_or_else(|| NONE.to_owned(), size),
                gain: percent_figure(share(stage.broken, n)),
                left: size(left),
                share: percent(share(left, n)),
                forwards: count(stage.forwards),
                backwards: count(stage.backwards),
                time: duration(stage.seconds),
                bar: survivors_bar(left, stage.broken, n),
            });
        }
        Self { total: total(summary), rows }
    }
}

/// What all stages did together; one stage needs no sum.
fn total(summary: &Summary) -> Option<StageRow> {
    let n = summary.data.n;
    (summary.stages.len() > 1).then(|| StageRow {
        name: "all together".to_owned(),
        attacked: NONE.to_owned(),
        broken: size(summary.broken),
        nearer: NONE.to_owned(),
        gain: percent_figure(share(summary.broken, n)),
        left: size(summary.survived),
        share: percent(share(summary.survived, n)),
        forwards: count(summary.stages.iter().map(|stage| stage.forwards).fold(0, u64::saturating_add)),
        backwards: count(summary.stages.iter().map(|stage| stage.backwards).fold(0, u64::saturating_add)),
        time: duration(summary.stages.iter().map(|stage| stage.seconds).sum()),
        bar: String::new(),
    })
}
