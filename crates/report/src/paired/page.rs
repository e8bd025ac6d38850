//! What the template of a comparison is given.

use super::words;
use crate::format::{size, without_settings};
use crate::verdict::label_name;
use brinell_record::{Comparison, Paired, RunEntry, Turned};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct PairedView {
    title: String,
    created: String,
    version: String,
    headline: String,
    caveats: Vec<String>,
    differences: Vec<[String; 3]>,
    sides: Vec<Side>,
    tables: Vec<Table>,
    lists: Vec<List>,
    threat: String,
}

#[derive(Serialize)]
struct Side {
    name: &'static str,
    model: String,
    sha256: String,
    folder: String,
    created: String,
    attacks: String,
    clean: String,
    robust: String,
}

/// Both audits by whether they hold, and the test on it.
#[derive(Serialize)]
struct Table {
    name: &'static str,
    bar: String,
    both: String,
    only_a: String,
    only_b: String,
    neither: String,
    test: String,
    change: String,
}

#[derive(Serialize)]
struct List {
    name: &'static str,
    about: &'static str,
    count: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    sample: usize,
    label: String,
    fall: String,
}

impl PairedView {
    pub(super) fn of(comparison: &Comparison) -> Self {
        let list = |name, about, turned: &[Turned], fell: &RunEntry| List {
            name,
            about,
            count: size(turned.len()),
            rows: turned
                .iter()
                .map(|one| Row {
                    sample: one.sample,
                    label: label_name(&comparison.classes, &one.label),
                    fall: words::fall(one, fell, &comparison.classes),
                })
                .collect(),
        };
        let (a, b) = (&comparison.a, &comparison.b);
        Self {
            title: format!("{} and {}", a.model.name, b.model.name),
            created: b.created.clone(),
            version: b.brinell_version.clone(),
            headline: words::headline(comparison),
            caveats: words::caveats(comparison),
            differences: comparison.differences.iter().map(|one| [one.setting.clone(), one.a.clone(), one.b.clone()]).collect(),
            sides: vec![side("A", a), side("B", b)],
            tables: vec![table("Under attack", &comparison.robust), table("Without an attack", &comparison.clean)],
            lists: vec![
                list("Lost", "survive in A but not in B", &comparison.lost, b),
                list("Gained", "survive in B but not in A", &comparison.gained, a),
            ],
            threat: crate::format::radius(&b.question.threat),
        }
    }
}

fn side(name: &'static str, run: &RunEntry) -> Side {
    let [clean, robust] = words::accuracy(run);
    Side {
        name,
        model: run.model.name.clone(),
        sha256: run.model.sha256.get(..16).unwrap_or(&run.model.sha256).to_owned(),
        folder: run.folder.clone(),
        created: run.created.clone(),
        attacks: without_settings(&run.attacks),
        clean,
        robust,
    }
}

fn table(name: &'static str, table: &Paired) -> Table {
    Table {
        name,
        bar: crate::chart::paired_bar(table),
        both: size(table.both),
        only_a: size(table.only_a),
        only_b: size(table.only_b),
        neither: size(table.neither),
        test: words::test(table),
        change: words::change(&table.change),
    }
}
