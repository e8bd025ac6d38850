//! The samples that share a batch.

use std::sync::Arc;

use brinell_engine::{Answer, Ensemble, OracleError};
use brinell_task::{Head, Objective, Posed, Rivals, Truth};
use brinell_threat::{Ball, Grid};
use rayon::prelude::*;

use super::nearest::Nearest;
use super::trace::Trace;
use super::{Aim, Court, DriverError, Found, Item, Model, Pose, Queries, Verdict};
use crate::{Attack, Knowledge, Need, Next, Recipe, Reply, Start, framed};

/// What is the same for all samples of a stage.
pub(super) struct Context<'a> {
    pub(super) recipe: &'a dyn Recipe,
    pub(super) pose: Pose<'a>,
    pub(super) objective: Objective,
    pub(super) head: Head,
    /// Values that one row of a gradient is fed, F Z.
    pub(super) fed: usize,
    /// Values of one sample, Z.
    pub(super) width: usize,
    /// Runs per sample.
    pub(super) runs: u32,
    pub(super) ball: &'a Ball,
    pub(super) shape: &'a [usize],
    pub(super) trees: Option<&'a Arc<Ensemble>>,
    pub(super) seed: u64,
    pub(super) max_queries: Option<u64>,
    pub(super) aim: Aim,
    pub(super) grid: Option<&'a Grid>,
}

impl Context<'_> {
    /// Returns what is asked of a sample of which this is right.
    fn posed<'b>(&'b self, truth: &'b Truth) -> Posed<'b> {
        self.pose.of(truth)
    }

    /// Forwards and backwards that an answer costs.
    fn cost(&self, need: Need) -> Queries {
        match (need, self.head) {
            (Need::Verdict | Need::Values, _) => Queries { forwards: 1, backwards: 0 },
            (Need::Gradient, Head::Fused(_)) => Queries { forwards: 1, backwards: 1 },
            // The values first, from which the task makes the weights.
            (Need::Gradient, Head::Linear) => Queries { forwards: 2, backwards: 1 },
        }
    }

    /// Writes what a loss of the graph is fed for one sample, with this rival in hand.
    fn feed(&self, truth: &Truth, rival: Option<usize>, row: &mut [f32]) {
        if let Head::Fused(_) = self.head {
            self.pose.task.feed(self.posed(truth), rival, row);
        }
    }

    /// Lets an attack ask, and moves its point to one that the model can be fed; true where an attack that shows something by its points asked
    /// for another.
    fn ask(&self, item: &Item, attack: &mut dyn Attack, x: &mut [f32]) -> (Need, bool) {
        let need = attack.ask(x);
        let Some(grid) = self.grid else { return (need, false) };
        let asked = self.recipe.reads_trees().then(|| x.to_vec());
        grid.snap(self.ball, &item.x, x);
        (need, asked.is_some_and(|asked| asked != x))
    }

    fn start(&self, item: &Item, run: u32) -> Box<dyn Attack> {
        let posed = self.posed(&item.truth);
        let values = if self.recipe.knowledge() == Knowledge::Label { &[] } else { item.values.as_slice() };
        let start = Start {
            x: &item.x,
            shape: self.shape,
            ball: self.ball,
            clean: if values.is_empty() { f64::NAN } else { self.pose.task.margin(values, posed) },
            rivals: Rivals::at(self.pose.task, values, posed),
            found: item.found.as_deref(),
            guide: item.guide.as_deref(),
            trees: self.trees,
            seed: self.seed,
            sample: item.sample,
            run,
        };
        framed::start(self.recipe, &start)
    }
}

/// Where a slot stands between two calls of the model.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Its row of the input waits for an answer.
    Asking,
    /// Its row looks adversarial and waits for the court.
    Candidate {
        /// How good the example would be.
        merit: f64,
    },
    /// All runs are over, or the budget is used.
    Finished,
}

struct Slot {
    item: Item,
    attack: Box<dyn Attack>,
    need: Need,
    /// The rival that the loss at the point asked for refers to.
    rival: Option<usize>,
    state: State,
    run: u32,
    first_of_run: bool,
    /// True once a point that an attack asked for was moved.
    moved: bool,
    /// Merit of the example in hand: its margin, or its distance with the sign turned.
    merit: f64,
    nearest: Nearest,
    trace: Trace,
    verdict: Verdict,
}

/// Slots with one row each of the input and the answer.
#[derive(Default)]
pub(super) struct Group {
    slots: Vec<Slot>,
    x: Vec<f32>,
    answer: Answer,
    /// What the loss of the graph is fed, or the weights of a linear one `[B, F, Z]`.
    feeds: Vec<f32>,
    /// True between a call of the model and the update that consumes its answer.
    answered: bool,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes new items until `batch` slots are in use.
    pub(super) fn refill(&mut self, context: &Context<'_>, items: &mut dyn Iterator<Item = Item>, batch: usize) {
        while self.slots.len() < batch.max(1) {
            let Some(item) = items.next() else { break };
            let mut attack = context.start(&item, 0);
            let merit = match (&item.found, context.aim) {
                (Some(found), Aim::Nearest) => -context.ball.distance(&item.x, found),
                _ => f64::NEG_INFINITY,
            };
            let at = self.x.len();
            self.x.resize(at + item.x.len(), 0.0);
            let (need, moved) = self.x.get_mut(at..).map_or((Need::Values, false), |row| context.ask(&item, attack.as_mut(), row));
            let verdict = Verdict {
                found: None,
                queries: Queries::default(),
                margin: f64::NEG_INFINITY,
                rejected: 0,
                astray: 0,
                zero_gradients: 0,
                non_finite: 0,
                exhausted: false,
                late_gain: None,
                none_within: None,
            };
            let (rival, at) = (attack.rival(), self.feeds.len());
            self.feeds.resize(at + context.fed, 0.0);
            if let Some(row) = self.feeds.get_mut(at..) {
                context.feed(&item.truth, rival, row);
            }
            self.slots.push(Slot {
                item,
                attack,
                need,
                rival,
                state: State::Asking,
                run: 0,
                first_of_run: true,
                moved,
                merit,
                nearest: Nearest::default(),
                trace: Trace::new(),
                verdict,
            });
        }
    }

    /// Asks the model about all rows and returns the seconds it took.
    pub(super) fn evaluate(&mut self, model: &mut dyn Model, context: &Context<'_>) -> Result<f64, OracleError> {
        let start = std::time::Instant::now();
        model.about(&mut samples(&self.slots));
        let gradient = self.slots.iter().any(|slot| slot.need == Need::Gradient);
        match context.head {
            Head::Fused(loss) if gradient => model.fused(loss, &self.x, &self.feeds, &mut self.answer)?,
            _ => model.values(&self.x, &mut self.answer)?,
        }
        let expected = self.slots.len() * context.width;
        if self.answer.values.len() != expected {
            return Err(OracleError::Output { output: "values", found: self.answer.values.len(), expected });
        }
        if gradient && context.head == Head::Linear {
            let rows = self.slots.par_iter_mut().zip(self.feeds.par_chunks_exact_mut(context.width.max(1)));
            rows.zip(self.answer.values.par_chunks_exact(context.width.max(1))).for_each(|((slot, w), z)| match slot.need {
                Need::Gradient => context.pose.task.pull(context.objective, z, context.posed(&slot.item.truth), slot.rival, w),
                Need::Verdict | Need::Values => w.fill(0.0),
            });
            model.about(&mut samples(&self.slots));
            model.pull(&self.x, &self.feeds, &mut self.answer)?;
        }
        self.answered = true;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Gives every slot its answer and lets it ask again.
    pub(super) fn update(&mut self, context: &Context<'_>) {
        if !std::mem::take(&mut self.answered) {
            return;
        }
        let width = self.x.len() / self.slots.len().max(1);
        let with_gradient = !self.answer.gradient.is_empty();
        let answer = &self.answer;
        let rows = self.slots.par_iter_mut().zip(self.x.par_chunks_exact_mut(width.max(1)));
        rows.zip(self.feeds.par_chunks_exact_mut(context.fed.max(1))).enumerate().for_each(|(row, ((slot, x), feed))| {
            let values = answer.values.get(row * context.width..(row + 1) * context.width).unwrap_or_default();
            let gradient = match (slot.need, with_gradient) {
                (Need::Gradient, true) => answer.gradient.get(row * width..(row + 1) * width).unwrap_or_default(),
                _ => &[],
            };
            let seen = Seen::of(context, &slot.item, values, gradient);
            slot.count(context, seen, x);
            match slot.merit_of(context, seen, x) {
                Some(merit) if merit > slot.merit && context.aim == Aim::Nearest => {
                    slot.merit = merit;
                    slot.nearest.push(x, slot.run, -merit);
                    slot.proceed(context, seen, x, feed);
                }
                Some(merit) if merit > slot.merit => slot.state = State::Candidate { merit },
                _ => slot.proceed(context, seen, x, feed),
            }
        });
    }

    /// Brings candidates before the court and removes the slots that are decided.
    pub(super) fn settle<C: Court>(&mut self, context: &Context<'_>, court: &mut C) -> Result<(), DriverError<C::Error>> {
        let width = self.x.len() / self.slots.len().max(1);
        for row in (0..self.slots.len()).rev() {
            let Some(slot) = self.slots.get_mut(row) else { continue };
            let Some(x) = self.x.get_mut(row * width..(row + 1) * width) else { continue };
            if let State::Candidate { merit } = slot.state {
                let values = self.answer.values.get(row * context.width..(row + 1) * context.width).unwrap_or_default();
                let ruling = court.judge(&slot.item, x, values).map_err(DriverError::Callback)?;
                let confirmed = slot.verdict.hears(ruling);
                if confirmed {
                    slot.verdict.found = Some(Found { x_adv: x.to_vec(), run: slot.run });
                    slot.merit = merit;
                }
                if confirmed && context.aim == Aim::First {
                    slot.state = State::Finished;
                } else if let Some(feed) = self.feeds.get_mut(row * context.fed..(row + 1) * context.fed) {
                    let gradient = match slot.need {
                        Need::Gradient => self.answer.gradient.get(row * width..(row + 1) * width).unwrap_or_default(),
                        _ => &[],
                    };
                    let seen = Seen::of(context, &slot.item, values, gradient);
                    slot.proceed(context, seen, x, feed);
                }
            }
            if slot.state == State::Finished {
                let mut slot = self.remove(row, width, context.fed);
                slot.verdict.late_gain = slot.trace.late_gain();
                slot.note_none_within();
                while let Some((x_adv, run)) = slot.nearest.pop() {
                    let ruling = court.judge(&slot.item, x_adv, &[]).map_err(DriverError::Callback)?;
                    if slot.verdict.hears(ruling) {
                        slot.verdict.found = Some(Found { x_adv: x_adv.to_vec(), run });
                        break;
                    }
                }
                if slot.moved || slot.verdict.rejected > 0 {
                    slot.verdict.none_within = None;
                }
                court.decided(&slot.item, slot.verdict).map_err(DriverError::Callback)?;
            }
        }
        Ok(())
    }

    /// Moves all slots of `other` here. Both must be waiting for the model.
    pub(super) fn absorb(&mut self, other: &mut Group) {
        self.slots.append(&mut other.slots);
        self.x.append(&mut other.x);
        self.feeds.append(&mut other.feeds);
    }

    /// Takes out a row; the last one, which is settled already, moves to its place. Answers of rows before it stay where they are.
    fn remove(&mut self, row: usize, width: usize, fed: usize) -> Slot {
        let last = self.slots.len() - 1;
        move_row(&mut self.x, width, row, last);
        move_row(&mut self.feeds, fed, row, last);
        self.slots.swap_remove(row)
    }
}

/// Copies row `last` over row `row` and drops the last row.
fn move_row(values: &mut Vec<f32>, width: usize, row: usize, last: usize) {
    if row != last {
        values.copy_within(last * width..(last + 1) * width, row * width);
    }
    values.truncate(last * width);
}

/// Numbers of the samples that the slots hold.
fn samples(slots: &[Slot]) -> impl Iterator<Item = usize> {
    slots.iter().map(|slot| usize::try_from(slot.item.sample).unwrap_or(usize::MAX))
}

/// What the model said about a row, and what the task makes of it.
#[derive(Clone, Copy)]
struct Seen<'a> {
    values: &'a [f32],
    gradient: &'a [f32],
    reached: bool,
    margin: f64,
}

impl<'a> Seen<'a> {
    fn of(context: &Context<'_>, item: &Item, values: &'a [f32], gradient: &'a [f32]) -> Self {
        let (task, posed) = (context.pose.task, context.posed(&item.truth));
        Self { values, gradient, reached: task.reached(values, posed), margin: task.margin(values, posed) }
    }
}

impl Slot {
    fn count(&mut self, context: &Context<'_>, seen: Seen<'_>, x: &[f32]) {
        self.verdict.queries += context.cost(self.need);
        if self.need == Need::Gradient && self.first_of_run && seen.gradient.iter().all(|&g| g == 0.0) {
            self.verdict.zero_gradients += 1;
        }
        self.first_of_run = false;
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        if !finite(seen.values) || !finite(seen.gradient) {
            self.verdict.non_finite += 1;
        }
        // What lies outside the ball says nothing about how near an attack came inside.
        if seen.margin > self.verdict.margin && context.ball.contains(&self.item.x, x).is_ok() {
            self.verdict.margin = seen.margin;
        }
    }

    /// How good an example the point is for the aim; `None` where it is none, since it misses the goal or lies outside the ball.
    fn merit_of(&self, context: &Context<'_>, seen: Seen<'_>, x: &[f32]) -> Option<f64> {
        if !seen.reached || context.ball.contains(&self.item.x, x).is_err() {
            return None;
        }
        Some(match context.aim {
            Aim::First => 0.0,
            // An example that the margin does not see is one all the same.
            Aim::Strongest => seen.margin.max(f64::MIN),
            Aim::Nearest => -context.ball.distance(&self.item.x, x),
        })
    }

    /// Keeps the largest radius within which a run has shown that there is no example.
    fn note_none_within(&mut self) {
        self.verdict.none_within = [self.verdict.none_within, self.attack.none_within()].into_iter().flatten().reduce(f64::max);
    }

    /// Tells the attack, starts the next run where this one is over, and asks again.
    fn proceed(&mut self, context: &Context<'_>, seen: Seen<'_>, x: &mut [f32], feed: &mut [f32]) {
        let (task, posed) = (context.pose.task, context.posed(&self.item.truth));
        let reply = match self.need {
            Need::Verdict => Reply { reached: seen.reached, ..Reply::UNTOLD },
            Need::Values | Need::Gradient => Reply {
                reached: seen.reached,
                margin: seen.margin,
                scale: task.scale(seen.values, posed),
                loss: task.loss(context.objective, seen.values, posed, self.rival),
                gradient: seen.gradient,
                rivals: Rivals::at(task, seen.values, posed),
            },
        };
        if self.verdict.queries.backwards > 0 {
            self.trace.push(reply.loss);
        }
        if self.attack.tell(&reply) == Next::Done {
            self.trace.end_run();
            self.note_none_within();
            self.run += 1;
            if self.run >= context.runs {
                self.state = State::Finished;
                return;
            }
            self.attack = context.start(&self.item, self.run);
            self.first_of_run = true;
        }
        let (need, moved) = context.ask(&self.item, self.attack.as_mut(), x);
        self.need = need;
        self.moved |= moved;
        let rival = self.attack.rival();
        if rival != self.rival {
            self.rival = rival;
            context.feed(&self.item.truth, rival, feed);
        }
        let total = |queries: Queries| queries.forwards + queries.backwards;
        let ahead = total(self.verdict.queries) + total(context.cost(need));
        self.verdict.exhausted = context.max_queries.is_some_and(|limit| ahead > limit);
        self.state = if self.verdict.exhausted { State::Finished } else { State::Asking };
    }
}
