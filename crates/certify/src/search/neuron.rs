//! Splitting neurons by their signs.
//!
//! # Source
//! Wang et al., "Beta-CROWN", NeurIPS 2021, for the bounds of a part; Bunel et al., "Branch and Bound for Piecewise Linear Neural Network Verification", JMLR
//! 2020, for the scores, and De Palma et al., "Improved Branch and Bound for Neural Network Verification via Lagrangian Decomposition", 2021, for
//! trying out the best few of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use brinell_checker::{Bounding, Evidence, Neuron};
use rayon::prelude::*;

use super::trace::Trace;
use super::{Found, Outcome, Question, Reason, Verdict, candidate, open};
use crate::backward::{Choice, Functions, Seed, backward};
use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::network::Kind;
use crate::optimise::{Closed, Optimiser, Rates, Split};
use crate::property::Atom;
use crate::relaxation::{Relaxation, Slopes, is_open};
use crate::state::State;

/// Parts that are bounded together by one thread.
const BATCH: usize = 24;
/// Steps of the optimisation at the root, and of each part.
const ROOT_STEPS: usize = 30;
const STEPS: usize = 20;
/// Neurons that are tried out before one is split.
const TRIED: usize = 3;
const RATES: Rates = Rates { slope: 0.1, price: 0.5, decay: 0.95 };

/// A part: the signs of some neurons.
#[derive(Debug, Clone)]
struct Part {
    clause: usize,
    splits: Vec<(Split, f32)>,
    /// The slopes that its bound was found with, in the order of the root's.
    slopes: Arc<Vec<f32>>,
    bound: f64,
    /// The neuron to split next.
    next: Option<(u32, u32)>,
    /// Its place in the trace.
    at: usize,
}

/// A part that was bounded, the point where its bound is attained, and what closes it.
type Bounded = (Part, Vec<f64>, Option<Closed>);

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    /// The lowest bound first; of equal ones that with more splits.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.splits.len().cmp(&other.splits.len()))
    }
}

/// What all parts share.
struct Shared<'q> {
    question: &'q Question<'q>,
    root: &'q State,
    /// The number of the atom that stands for each clause.
    chosen: Vec<usize>,
    /// Positions of the slopes of each value.
    index: Vec<Arc<Vec<u32>>>,
}

pub(super) fn search(question: &Question<'_>, found: &mut Found<'_>, root: &State, bounds: &[f64]) -> Outcome {
    let network = question.network;
    let open_clauses: Vec<usize> = (0..bounds.len()).filter(|&k| bounds[k] <= 0.0).collect();
    let mut least = bounds.iter().copied().filter(|b| *b > 0.0).fold(f64::INFINITY, f64::min);
    let clauses = question.property.clauses();
    let chosen: Vec<usize> = clauses.iter().map(|clause| strongest(question, root, clause)).collect();
    let zero = vec![0; open_clauses.len()];
    let first = Optimiser::new(network, root, &zero);
    let index = first.slopes.iter().map(|slopes| Arc::clone(&slopes.index)).collect();
    let shared = Shared { question, root, chosen, index };
    drop(first);
    let start = Arc::new(shared.initial());
    let begin =
        |&clause: &usize| Part { clause, splits: Vec::new(), slopes: Arc::clone(&start), bound: bounds[clause], next: None, at: clause };
    let mut trace: Trace<Bounding, Neuron> = Trace::new(clauses.len(), question.limits.evidence.then_some(question.limits.memory / 4));
    let closing = |clause: usize, (slopes, prices): Closed| Bounding { atom: shared.chosen[clause] as u32, slopes, prices };
    for clause in (0..bounds.len()).filter(|&k| bounds[k] > 0.0) {
        trace.close(clause, closing(clause, Closed::default()), 0);
    }
    let mut heap = BinaryHeap::new();
    let mut parts = 0;
    let begun: Vec<Part> = open_clauses.iter().map(begin).collect();
    let mut batch: Vec<Part> = begun;
    let mut steps = ROOT_STEPS;
    let bytes = shared.index.iter().flat_map(|index| index.iter()).filter(|at| **at != u32::MAX).count() * 4 + 128;
    loop {
        parts += batch.len();
        let chunk = BATCH.min(batch.len().div_ceil(2)).max(1);
        let bounded: Vec<Bounded> = batch.par_chunks(chunk).flat_map_iter(|parts| shared.bound(parts, steps)).collect();
        steps = STEPS;
        let corners: Vec<&Vec<f64>> = bounded.iter().filter(|(part, ..)| part.bound <= 0.0).map(|(_, corner, _)| corner).collect();
        if !corners.is_empty() {
            let mut points = Matrix::zeros(network.inputs(), corners.len());
            for (col, corner) in corners.iter().enumerate() {
                corner.iter().enumerate().for_each(|(i, &x)| points.row_mut(i)[col] = x);
            }
            candidate::show(question, &points, found);
            if found.is_settled() {
                return open(question, Reason::Stopped, least, parts);
            }
        }
        for (part, _, closed) in bounded {
            if part.bound > 0.0 {
                if let Some(closed) = closed {
                    let bytes = 2 * closed.0.len() + 4 * closed.1.len();
                    trace.close(part.at, closing(part.clause, closed), bytes);
                }
                least = least.min(part.bound);
            } else {
                heap.push(part);
            }
        }
        let lowest = |heap: &BinaryHeap<Part>| heap.peek().map_or(least, |part| part.bound.min(least));
        if heap.is_empty() {
            let evidence = trace.finish().map(|clauses| Evidence::Neurons { slots: shared.slots(), clauses });
            return Outcome { verdict: Verdict::Certified, bound: least, parts, evidence };
        }
        if let Some(reason) = question.limits.over() {
            return Outcome { verdict: Verdict::Unknown { reason }, bound: lowest(&heap), parts, evidence: None };
        }
        if heap.len() * bytes > question.limits.memory {
            return Outcome { verdict: Verdict::Unknown { reason: Reason::Memory }, bound: lowest(&heap), parts, evidence: None };
        }
        batch = Vec::new();
        while batch.len() < 2 * BATCH
            && let Some(part) = heap.pop()
        {
            let Some((value, element)) = part.next else {
                return open(question, Reason::Exhausted, part.bound, parts);
            };
            let places = trace.split(part.at, shared.neuron(value, element));
            for (positive, place) in [false, true].into_iter().zip(places) {
                let mut child = part.clone();
                child.at = place;
                child.splits.push((Split { value, element, positive }, 0.0));
                batch.push(child);
            }
        }
    }
}

/// The number of the atom of a clause with the highest bound.
fn strongest(question: &Question<'_>, root: &State, clause: &[Atom]) -> usize {
    let mut a = Matrix::zeros(question.network.outputs(), clause.len());
    for (col, atom) in clause.iter().enumerate() {
        atom.row.iter().enumerate().for_each(|(i, &x)| a.row_mut(i)[col] = x);
    }
    let c = clause.iter().map(|atom| atom.shift).collect();
    let bounds = root.least(question.network, question.region, question.network.output, Seed::Dense(a), &vec![0; clause.len()], c);
    (0..clause.len()).max_by(|&i, &j| bounds[i].total_cmp(&bounds[j])).unwrap_or(0)
}

impl Shared<'_> {
    /// The name that a certificate has for an element of a value that Relus read.
    fn neuron(&self, value: u32, element: u32) -> Neuron {
        let network = self.question.network;
        let layer = network.readers[value as usize].first().map_or(0, |&(layer, _)| layer);
        Neuron { node: network.layers[layer].node as u32, element }
    }

    /// The neurons that slopes are of, in their order.
    fn slots(&self) -> Vec<Neuron> {
        let of = |(v, index): (usize, &Arc<Vec<u32>>)| {
            let elements: Vec<u32> = (0..index.len() as u32).filter(|&i| index[i as usize] != u32::MAX).collect();
            elements.into_iter().map(move |element| Neuron { node: self.question.network.layers[v - 1].node as u32, element })
        };
        self.index.iter().enumerate().flat_map(of).collect()
    }

    /// The root's own slopes, value by value.
    fn initial(&self) -> Vec<f32> {
        let mut slopes = Vec::new();
        for (v, index) in self.index.iter().enumerate() {
            if let Some(Relaxation::Lines(lines)) = &self.root.relaxations[v] {
                slopes.extend(index.iter().enumerate().filter(|(_, at)| **at != u32::MAX).map(|(i, _)| lines.lower_slope.at(i, 0) as f32));
            }
        }
        slopes
    }

    /// The root's state once for each part, with the lines of split neurons made exact.
    fn state(&self, splits: &[Vec<Split>]) -> State {
        let network = self.question.network;
        let n = splits.len();
        let nothing = || Bounds::zeros(0, n);
        let mut bounds: Vec<Bounds> = self.root.bounds.iter().map(|_| nothing()).collect();
        bounds[0] = self.root.bounds[0].repeat(n);
        let spread = |m: &Matrix| m.repeat(n);
        let mut relaxations: Vec<Option<Relaxation>> = self
            .root
            .relaxations
            .iter()
            .map(|relaxation| match relaxation {
                Some(Relaxation::Lines(lines)) => Some(Relaxation::Lines(lines.map(spread))),
                _ => None,
            })
            .collect();
        for (d, splits) in splits.iter().enumerate() {
            for split in splits {
                for &(layer, _) in &network.readers[split.value as usize] {
                    let leak = match &network.layers[layer].kind {
                        Kind::Nonlinear(op) => op.slopes().map_or(0.0, |(leak, _)| leak),
                        Kind::Affine(_) => 0.0,
                    };
                    if let Some(Relaxation::Lines(lines)) = &mut relaxations[layer + 1] {
                        lines.fix(split.element as usize, d, if split.positive { 1.0 } else { leak });
                    }
                }
            }
        }
        State { bounds, sizes: self.root.sizes.iter().map(|sizes| sizes.as_ref().map(spread)).collect(), relaxations }
    }

    /// Bounds parts, finds what to split next, and the point where each bound is attained.
    fn bound(&self, parts: &[Part], steps: usize) -> Vec<Bounded> {
        let (network, region) = (self.question.network, self.question.region);
        let state = self.state(&parts.iter().map(|part| part.splits.iter().map(|(split, _)| *split).collect()).collect::<Vec<_>>());
        let domain: Vec<u32> = (0..parts.len() as u32).collect();
        let (a, c) = self.seeds(parts.iter().map(|part| part.clause));
        let mut optimiser = Optimiser::new(network, &state, &domain).with_rates(RATES);
        let mut from = 0;
        for (v, index) in self.index.iter().enumerate() {
            let count = index.iter().filter(|at| **at != u32::MAX).count();
            let mut values = Matrix::zeros(count, parts.len());
            for (col, part) in parts.iter().enumerate() {
                for k in 0..count {
                    values.data[k * parts.len() + col] = f64::from(part.slopes[from + k]);
                }
            }
            optimiser.slopes[v] = Slopes { index: Arc::clone(index), values: (count > 0).then_some(values) };
            from += count;
        }
        optimiser.splits = parts.iter().map(|part| part.splits.iter().map(|&(split, price)| (split, f64::from(price))).collect()).collect();
        let mut optimiser = optimiser.stored();
        let mut optimum = optimiser.run(region, &a, &c, steps);
        let input = &state.bounds[0];
        let corners = region.attaining(&optimum.last.a, &domain, &input.lo, &input.hi);
        let open: Vec<usize> = (0..parts.len()).filter(|&d| optimum.bounds[d] <= 0.0).collect();
        let next = self.choose(parts, &open, &optimum.last, &state, &optimiser);
        let mut slopes = vec![Vec::new(); parts.len()];
        for &d in &open {
            for values in optimiser.slopes.iter().filter_map(|slopes| slopes.values.as_ref()) {
                slopes[d].extend((0..values.n).map(|k| values.at(k, d) as f32));
            }
        }
        let finished = |(d, part): (usize, &Part)| {
            let splits = optimiser.splits[d].iter().map(|&(split, price)| (split, price as f32)).collect();
            let slopes = Arc::new(std::mem::take(&mut slopes[d]));
            // A part of a part is bounded by what bounds the whole.
            let bound = optimum.bounds[d].max(part.bound);
            (Part { splits, slopes, bound, next: next[d], clause: part.clause, at: part.at }, corners.take(d), optimum.closed[d].take())
        };
        parts.iter().enumerate().map(finished).collect()
    }

    fn seeds(&self, clauses: impl Iterator<Item = usize>) -> (Matrix, Vec<f64>) {
        let atoms: Vec<&Atom> = clauses.map(|k| &self.question.property.clauses()[k][self.chosen[k]]).collect();
        let mut a = Matrix::zeros(self.question.network.outputs(), atoms.len());
        for (col, atom) in atoms.iter().enumerate() {
            atom.row.iter().enumerate().for_each(|(i, &x)| a.row_mut(i)[col] = x);
        }
        (a, atoms.iter().map(|atom| atom.shift).collect())
    }

    /// For each open part the neuron whose split raises the lower of both bounds most, of the few with the best scores.
    fn choose(
        &self,
        parts: &[Part],
        open: &[usize],
        last: &Functions,
        state: &State,
        optimiser: &Optimiser<'_>,
    ) -> Vec<Option<(u32, u32)>> {
        let network = self.question.network;
        let mut next = vec![None; parts.len()];
        // Part, value, element.
        let mut tried: Vec<(usize, u32, u32)> = Vec::new();
        for &d in open {
            let mut best: Vec<(f64, u32, u32)> = Vec::new();
            for (v, layer) in network.layers.iter().enumerate().map(|(at, layer)| (at + 1, layer)) {
                let (Some(Relaxation::Lines(lines)), Some(kept)) = (&state.relaxations[v], &last.kept[v]) else { continue };
                let input = layer.inputs[0];
                let bias = network
                    .layer_of(input)
                    .and_then(|layer| if let Kind::Affine(affine) = &layer.kind { Some(affine.bias()) } else { None });
                for i in 0..kept.n {
                    let upper = lines.upper_slope.at(i, d);
                    if is_open(upper) {
                        let score = score(kept.at(i, d), upper, lines.upper_offset.at(i, d), bias.map_or(0.0, |bias| bias[i]));
                        let at = best.partition_point(|(other, ..)| *other >= score);
                        if at < TRIED {
                            best.insert(at, (score, input as u32, i as u32));
                            best.truncate(TRIED);
                        }
                    }
                }
            }
            next[d] = best.first().map(|&(_, value, element)| (value, element));
            if best.len() > 1 {
                tried.extend(best.into_iter().map(|(_, value, element)| (d, value, element)));
            }
        }
        if tried.is_empty() {
            return next;
        }
        let of = |&(d, value, element): &(usize, u32, u32)| [true, false].map(|positive| (d, Split { value, element, positive }));
        let children: Vec<(usize, Split)> = tried.iter().flat_map(of).collect();
        let splits: Vec<Vec<Split>> =
            children.iter().map(|(d, split)| parts[*d].splits.iter().map(|(split, _)| *split).chain([*split]).collect()).collect();
        let state = self.state(&splits);
        let domain: Vec<u32> = (0..children.len() as u32).collect();
        let (a, c) = self.seeds(children.iter().map(|(d, _)| parts[*d].clause));
        let slopes: Vec<Slopes> = optimiser
            .slopes
            .iter()
            .map(|slopes| {
                let values = slopes.values.as_ref().map(|values| values.gather(&children.iter().map(|(d, _)| *d).collect::<Vec<_>>()));
                Slopes { index: Arc::clone(&slopes.index), values }
            })
            .collect();
        let mut prices = vec![Vec::new(); network.values.len()];
        for (col, (d, _)) in children.iter().enumerate() {
            for (split, price) in optimiser.splits[*d].iter().filter(|(_, price)| *price > 0.0) {
                prices[split.value as usize].push((split.element as usize, col, if split.positive { -price } else { *price }));
            }
        }
        let choice = Choice { slopes: Some(&slopes), prices: Some(&prices), keep: false };
        let functions = backward(network, &state, network.output, Seed::Dense(a), &domain, c, &choice);
        let input = &state.bounds[0];
        let bounds = self.question.region.least(&functions.a, &functions.c, &functions.error, &domain, &input.lo, &input.hi);
        let mut highest = vec![f64::NEG_INFINITY; parts.len()];
        for ((d, value, element), pair) in tried.iter().zip(bounds.chunks_exact(2)) {
            let worth = pair[0].min(pair[1]) + 1e-3 * pair[0].max(pair[1]).min(0.0);
            if worth > highest[*d] {
                highest[*d] = worth;
                next[*d] = Some((*value, *element));
            }
        }
        next
    }
}

/// What splitting a neuron is expected to gain: the change of the constant by its bias, and the gap of the upper line.
fn score(coefficient: f64, upper: f64, offset: f64, bias: f64) -> f64 {
    let (positive, negative) = (coefficient.max(0.0), coefficient.min(0.0));
    let change = (bias * coefficient * upper).max(bias * coefficient * (upper - 1.0));
    (change + negative * offset).abs() + 1e-6 * (positive * offset)
}
