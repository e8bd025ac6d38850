//! Every sample as a dot: filled if it kept its answer, a dent if it was broken, small if it was wrong before.

use super::{coordinate, escape};
use crate::format::size;
use crate::verdict::{class_name, noun, plural};
use brinell_record::Summary;
use serde::Serialize;

/// Above this many samples one dot stands for several.
const MOST_DOTS: usize = 2_000;
/// Distance between dots in drawing units.
const PITCH: usize = 10;

/// The drawing and its legend.
#[derive(Serialize)]
pub(crate) struct DotsView {
    svg: String,
    kept: String,
    broken: String,
    wrong: String,
    /// Said where one dot stands for several samples.
    note: String,
}

impl DotsView {
    /// Draws the outcome of every sample; `None` for a single one, of which the verdict says all.
    pub(crate) fn of(summary: &Summary) -> Option<Self> {
        if summary.data.n < 2 {
            return None;
        }
        let wrong = summary.data.n.saturating_sub(summary.clean_correct);
        let counts = [summary.survived, summary.broken, wrong];
        let total: usize = counts.iter().sum();
        let per_dot = total.div_ceil(MOST_DOTS).max(1);
        let dots = counts.map(|count| count.div_ceil(per_dot));
        let n_dots: usize = dots.iter().sum();
        let columns = columns(n_dots);
        let mut first = 0;
        let paths = dots.map(|count| {
            let path = path(first, count, columns);
            first += count;
            path
        });
        let noun = noun(summary);
        let (kept, broken) = match summary.threat.target {
            Some(target) => (
                format!("{} resisted", size(counts[0])),
                format!("{} turned into “{}”", size(counts[1]), class_name(&summary.classes, target)),
            ),
            None => (format!("{} kept their answer", size(counts[0])), format!("{} broken", size(counts[1]))),
        };
        let label = format!("{} {}: {kept}, {broken}, {} wrong before any attack", size(total), plural(total, noun), size(wrong));
        let svg = format!(
            r#"<svg class="dots" viewBox="0 0 {width} {height}" style="max-width:{most}px" role="img" aria-label="{label}"><path class="dot-kept" d="{kept}"/><path class="dot-fell" d="{fell}"/><path class="dot-dent" d="{fell}"/><path class="dot-wrong" d="{wrong}"/></svg>"#,
            width = columns * PITCH,
            height = n_dots.div_ceil(columns).max(1) * PITCH,
            most = columns * 24,
            label = escape(&label),
            kept = paths[0],
            fell = paths[1],
            wrong = paths[2],
        );
        let note =
            if per_dot > 1 { format!("One dot stands for up to {} {}.", size(per_dot), plural(per_dot, noun)) } else { String::new() };
        Some(Self { svg, kept, broken, wrong: format!("{} wrong before any attack", size(wrong)), note })
    }
}

/// A width that makes the field about four times as wide as it is high.
fn columns(n_dots: usize) -> usize {
    let ideal = (n_dots as f64 * 4.0).sqrt().ceil();
    (10..=100).find(|columns| *columns as f64 >= ideal).unwrap_or(100)
}

/// Lines of no length: with round caps each is a dot, at a tenth of a circle element's size.
fn path(first: usize, count: usize, columns: usize) -> String {
    let half = PITCH as f64 / 2.0;
    (first..first + count)
        .map(|at| {
            let (x, y) = (at % columns * PITCH, at / columns * PITCH);
            format!("M{} {}h0", coordinate(x as f64 + half), coordinate(y as f64 + half))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_dot_per_sample_and_wraps() {
        assert_eq!(path(1, 3, 3), "M15 5h0M25 5h0M5 15h0");
        assert_eq!(path(4, 0, 3), "");
    }

    #[test]
    fn the_field_stays_wide() {
        assert_eq!(columns(0), 10);
        assert_eq!(columns(892), 60);
        assert_eq!(columns(1_000_000), 100);
    }
}
