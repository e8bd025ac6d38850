//! A badge with the rank of one model.

use super::words;
use crate::export::{BLUE, GREY, draw_badge, plain};
use crate::format::{interval, percent};
use brinell_record::Ranking;

/// The badge of the model of this number, as SVG: its ranks, its robust accuracy and the interval of that; grey and without figures where a blocking flag forbids to use them.
/// `None` where there is no such model.
pub fn badge(ranking: &Ranking, number: usize) -> Option<String> {
    let model = ranking.models.get(number)?;
    if !model.blocking.is_empty() {
        return Some(draw_badge("robustness rank", "not reliable", GREY));
    }
    let rate = &model.robust_accuracy;
    let rank = format!("{} of {}", words::rank(model.rank), ranking.models.len());
    let text = format!("{rank} | {} ({}) at {}", percent(rate.value), interval(rate), crate::format::radius(&ranking.threat));
    Some(draw_badge("robustness rank", &plain(&text), BLUE))
}
