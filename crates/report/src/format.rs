//! Numbers as people read them. Units are joined by a no-break space, thousands are set apart by commas.

use brinell_record::{Norm, Rate, Threat};

/// Joins a number and its unit.
pub(crate) const NBSP: char = '\u{a0}';

/// Keeps a line from ending here.
pub(crate) const JOINER: char = '\u{2060}';

/// A proportion in per cent with one decimal; 0 and 100 appear only where they are exact.
pub(crate) fn percent(value: f64) -> String {
    format!("{}{NBSP}%", percent_figure(value))
}

/// The number of [`percent`] without its sign.
pub(crate) fn percent_figure(value: f64) -> String {
    let scaled = value * 100.0;
    if !scaled.is_finite() {
        "?".to_owned()
    } else if scaled <= 0.0 {
        "0".to_owned()
    } else if scaled >= 100.0 {
        "100".to_owned()
    } else if scaled < 0.05 {
        "<0.1".to_owned()
    } else if scaled >= 99.95 {
        ">99.9".to_owned()
    } else {
        format!("{scaled:.1}")
    }
}

/// The ends of an interval: `42.9–49.5 %`.
pub(crate) fn interval(rate: &Rate) -> String {
    format!("{}{JOINER}–{JOINER}{}{NBSP}%", percent_figure(rate.low), percent_figure(rate.high))
}

/// The level of confidence, without decimals that say nothing: `95 %`.
pub(crate) fn confidence(rate: &Rate) -> String {
    confidence_level(rate.confidence)
}

/// [`confidence`] of what is no rate.
pub(crate) fn confidence_level(level: f64) -> String {
    format!("{}{NBSP}%", significant(level * 100.0, 4))
}

/// A count with thousands set apart: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// [`count`] for sizes in memory.
pub(crate) fn size(value: usize) -> String {
    count(u64::try_from(value).unwrap_or(u64::MAX))
}

/// A duration: `0.42 s`, `12.3 s`, `3 min 12 s`, `2 h 05 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    if seconds < 9.995 {
        return format!("{seconds:.2}{NBSP}s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}{NBSP}s");
    }
    let whole = seconds.round();
    let (minutes, rest) = ((whole / 60.0).floor(), whole % 60.0);
    if minutes < 60.0 {
        return format!("{minutes:.0}{NBSP}min{NBSP}{rest:02.0}{NBSP}s");
    }
    let (hours, minutes) = ((minutes / 60.0).floor(), minutes % 60.0);
    format!("{hours:.0}{NBSP}h{NBSP}{minutes:02.0}{NBSP}min")
}

/// A size in decimal megabytes or gigabytes.
pub(crate) fn bytes(value: u64) -> String {
    let tenths_of_mb = value / 100_000;
    if tenths_of_mb < 10_000 {
        format!("{}.{}{NBSP}MB", tenths_of_mb / 10, tenths_of_mb % 10)
    } else {
        format!("{}.{:02}{NBSP}GB", tenths_of_mb / 10_000, tenths_of_mb % 10_000 / 100)
    }
}

/// A number with `digits` significant digits and no trailing zeros.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..=9.0).contains(&magnitude) {
        return format!("{value:.*e}", usize::try_from(digits - 1).unwrap_or(0));
    }
    let decimals = (f64::from(digits) - 1.0 - magnitude).max(0.0);
    let text = format!("{value:.*}", (0..24).take_while(|place| f64::from(*place) < decimals).count());
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The names of attacks without their settings: `apgd-ce, apgd-margin`.
pub(crate) fn without_settings(attacks: &[String]) -> String {
    let names = attacks.iter().map(|attack| attack.split_once(':').map_or(attack.as_str(), |(name, _)| name));
    names.collect::<Vec<_>>().join(", ")
}

/// A message as a sentence: with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars();
    let first: String = characters.next().map(char::to_uppercase).into_iter().flatten().collect();
    let end = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

/// The norm's name as it is read aloud, kept on one line.
pub(crate) fn norm(norm: Norm) -> &'static str {
    match norm {
        Norm::Linf => "L-\u{2060}inf",
        Norm::L2 => "L2",
        Norm::L1 => "L1",
        Norm::L0 => "L0",
    }
}

/// The radius as it was typed with its norm: `2/255 (L-inf)`.
pub(crate) fn radius(threat: &Threat) -> String {
    format!("{}{NBSP}({})", threat.eps, norm(threat.norm))
}

/// The denominator in which radii of this audit are written: 255 where the radius was typed as `k/255`.
pub(crate) fn denominator(threat: &Threat) -> Option<f64> {
    let (_, below) = threat.eps.text().split_once('/')?;
    below.trim().parse::<f64>().ok().filter(|below| below.is_finite() && *below > 0.0)
}

/// A distance in the way the radius was typed: `1.97/255`, or a plain number.
pub(crate) fn distance(value: f64, threat: &Threat) -> String {
    match denominator(threat) {
        Some(below) if value != 0.0 => format!("{}/{}", significant(value * below, 3), significant(below, 6)),
        _ => significant(value, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace(NBSP, " ")
    }

    #[test]
    fn percentages_reach_their_ends_only_where_exact() {
        assert_eq!(plain(percent(0.461_8)), "46.2 %");
        assert_eq!(plain(percent(1.0)), "100 %");
        assert_eq!(plain(percent(0.9999)), ">99.9 %");
        assert_eq!(plain(percent(0.0)), "0 %");
        assert_eq!(plain(percent(0.0001)), "<0.1 %");
        assert_eq!(plain(percent(f64::NAN)), "? %");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
    }

    #[test]
    fn durations_carry_over() {
        assert_eq!(plain(duration(0.424)), "0.42 s");
        assert_eq!(plain(duration(59.97)), "1 min 00 s");
        assert_eq!(plain(duration(192.2)), "3 min 12 s");
        assert_eq!(plain(duration(7500.0)), "2 h 05 min");
        assert_eq!(duration(f64::NAN), "?");
    }

    #[test]
    fn significant_digits_lose_their_trailing_zeros() {
        assert_eq!(significant(0.031_372_5, 3), "0.0314");
        assert_eq!(significant(2.0, 3), "2");
        assert_eq!(significant(1234.5, 3), "1234");
        assert_eq!(significant(-0.5, 3), "-0.5");
        assert_eq!(significant(1e-9, 3), "1.00e-9");
        assert_eq!(significant(f64::INFINITY, 3), "inf");
    }

    #[test]
    fn sentences_begin_large_and_end_with_a_stop() {
        assert_eq!(sentence("at most 57.1 %"), "At most 57.1 %.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(plain(bytes(123_456_789)), "123.4 MB");
        assert_eq!(plain(bytes(2_340_000_000)), "2.34 GB");
    }
}
