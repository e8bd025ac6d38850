//! The course of an audit that decides a claim: samples in the claim's order, judged by every runtime, until enough are seen.

use std::path::PathBuf;

use brinell_record::{Among, Outcome, SampleRecord, Standing, Witness};

use super::INPUTS;
use super::decide::Question;
use brinell_audit::{Course, Taken};
use brinell_data::npz;
use brinell_stats::Look;
use brinell_subject::{Charge, Finding, Panel};

use crate::ClaimError;

/// Samples before the first look, and at least between two of them.
const FIRST: usize = 16;

/// File of a run with the inputs that fool the model, relative to the evidence.
pub(super) const ADVERSARIAL: &str = "run/adversarial.npz";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Samples that no allowed change fools.
    Forall(Among),
    /// Samples that are answered right and stay right.
    Robust,
    /// Samples that are answered right unchanged.
    Clean,
    /// Samples for which an output is not finite, unchanged.
    NonFinite,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Count {
    /// After each batch of samples.
    pub(super) looks: Vec<Look>,
    /// Samples that the claim does not speak of.
    pub(super) skipped: usize,
    /// Samples that runtimes judge differently, or that no attack was run on.
    pub(super) doubtful: usize,
    /// Samples that count and whose certificate the checker confirmed; none where no proof was looked for.
    pub(super) proved: Option<usize>,
    /// True where attacks knew a defence of the model.
    pub(super) adaptive: bool,
}

impl Count {
    /// The newest look.
    pub(super) fn now(&self) -> Look {
        self.looks.last().copied().unwrap_or(Look { taken: 0, sure: 0, possible: 0 })
    }

    /// Samples that do not count for certain.
    pub(super) fn failed(&self) -> usize {
        self.now().taken - self.now().possible
    }
}

/// How a sample counts.
enum Fate {
    Counts,
    DoesNot,
    Doubtful,
    Skipped,
}

/// An examination under way.
pub(super) struct Examination<'e> {
    aim: Aim,
    /// True where survivors have survived attacks, and not only been evaluated.
    attacked: bool,
    panel: &'e mut Panel,
    order: Vec<usize>,
    /// Says whether the looks so far decide.
    enough: &'e dyn Fn(&Count) -> bool,
    /// Folder of the evidence.
    folder: PathBuf,
    count: Count,
    witnesses: Vec<Witness>,
    /// Samples of the order that were judged, and that were given out.
    judged: usize,
    given: usize,
}

impl<'e> Examination<'e> {
    pub(super) fn new(
        question: Question,
        panel: &'e mut Panel,
        order: Vec<usize>,
        enough: &'e dyn Fn(&Count) -> bool,
        folder: PathBuf,
    ) -> Self {
        let Question { aim, attacked, .. } = question;
        let (count, witnesses) = (Count::default(), Vec::new());
        Self { aim, attacked, panel, order, enough, folder, count, witnesses, judged: 0, given: 0 }
    }

    /// Returns what was counted, and the counterexamples.
    pub(super) fn into_parts(self) -> (Count, Vec<Witness>) {
        (self.count, self.witnesses)
    }

    /// Judges one sample that the audit is through with.
    fn judge(&mut self, record: &SampleRecord, taken: &mut Taken<'_, '_>) -> Result<Fate, ClaimError> {
        let x = taken.input(record.sample);
        if self.aim == Aim::NonFinite {
            let charge = Charge::NonFinite(taken.demand(record.sample));
            let finding = self.panel.judge(taken.preprocess(), taken.ball(), &charge, record.sample, &x, &x)?;
            return Ok(match finding.standing {
                Standing::Rejected => Fate::DoesNot,
                Standing::Confirmed => self.keep(record, None, finding, Fate::Counts),
                Standing::Boundary => self.keep(record, None, finding, Fate::Doubtful),
            });
        }
        let (target, goal) = (record.target, taken.demand(record.sample));
        let (charge, target) = match (self.aim, record.outcome) {
            (Aim::Forall(Among::Correct), Outcome::Misclassified) => return Ok(Fate::Skipped),
            (Aim::Forall(_), _) if target.is_some() => (Charge::Goal(goal), target),
            (_, Outcome::Broken) => (Charge::Goal(goal), target),
            _ => (Charge::Wrong(goal), None),
        };
        if self.attacked && record.outcome == Outcome::Survived {
            return Ok(Fate::Counts);
        }
        let broken = record.outcome == Outcome::Broken;
        let x_adv = if broken { Some(taken.adversarial(record.sample)?) } else { None };
        let finding = self.panel.judge(taken.preprocess(), taken.ball(), &charge, record.sample, &x, x_adv.as_deref().unwrap_or(&x))?;
        Ok(match finding.standing {
            Standing::Confirmed => self.keep(record, target, finding, Fate::DoesNot),
            // Nobody is fooled, which says all there is about a sample that no attack could change.
            Standing::Rejected if !broken && finding.violation.is_none() && !self.attacked => Fate::Counts,
            Standing::Rejected if !broken => Fate::Doubtful,
            _ => self.keep(record, target, finding, Fate::Doubtful),
        })
    }

    fn keep(&mut self, record: &SampleRecord, target: Option<usize>, finding: Finding, fate: Fate) -> Fate {
        let broken = record.outcome == Outcome::Broken;
        self.witnesses.push(Witness {
            file: if broken { ADVERSARIAL } else { INPUTS }.to_owned(),
            row: 0,
            sample: record.sample,
            label: record.label.clone(),
            target,
            prediction: finding.opinions.first().and_then(|opinion| opinion.prediction.clone()),
            norm: finding.norm,
            margin: finding.margin(),
            attack: record.attack.clone(),
            standing: finding.standing,
            violation: finding.violation,
            opinions: finding.opinions,
        });
        fate
    }

    /// Judges what was given out last and looks.
    fn look(&mut self, taken: &mut Taken<'_, '_>) -> Result<(), ClaimError> {
        let mut look = self.count.now();
        for place in self.judged..self.given {
            let Some(record) = self.order.get(place).and_then(|&sample| taken.record(sample)) else { continue };
            let fate = self.judge(&record, taken)?;
            if matches!(fate, Fate::Skipped) {
                self.count.skipped += 1;
                continue;
            }
            look.taken += 1;
            look.sure += usize::from(matches!(fate, Fate::Counts));
            look.possible += usize::from(!matches!(fate, Fate::DoesNot));
            self.count.doubtful += usize::from(matches!(fate, Fate::Doubtful));
        }
        self.judged = self.given;
        self.count.looks.push(look);
        Ok(())
    }

    /// Numbers the witnesses by their rows, and writes the unchanged samples that they belong to.
    fn store(&mut self, taken: &mut Taken<'_, '_>) -> Result<(), ClaimError> {
        self.witnesses.sort_by_key(|witness| witness.sample);
        let (mut broken, mut all) = (0, 0);
        for witness in &mut self.witnesses {
            witness.row = if witness.file == ADVERSARIAL { broken } else { all };
            broken += usize::from(witness.file == ADVERSARIAL);
            all += 1;
        }
        if self.witnesses.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = self.witnesses.iter().map(|witness| witness.sample as i64).collect();
        let shape = taken.sample_shape().to_vec();
        let samples: Vec<usize> = self.witnesses.iter().map(|witness| witness.sample).collect();
        let (arrays, facts) = (taken.arrays(&samples), taken.facts(&samples));
        npz::write_inputs(&self.folder.join(INPUTS), &ids, &facts, &shape, &arrays, |id| {
            Ok::<_, ClaimError>(usize::try_from(id).map(|sample| taken.input(sample)).unwrap_or_default())
        })
    }
}

impl Course for Examination<'_> {
    type Error = ClaimError;

    fn next(&mut self, taken: &mut Taken<'_, '_>) -> Result<Vec<usize>, ClaimError> {
        let (asked, found) = (self.order.len(), taken.available());
        if found < asked {
            return Err(ClaimError::Samples { path: taken.data().to_path_buf(), asked, found });
        }
        if self.given > 0 {
            self.look(taken)?;
        } else {
            // Of the samples that a limit takes, the order knows the places.
            let samples = taken.samples();
            self.order.iter_mut().for_each(|place| *place = samples.get(*place).copied().unwrap_or(*place));
        }
        if self.given == self.order.len() || (self.given > 0 && (self.enough)(&self.count)) {
            self.store(taken)?;
            return Ok(Vec::new());
        }
        // A quarter more each time: few looks at large samples, and little is asked beyond what decides.
        let end = (self.given + (self.given / 4).max(FIRST)).min(self.order.len());
        let next = self.order.get(self.given..end).unwrap_or_default().to_vec();
        self.given = end;
        Ok(next)
    }
}
