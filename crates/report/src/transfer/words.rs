//! What page and terminal say alike.

use crate::format::{interval, percent, size};
use brinell_record::{Cell, Mean, SourceTest, Transfer};

/// What was done, in one sentence.
pub(super) fn headline(transfer: &Transfer) -> String {
    let attack = rules(&transfer.made.attack);
    let most = transfer.cells.iter().filter(|cell| !cell.white_box && cell.both > 0).max_by(|a, b| a.rate.value.total_cmp(&b.rate.value));
    let made = format!("Examples of {attack} within {} of {} images", transfer.made.eps, size(transfer.data.n));
    match most {
        Some(cell) => format!(
            "{made}: of those made on {}, {} of {} also fool {}, the most of any pair",
            source(transfer, cell),
            size(cell.fooled),
            size(cell.both),
            model(transfer, cell.target)
        ),
        None => format!("{made}, each tested on the model that it was made on"),
    }
}

/// The attack with all settings, and what else made it.
pub(super) fn attack(transfer: &Transfer) -> String {
    let soft = if transfer.made.soft_backward > 0.0 { format!(", soft backward {}", transfer.made.soft_backward) } else { String::new() };
    let ensemble = transfer.made.ensemble.as_ref().map(|rule| format!(", ensemble {rule}")).unwrap_or_default();
    format!("{}{soft}{ensemble}", transfer.made.attack)
}

/// The names of the rules of an attack, without settings.
pub(super) fn rules(attack: &str) -> String {
    attack.split('+').map(|rule| rule.split_once(':').map_or(rule, |(name, _)| name)).collect::<Vec<_>>().join("+")
}

pub(super) fn model(transfer: &Transfer, number: usize) -> String {
    transfer.models.get(number).map_or_else(|| number.to_string(), |model| model.name.clone())
}

pub(super) fn source(transfer: &Transfer, cell: &Cell) -> String {
    source_name(transfer, cell.source)
}

pub(super) fn source_name(transfer: &Transfer, number: usize) -> String {
    transfer.sources.get(number).map_or_else(|| number.to_string(), |source| source.name.clone())
}

/// The cell of a source and a target.
pub(super) fn cell(transfer: &Transfer, source: usize, target: usize) -> Option<&Cell> {
    transfer.cells.iter().find(|cell| cell.source == source && cell.target == target)
}

/// A mean with its interval; a dash where there is nothing to take the mean of.
pub(super) fn mean(mean: &Mean) -> String {
    if mean.cells == 0 { "-".to_owned() } else { format!("{} ({})", percent(mean.rate.value), interval(&mean.rate)) }
}

/// How many of all pairs of sources differ on a target, in words.
pub(super) fn tested(tests: &[SourceTest]) -> Option<String> {
    let (differ, all) = (tests.iter().filter(|test| test.differs).count(), tests.len());
    let what = "pairs of sources differ on the same target (exact McNemar test on the same images, Holm correction for all tests, 5 %)";
    (all > 0).then(|| format!("{} of {} {what}.", size(differ), size(all)))
}

/// What noise of the same radius does to a target.
pub(super) fn noise(transfer: &Transfer, target: usize) -> Option<String> {
    let control = transfer.noise.iter().find(|control| control.target == target)?;
    Some(format!("{} of {}", size(control.fooled), size(control.right)))
}
