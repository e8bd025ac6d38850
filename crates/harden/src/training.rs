//! The walk through all epochs: steps, checks, roll-backs, the choice of an epoch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_record::{EpochLine, HardenIdentity, Incident, StepLine};

use crate::HardenError;
use crate::folder::Folder;
use crate::inner::{Check, Inner, Kind, one_hot};
use crate::net::{Net, Told};
use crate::samples::Samples;
use crate::state::State;
use crate::step::{Course, Seen};

/// Something that training tells.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Training begins, or goes on.
    Begins {
        /// Folder of the run.
        folder: &'a std::path::Path,
        /// Tensors and numbers that are trained.
        trained: (usize, usize),
        /// Training, validation and test samples; of the last 0 where they are read later.
        samples: [usize; 3],
        /// Steps in all, and steps done before.
        steps: (usize, usize),
        /// Seconds that an epoch takes, where that was measured.
        epoch_seconds: Option<f64>,
    },
    /// A step is done.
    Step {
        /// What it was.
        line: &'a StepLine,
        /// Steps in all.
        total: usize,
        /// Seconds left.
        left: f64,
    },
    /// An epoch is done and checked.
    Epoch(&'a EpochLine),
    /// Something went wrong, and something was done.
    Incident(&'a Incident),
    /// A run of a curve begins, with this share of the clean loss.
    Weight(f64),
    /// Training is over; what follows is an audit of the model that is named so.
    Judging(&'a str),
}

/// Hears what training tells.
pub trait Watcher: brinell_audit::Observer {
    /// Hears of training; what audits tell comes as [`brinell_audit::Event`].
    fn progress(&mut self, progress: Progress<'_>);
}

/// Training samples that a single-step method is checked on for collapse.
const FIXED: usize = 256;
/// Steps between such checks, and of the attack in them.
const INTERVAL: usize = 200;
const CHECK_STEPS: usize = 10;
/// Share of these samples whose loss at once is a collapse.
const FALL: f64 = 0.2;
/// Steps of each attack that judges an epoch.
const JUDGE_STEPS: usize = 20;
/// Validation samples that judge an epoch.
pub(crate) const JUDGED: usize = 1000;
/// Steps in a row that may be skipped.
const SKIPPED: usize = 10;
/// A loss above so many times its running mean is a jump.
const JUMP: f64 = 3.0;
/// Steps after which a jump can be told, and a loss that does not move.
const SETTLED: usize = 50;
const UNMOVED: usize = 200;

/// Training under way.
pub(crate) struct Training<'a> {
    pub(crate) course: Course<'a>,
    pub(crate) validation: &'a Samples,
    pub(crate) folder: &'a mut Folder,
    pub(crate) parent: &'a str,
    pub(crate) seed: u64,
    pub(crate) budget: Option<f64>,
    pub(crate) stop: &'a AtomicBool,
}

/// Why a state is not gone on with.
enum Broken {
    Diverged,
    Collapsed,
    Unmoved,
}

impl Training<'_> {
    /// Trains from `state` to the end and returns all epochs.
    ///
    /// # Errors
    /// [`HardenError::BrokeDown`], [`HardenError::Interrupted`] with a checkpoint written, [`HardenError::Engine`].
    pub(crate) fn run(
        &mut self,
        net: &mut Net,
        mut state: State,
        watcher: &mut dyn Watcher,
    ) -> Result<(State, Vec<EpochLine>), HardenError> {
        let mut epochs = self.folder.epochs()?;
        let mut good = state.clone();
        let mut last = Instant::now();
        let begun = Instant::now();
        let before = state.count.seconds;
        let per_epoch = self.per_epoch();
        while state.count.step < self.course.total {
            let order = self.course.samples.order(self.course.recipe.seed, state.count.epoch);
            let from = state.count.step % per_epoch;
            let mut broken = None;
            for places in order.chunks(self.course.recipe.batch).skip(from).take(per_epoch - from) {
                self.check_stop(&state)?;
                let line = self.one(net, &mut state, places, &mut last)?;
                let done = state.count.step as f64 / self.course.total as f64;
                let spent = before + begun.elapsed().as_secs_f64();
                self.folder.step(&line)?;
                watcher.progress(Progress::Step { line: &line, total: self.course.total, left: spent / done.max(1e-9) * (1.0 - done) });
                broken = self.look(net, &mut state)?;
                if broken.is_some() {
                    break;
                }
                if self.course.recipe.method.is_single_step() && state.count.step.is_multiple_of(INTERVAL) {
                    good = state.clone();
                }
            }
            if let Some(kind) = broken {
                let step = state.count.step;
                state = self.roll_back(kind, step, &good)?;
                if let Some(incident) = state.count.incidents.last() {
                    watcher.progress(Progress::Incident(incident));
                }
                self.folder.cut(state.count.step)?;
                epochs.retain(|line| line.steps <= state.count.step);
                continue;
            }
            state.count.epoch += 1;
            state.count.seconds = before + begun.elapsed().as_secs_f64();
            let steps = per_epoch as f64;
            let line = self.judge(net, &state, state.count.sum / steps)?;
            state.count.sum = 0.0;
            let is_best = state.count.best.is_none_or(|(_, robust, clean)| (line.robust, line.clean) > (robust, clean));
            if is_best {
                state.count.best = Some((line.epoch, line.robust, line.clean));
            }
            self.folder.epoch(&line)?;
            if is_best {
                state.save(&self.folder.best(), self.parent)?;
            }
            state.save(&self.folder.last(), self.parent)?;
            watcher.progress(Progress::Epoch(&line));
            epochs.push(line);
            good = state.clone();
            let spent = state.count.seconds;
            if let Some(budget) = self.budget
                && state.count.step < self.course.total
                && spent + spent / state.count.epoch as f64 > budget
            {
                let what = format!("stopped after {} epochs, because another one would not end within {budget:.0} s", state.count.epoch);
                state.count.incidents.push(Incident { step: state.count.step, what });
                break;
            }
        }
        Ok((state, epochs))
    }

    fn per_epoch(&self) -> usize {
        steps_of(self.course.samples.len(), self.course.recipe.batch)
    }

    fn check_stop(&self, state: &State) -> Result<(), HardenError> {
        if !self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        state.save(&self.folder.last(), self.parent)?;
        Err(HardenError::Interrupted)
    }

    /// Does one step and counts it.
    fn one(&self, net: &mut Net, state: &mut State, places: &[usize], last: &mut Instant) -> Result<StepLine, HardenError> {
        let mean = state.count.loss.filter(|_| state.count.step >= SETTLED);
        let jumps = |seen: &Seen| mean.is_some_and(|mean| seen.loss > JUMP * mean.max(0.1));
        let seen = self.course.step(net, state, places, jumps)?;
        let count = &mut state.count;
        let (step, epoch) = (count.step, count.epoch + 1);
        count.step += 1;
        if seen.is_finite() && !jumps(&seen) {
            count.skipped = 0;
            count.sum += seen.loss;
            count.loss = Some(count.loss.map_or(seen.loss, |mean| 0.98 * mean + 0.02 * seen.loss));
        } else {
            count.skipped += 1;
            count.sum += count.loss.unwrap_or(0.0);
        }
        let seconds = std::mem::replace(last, Instant::now()).elapsed().as_secs_f64();
        Ok(StepLine { step, epoch, lr: seen.lr, eps: seen.eps, loss: seen.loss, attacked: seen.attacked, gradient: seen.gradient, seconds })
    }

    /// Looks for signs of a breakdown.
    fn look(&self, net: &mut Net, state: &mut State) -> Result<Option<Broken>, HardenError> {
        let recipe = self.course.recipe;
        if state.count.skipped > SKIPPED {
            return Ok(Some(Broken::Diverged));
        }
        let chance = (net.classes as f64).ln();
        if state.count.step == UNMOVED && state.count.loss.is_some_and(|loss| loss > 0.98 * chance) {
            return Ok(Some(Broken::Unmoved));
        }
        if !recipe.method.is_single_step() || !state.count.step.is_multiple_of(INTERVAL) {
            return Ok(None);
        }
        let right = self.fixed(net, &state.weights)?;
        let n = FIXED.min(self.course.samples.len()) as f64;
        let fell = state.count.checked.is_some_and(|before| before as f64 - right as f64 > FALL * n);
        state.count.checked = Some(right);
        Ok(fell.then_some(Broken::Collapsed))
    }

    /// Returns how many of the fixed training samples are right under an attack of several steps.
    fn fixed(&self, net: &mut Net, weights: &[Vec<f32>]) -> Result<usize, HardenError> {
        let samples = self.course.samples.first(FIXED);
        let check = Check { ball: self.course.ball, steps: CHECK_STEPS, margin: false, seed: self.seed };
        Ok(standing(net, weights, &samples, &check)?.1)
    }

    /// Judges the weights on validation samples.
    fn judge(&self, net: &mut Net, state: &State, loss: f64) -> Result<EpochLine, HardenError> {
        let check = Check { ball: self.course.ball, steps: JUDGE_STEPS, margin: true, seed: self.seed };
        let (clean, robust) = standing(net, state.judged(), self.validation, &check)?;
        let (epoch, steps, seconds) = (state.count.epoch, state.count.step, state.count.seconds);
        Ok(EpochLine { epoch, steps, loss, clean, robust, n: self.validation.len(), seconds })
    }

    /// Clears what a run left that was killed before its first step.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn reset(&mut self) -> Result<(), HardenError> {
        self.folder.clear()
    }

    /// Writes down what the run is begun with.
    ///
    /// # Errors
    /// [`HardenError::File`].
    pub(crate) fn begin(&self, identity: &HardenIdentity) -> Result<(), HardenError> {
        self.folder.begin(identity)
    }

    /// Judges the original model, and returns its loss on the first batch.
    ///
    /// # Errors
    /// [`HardenError::LossAtStart`] where that is no number.
    pub(crate) fn start(&mut self, net: &mut Net, state: &State) -> Result<EpochLine, HardenError> {
        let (x, labels, ids) = self.course.samples.read(0..self.course.recipe.batch.min(self.course.samples.len()));
        let hot = one_hot(&labels, net.classes, 0.0);
        let (len, classes) = (net.sample_len, net.classes);
        let inner = Inner { ball: self.course.ball, kind: Kind::Ce, steps: 0, size: 0.0, seed: self.seed, epoch: 0 };
        let losses = net.each(labels.len(), |lane, piece| {
            let part = |values: &[f32], width: usize| values.get(piece.start * width..piece.end * width).unwrap_or_default().to_vec();
            let (x, hot) = (part(&x, len), part(&hot, classes));
            let points = inner.run(lane, &state.weights, &x, &hot, ids.get(piece.clone()).unwrap_or_default())?;
            let mut told = Told::default();
            lane.attack(&state.weights, &points, &hot, &mut told)?;
            Ok(told.loss.iter().map(|&loss| f64::from(loss)).sum::<f64>())
        })?;
        let loss = losses.iter().sum::<f64>() / labels.len().max(1) as f64;
        if !loss.is_finite() {
            return Err(HardenError::LossAtStart { loss });
        }
        let line = self.judge(net, state, loss)?;
        self.folder.epoch(&line)?;
        Ok(line)
    }

    /// Returns the state to go on with after a breakdown.
    fn roll_back(&self, kind: Broken, step: usize, good: &State) -> Result<State, HardenError> {
        let what = match kind {
            Broken::Diverged => "diverged",
            Broken::Collapsed => "collapsed",
            Broken::Unmoved => "learned nothing",
        };
        if good.count.rolled_back.iter().any(|before| before == what) {
            return Err(HardenError::BrokeDown { what, step });
        }
        let mut state = good.clone();
        let count = &mut state.count;
        count.rolled_back.push(what.to_owned());
        count.skipped = 0;
        let done = match kind {
            Broken::Diverged => {
                count.rate /= 2.0;
                "with half the learning rate"
            }
            Broken::Collapsed => {
                count.reach *= 0.75;
                count.steps = 2;
                "with two shorter steps of the attack"
            }
            Broken::Unmoved => {
                count.rate /= 3.0;
                count.ramp = 0.25;
                "with a third of the learning rate and a radius that grows more slowly"
            }
        };
        let what = format!("training {what}; it continues from step {} {done}", count.step);
        count.incidents.push(Incident { step, what });
        Ok(state)
    }
}

/// Returns how many samples are right, and how many of these stay right under the check's attacks.
pub(crate) fn standing(net: &mut Net, weights: &[Vec<f32>], samples: &Samples, check: &Check<'_>) -> Result<(usize, usize), HardenError> {
    let (classes, n) = (net.classes, samples.len());
    let parts = net.each(n, |lane, piece| {
        let (x, labels, ids) = samples.read(piece);
        check.run(lane, weights, &x, &labels, &ids, classes)
    })?;
    Ok(parts.into_iter().fold((0, 0), |(clean, robust), (c, r)| (clean + c, robust + r)))
}

/// Returns the number of steps of an epoch: a last batch of less than half the size is left out, unless it is the only one.
pub(crate) fn steps_of(n: usize, batch: usize) -> usize {
    let whole = n / batch.max(1);
    let rest = n % batch.max(1);
    whole + usize::from(rest * 2 >= batch || (whole == 0 && rest > 0))
}

/// Returns the logits of samples with these weights.
pub(crate) fn logits(net: &mut Net, weights: &[Vec<f32>], x: &[f32]) -> Result<Vec<f32>, HardenError> {
    let (len, classes) = (net.sample_len, net.classes);
    let rows = x.len() / len.max(1);
    let label = one_hot(&vec![0; rows], classes, 0.0);
    let parts = net.each(rows, |lane, piece| {
        let mut told = Told::default();
        let x = x.get(piece.start * len..piece.end * len).unwrap_or_default();
        lane.attack(weights, x, label.get(piece.start * classes..piece.end * classes).unwrap_or_default(), &mut told)?;
        Ok(told.logits)
    })?;
    Ok(parts.concat())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use brinell_autodiff::TrainingLoss;
    use brinell_record::{Method, Optimizer, Recipe};

    use super::*;
    use crate::bench::{Bench, rten};

    #[test]
    fn a_breakdown_is_seen_rolled_back_once_and_then_an_error() {
        let bench = Bench::new();
        let (matrices, runtime) = (bench.matrices(), rten());
        let recipe = Recipe { method: Method::FgsmRs, steps: 1, step_size: 1.25, ..bench.recipe.clone() };
        let mut net = bench.net(runtime.as_ref(), TrainingLoss::Mixed { clean: 0.0 }, 1);
        let place = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(place.path(), false).unwrap();
        let stop = AtomicBool::new(false);
        let course = bench.course(&recipe, &matrices);
        let training =
            Training { course, validation: &bench.samples, folder: &mut folder, parent: "parent", seed: 0, budget: None, stop: &stop };
        let good = bench.state(Optimizer::Sgd);
        let mut state = good.clone();
        state.count.step = INTERVAL;
        // An untrained network is right about few of the six; before, it was right about all.
        assert!(training.look(&mut net, &mut state).unwrap().is_none());
        assert!(state.count.checked.is_some_and(|right| right < 5), "{:?}", state.count.checked);
        state.count.checked = Some(6);
        let kind = training.look(&mut net, &mut state).unwrap();
        assert!(matches!(kind, Some(Broken::Collapsed)));
        let rolled = training.roll_back(Broken::Collapsed, INTERVAL, &good).unwrap();
        assert_eq!((rolled.count.steps, rolled.count.step, rolled.count.incidents.len()), (2, 0, 1));
        assert_eq!(rolled.weights, good.weights);
        let again = training.roll_back(Broken::Collapsed, INTERVAL, &rolled);
        assert!(matches!(again, Err(HardenError::BrokeDown { what: "collapsed", .. })));
        // Another kind has a chance of its own.
        state.count.skipped = SKIPPED + 1;
        assert!(matches!(training.look(&mut net, &mut state).unwrap(), Some(Broken::Diverged)));
        assert_eq!(training.roll_back(Broken::Diverged, INTERVAL, &rolled).unwrap().count.rate, 0.5);
        state.count = good.count.clone();
        (state.count.step, state.count.loss) = (UNMOVED, Some(4.0f64.ln()));
        assert!(matches!(training.look(&mut net, &mut state).unwrap(), Some(Broken::Unmoved)));
    }
}
