//! What a count decides, by the kind of evidence and never by a score.

use brinell_record::{Claim, Flag, Numbers, Property, Quantity, Reason, Relation, Ruling, Sampling, Severity};

use super::examine::{Aim, Count};
use brinell_ledger::reason::{id, reason};
use brinell_stats::{Spending, clean_trials, lower_bound, samples_needed, upper_bound};

/// The errors that a claim may be decided with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Levels {
    /// Before any claim of the file was decided; fixes how errors are spent.
    pub(super) family: f64,
    /// For calling it supported.
    pub(super) support: f64,
    /// For calling it refuted.
    pub(super) refute: f64,
}

/// A share and the side of a threshold on which a claim wants it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    pub(super) relation: Relation,
    pub(super) threshold: f64,
}

/// What a claim is decided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Question {
    pub(super) aim: Aim,
    /// `None` for `forall`.
    pub(super) wanted: Option<Wanted>,
    pub(super) sampling: Sampling,
    /// Samples of the population.
    pub(super) n: usize,
    /// True where survivors have survived attacks, and not only been evaluated.
    pub(super) attacked: bool,
    /// True where a proof of each sample is looked for first.
    pub(super) certified: bool,
    /// True where attacks must know the defence of the model.
    pub(super) adaptive: bool,
}

/// A decision, not yet in words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    pub(super) ruling: Ruling,
    pub(super) reasons: Vec<Reason>,
    pub(super) numbers: Numbers,
    pub(super) certified: Option<usize>,
}

impl Question {
    /// Returns the question that a claim asks, or none where it is not about a count of samples.
    pub(super) fn of(claim: &Claim, attacked: bool) -> Option<Self> {
        let wanted = |at_least: Option<f64>, at_most: Option<f64>| match (at_least, at_most) {
            (Some(threshold), _) => Some(Wanted { relation: Relation::AtLeast, threshold }),
            (None, Some(threshold)) => Some(Wanted { relation: Relation::AtMost, threshold }),
            (None, None) => None,
        };
        let (aim, wanted) = match &claim.property {
            Property::Forall { among } => (Aim::Forall(*among), None),
            Property::Rate { at_least, at_most } => (Aim::Robust, wanted(*at_least, *at_most)),
            Property::Bound { quantity, at_least, at_most } => {
                let aim = match quantity {
                    Quantity::RobustAccuracy => Aim::Robust,
                    Quantity::NonFiniteRate => Aim::NonFinite,
                    _ => Aim::Clean,
                };
                (aim, wanted(*at_least, *at_most))
            }
            _ => return None,
        };
        Some(Self {
            aim,
            wanted,
            sampling: claim.population.sampling.unwrap_or(Sampling::Convenience),
            n: claim.population.n.unwrap_or_default(),
            attacked,
            certified: claim.threat.as_ref().is_some_and(|threat| threat.effort.certify.is_some()),
            adaptive: claim.threat.as_ref().is_some_and(|threat| threat.adaptive),
        })
    }

    /// True where chance has a say, so that the claim shares in the error of its file.
    pub(super) fn is_statistical(&self) -> bool {
        self.wanted.is_some() && self.sampling == Sampling::Iid
    }

    /// Returns the bounds of the share, and the confidence with which each of them holds.
    pub(super) fn bounds(&self, count: &Count, levels: Levels) -> (f64, f64, f64) {
        let (n, now) = (self.n, count.now());
        let exact = |count: usize| count as f64 / n as f64;
        match (self.sampling, self.wanted) {
            (Sampling::Exhaustive, _) | (_, None) => {
                let low = if self.wanted.is_none() && self.attacked { exact(count.proved.unwrap_or(0)) } else { exact(now.sure) };
                (low, exact(n - count.failed()), 1.0)
            }
            (Sampling::Convenience, _) => (0.0, 1.0, 1.0),
            (Sampling::Iid, Some(Wanted { relation, threshold })) => {
                let (for_low, for_high) = match relation {
                    Relation::AtLeast => (levels.support, levels.refute),
                    Relation::AtMost => (levels.refute, levels.support),
                };
                let low = lower_bound(&count.looks, n, for_low, Spending::above(threshold, n, levels.family));
                let high = upper_bound(&count.looks, n, for_high, Spending::below(threshold, n, levels.family));
                (low, high, 1.0 - levels.support.max(levels.refute))
            }
        }
    }

    /// Returns where the bounds lie: on the side that the claim wants, on the other, or across the threshold.
    fn side(&self, low: f64, high: f64) -> Side {
        match self.wanted {
            None => Side::Across,
            Some(Wanted { relation: Relation::AtLeast, threshold }) if low >= threshold => Side::Wanted,
            Some(Wanted { relation: Relation::AtLeast, threshold }) if high < threshold => Side::Other,
            Some(Wanted { relation: Relation::AtMost, threshold }) if high <= threshold => Side::Wanted,
            Some(Wanted { relation: Relation::AtMost, threshold }) if low > threshold => Side::Other,
            Some(_) => Side::Across,
        }
    }

    /// True where further samples cannot change the verdict.
    pub(super) fn enough(&self, count: &Count, levels: Levels) -> bool {
        if self.wanted.is_none() {
            return count.failed() > 0;
        }
        let (low, high, _) = self.bounds(count, levels);
        match self.side(low, high) {
            Side::Across => false,
            // What survives attacks may be proved yet.
            Side::Wanted => !self.certified,
            Side::Other => true,
        }
    }

    /// Decides. Where the time was over before the run was complete, nothing is: its flags and its counterexamples are not known yet.
    pub(super) fn decide(&self, count: &Count, levels: Levels, flags: &[Flag], timeout: bool) -> Decision {
        let (low, high, confidence) = self.bounds(count, levels);
        let now = count.now();
        let n = now.taken + count.skipped;
        let numbers = Numbers {
            quantity: self.quantity().to_owned(),
            count: now.sure,
            n,
            population: self.n,
            value: (n > 0).then(|| now.sure as f64 / n as f64),
            low,
            high,
            relation: self.wanted.map(|wanted| wanted.relation),
            threshold: self.wanted.map(|wanted| wanted.threshold),
            confidence,
        };
        let mut reasons = Vec::new();
        let ruling = match self.wanted {
            None => self.forall(count, &mut reasons),
            Some(wanted) => self.share(wanted, count, (low, high), levels, &mut reasons),
        };
        let blocking = flags.iter().filter(|flag| flag.severity == Severity::Blocking);
        let ruling = if matches!(ruling, Ruling::Supported | Ruling::Proven) {
            reasons.extend(blocking.map(|flag| reason(id::FLAG, format!("{}: {}", flag.id, flag.message))));
            if self.adaptive && !count.adaptive && ruling == Ruling::Supported {
                let text = "no attack knew a defence of the model: the file names none, or no attack used gradients";
                reasons.push(reason(id::NOT_ADAPTIVE, text));
            }
            if reasons.is_empty() { ruling } else { Ruling::Undecided }
        } else {
            ruling
        };
        let ruling = if timeout { Ruling::Undecided } else { ruling };
        if ruling == Ruling::Undecided && n == 0 {
            reasons.insert(0, reason(id::NOTHING_SEEN, "no sample was examined, so nothing was shown"));
        }
        if timeout {
            let text = format!("the time ran out after {n} of {} samples; check again to continue", self.n);
            reasons.insert(0, reason(id::TIMEOUT, text));
        }
        let evaluated = !self.attacked && self.aim != Aim::NonFinite && now.taken > 0;
        Decision { ruling, reasons, numbers, certified: if evaluated { Some(now.sure) } else { count.proved } }
    }

    fn quantity(&self) -> &'static str {
        match self.aim {
            Aim::Forall(_) | Aim::Robust => "robust_accuracy",
            Aim::Clean => "clean_accuracy",
            Aim::NonFinite => "non_finite_rate",
        }
    }

    fn forall(&self, count: &Count, reasons: &mut Vec<Reason>) -> Ruling {
        let now = count.now();
        if count.failed() > 0 {
            return Ruling::Refuted;
        }
        let complete = now.taken + count.skipped == self.n;
        let shown = if self.attacked { count.proved.unwrap_or(0) } else { now.sure };
        if complete && now.taken > 0 && shown == now.taken && self.sampling == Sampling::Exhaustive {
            return Ruling::Proven;
        }
        if complete && now.taken == 0 {
            reasons.push(reason(id::NOTHING_SEEN, "the model gets no sample right, so there is nothing that the claim could be about"));
        }
        if count.doubtful > 0 {
            reasons.push(self.boundary(count));
        }
        if complete && self.attacked && now.taken > 0 {
            let text = format!(
                "{} of {} samples survive these attacks, but failed attacks prove nothing, and {} samples are certified",
                now.sure,
                self.n,
                count.proved.unwrap_or(0)
            );
            reasons.push(reason(id::GAP, text));
        }
        match self.sampling {
            Sampling::Exhaustive => {}
            Sampling::Iid => reasons.push(reason(
                id::TOO_FEW,
                "a sample cannot show that something holds for every member of a larger population; claim a rate, or write sampling = \"exhaustive\" if these samples are the whole population",
            )),
            Sampling::Convenience => reasons.push(reason(
                id::CONVENIENCE,
                "these samples are just what was available: they can refute the claim, but show nothing about other inputs; write sampling = \"exhaustive\" if the claim is about exactly these samples",
            )),
        }
        Ruling::Undecided
    }

    /// True where as many samples are certified as the claim asks for.
    fn is_proved(&self, wanted: Wanted, count: &Count) -> bool {
        let share = count.proved.map(|proved| proved as f64 / self.n as f64);
        self.aim == Aim::Robust && wanted.relation == Relation::AtLeast && share.is_some_and(|share| share >= wanted.threshold)
    }

    fn boundary(&self, count: &Count) -> Reason {
        let text = if self.attacked {
            format!(
                "{} samples are in doubt: runtimes disagree about the counterexample, or the model is already wrong on the unchanged sample, which was therefore not attacked",
                count.doubtful
            )
        } else {
            format!("{} samples are in doubt: runtimes disagree about them because of rounding", count.doubtful)
        };
        reason(id::BOUNDARY, text)
    }

    fn share(&self, wanted: Wanted, count: &Count, (low, high): (f64, f64), levels: Levels, reasons: &mut Vec<Reason>) -> Ruling {
        let survival = self.aim == Aim::Robust && self.attacked;
        match self.side(low, high) {
            Side::Wanted if self.sampling == Sampling::Exhaustive && (!self.attacked || self.is_proved(wanted, count)) => {
                return Ruling::Proven;
            }
            Side::Wanted => return Ruling::Supported,
            // That more survive the attacks than the claim allows proves no robustness.
            Side::Other if survival && wanted.relation == Relation::AtMost => {
                let text =
                    format!("more than {} survive these attacks, but failed attacks prove nothing; try stronger attacks", wanted.threshold);
                reasons.push(reason(id::GAP, text));
                return Ruling::Undecided;
            }
            Side::Other => return Ruling::Refuted,
            Side::Across => {}
        }
        if self.sampling == Sampling::Convenience {
            reasons.push(reason(
                id::CONVENIENCE,
                "these samples are just what was available, so they say nothing about the rate among other inputs; write sampling = \"iid\" if they were drawn at random, or \"exhaustive\" if the claim is about exactly these samples",
            ));
        }
        if count.doubtful > 0 {
            reasons.push(self.boundary(count));
        }
        if self.sampling == Sampling::Iid && count.now().taken == self.n {
            reasons.push(reason(id::TOO_FEW, self.missing(wanted, count, levels)));
        }
        Ruling::Undecided
    }

    /// Says how many samples it would take.
    fn missing(&self, wanted: Wanted, count: &Count, levels: Levels) -> String {
        let now = count.now();
        let (successes, threshold, word) = match wanted.relation {
            Relation::AtLeast => (now.sure, wanted.threshold, "at least"),
            Relation::AtMost => (count.failed(), 1.0 - wanted.threshold, "at most"),
        };
        let percent = format!("{} %", (wanted.threshold * 1e4).round() / 100.0);
        let clean = clean_trials(threshold, levels.support);
        if clean > self.n as f64 {
            return match clean.is_finite() {
                true => {
                    format!("even without a single exception, {clean} samples are needed to show {word} {percent}; {} were given", self.n)
                }
                false => format!(
                    "a random sample can never show {word} exactly {percent}; claim a little less, or write sampling = \"exhaustive\" if these samples are the whole population"
                ),
            };
        }
        let rate = successes as f64 / now.taken.max(1) as f64;
        let seen = format!("{} of {} so far", now.sure, now.taken);
        let confirm = samples_needed(rate, threshold, levels.support);
        let refute = samples_needed(1.0 - rate, 1.0 - threshold, levels.refute);
        match (confirm, refute) {
            (Some(needed), _) => format!("{seen}; at this rate, about {needed} samples would show {word} {percent}"),
            (None, Some(needed)) => format!("{seen}; at this rate, about {needed} samples would refute {word} {percent}"),
            (None, None) => format!("{seen}, which is so close to {percent} that no number of samples would decide it"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Wanted,
    Other,
    Across,
}
