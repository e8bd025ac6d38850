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
