//! Splitting boxes of inputs.
//!
//! # Source
//! Wang et al., "Formal Security Analysis of Neural Networks using Symbolic Intervals", USENIX Security 2018, for the search; Zhou et al., "Clip-and-Verify",
//! NeurIPS 2025, for cutting boxes with the linear bounds that were just computed.

use std::sync::Arc;

use brinell_checker::{Cut, Evidence};
use rayon::prelude::*;

use super::trace::Trace;
use super::{Found, Outcome, Question, Reason, Verdict, candidate, open};
use crate::backward::{Choice, Seed, backward};
use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::property::Atom;
use crate::rounding::down;
use crate::state::{Inherited, Inner, State};

/// Boxes that are bounded together.
const BATCH: usize = 32;

#[derive(Debug, Clone)]
struct Part {
    lo: Vec<f64>,
    hi: Vec<f64>,
    /// Clauses that may still happen.
    clauses: Vec<usize>,
    bound: f64,
    /// Its place in the trace.
    at: usize,
    /// Intervals of inner values that hold on a box around this one.
    inherited: Option<Arc<Inherited>>,
}

/// Lower and upper ends of a box.
type Ends = (Vec<f64>, Vec<f64>);

/// What bounding a part gives: nothing left where it is answered, else the part with fewer clauses, a smaller box and the input to split.
struct Bounded {
    part: Part,
    split: Option<(usize, f64)>,
    corner: Vec<f64>,
}

pub(super) fn search(question: &Question<'_>, found: &mut Found<'_>, root: f64) -> Outcome {
    let (lo, hi) = question.region.hull();
    let clauses = (0..question.property.clauses().len()).collect();
    let mut stack = vec![Part { lo: lo.to_vec(), hi: hi.to_vec(), clauses, bound: root, at: 0, inherited: None }];
    let mut trace: Trace<(), Cut> = Trace::new(1, question.limits.evidence.then_some(question.limits.memory / 4));
    let mut parts = 0;
    let mut least = f64::INFINITY;
    let inner: usize = (1..question.network.values.len())
        .filter(|&v| !question.network.readers[v].is_empty())
        .map(|v| question.network.values[v].len)
        .sum();
    let bytes = 128 + lo.len() * 16 + inner * 16;
    while !stack.is_empty() {
        let lowest = || stack.iter().map(|part| part.bound).fold(least, f64::min);
        if let Some(reason) = question.limits.over() {
            return Outcome { verdict: Verdict::Unknown { reason }, bound: lowest(), parts, evidence: None };
        }
        if stack.len() * bytes > question.limits.memory {
            return Outcome { verdict: Verdict::Unknown { reason: Reason::Memory }, bound: lowest(), parts, evidence: None };
        }
        let batch = stack.split_off(stack.len().saturating_sub(2 * BATCH));
        parts += batch.len();
        let bounded: Vec<Bounded> =
            batch.par_chunks(BATCH.min(batch.len().div_ceil(2)).max(1)).flat_map_iter(|parts| bound(question, parts)).collect();
        let corners: Vec<&Vec<f64>> = bounded.iter().filter(|b| !b.part.clauses.is_empty()).map(|b| &b.corner).collect();
        if !corners.is_empty() {
            candidate::show(question, &columns(&corners), found);
            if found.is_settled() {
                return open(question, Reason::Stopped, root, parts);
            }
        }
        for Bounded { part, split, .. } in bounded {
            if part.clauses.is_empty() {
                least = least.min(part.bound);
                trace.close(part.at, (), 0);
                continue;
            }
            let Some((index, at)) = split else {
                return open(question, Reason::Exhausted, part.bound, parts);
            };
            let places = trace.split(part.at, Cut { index: index as u32, at });
            for (above, place) in [false, true].into_iter().zip(places) {
                let mut child = part.clone();
                child.at = place;
                let end = if above { &mut child.lo[index] } else { &mut child.hi[index] };
                *end = at;
                stack.push(child);
            }
        }
    }
    let evidence = trace.finish().and_then(|mut trees| trees.pop()).map(Evidence::Inputs);
    Outcome { verdict: Verdict::Certified, bound: least, parts, evidence }
}

fn columns(points: &[&Vec<f64>]) -> Matrix {
    let n = points.first().map_or(0, |p| p.len());
    let mut matrix = Matrix::zeros(n, points.len());
    for (col, point) in points.iter().enumerate() {
        point.iter().enumerate().for_each(|(i, &x)| matrix.row_mut(i)[col] = x);
    }
    matrix
}

fn bound(question: &Question<'_>, parts: &[Part]) -> Vec<Bounded> {
    let network = question.network;
    let input = Bounds {
        lo: columns(&parts.iter().map(|part| &part.lo).collect::<Vec<_>>()),
        hi: columns(&parts.iter().map(|part| &part.hi).collect::<Vec<_>>()),
    };
    let known: Vec<Option<&Inherited>> = parts.iter().map(|part| part.inherited.as_deref()).collect();
    let state = State::inheriting(network, question.region, input, Inner::Tight, &known);
    let mut atoms: Vec<(usize, &Atom)> = Vec::new();
    let mut domain: Vec<u32> = Vec::new();
    for (d, part) in parts.iter().enumerate() {
        for &k in &part.clauses {
            for atom in &question.property.clauses()[k] {
                atoms.push((k, atom));
                domain.push(d as u32);
            }
        }
    }
    let mut a = Matrix::zeros(network.outputs(), atoms.len());
    for (col, (_, atom)) in atoms.iter().enumerate() {
        atom.row.iter().enumerate().for_each(|(i, &x)| a.row_mut(i)[col] = x);
    }
    let c = atoms.iter().map(|(_, atom)| atom.shift).collect();
    let functions = backward(network, &state, network.output, Seed::Dense(a), &domain, c, &Choice::default());
    let boxes = &state.bounds[0];
    let least = question.region.least(&functions.a, &functions.c, &functions.error, &domain, &boxes.lo, &boxes.hi);
    let mut from = 0;
    parts
        .iter()
        .enumerate()
        .map(|(d, part)| {
            let to = from + domain[from..].iter().take_while(|other| **other == d as u32).count();
            let columns: Vec<usize> = (from..to).collect();
            from = to;
            let of = |k: usize| -> Vec<usize> { columns.iter().copied().filter(|&col| atoms[col].0 == k).collect() };
            let clause_bound = |k: usize| of(k).into_iter().map(|col| least[col]).fold(f64::NEG_INFINITY, f64::max);
            let mut left: Vec<usize> = part.clauses.iter().copied().filter(|&k| clause_bound(k) <= 0.0).collect();
            let worst = part.clauses.iter().map(|&k| clause_bound(k)).fold(f64::INFINITY, f64::min);
            let mut part = Part { bound: worst, ..part.clone() };
            if !left.is_empty() {
                part.inherited = Some(Arc::new(state.inner(network, d)));
            }
            let corner_of = left.iter().copied().min_by(|&i: &usize, &j: &usize| clause_bound(i).total_cmp(&clause_bound(j)));
            let deciding = corner_of.and_then(|k| of(k).into_iter().max_by(|&i, &j| least[i].total_cmp(&least[j])));
            let corner = deciding.map_or_else(Vec::new, |col| {
                (0..part.lo.len()).map(|i| if functions.a.at(i, col) >= 0.0 { part.lo[i] } else { part.hi[i] }).collect()
            });
            // What may happen lies, for some clause, where the bounds of all of its atoms are at most 0.
            let clipped: Vec<(usize, Option<Ends>)> = left.iter().map(|&k| (k, clip(&part, of(k).into_iter(), &functions))).collect();
            let mut hull: Option<(Vec<f64>, Vec<f64>)> = None;
            for (k, smaller) in clipped {
                match (smaller, &mut hull) {
                    (None, _) => left.retain(|other| *other != k),
                    (Some(first), None) => hull = Some(first),
                    (Some((lo, hi)), Some(hull)) => {
                        hull.0.iter_mut().zip(&lo).for_each(|(h, l)| *h = h.min(*l));
                        hull.1.iter_mut().zip(&hi).for_each(|(h, u)| *h = h.max(*u));
                    }
                }
            }
            let split = choose(&part, &columns, &functions.a, &least);
            if let Some((lo, hi)) = hull {
                (part.lo, part.hi) = (lo, hi);
            }
            part.clauses = left;
            let split = split.map(|index| (index, 0.5 * part.lo[index] + 0.5 * part.hi[index]));
            let split = split.filter(|&(index, at)| part.lo[index] < at && at < part.hi[index]).or_else(|| {
                let widest = (0..part.lo.len()).max_by(|&i, &j| (part.hi[i] - part.lo[i]).total_cmp(&(part.hi[j] - part.lo[j])))?;
                let at = 0.5 * part.lo[widest] + 0.5 * part.hi[widest];
                (part.lo[widest] < at && at < part.hi[widest]).then_some((widest, at))
            });
            Bounded { part, split, corner }
        })
        .collect()
}

/// The input whose halving moves a bound most.
fn choose(part: &Part, columns: &[usize], a: &Matrix, least: &[f64]) -> Option<usize> {
    let gain = |i: usize| {
        let width = 0.5 * (part.hi[i] - part.lo[i]);
        columns.iter().filter(|&&col| least[col] <= 0.0).map(|&col| a.at(i, col).abs().max(1e-3) * width).fold(0.0, f64::max)
    };
    (0..part.lo.len()).max_by(|&i, &j| gain(i).total_cmp(&gain(j)))
}

/// Cuts a box down to where all functions can be at most 0; `None` where nothing is left.
fn clip(part: &Part, columns: impl Iterator<Item = usize>, functions: &crate::backward::Functions) -> Option<(Vec<f64>, Vec<f64>)> {
    let (mut lo, mut hi) = (part.lo.clone(), part.hi.clone());
    for col in columns {
        let slope = |i: usize| functions.a.at(i, col);
        let term = |i: usize, lo: &[f64], hi: &[f64]| if slope(i) >= 0.0 { slope(i) * lo[i] } else { slope(i) * hi[i] };
        let size: f64 = (0..lo.len()).map(|i| slope(i).abs() * hi[i].max(-lo[i])).sum::<f64>() + functions.c[col].abs();
        // Rounding of everything below, outward.
        let slack = functions.error[col] * 1.001 + crate::rounding::gamma(lo.len() + 4) * size;
        let total: f64 = (0..lo.len()).map(|i| term(i, &lo, &hi)).sum::<f64>() + functions.c[col];
        if total - slack > 0.0 {
            return None;
        }
        for i in 0..lo.len() {
            let a = slope(i);
            if a.abs() < 1e-12 {
                continue;
            }
            let others: f64 = (0..lo.len()).filter(|&j| j != i).map(|j| term(j, &lo, &hi)).sum::<f64>() + functions.c[col];
            let edge = (slack - others) / a;
            if !edge.is_finite() {
                continue;
            }
            if a > 0.0 {
                hi[i] = hi[i].min(crate::rounding::up(edge));
            } else {
                lo[i] = lo[i].max(down(edge));
            }
            if lo[i] > hi[i] {
                return None;
            }
        }
    }
    Some((lo, hi))
}
