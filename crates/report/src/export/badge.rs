//! A badge: a name and a value side by side, drawn here so that no service is asked for it.
//!
//! The colour says what kind of result it is and never how large a figure is: blue for measured, green for claims that hold, red
//! for a refuted one, amber for undecided, grey for figures that cannot be used.

use super::xml::Element;
use super::{Document, Format, blocking, words};
use crate::ReportError;
use crate::format::percent;
use brinell_record::Ruling;

const GROUND: &str = "#3a4449";
pub(crate) const BLUE: &str = "#12626e";
const GREEN: &str = "#1b6e3c";
const RED: &str = "#a3170d";
const AMBER: &str = "#8a5a00";
pub(crate) const GREY: &str = "#5a656b";

pub(super) fn render(document: &Document<'_>) -> Result<String, ReportError> {
    if !document.checks.is_empty() {
        let (text, colour) = of_claims(document);
        return Ok(draw("claims", &text, colour));
    }
    let [audit] = document.audits.as_slice() else {
        return Err(ReportError::OneAudit { format: Format::Badge.name(), found: document.audits.len() });
    };
    let summary = &audit.run.summary;
    let label = if summary.allowed.target.is_some() { "resisted" } else { "robust accuracy" };
    let rate = words::plain(&percent(summary.robust_accuracy.value));
    let text = format!("{rate} at {}", words::ball(&summary.question.threat));
    if blocking(audit.run).next().is_some() {
        return Ok(draw(label, "not reliable", GREY));
    }
    Ok(draw(label, &text, BLUE))
}

/// How many claims there are of each verdict, the gravest first; the colour is the gravest one's.
fn of_claims(document: &Document<'_>) -> (String, &'static str) {
    let order =
        [(Ruling::Refuted, RED), (Ruling::Stale, GREY), (Ruling::Undecided, AMBER), (Ruling::Supported, GREEN), (Ruling::Proven, GREEN)];
    let count = |ruling| document.checks.iter().filter(|check| check.verdict.verdict == ruling).count();
    let there: Vec<(Ruling, &str)> = order.into_iter().filter(|(ruling, _)| count(*ruling) > 0).collect();
    let text = there.iter().map(|(ruling, _)| format!("{} {}", count(*ruling), words::ruling(*ruling))).collect::<Vec<_>>().join(", ");
    (text, there.first().map_or(GREY, |(_, colour)| colour))
}

/// A badge with a name, a value and the colour of the value.
pub(crate) fn draw(label: &str, text: &str, colour: &str) -> String {
    let (left, right) = (width(label) + 12.0, width(text) + 12.0);
    let whole = tenths(left + right);
    let name = format!("{label}: {text}");
    let words = |text: &str, from: f64, width: f64| {
        Element::new("text").with("x", tenths(from + width / 2.0)).with("y", 14).with("textLength", tenths(width - 12.0)).text(text)
    };
    Element::new("svg")
        .with("xmlns", "http://www.w3.org/2000/svg")
        .with("width", whole)
        .with("height", 20)
        .with("viewBox", format!("0 0 {whole} 20"))
        .with("role", "img")
        .with("aria-label", &name)
        .containing([
            Element::new("title").text(&name),
            Element::new("rect").with("width", whole).with("height", 20).with("rx", 3).with("fill", GROUND),
            // The value's rounded end, and a straight edge where it meets the name.
            Element::new("rect").with("x", tenths(left)).with("width", tenths(right)).with("height", 20).with("rx", 3).with("fill", colour),
            Element::new("rect").with("x", tenths(left)).with("width", 6).with("height", 20).with("fill", colour),
            Element::new("g")
                .with("fill", "#fff")
                .with("text-anchor", "middle")
                .with("font-family", "Verdana, DejaVu Sans, sans-serif")
                .with("font-size", 11)
                .containing([words(label, 0.0, left), words(text, left, right)]),
        ])
        .document()
}

/// About the width of the text in Verdana at 11 pixels; `textLength` makes the letters fit whatever the font is.
fn width(text: &str) -> f64 {
    let of = |character: char| match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '(' | ')' | '/' | '-' => 4.4,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 10.6,
        'A'..='Z' => 7.8,
        _ if character.is_ascii() => 6.8,
        _ => 11.0,
    };
    text.chars().map(of).sum()
}

/// Tenths of a pixel are enough, and print alike everywhere.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of white text on a colour, as WCAG 2.1 defines it.
    fn contrast(colour: &str) -> f64 {
        let part = |at: usize| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        let linear = |value: f64| if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        let luminance = 0.2126 * linear(part(1)) + 0.7152 * linear(part(3)) + 0.0722 * linear(part(5));
        1.05 / (luminance + 0.05)
    }

    #[test]
    fn white_text_is_legible_on_every_colour() {
        for colour in [GROUND, BLUE, GREEN, RED, AMBER, GREY] {
            assert!(contrast(colour) >= 4.5, "{colour}: {}", contrast(colour));
        }
    }

    #[test]
    fn texts_are_inert() {
        let badge = draw("a", "</svg><script>", BLUE);
        assert!(!badge.contains("<script"));
        assert!(badge.contains("<title>a: &lt;/svg&gt;&lt;script&gt;</title>"));
    }
}
