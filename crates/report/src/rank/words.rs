//! What page, terminal and Markdown say alike.

use crate::format::{JOINER, NBSP, count, distance, interval, percent, radius, significant, size};
use brinell_record::{Quantile, RankInterval, Ranked, RankedPair, Ranking};

/// Who is the most robust, as far as that is shown.
pub(super) fn headline(ranking: &Ranking) -> String {
    let n = format!("{} models on the same {} samples", size(ranking.models.len()), size(ranking.data.n));
    let first: Vec<&Ranked> = ranking.models.iter().filter(|model| model.rank.best == 1).collect();
    let within = radius(&ranking.threat);
    match first.as_slice() {
        [only] => format!("{} is the most robust of {n}: {} survive changes within {within}", only.name, share(only, ranking)),
        all if all.len() == ranking.models.len() => format!("None of {n} is shown to be more robust than all others within {within}"),
        several => {
            let names: Vec<&str> = several.iter().map(|model| model.name.as_str()).collect();
            format!("Of {n}, {} share the first rank within {within}: the tests cannot separate them", list(&names))
        }
    }
}

/// `a, b and c`; of many names the first.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] if names.len() <= 6 => format!("{} and {last}", most.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} others", rest.len()),
        _ => names.join(", "),
    }
}

/// `61 of 200`.
pub(super) fn share(model: &Ranked, ranking: &Ranking) -> String {
    format!("{} of {}", size(model.survived), size(ranking.data.n))
}

/// `2`, or `1–3` where the order is not shown.
pub(super) fn rank(rank: RankInterval) -> String {
    if rank.best == rank.worst { rank.best.to_string() } else { format!("{}{JOINER}–{JOINER}{}", rank.best, rank.worst) }
}

/// A rate with its interval: `45.0 % (38.0–52.2 %)`.
pub(super) fn rate(rate: &brinell_record::Rate) -> String {
    format!("{} ({})", percent(rate.value), interval(rate))
}

/// A median with its interval in the way the radius was typed: `5.1/255 (4.2/255–6/255)`.
pub(super) fn median(median: &Quantile, ranking: &Ranking) -> String {
    let far = |value: f64| if value.is_infinite() { "unlimited".to_owned() } else { distance(value, &ranking.threat) };
    let value = if median.value.is_infinite() { "none found".to_owned() } else { distance(median.value, &ranking.threat) };
    format!("{value} ({}{JOINER}–{JOINER}{})", far(median.low), far(median.high))
}

/// A median as a multiple of the class distance.
pub(super) fn multiple(multiple: &Quantile) -> String {
    let figure = |value: f64| if value.is_infinite() { "unlimited".to_owned() } else { significant(value, 3) };
    format!("{} ({}{JOINER}–{JOINER}{})", figure(multiple.value), figure(multiple.low), figure(multiple.high))
}

/// Queries until half of what is right is broken.
pub(super) fn to_half(model: &Ranked) -> String {
    model.queries_to_half.map_or_else(|| "-".to_owned(), count)
}

/// How many pairs are decided, and how.
pub(super) fn tested(ranking: &Ranking) -> String {
    let decided = ranking.pairs.iter().filter(|pair| pair.more_robust.is_some()).count();
    let all = ranking.pairs.len();
    let level = significant(100.0 * ranking.level, 3);
    let far = ranking.pairs.iter().filter(|pair| pair.distances.is_some_and(|distances| distances.farther.is_some())).count();
    let (by_distance, tests) = if ranking.models.iter().any(|model| model.distances.is_some()) {
        (format!(", and in {} pairs the nearest examples of one model are farther away", size(far)), "exact McNemar and sign tests")
    } else {
        (String::new(), "exact McNemar tests")
    };
    format!(
        "In {} of {} pairs, one model is shown to be more robust at the radius{by_distance} ({tests} on the same samples, with Holm's correction for both directions of all tests, at {level}{NBSP}%).",
        size(decided),
        size(all)
    )
}

/// What the ranks mean.
pub(super) const RANKS: &str = "A rank such as 1-3 means that the model may be first, second or third: the tests cannot separate it from some of the others. \
     All ranks together are correct with a probability of at least 95 % for the population that the samples were drawn from.";

/// What the class distance is, where there is one.
pub(super) fn class_distance(ranking: &Ranking) -> Option<String> {
    let found = ranking.class_distance?;
    let norm = crate::format::norm(ranking.threat.norm);
    Some(format!(
        "The class distance of {} samples is {} in {norm}: for half of them, the nearest sample of another class is within this distance; the closest two are {} apart. Median distances as multiples of it can be compared with those of another task with the same number of samples. They show how easily the data can be confused, not what an attacker can do.",
        size(found.n),
        distance(found.median, &ranking.threat),
        distance(found.least, &ranking.threat)
    ))
}

pub(super) fn name(ranking: &Ranking, number: usize) -> String {
    ranking.models.get(number).map_or_else(|| number.to_string(), |model| model.name.clone())
}

/// Who is ahead in a pair: the name, or that it is open.
pub(super) fn ahead(ranking: &Ranking, number: Option<usize>) -> String {
    number.map_or_else(|| "open".to_owned(), |number| name(ranking, number))
}

/// A p-value after correction.
pub(super) fn p(value: f64) -> String {
    if value >= 1.0 { "1".to_owned() } else { significant(value, 2) }
}

/// The pairs, with those first that are decided most clearly.
pub(super) fn pairs(ranking: &Ranking) -> Vec<&RankedPair> {
    let mut pairs: Vec<&RankedPair> = ranking.pairs.iter().collect();
    pairs.sort_by(|a, b| a.robust_adjusted.total_cmp(&b.robust_adjusted));
    pairs
}

/// The attacks at the radius, without settings.
pub(super) fn attacks(model: &Ranked) -> String {
    crate::format::without_settings(&model.attacks)
}
