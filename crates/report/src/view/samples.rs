//! The single samples, grouped by what became of them; each group bounded, the telling ones first.

use crate::Run;
use crate::format::{count, distance, significant, size};
use crate::verdict::label_name;
use brinell_record::{Label, Outcome, SampleRecord};
use serde::Serialize;

/// Rows of one group; the record has all.
const ROWS: usize = 100;

/// The groups that are not empty.
#[derive(Serialize)]
pub(super) struct SamplesView {
    groups: Vec<SampleGroup>,
}

#[derive(Serialize)]
struct SampleGroup {
    outcome: &'static str,
    title: String,
    /// How the rows are ordered, and where the others are.
    order: String,
    rows: Vec<SampleRow>,
}

#[derive(Serialize)]
struct SampleRow {
    sample: usize,
    label: String,
    prediction: String,
    adv: String,
    attack: String,
    norm: String,
    margin: String,
    passes: String,
}

impl SamplesView {
    pub(super) fn of(run: &Run) -> Self {
        let groups = [Outcome::Broken, Outcome::Survived, Outcome::Misclassified];
        Self { groups: groups.into_iter().filter_map(|outcome| SampleGroup::of(run, outcome)).collect() }
    }
}

impl SampleGroup {
    fn of(run: &Run, outcome: Outcome) -> Option<Self> {
        let mut samples: Vec<&SampleRecord> = run.samples.iter().filter(|record| record.outcome == outcome).collect();
        let total = samples.len();
        let (name, ending, order) = match outcome {
            Outcome::Broken => ("broken", "broken", "Smallest change first."),
            Outcome::Survived if run.summary.minimum_norm.is_some() => ("survived", "without an example", "Smallest margin first."),
            Outcome::Survived => ("survived", "survived", "Smallest margin first: these samples came closest to being broken."),
            Outcome::Misclassified => ("wrong", "wrong without an attack", "In the order of the data."),
        };
        samples.sort_by(|a, b| {
            let by = match outcome {
                Outcome::Broken => a.norm.unwrap_or(f64::INFINITY).total_cmp(&b.norm.unwrap_or(f64::INFINITY)),
                Outcome::Survived => a.margin.total_cmp(&b.margin),
                Outcome::Misclassified => std::cmp::Ordering::Equal,
            };
            by.then(a.sample.cmp(&b.sample))
        });
        samples.truncate(ROWS);
        let (title, order) = if total > ROWS {
            (
                format!("{ROWS} of {} {ending}", size(total)),
                format!("{order} The other {} are in record.jsonl, one line per sample.", size(total - ROWS)),
            )
        } else {
            (format!("{} {ending}", size(total)), order.to_owned())
        };
        let rows: Vec<SampleRow> = samples.into_iter().map(|record| SampleRow::of(run, record)).collect();
        (!rows.is_empty()).then_some(Self { outcome: name, title, order, rows })
    }
}

impl SampleRow {
    fn of(run: &Run, record: &SampleRecord) -> Self {
        let name = |label: &Label| label_name(&run.summary.classes, label);
        Self {
            sample: record.sample,
            label: name(&record.label),
            prediction: record.prediction.as_ref().map_or_else(|| "none (not finite)".to_owned(), name),
            adv: record.adv_prediction.as_ref().map(name).unwrap_or_default(),
            attack: match (&record.attack, record.restart) {
                (Some(attack), Some(restart)) if restart > 0 => format!("{attack}, restart {restart}"),
                (Some(attack), _) => attack.clone(),
                (None, _) => String::new(),
            },
            norm: record.norm.map(|norm| distance(norm, &run.summary.question.threat)).unwrap_or_default(),
            margin: significant(record.margin, 3),
            passes: format!("{} + {}", count(record.forwards), count(record.backwards)),
        }
    }
}
