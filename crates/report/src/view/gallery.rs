//! The gallery: before, the change made visible, after.

use crate::format::{distance, percent, significant};
use crate::picture::{Layout, data_uri};
use crate::verdict::label_name;
use crate::{ReportError, Run};
use brinell_record::GalleryItem;
use serde::Serialize;

/// Characters of picture data that a page may hold, all its galleries together.
const PICTURE_BUDGET: usize = 3_500_000;

/// Examples listed in the table that stands in for pictures.
const TABLE_ROWS: usize = 40;

/// A gallery as the template shows it.
#[derive(Serialize)]
pub(super) struct GalleryView {
    /// Pictures where the samples are images, rows of a table otherwise.
    pictures: Vec<Exhibit>,
    rows: Vec<Exhibit>,
    /// How many times larger than in truth the change is drawn.
    factor: String,
    /// What was left out or reduced.
    notes: Vec<String>,
    /// How the pictures are laid out: `small` ones with visible pixels, `large` ones in a wide column.
    scale: &'static str,
}

/// One example.
#[derive(Serialize)]
struct Exhibit {
    sample: usize,
    label: String,
    clean: String,
    clean_confidence: String,
    clean_share: f64,
    adv: String,
    adv_confidence: String,
    adv_share: f64,
    norm: String,
    attack: String,
    changes: String,
    x: String,
    change: String,
    x_adv: String,
}

impl GalleryView {
    /// Draws the gallery of one of `n_runs` runs on the page.
    pub(super) fn of(run: &Run, n_runs: usize) -> Result<Self, ReportError> {
        let [lo, hi] = run.summary.allowed.input_box;
        let factor = amplification(&run.gallery.items, hi - lo);
        let mut view = Self { pictures: vec![], rows: vec![], factor: significant(factor, 6), notes: vec![], scale: "small" };
        let budget = PICTURE_BUDGET / n_runs.max(1);
        let (mut spent, mut left_out) = (0, 0);
        for item in &run.gallery.items {
            let mut exhibit = Exhibit::of(item, run);
            let layout = Layout::of(&item.shape);
            if layout.is_some() && spent >= budget {
                left_out += 1;
                continue;
            }
            let drawn = layout.map_or(Ok(false), |layout| exhibit.draw(item, layout, factor, lo, hi))?;
            if drawn {
                spent += exhibit.x.len() + exhibit.change.len() + exhibit.x_adv.len();
                view.pictures.push(exhibit);
            } else {
                view.rows.push(exhibit);
            }
        }
        if let Some(layout) = run.gallery.items.first().and_then(|item| Layout::of(&item.shape)) {
            view.scale = if layout.height.max(layout.width) <= 96 { "small" } else { "large" };
            if layout.reduction() > 1 {
                view.notes.push(format!("Images are shown at 1/{} of their size, so fine changes are averaged out.", layout.reduction()));
            }
        }
        left_out += view.rows.len().saturating_sub(TABLE_ROWS);
        view.rows.truncate(TABLE_ROWS);
        if left_out > 0 {
            let examples = if left_out == 1 { "example is" } else { "examples are" };
            view.notes.push(format!("{left_out} more {examples} in gallery.json are not shown here, to keep the page small."));
        }
        Ok(view)
    }
}

impl Exhibit {
    fn of(item: &GalleryItem, run: &Run) -> Self {
        let classes = &run.summary.classes;
        Self {
            sample: item.sample,
            label: label_name(classes, &item.label),
            clean: label_name(classes, &item.clean_prediction),
            clean_confidence: confidence(item.clean_confidence),
            clean_share: bar(item.clean_confidence),
            adv: label_name(classes, &item.adv_prediction),
            adv_confidence: confidence(item.adv_confidence),
            adv_share: bar(item.adv_confidence),
            norm: distance(item.norm, &run.summary.question.threat),
            attack: item.attack.clone(),
            changes: largest_changes(item),
            x: String::new(),
            change: String::new(),
            x_adv: String::new(),
        }
    }

    /// Draws the three pictures; false where the values do not form one.
    fn draw(&mut self, item: &GalleryItem, layout: Layout, factor: f64, lo: f64, hi: f64) -> Result<bool, ReportError> {
        let value = |values: &[f32], at: usize| values.get(at).map_or(f64::NAN, |value| f64::from(*value));
        let before = data_uri(|at| value(&item.x, at), item.x.len(), layout, lo, hi)?;
        let after = data_uri(|at| value(&item.x_adv, at), item.x_adv.len(), layout, lo, hi)?;
        let middle = f64::midpoint(lo, hi);
        let change = data_uri(|at| middle + factor * (value(&item.x_adv, at) - value(&item.x, at)), item.x.len(), layout, lo, hi)?;
        let (Some(before), Some(change), Some(after)) = (before, change, after) else { return Ok(false) };
        (self.x, self.change, self.x_adv) = (before, change, after);
        Ok(true)
    }
}

/// A probability in words; nothing where the answer has none.
fn confidence(confidence: f64) -> String {
    if confidence.is_nan() { String::new() } else { percent(confidence) }
}

/// A share as the width of a bar in per cent.
fn bar(share: f64) -> f64 {
    if share.is_finite() { (share.clamp(0.0, 1.0) * 1000.0).round() / 10.0 } else { 0.0 }
}

/// Share of the changed values that keep within the range when they are drawn.
const DRAWN_WHOLE: f64 = 0.98;

/// The largest of 1, 2, 5, 10, 20, 50, ... at which nearly all changes in the gallery stay within the middle half-ranges. A few values that change
/// much more than the others, as in L2, would hide those.
fn amplification(items: &[GalleryItem], range: f64) -> f64 {
    let mut changes: Vec<f64> = items
        .iter()
        .flat_map(|item| item.x.iter().zip(&item.x_adv))
        .map(|(x, x_adv)| f64::from((x_adv - x).abs()))
        .filter(|change| change.is_finite() && *change > 0.0)
        .collect();
    changes.sort_by(f64::total_cmp);
    let last = changes.len().saturating_sub(1);
    let large = changes.get((last as f64 * DRAWN_WHOLE).ceil() as usize).copied().unwrap_or(0.0);
    let mut factor = 1.0;
    for next in [1.0, 10.0, 100.0, 1e3, 1e4].iter().flat_map(|decade| [decade * 1.0, decade * 2.0, decade * 5.0]) {
        // Rounding in f32 makes a change of exactly eps a little larger than eps.
        if next * large <= 0.5 * range * 1.001 {
            factor = next;
        }
    }
    factor
}

/// The three elements that changed most: `[12] 0.31 → 0.35`.
fn largest_changes(item: &GalleryItem) -> String {
    let mut changes: Vec<(usize, f32, f32)> =
        item.x.iter().zip(&item.x_adv).enumerate().filter(|(_, (x, x_adv))| x != x_adv).map(|(at, (x, x_adv))| (at, *x, *x_adv)).collect();
    changes.sort_by(|(a, ax, ay), (b, bx, by)| (by - bx).abs().total_cmp(&(ay - ax).abs()).then(a.cmp(b)));
    let more = changes.len().saturating_sub(3);
    let mut parts: Vec<String> = changes
        .iter()
        .take(3)
        .map(|(at, x, x_adv)| format!("[{at}] {} → {}", significant(f64::from(*x), 4), significant(f64::from(*x_adv), 4)))
        .collect();
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(x: Vec<f32>, x_adv: Vec<f32>) -> GalleryItem {
        GalleryItem {
            sample: 0,
            label: 0.into(),
            shape: vec![x.len()],
            x,
            x_adv,
            clean_prediction: 0.into(),
            clean_confidence: 0.9,
            adv_prediction: 1.into(),
            adv_confidence: 0.6,
            norm: 0.1,
            attack: "pgd".into(),
        }
    }

    #[test]
    fn the_change_is_amplified_as_far_as_half_the_range_allows() {
        assert_eq!(significant(amplification(&[item(vec![0.0], vec![2.0 / 255.0])], 1.0), 3), "50");
        assert_eq!(significant(amplification(&[item(vec![0.3], vec![0.4])], 1.0), 3), "5");
        assert_eq!(significant(amplification(&[item(vec![0.0], vec![0.9])], 1.0), 3), "1");
        assert_eq!(significant(amplification(&[item(vec![10.0], vec![18.0])], 255.0), 3), "10");
    }

    #[test]
    fn a_few_large_changes_do_not_hide_the_others() {
        let changes: Vec<f32> = (0..200).map(|at| if at < 2 { 0.8 } else { 0.01 }).collect();
        assert_eq!(significant(amplification(&[item(vec![0.0; 200], changes)], 1.0), 3), "50");
        // Values that did not change say nothing about those that did.
        let sparse: Vec<f32> = (0..200).map(|at| if at < 2 { 0.2 } else { 0.0 }).collect();
        assert_eq!(significant(amplification(&[item(vec![0.0; 200], sparse)], 1.0), 3), "2");
    }

    #[test]
    fn the_largest_changes_come_first_and_the_others_are_counted() {
        let text = largest_changes(&item(vec![0.0, 1.0, 2.0, 3.0, 4.0], vec![0.1, 1.0, 2.5, 2.8, 4.05]));
        assert_eq!(text, "[2] 2 → 2.5, [3] 3 → 2.8, [0] 0 → 0.1, 1 more");
    }
}
