//! The colours of the style sheet against WCAG 2.2, for screens of both schemes and for paper.

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../../templates/style.css");

/// Colours that text is set in, on every ground: 4.5 to 1.
const TEXT: [&str; 7] = ["ink", "soft", "kept", "fell", "warn", "block", "strong-rule"];
/// Colours that only lines and marks have: 3 to 1.
const GRAPHICS: [&str; 4] = ["s0", "s1", "s2", "s3"];
/// Grounds.
const GROUNDS: [&str; 2] = ["paper", "sunk"];
/// Rules between rows and fills inside an outline: they carry no meaning of their own.
const DECORATION: [&str; 2] = ["rule", "tint"];

/// The colours of every `:root` block, in the order in which they stand.
fn schemes() -> Vec<BTreeMap<String, [f64; 3]>> {
    STYLE
        .split(":root {")
        .skip(1)
        .map(|block| {
            let block = block.split('}').next().unwrap();
            block
                .split(';')
                .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"))
                .map(|(name, hex)| (name.to_owned(), colour(hex)))
                .collect()
        })
        .collect()
}

fn colour(hex: &str) -> [f64; 3] {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    let channel = |at: usize| match digits.len() {
        3 => f64::from(digits[at] * 17),
        6 => f64::from(digits[2 * at] * 16 + digits[2 * at + 1]),
        other => panic!("{other} digits in #{hex}"),
    };
    [channel(0), channel(1), channel(2)]
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let [r, g, b] = colour.map(|value| {
        let value = value / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_that_of_the_standard() {
    assert!((contrast(colour("000"), colour("fff")) - 21.0).abs() < 1e-9);
    assert!((contrast(colour("767676"), colour("ffffff")) - 4.54).abs() < 0.01, "the lightest grey that passes on white");
}

#[test]
fn every_pair_of_colours_passes_in_light_dark_and_print() {
    let schemes = schemes();
    assert_eq!(schemes.len(), 3, "light, dark, print");
    for (scheme, name) in schemes.iter().zip(["light", "dark", "print"]) {
        for ground in GROUNDS {
            for (front, least) in TEXT.map(|front| (front, 4.5)).into_iter().chain(GRAPHICS.map(|front| (front, 3.0))) {
                let ratio = contrast(scheme[front], scheme[ground]);
                assert!(ratio >= least, "{name}: {front} on {ground} is {ratio:.2} to 1, below {least}");
            }
        }
        for known in scheme.keys() {
            let classes = [&TEXT[..], &GRAPHICS, &GROUNDS, &DECORATION];
            assert!(classes.iter().any(|class| class.contains(&known.as_str())), "{known} belongs to no class of colours");
        }
    }
    let names = |at: usize| schemes[at].keys().collect::<Vec<_>>();
    assert_eq!((names(0), names(0)), (names(1), names(2)), "every scheme sets every colour");
}

#[test]
fn colours_are_written_in_one_place() {
    let rules = STYLE.split("\n* { box-sizing").nth(1).unwrap().split("@media print").next().unwrap();
    assert!(!rules.contains('#') || rules.matches('#').count() == rules.matches("url(#").count(), "a colour outside :root");
    for function in ["rgb(", "hsl(", "oklch(", "color-mix("] {
        assert!(!rules.contains(function), "{function} outside :root");
    }
}
