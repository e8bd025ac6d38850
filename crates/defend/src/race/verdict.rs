//! From what is left of a round to what the defence is worth.

use brinell_record::{Paired, RaceRound, RaceVerdict};

/// Points of accuracy within which a defence counts as none, unless chance is ruled out.
const NONE: f64 = 2.0;
/// Level above which a difference is chance, and that at which it is not.
const CHANCE: f64 = 0.05;
const SURE: f64 = 0.01;
/// Times as many queries as without a defence that count as a cost.
const COSTLY: u64 = 10;

/// Judges by samples that are right after all moves, without (A) and with the defence (B), and by what a broken sample cost.
pub(crate) fn verdict(paired: &Paired, queries: [Option<u64>; 2]) -> RaceVerdict {
    let gain = 100.0 * paired.change.value;
    if gain > 0.0 && paired.p_value <= SURE {
        return RaceVerdict::Partial;
    }
    if gain > NONE || (gain > 0.0 && paired.p_value <= CHANCE) {
        return RaceVerdict::Undecided;
    }
    match queries {
        [Some(without), Some(with)] if with >= COSTLY * without.max(1) => RaceVerdict::CostOnly,
        _ => RaceVerdict::Broken,
    }
}

/// True where the rival is right about more samples after all moves and loses no more clean accuracy, given the samples on which the defence (A) and the rival (B) are right.
pub(crate) fn dominated(clean: &Paired, robust: &Paired) -> bool {
    let no_worse = clean.only_b >= clean.only_a || clean.p_value > CHANCE;
    no_worse && robust.only_b > robust.only_a && robust.p_value <= SURE
}

/// Raises a verdict where fresh samples say the same and nothing is doubtful.
pub(crate) fn confirmed(round: &RaceRound) -> Option<RaceVerdict> {
    let fresh = round.fresh.as_ref()?;
    let same = verdict(&fresh.paired, [None, None]) == RaceVerdict::Partial;
    (round.verdict == Some(RaceVerdict::Partial) && same && round.doubts.is_empty()).then_some(RaceVerdict::Holds)
}

#[cfg(test)]
mod tests {
    use brinell_stats::paired;

    use super::*;

    fn table(both: usize, lost: usize, gained: usize, neither: usize) -> Paired {
        let of = |n: usize, pair: (bool, bool)| std::iter::repeat_n(pair, n);
        paired(of(both, (true, true)).chain(of(lost, (true, false))).chain(of(gained, (false, true))).chain(of(neither, (false, false))))
    }

    #[test]
    fn verdicts_follow_the_gain_and_what_chance_allows() {
        let of = |table: Paired| verdict(&table, [Some(10), Some(20)]);
        assert_eq!(of(table(5, 0, 0, 295)), RaceVerdict::Broken);
        assert_eq!(of(table(5, 2, 4, 289)), RaceVerdict::Broken);
        assert_eq!(of(table(5, 0, 6, 289)), RaceVerdict::Undecided, "two points, and chance is unlikely");
        assert_eq!(of(table(0, 30, 40, 230)), RaceVerdict::Undecided, "more than two points, and chance is not ruled out");
        assert_eq!(of(table(5, 0, 60, 235)), RaceVerdict::Partial);
        assert_eq!(of(table(5, 60, 0, 235)), RaceVerdict::Broken, "a defence that loses samples is none");
        assert_eq!(verdict(&table(5, 0, 0, 295), [Some(10), Some(100)]), RaceVerdict::CostOnly);
    }

    #[test]
    fn a_rival_dominates_only_on_both_axes() {
        let (same, more, less) = (table(250, 5, 5, 40), table(100, 2, 80, 118), table(100, 80, 2, 118));
        assert!(dominated(&same, &more));
        assert!(!dominated(&less, &more), "it loses clean accuracy");
        assert!(!dominated(&same, &same));
    }
}
