//! What the template of a ranking is given.

use super::words;
use crate::chart::{CurveView, Series};
use crate::format::{count, size};
use brinell_record::Ranking;
use serde::Serialize;

/// Models in one chart of curves: as many as can be told apart.
const IN_ONE_CHART: usize = 4;

#[derive(Serialize)]
pub(super) struct RankView {
    title: String,
    created: String,
    version: String,
    headline: String,
    notes: Vec<String>,
    tested: String,
    ranks: &'static str,
    no_proof: &'static str,
    class_distance: Option<String>,
    within: String,
    n: String,
    data: String,
    distances: bool,
    multiples: bool,
    nearest: bool,
    single: bool,
    models: Vec<Model>,
    curves: Vec<CurveView>,
    pairs: Vec<Pair>,
}

#[derive(Serialize)]
struct Model {
    rank: String,
    name: String,
    reliable: bool,
    clean: String,
    robust: String,
    /// Ends of the interval of robust accuracy and the value, in per cent.
    low: f64,
    high: f64,
    value: f64,
    median: String,
    norm_rank: String,
    multiple: String,
    to_half: String,
    queries: String,
    attacks: String,
    path: String,
    sha256: String,
    run: String,
}

#[derive(Serialize)]
struct Pair {
    a: String,
    b: String,
    only_a: String,
    only_b: String,
    p: String,
    ahead: String,
    farther_a: String,
    farther_b: String,
    far_p: String,
    farther: String,
}

impl RankView {
    pub(super) fn of(ranking: &Ranking) -> Self {
        let distances = ranking.models.iter().any(|model| model.distances.is_some());
        let curve = |models: &[brinell_record::Ranked]| {
            let series: Vec<Series<'_>> =
                models.iter().map(|model| Series { name: &model.name, points: &model.curve, threat: &ranking.threat }).collect();
            CurveView::of(&series)
        };
        Self {
            title: "Ranking of models".to_owned(),
            created: String::new(),
            version: ranking.brinell_version.clone(),
            headline: words::headline(ranking),
            notes: ranking.notes.iter().map(|note| crate::format::sentence(note)).collect(),
            tested: words::tested(ranking),
            ranks: words::RANKS,
            no_proof: crate::export::NO_PROOF,
            class_distance: words::class_distance(ranking),
            within: crate::format::radius(&ranking.threat),
            n: size(ranking.data.n),
            data: ranking.data_path.clone(),
            distances,
            multiples: ranking.models.iter().any(|model| model.distances.as_ref().is_some_and(|found| found.multiple.is_some())),
            nearest: distances,
            single: false,
            models: ranking.models.iter().map(|one| model(ranking, one)).collect(),
            curves: ranking.models.chunks(IN_ONE_CHART).filter_map(curve).collect(),
            pairs: words::pairs(ranking).into_iter().map(|one| pair(ranking, one)).collect(),
        }
    }
}

fn model(ranking: &Ranking, model: &brinell_record::Ranked) -> Model {
    let found = model.distances.as_ref();
    let text = |of: &dyn Fn(&brinell_record::RankedDistances) -> String| found.map(of).unwrap_or_default();
    let rate = &model.robust_accuracy;
    Model {
        rank: words::rank(model.rank),
        name: model.name.clone(),
        reliable: model.blocking.is_empty(),
        clean: words::rate(&model.clean_accuracy),
        robust: format!("{}: {}", words::share(model, ranking), words::rate(rate)),
        low: 100.0 * rate.low,
        high: 100.0 * rate.high,
        value: 100.0 * rate.value,
        median: text(&|found| words::median(&found.median, ranking)),
        norm_rank: text(&|found| words::rank(found.rank)),
        multiple: text(&|found| found.multiple.as_ref().map(words::multiple).unwrap_or_default()),
        to_half: words::to_half(model),
        queries: count(model.queries),
        attacks: words::attacks(model),
        path: model.path.clone(),
        sha256: model.model.sha256.get(..16).unwrap_or(&model.model.sha256).to_owned(),
        run: model.run.clone(),
    }
}

fn pair(ranking: &Ranking, pair: &brinell_record::RankedPair) -> Pair {
    let far = pair.distances;
    let figure = |of: fn(&brinell_record::PairedDistances) -> usize| far.as_ref().map(|far| size(of(far))).unwrap_or_default();
    Pair {
        a: words::name(ranking, pair.a),
        b: words::name(ranking, pair.b),
        only_a: size(pair.robust.only_a),
        only_b: size(pair.robust.only_b),
        p: words::p(pair.robust_adjusted),
        ahead: words::ahead(ranking, pair.more_robust),
        farther_a: figure(|far| far.farther_a),
        farther_b: figure(|far| far.farther_b),
        far_p: far.map(|far| words::p(far.adjusted)).unwrap_or_default(),
        farther: far.map(|far| words::ahead(ranking, far.farther)).unwrap_or_default(),
    }
}
