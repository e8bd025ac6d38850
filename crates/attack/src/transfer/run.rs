//! One combination of rules on one sample.

use brinell_threat::Region;

use super::look::{At, Look, mean_size};
use super::pi::Excess;
use super::ti::Smooth;
use super::view::{Dice, View};
use crate::step::{finite, sign};
use crate::{Attack, Need, Next, Reply, Start};

/// The rules of one sample.
pub(super) struct Ways {
    pub(super) steps: u32,
    /// Length of a step, in units of the input.
    pub(super) step: f32,
    pub(super) momentum: f32,
    /// Whether gradients are taken along the momentum ahead.
    pub(super) ahead: bool,
    /// Whether gradients are weighed as those of the cross-entropy.
    pub(super) weighted: bool,
    pub(super) look: Box<dyn Look>,
    pub(super) views: Vec<Box<dyn View>>,
    pub(super) project: Option<Excess>,
    pub(super) smooth: Option<Smooth>,
}

/// What is asked next.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    /// A new point of the step.
    Point,
    /// Another copy of it.
    Copy,
    /// The same copy, after its view has learned.
    Again,
}

/// Memory: 6 d floats; d more with views and for each view, and what the rules hold.
pub(super) struct Run {
    ways: Ways,
    region: Region,
    x: Box<[f32]>,
    momentum: Box<[f32]>,
    /// The point that the step looks at.
    point: Box<[f32]>,
    /// Its gradient, or what has been seen of it.
    sum: Box<[f32]>,
    /// The iterate's place along the momentum; empty without.
    ahead: Box<[f32]>,
    /// What each view but the last makes of the point, and a gradient on its way back in two buffers.
    between: Vec<Box<[f32]>>,
    back: [Box<[f32]>; 2],
    eps: f32,
    seed: u64,
    sample: u64,
    done: u32,
    turn: Turn,
    /// Number of the copy, of so many, and of the points of this step before.
    copy: u32,
    copies: u32,
    points: u32,
    /// The view that follows a gradient of its own, and whether it has.
    learner: Option<usize>,
    learned: bool,
}

impl Run {
    pub(super) fn new(start: &Start<'_>, ways: Ways) -> Self {
        let mut x: Box<[f32]> = start.x.into();
        let region = start.ball.around(start.x);
        region.project(&mut x);
        let zeros = || vec![0.0; start.x.len()].into_boxed_slice();
        let views = ways.views.len();
        Self {
            region,
            momentum: zeros(),
            point: zeros(),
            sum: zeros(),
            ahead: if ways.ahead { x.clone() } else { Box::default() },
            between: (1..views).map(|_| zeros()).collect(),
            back: if views > 0 { [zeros(), zeros()] } else { Default::default() },
            x,
            eps: start.ball.eps as f32,
            seed: start.seed,
            sample: start.sample,
            // In a ball of one point there is nothing to look for.
            done: if start.ball.eps > 0.0 { 0 } else { ways.steps },
            turn: Turn::Point,
            copy: 0,
            copies: ways.views.iter().fold(1, |all, view| all.saturating_mul(view.copies())),
            points: 0,
            learner: ways.views.iter().position(|view| view.learns()),
            learned: false,
            ways,
        }
    }

    /// Calls the look with where the step stands.
    fn looking<T>(&mut self, call: impl FnOnce(&mut dyn Look, &At<'_>, &mut [f32], &mut [f32]) -> T) -> T {
        let Self { ways, x, ahead, point, sum, .. } = self;
        let dice = Dice { seed: self.seed, sample: self.sample, step: self.done, copy: self.points };
        let ahead = if ways.ahead { ahead } else { &*x };
        let at = At { x, ahead, eps: self.eps, step: ways.step, last: self.done + 1 == ways.steps, dice };
        call(ways.look.as_mut(), &at, point, sum)
    }

    /// Draws the views for the copy in hand; the first view's copies change slowest.
    fn draw(&mut self) {
        let dice = Dice {
            seed: self.seed,
            sample: self.sample,
            step: self.done,
            copy: self.points.wrapping_mul(self.copies).wrapping_add(self.copy),
        };
        let mut rest = self.copy;
        for view in self.ways.views.iter_mut().rev() {
            let copies = view.copies().max(1);
            view.draw(&dice, rest % copies);
            rest /= copies;
        }
    }

    /// Writes what the model sees of the point.
    fn show(&mut self, u: &mut [f32]) {
        let Some(last) = self.ways.views.len().checked_sub(1) else { return u.copy_from_slice(&self.point) };
        for (k, view) in self.ways.views.iter_mut().enumerate() {
            let (before, after) = self.between.split_at_mut(k);
            let from = before.last().unwrap_or(&self.point);
            view.apply(from, if k == last { u } else { &mut after[0] });
        }
    }

    /// Pulls a gradient back to what view number `to` was shown; it is in the first buffer of `back` then.
    fn pull_back(&mut self, gradient: &[f32], to: usize) {
        let [back, spare] = &mut self.back;
        back.iter_mut().zip(gradient).for_each(|(back, &g)| *back = finite(g));
        for view in self.ways.views[to..].iter_mut().rev() {
            view.adjoint(back, spare);
            std::mem::swap(back, spare);
        }
    }

    /// Lets the view that learns take its gradient, and goes on to show the same copy again.
    fn learn(&mut self, k: usize, reply: &Reply<'_>) {
        self.pull_back(reply.gradient, k + 1);
        let weight = certainty(reply.loss);
        self.back[0].iter_mut().for_each(|g| *g *= weight);
        let shown = k.checked_sub(1).and_then(|k| self.between.get(k)).unwrap_or(&self.point);
        self.ways.views[k].learn(shown, &self.back[0]);
        self.learned = true;
        self.turn = Turn::Again;
    }

    /// Moves the iterate along the gradient in `sum`.
    fn step(&mut self) {
        if let Some(smooth) = &mut self.ways.smooth {
            smooth.apply(&mut self.sum);
        }
        if let Some(mean) = mean_size(&self.sum) {
            let share = self.ways.momentum;
            self.momentum.iter_mut().zip(&self.sum).for_each(|(m, &g)| *m = share * *m + finite(g) / mean);
        }
        let step = self.ways.step;
        match (&mut self.ways.project, self.ways.look.lengths(&self.momentum)) {
            (Some(excess), _) => {
                let moves = excess.step(&self.momentum, step, self.eps);
                self.x.iter_mut().zip(moves).for_each(|(x, by)| *x += by);
            }
            (None, Some(lengths)) => {
                self.x.iter_mut().zip(&self.momentum).zip(lengths).for_each(|((x, &m), length)| *x += step * length * sign(m));
            }
            (None, None) => self.x.iter_mut().zip(&self.momentum).for_each(|(x, &m)| *x += step * sign(m)),
        }
        self.region.project(&mut self.x);
        self.done += 1;
        self.points = 0;
        if self.ways.ahead {
            let reach = step * self.ways.momentum;
            self.ahead.iter_mut().zip(&self.x).zip(&self.momentum).for_each(|((ahead, x), m)| *ahead = x + reach * m);
        }
    }
}

/// What the gradient of the log-odds is multiplied with to be that of the cross-entropy: the probability of any other answer.
fn certainty(log_odds: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(finite(log_odds))).exp())) as f32
}

impl Attack for Run {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        if self.done == self.ways.steps {
            x.copy_from_slice(&self.x);
            return Need::Values;
        }
        if self.turn == Turn::Point {
            self.looking(|look, at, point, sum| {
                look.point(at, point);
                sum.fill(0.0);
            });
        }
        if self.turn != Turn::Again {
            self.draw();
            self.learned = false;
        }
        self.show(x);
        Need::Gradient
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        if self.done == self.ways.steps {
            return Next::Done;
        }
        if let Some(k) = self.learner.filter(|_| !self.learned) {
            self.learn(k, reply);
            return Next::Continue;
        }
        let share = if self.ways.weighted { certainty(reply.loss) } else { 1.0 } / self.copies as f32;
        if self.ways.views.is_empty() {
            self.sum.iter_mut().zip(reply.gradient).for_each(|(sum, &g)| *sum += share * finite(g));
        } else {
            self.pull_back(reply.gradient, 0);
            self.sum.iter_mut().zip(&self.back[0]).for_each(|(sum, g)| *sum += share * g);
        }
        self.copy += 1;
        self.turn = Turn::Copy;
        if self.copy < self.copies {
            return Next::Continue;
        }
        self.copy = 0;
        self.turn = Turn::Point;
        let complete = self.looking(|look, at, _, sum| look.take(at, sum));
        self.points += 1;
        if complete {
            self.step();
        }
        Next::Continue
    }
}
