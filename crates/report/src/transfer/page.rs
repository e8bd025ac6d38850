//! What the template of the matrix is given.

use super::words;
use crate::format::{confidence, interval, percent, size};
use brinell_record::{Cell, Transfer};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct TransferView {
    title: String,
    created: String,
    version: String,
    headline: String,
    attack: String,
    eps: String,
    n: String,
    confidence: String,
    notes: Vec<String>,
    targets: Vec<Target>,
    rows: Vec<Row>,
    pairs: Vec<Pair>,
    models: Vec<Model>,
    tested: Option<String>,
    differing: Vec<[String; 6]>,
    together: Vec<[String; 4]>,
    tree: Option<String>,
}

#[derive(Serialize)]
struct Target {
    name: String,
    noise: String,
    mean: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    mean: String,
    cells: Vec<CellView>,
}

#[derive(Serialize)]
struct CellView {
    white_box: bool,
    /// Share of the colour, in per cent.
    shade: u32,
    figure: String,
    interval: String,
    counts: String,
}

#[derive(Serialize)]
struct Pair {
    source: String,
    target: String,
    fooled: String,
    same: String,
    right: String,
    wrong: String,
    shuffled: String,
}

#[derive(Serialize)]
struct Model {
    name: String,
    path: String,
    sha256: String,
    clean: String,
    input: String,
    preprocessing: String,
    classes: String,
}

/// Largest share of the colour: text stays readable on it.
const DARKEST: f64 = 45.0;

impl TransferView {
    pub(super) fn of(transfer: &Transfer) -> Self {
        let mean = |list: &[brinell_record::Mean], number: usize| {
            list.iter().find(|mean| mean.number == number).map(words::mean).unwrap_or_default()
        };
        let row = |(number, source): (usize, &brinell_record::TransferSource)| Row {
            name: source.name.clone(),
            mean: mean(&transfer.outward, number),
            cells: transfer.targets.iter().filter_map(|&target| words::cell(transfer, number, target)).map(cell).collect(),
        };
        let target = |&target: &usize| Target {
            name: words::model(transfer, target),
            noise: words::noise(transfer, target).unwrap_or_default(),
            mean: mean(&transfer.inward, target),
        };
        let model = |model: &brinell_record::TransferModel| Model {
            name: model.name.clone(),
            path: model.path.clone(),
            sha256: model.sha256.get(..16).unwrap_or(&model.sha256).to_owned(),
            clean: format!("{} of {} ({})", size(model.right), size(model.n), interval(&model.accuracy)),
            input: format!("{:?}{}", model.input, if model.resized { ", resized" } else { "" }),
            preprocessing: model.preprocessing.clone(),
            classes: size(model.classes),
        };
        Self {
            title: "Transfer".to_owned(),
            created: String::new(),
            version: transfer.brinell_version.clone(),
            headline: words::headline(transfer),
            attack: words::attack(transfer),
            eps: transfer.made.eps.clone(),
            n: size(transfer.data.n),
            confidence: transfer.cells.first().map(|cell| confidence(&cell.rate)).unwrap_or_default(),
            notes: transfer.notes.clone(),
            targets: transfer.targets.iter().map(target).collect(),
            rows: transfer.sources.iter().enumerate().map(row).collect(),
            pairs: transfer.cells.iter().filter(|cell| !cell.white_box).map(|cell| pair(transfer, cell)).collect(),
            models: transfer.models.iter().map(model).collect(),
            tested: words::tested(&transfer.tests),
            differing: differing(transfer),
            together: together(transfer),
            tree: super::tree::tree(transfer),
        }
    }
}

fn cell(cell: &Cell) -> CellView {
    let known = cell.both > 0;
    CellView {
        white_box: cell.white_box,
        shade: (cell.rate.value * DARKEST).round() as u32,
        figure: if known { percent(cell.rate.value) } else { "-".to_owned() },
        interval: if known { interval(&cell.rate) } else { "nothing known".to_owned() },
        counts: format!("{} of {}", size(cell.fooled), size(cell.both)),
    }
}

fn pair(transfer: &Transfer, cell: &Cell) -> Pair {
    Pair {
        source: words::source(transfer, cell),
        target: words::model(transfer, cell.target),
        fooled: format!("{} of {}", size(cell.fooled), size(cell.both)),
        same: size(cell.same),
        right: format!("{} of {} ({})", size(cell.right_fooled), size(cell.right), interval(&cell.right_rate)),
        wrong: format!("{} of {}", size(cell.wrong), size(cell.n)),
        shuffled: size(cell.shuffled),
    }
}

/// Tests that name a difference, by falling certainty.
fn differing(transfer: &Transfer) -> Vec<[String; 6]> {
    let mut tests: Vec<_> = transfer.tests.iter().filter(|test| test.differs).collect();
    tests.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
    let row = |test: &&brinell_record::SourceTest| {
        let [more, less, by, back] =
            if test.only_a > test.only_b { [test.a, test.b, test.only_a, test.only_b] } else { [test.b, test.a, test.only_b, test.only_a] };
        [
            words::model(transfer, test.target),
            words::source_name(transfer, more),
            words::source_name(transfer, less),
            size(by),
            size(back),
            crate::format::significant(test.p_value, 2),
        ]
    };
    tests.iter().map(row).collect()
}

/// Pairs of targets, those first that fail together the most.
fn together(transfer: &Transfer) -> Vec<[String; 4]> {
    let mut pairs: Vec<_> = transfer.together.iter().filter(|pair| pair.phi.is_finite()).collect();
    pairs.sort_by(|a, b| b.phi.total_cmp(&a.phi));
    let row = |pair: &&brinell_record::Together| {
        [words::model(transfer, pair.a), words::model(transfer, pair.b), format!("{:.2}", pair.phi), size(pair.n)]
    };
    pairs.iter().map(row).collect()
}
