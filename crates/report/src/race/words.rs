//! What page and table say alike.

use crate::format::{percent, size};
use brinell_record::{MoveKind, Race, RaceRound, RaceVerdict, Rate, RoundKind};

/// Share that is right after a move; of moves that were tried on all samples what they leave alone.
pub(super) fn left(round: &RaceRound, kind: MoveKind) -> Option<&Rate> {
    round
        .moves
        .iter()
        .find(|one| one.kind == kind)
        .map(|one| if kind == MoveKind::FirstSuccess { one.alone.as_ref().unwrap_or(&one.right) } else { &one.right })
}

/// What a round is called where its name is too long.
pub(super) fn number(round: usize) -> String {
    format!("#{round}")
}

/// Share that is right after all moves.
pub(super) fn last(round: &RaceRound) -> Option<&Rate> {
    round.moves.last().map(|one| &one.right)
}

/// The verdict, and whether hardening does better.
pub(super) fn verdict(round: &RaceRound) -> String {
    let own = match (round.verdict, round.kind) {
        (_, RoundKind::Parent) => return "no defence".to_owned(),
        (Some(verdict), RoundKind::Transform | RoundKind::Detector) => verdict.words(),
        (Some(RaceVerdict::Partial), RoundKind::Rival) => "more robust",
        (Some(_), RoundKind::Rival) => "not more robust",
        (None, _) => "-",
    };
    let doubt = if round.doubts.is_empty() { "" } else { ", doubtful" };
    format!("{own}{}{doubt}", if round.dominated { ", dominated" } else { "" })
}

/// One sentence about a defence.
pub(super) fn sentence(race: &Race, round: &RaceRound) -> Option<String> {
    let (first, last) = (left(round, MoveKind::FirstSuccess)?, last(round)?);
    let without = race.rounds.first().and_then(self::last)?;
    round.kind.is_defence().then(|| {
        let survive = if round.refused.is_some() { "survive or are refused" } else { "survive" };
        format!(
            "With {}, {} of the samples {survive} an attacker who does not know the defence and stops at the first success, and {} an attacker who knows it; \
             without it, {} survive",
            round.name,
            percent(first.value),
            percent(last.value),
            percent(without.value)
        )
    })
}

pub(super) fn headline(race: &Race) -> String {
    let of = |wanted: &[RaceVerdict]| {
        let is = |round: &&RaceRound| round.kind.is_defence() && round.verdict.is_some_and(|verdict| wanted.contains(&verdict));
        race.rounds.iter().filter(is).map(|round| round.name.as_str()).collect::<Vec<_>>()
    };
    let parts: Vec<String> = [
        (of(&[RaceVerdict::Broken]), "broken"),
        (of(&[RaceVerdict::CostOnly]), "cost only"),
        (of(&[RaceVerdict::Undecided]), "undecided"),
        (of(&[RaceVerdict::Partial]), "partial"),
        (of(&[RaceVerdict::Holds]), "holds against the named attacks"),
    ]
    .into_iter()
    .filter(|(names, _)| !names.is_empty())
    .map(|(names, what)| format!("{}: {what}", names.join(", ")))
    .collect();
    parts.join("; ")
}

/// What the race was run on.
pub(super) fn scope(race: &Race) -> String {
    let moves = if race.defender_moves == 1 { "one defender move".to_owned() } else { format!("{} defender moves", race.defender_moves) };
    format!("{} samples, {} {}, seed {}; {moves} on these samples", size(race.n), race.norm, race.eps, race.seed)
}
