//! Charts as inline SVG, one per file.
//!
//! Lengths along an axis are percentages of the drawing's width, so that a chart follows the page while
//! its text keeps its size. Colours come from the page's style sheet through classes; whatever is told
//! by colour is told by shape or place as well.

mod bar;
mod curve;
mod decision;
mod distances;
mod queries;
mod sandwich;

use std::fmt::Write as _;

pub(crate) use bar::{paired_bar, survivors_bar};
pub(crate) use curve::{CurveView, Series, key, marker};
pub(crate) use decision::decision;
pub(crate) use distances::DistancesView;
pub(crate) use queries::{QueriesView, queries_to_break};
pub(crate) use sandwich::SandwichView;

/// A number for an SVG attribute: at most two decimals, never NaN.
pub(crate) fn coordinate(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text made inert for element content and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The lines of a grid from 0 to 100 % with their labels, bottom to top.
pub(crate) fn percent_axis(body: &mut String) {
    for percent in [0, 25, 50, 75, 100] {
        let y = 100 - percent;
        let _ = write!(
            body,
            r#"<line class="grid" x1="0" x2="100%" y1="{y}%" y2="{y}%"/><text class="axis" x="-10" y="{y}%" dy=".35em" text-anchor="end">{percent}{}</text>"#,
            if percent == 100 { "\u{a0}%" } else { "" },
        );
    }
}

/// A mark on the horizontal axis with its line and label; `x` in per cent of the width.
pub(crate) fn tick(body: &mut String, x: f64, label: &str) {
    let _ = write!(
        body,
        r#"<line class="notch" x1="{x}%" x2="{x}%" y1="100%" y2="100%" transform="translate(0,5)"/><line class="grid fine" x1="{x}%" x2="{x}%" y1="0" y2="100%"/><text class="axis" x="{x}%" y="100%" dy="1.7em" text-anchor="middle">{}</text>"#,
        escape(label),
        x = coordinate(x)
    );
}

/// A share of a whole in per cent, 0 for an empty whole.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_inert() {
        assert_eq!(escape(r#"</script><b x="1" y='2'>&"#), "&lt;/script&gt;&lt;b x=&quot;1&quot; y=&#39;2&#39;&gt;&amp;");
    }

    #[test]
    fn coordinates_are_short_and_finite() {
        assert_eq!(coordinate(12.5), "12.5");
        assert_eq!(coordinate(-0.001), "0");
        assert_eq!(coordinate(f64::NAN), "0");
    }
}
