//! What page and terminal say alike.

use crate::format::{NBSP, interval, percent, significant, size};
use brinell_record::{Control, Patch, PatchScore, Rate};

pub(super) fn name(patch: &Patch, number: usize) -> String {
    patch.models.get(number).map_or_else(|| number.to_string(), |model| model.name.clone())
}

/// The class that the patch is to be seen as.
pub(super) fn class(patch: &Patch) -> Option<String> {
    let target = patch.target?;
    Some(patch.data.classes.get(target).cloned().unwrap_or_else(|| target.to_string()))
}

/// What was made and tested, in one sentence.
pub(super) fn headline(patch: &Patch) -> String {
    let sources = patch.sources.iter().map(|source| name(patch, *source)).collect::<Vec<_>>().join(", ");
    let aim =
        class(patch).map_or_else(|| "that should make models wrong".to_owned(), |class| format!("that models should see as “{class}”"));
    format!(
        "A patch of {side} x {side} pixels ({} of the image) {aim}; fitted with {sources} to {} images and tested on {} others",
        percent(patch.area),
        size(patch.n_fit),
        size(patch.n_test),
        side = patch.side
    )
}

/// `12 of 50 24.0 % (13.1–38.2 %)`.
pub(super) fn share(rate: &Rate, n: usize) -> String {
    format!("{} of {} {} ({})", size((rate.value * n as f64).round() as usize), size(n), percent(rate.value), interval(rate))
}

pub(super) fn control(control: &Control) -> String {
    format!("{} of {}", size(control.fooled), size(control.right))
}

/// The smallest and the largest share over the conditions.
pub(super) fn range(score: &PatchScore) -> String {
    let share = |count: Option<&usize>| percent(count.map_or(0.0, |count| *count as f64 / score.n.max(1) as f64));
    format!("{} to {}", share(score.successes.iter().min()), share(score.successes.iter().max()))
}

/// Mean share over the conditions that a value picks.
pub(super) fn over(patch: &Patch, score: &PatchScore, pick: impl Fn(&brinell_record::PatchCondition) -> bool) -> f64 {
    let picked: Vec<usize> = patch.conditions.iter().zip(&score.successes).filter(|(one, _)| pick(one)).map(|(_, count)| *count).collect();
    picked.iter().sum::<usize>() as f64 / (picked.len() * score.n).max(1) as f64
}

/// The conditions in words.
pub(super) fn grid(patch: &Patch) -> String {
    let most = |of: &dyn Fn(&brinell_record::PatchCondition) -> f64| patch.conditions.iter().map(|one| of(one).abs()).fold(0.0, f64::max);
    format!(
        "{} conditions: nine positions, {} to {} times the normal size, rotations of up to {} degrees, and brightness {} lower and higher in the middle",
        size(patch.conditions.len()),
        significant(2.0 - most(&|one| one.scale), 3),
        significant(most(&|one| one.scale), 3),
        significant(most(&|one| one.angle), 3),
        significant(most(&|one| one.brightness), 3)
    )
}

/// What must be known of all figures.
pub(super) fn scope() -> String {
    format!(
        "This is a digital simulation: the patch was put into stored images. It says nothing about paper, camera or light. Only images that the target gets right count; if the patch has a wanted class, images of this class do not count. Any square covers a part of the image: compare the patch with the grey and the random square. Intervals are exact (95{NBSP}%). All conditions use the same images, so means have no interval."
    )
}
