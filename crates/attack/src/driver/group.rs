//! The samples that share a batch.

use std::sync::Arc;

use brinell_engine::{Answer, Ensemble, Loss, OracleError};
use brinell_threat::{Ball, Grid};
use rayon::prelude::*;

use super::nearest::Nearest;
use super::trace::Trace;
use super::{Aim, Court, DriverError, Found, Item, Model, Queries, Verdict};
use crate::{Attack, Knowledge, Need, Next, Recipe, Reply, Start, framed};

/// What is the same for all samples of a stage.
pub(super) struct Context<'a> {
    pub(super) recipe: &'a dyn Recipe,
    pub(super) ball: &'a Ball,
    pub(super) shape: &'a [usize],
    pub(super) trees: Option<&'a Arc<Ensemble>>,
    pub(super) seed: u64,
    pub(super) max_queries: Option<u64>,
    pub(super) aim: Aim,
    pub(super) grid: Option<&'a Grid>,
    pub(super) classes: usize,
}

impl Context<'_> {
    fn loss(&self, item: &Item) -> Loss {
        self.recipe.loss(item.target.is_some(), self.classes)
    }

    fn runs(&self, item: &Item) -> u32 {
        self.recipe.runs(item.target.is_some(), self.classes)
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
        let start = Start {
            x: &item.x,
            shape: self.shape,
            ball: self.ball,
            label: item.label,
            target: item.target,
            classes: self.classes,
            logits: if self.recipe.knowledge() == Knowledge::Label { &[] } else { &item.logits },
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
    labels: Vec<usize>,
    targets: Vec<usize>,
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
            let (need, moved) = self.x.get_mut(at..).map_or((Need::Logits, false), |row| context.ask(&item, attack.as_mut(), row));
            let verdict = Verdict {
                found: None,
                queries: Queries::default(),
                margin: f64::NEG_INFINITY,
                rejected: 0,
                zero_gradients: 0,
                non_finite: 0,
                exhausted: false,
                late_gain: None,
                none_within: None,
            };
            self.labels.push(item.label);
            self.targets.push(attack.target().or(item.target).unwrap_or(item.label));
            self.slots.push(Slot {
                item,
                attack,
                need,
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
        let Some(first) = self.slots.first() else { return Ok(0.0) };
        model.about(&mut self.slots.iter().map(|slot| usize::try_from(slot.item.sample).unwrap_or(usize::MAX)));
        if self.slots.iter().any(|slot| slot.need == Need::Gradient) {
            model.gradient(context.loss(&first.item), &self.x, &self.labels, &self.targets, &mut self.answer)?;
        } else {
            model.logits(&self.x, &mut self.answer)?;
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
        let rows = self.slots.par_iter_mut().zip(self.x.par_chunks_exact_mut(width.max(1))).zip(self.targets.par_iter_mut());
        rows.enumerate().for_each(|(row, ((slot, x), target))| {
            let logits = answer.logits.get(row * context.classes..(row + 1) * context.classes).unwrap_or_default();
            let gradient = match (slot.need, with_gradient) {
                (Need::Gradient, true) => answer.gradient.get(row * width..(row + 1) * width).unwrap_or_default(),
                _ => &[],
            };
            slot.count(context, logits, gradient, x);
            match slot.merit_of(context, logits, x) {
                Some(merit) if merit > slot.merit && context.aim == Aim::Nearest => {
                    slot.merit = merit;
                    slot.nearest.push(x, slot.run, -merit);
                    slot.proceed(context, logits, gradient, x, target);
                }
                Some(merit) if merit > slot.merit => slot.state = State::Candidate { merit },
                _ => slot.proceed(context, logits, gradient, x, target),
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
                let logits = self.answer.logits.get(row * context.classes..(row + 1) * context.classes).unwrap_or_default();
                let confirmed = court.judge(&slot.item, x).map_err(DriverError::Callback)?;
                if confirmed {
                    slot.verdict.found = Some(Found { x_adv: x.to_vec(), run: slot.run });
                    slot.merit = merit;
                } else {
                    slot.verdict.rejected += 1;
                }
                if confirmed && context.aim == Aim::First {
                    slot.state = State::Finished;
                } else if let Some(target) = self.targets.get_mut(row) {
                    let gradient = match slot.need {
                        Need::Gradient => self.answer.gradient.get(row * width..(row + 1) * width).unwrap_or_default(),
                        _ => &[],
                    };
                    slot.proceed(context, logits, gradient, x, target);
                }
            }
            if slot.state == State::Finished {
                let mut slot = self.remove(row, width);
                slot.verdict.late_gain = slot.trace.late_gain();
                slot.note_none_within();
                while let Some((x_adv, run)) = slot.nearest.pop() {
                    if court.judge(&slot.item, x_adv).map_err(DriverError::Callback)? {
                        slot.verdict.found = Some(Found { x_adv: x_adv.to_vec(), run });
                        break;
                    }
                    slot.verdict.rejected += 1;
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
        self.labels.append(&mut other.labels);
        self.targets.append(&mut other.targets);
    }

    /// Takes out a row; the last one, which is settled already, moves to its place. Answers of rows before it stay where they are.
    fn remove(&mut self, row: usize, width: usize) -> Slot {
        let last = self.slots.len() - 1;
        move_row(&mut self.x, width, row, last);
        self.labels.swap_remove(row);
        self.targets.swap_remove(row);
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

impl Slot {
    fn count(&mut self, context: &Context<'_>, logits: &[f32], gradient: &[f32], x: &[f32]) {
        self.verdict.queries.forwards += 1;
        if self.need == Need::Gradient {
            self.verdict.queries.backwards += 1;
            if self.first_of_run && gradient.iter().all(|&g| g == 0.0) {
                self.verdict.zero_gradients += 1;
            }
        }
        self.first_of_run = false;
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        if !finite(logits) || !finite(gradient) {
            self.verdict.non_finite += 1;
        }
        // What lies outside the ball says nothing about how near an attack came inside.
        if let Some(margin) = self.item.goal().margin(logits).filter(|margin| *margin > self.verdict.margin)
            && context.ball.contains(&self.item.x, x).is_ok()
        {
            self.verdict.margin = margin;
        }
    }

    /// How good an example the point is for the aim; `None` where it is none, since it misses the goal or lies outside the ball.
    fn merit_of(&self, context: &Context<'_>, logits: &[f32], x: &[f32]) -> Option<f64> {
        let goal = self.item.goal();
        let prediction = brinell_threat::argmax(logits)?;
        if !goal.reached(prediction) || context.ball.contains(&self.item.x, x).is_err() {
            return None;
        }
        Some(match context.aim {
            Aim::First => 0.0,
            Aim::Strongest => goal.margin(logits).unwrap_or(f64::MAX),
            Aim::Nearest => -context.ball.distance(&self.item.x, x),
        })
    }

    /// Keeps the largest radius within which a run has shown that there is no example.
    fn note_none_within(&mut self) {
        self.verdict.none_within = [self.verdict.none_within, self.attack.none_within()].into_iter().flatten().reduce(f64::max);
    }

    /// Tells the attack, starts the next run where this one is over, and asks again.
    fn proceed(&mut self, context: &Context<'_>, logits: &[f32], gradient: &[f32], x: &mut [f32], target: &mut usize) {
        let prediction = brinell_threat::argmax(logits);
        let reply = match self.need {
            Need::Label => Reply { prediction, logits: &[], loss: f32::NAN, gradient: &[] },
            _ => Reply { prediction, logits, loss: context.loss(&self.item).eval(logits, self.item.label, *target), gradient },
        };
        if self.verdict.queries.backwards > 0 {
            self.trace.push(reply.loss);
        }
        if self.attack.tell(&reply) == Next::Done {
            self.trace.end_run();
            self.note_none_within();
            self.run += 1;
            if self.run >= context.runs(&self.item) {
                self.state = State::Finished;
                return;
            }
            self.attack = context.start(&self.item, self.run);
            self.first_of_run = true;
        }
        let (need, moved) = context.ask(&self.item, self.attack.as_mut(), x);
        self.need = need;
        self.moved |= moved;
        *target = self.attack.target().or(self.item.target).unwrap_or(self.item.label);
        let spent = self.verdict.queries.forwards + self.verdict.queries.backwards;
        self.verdict.exhausted = context.max_queries.is_some_and(|limit| spent + self.need.cost() > limit);
        self.state = if self.verdict.exhausted { State::Finished } else { State::Asking };
    }
}
