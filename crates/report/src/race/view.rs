//! What the template of a race is given.

use super::{chart, words};
use crate::format::{confidence, count, duration, interval, percent, significant, size};
use brinell_record::{MoveKind, Race, RaceRound, Rate};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct RaceView {
    title: String,
    created: String,
    version: String,
    headline: String,
    scope: String,
    confidence: String,
    notes: Vec<String>,
    chart: String,
    keys: Vec<Key>,
    sentences: Vec<String>,
    rounds: Vec<Row>,
    moves: Vec<Move>,
    latency: Vec<[String; 6]>,
    fresh: Vec<[String; 5]>,
    files: Vec<[String; 3]>,
    model: String,
    data: String,
    runtime: String,
}

#[derive(Serialize)]
struct Key {
    bar: usize,
    mark: &'static str,
    name: String,
    knows: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    cells: Vec<[String; 2]>,
    gain: String,
    queries: String,
    verdict: String,
    refused: Option<String>,
}

#[derive(Serialize)]
struct Move {
    round: String,
    name: String,
    right: String,
    attacks: String,
    asked: String,
    time: String,
}

impl RaceView {
    pub(super) fn of(race: &Race) -> Self {
        let clean = Key { bar: 0, mark: chart::MARKS[0], name: "clean".to_owned(), knows: "nobody attacks".to_owned() };
        let keys = MoveKind::ALL.iter().enumerate().map(|(place, kind)| Key {
            bar: place + 1,
            mark: chart::MARKS.get(place + 1).copied().unwrap_or_default(),
            name: kind.name().to_owned(),
            knows: format!("the attacker {}", kind.knows()),
        });
        let moves = race.rounds.iter().flat_map(|round| round.moves.iter().map(move |one| (round, one)));
        let latency = race.rounds.iter().flat_map(|round| round.latency.iter().map(move |one| (round, one)));
        let ms = |value: f64| format!("{} ms", significant(value, 3));
        Self {
            title: "Race".to_owned(),
            created: String::new(),
            version: race.brinell_version.clone(),
            headline: words::headline(race),
            scope: words::scope(race),
            confidence: race.rounds.first().map(|round| confidence(&round.clean)).unwrap_or_default(),
            notes: race.notes.clone(),
            chart: chart::bars(race),
            keys: std::iter::once(clean).chain(keys).collect(),
            sentences: race.rounds.iter().filter_map(|round| words::sentence(race, round)).collect(),
            rounds: race.rounds.iter().enumerate().map(|(number, round)| row(number, round)).collect(),
            moves: moves
                .map(|(round, one)| Move {
                    round: round.name.clone(),
                    name: one.kind.name().to_owned(),
                    right: percent(one.right.value),
                    attacks: one.attacks.join(", "),
                    asked: format!("{} forwards, {} gradients", count(one.forwards), count(one.backwards)),
                    time: duration(one.seconds),
                })
                .collect(),
            latency: latency
                .map(|(round, one)| {
                    [
                        round.name.clone(),
                        size(one.batch),
                        ms(one.parent.p50),
                        ms(one.defended.p50),
                        ms(one.parent.p99),
                        ms(one.defended.p99),
                    ]
                })
                .collect(),
            fresh: race
                .rounds
                .iter()
                .filter_map(|round| {
                    let fresh = round.fresh.as_ref()?;
                    Some([
                        round.name.clone(),
                        size(fresh.n),
                        percent(fresh.clean.value),
                        format!("{} ({})", percent(fresh.right.value), interval(&fresh.right)),
                        percent(fresh.parent.value),
                    ])
                })
                .collect(),
            files: race.rounds.iter().map(|round| [round.name.clone(), round.file.clone(), round.sha256.clone()]).collect(),
            model: race.model.clone(),
            data: race.data.clone(),
            runtime: race.runtime.clone(),
        }
    }
}

fn row(number: usize, round: &RaceRound) -> Row {
    let cell = |rate: &Rate| [percent(rate.value), interval(rate)];
    let moves = MoveKind::ALL.iter().map(|kind| words::left(round, *kind).map_or_else(|| ["-".to_owned(), String::new()], cell));
    Row {
        name: format!("{} {}", words::number(number), round.name),
        cells: std::iter::once(cell(&round.clean)).chain(moves).collect(),
        gain: round.paired.as_ref().map_or_else(
            || "-".to_owned(),
            |paired| format!("{} gained, {} lost, p = {}", size(paired.only_b), size(paired.only_a), significant(paired.p_value, 2)),
        ),
        queries: round.median_queries.map_or_else(|| "-".to_owned(), count),
        verdict: words::verdict(round),
        refused: round.refused.as_ref().map(|rate| percent(rate.value)),
    }
}
