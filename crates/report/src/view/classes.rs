//! How the classes fared.

use super::share;
use crate::chart::survivors_bar;
use crate::format::{percent, size};
use crate::verdict::class_name;
use brinell_record::{ClassCounts, Summary};
use serde::Serialize;

/// Classes shown; above this the ones that lost most.
const ROWS: usize = 40;

/// One row per class that occurs in the data.
#[derive(Serialize)]
pub(super) struct ClassesView {
    rows: Vec<ClassRow>,
    note: String,
    labels: Vec<LabelRow>,
}

/// One row per label that counts.
#[derive(Serialize)]
struct LabelRow {
    name: String,
    applies: String,
    right: String,
    turned: String,
}

#[derive(Serialize)]
struct ClassRow {
    name: String,
    n: String,
    clean: String,
    robust: String,
    bar: String,
}

impl ClassesView {
    /// Without rows for a single sample.
    pub(super) fn of(summary: &Summary) -> Self {
        if summary.data.n < 2 {
            return Self { rows: Vec::new(), note: String::new(), labels: Vec::new() };
        }
        let mut classes: Vec<&ClassCounts> = summary.per_class.iter().filter(|class| class.n > 0).collect();
        let total = classes.len();
        let note = if total > ROWS {
            classes.sort_by(|a, b| lost(b).total_cmp(&lost(a)).then(b.n.cmp(&a.n)).then(a.class.cmp(&b.class)));
            classes.truncate(ROWS);
            format!("The {ROWS} of {total} classes with the largest loss are shown; summary.json has all.")
        } else {
            String::new()
        };
        let rows = classes
            .into_iter()
            .map(|class| ClassRow {
                name: class_name(&summary.classes, class.class),
                n: size(class.n),
                clean: percent(share(class.clean_correct, class.n)),
                robust: percent(share(class.survived, class.n)),
                bar: survivors_bar(class.survived, class.clean_correct.saturating_sub(class.survived), class.n),
            })
            .collect();
        let labels = summary.per_label.iter().map(|label| LabelRow {
            name: summary.classes.get(label.label).cloned().unwrap_or_else(|| label.label.to_string()),
            applies: size(label.applies),
            right: percent(share(label.right, summary.data.n)),
            turned: size(label.turned),
        });
        Self { rows, note, labels: labels.collect() }
    }
}

/// Share of a class that was right and did not stay so.
fn lost(class: &ClassCounts) -> f64 {
    share(class.clean_correct.saturating_sub(class.survived), class.n)
}
