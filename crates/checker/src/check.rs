use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_graph::{Graph, ValueId};
use rayon::prelude::*;

use crate::backward::{Functions, Parts, backward};
use crate::bounds::State;
use crate::certificate::{Bounding, Branch, Certificate, Cut, Evidence, Neuron, Tree, slope_at};
use crate::error::CheckError;
use crate::network::{Kind, Network};
use crate::number::{Interval, Sum, above};
use crate::statement::{Atom, Statement};

/// Parts that are bounded together.
const BATCH: usize = 32;

/// A network that certificates can be checked on.
#[derive(Debug)]
pub struct Checker {
    network: Network,
}

/// What a check did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checked {
    /// Parts that were bounded.
    pub parts: usize,
    /// The lowest bound that closed a part.
    pub bound: f64,
}

/// A part of the inputs that is left to do.
struct Part {
    x: Vec<Interval>,
    clauses: Vec<usize>,
    at: usize,
    known: Option<Arc<State>>,
}

impl Checker {
    /// Reads the part of a graph that computes `output` from its only input, for one sample.
    ///
    /// # Errors
    /// [`CheckError::Operator`] for the first node that is not covered; [`CheckError::Graph`].
    pub fn new(graph: &Graph, output: ValueId) -> Result<Self, CheckError> {
        Ok(Self { network: crate::read::network(graph, output)? })
    }

    /// Says whether statements about f32 arithmetic can be checked: not where constants are computed from others, whose rounding is not covered.
    ///
    /// # Errors
    /// [`CheckError::Graph`].
    pub fn covers_f32(&self) -> Result<(), CheckError> {
        if self.network.has_computed_constants {
            return Err(CheckError::Graph { reason: "it computes constants from others, whose rounding in f32 is not covered".to_owned() });
        }
        Ok(())
    }

    /// Checks that a certificate proves a statement about the model with this digest.
    ///
    /// # Guarantees
    /// Where it returns `Ok` the statement holds for the network in real numbers; with [`Statement::deployed`] for its evaluation in f32 too, as far as
    /// each operation is rounded on its own.
    ///
    /// # Errors
    /// [`CheckError`] says what the certificate does not show.
    pub fn check(
        &self,
        model: &[u8; 32],
        statement: &Statement,
        certificate: &Certificate,
        stop: &AtomicBool,
    ) -> Result<Checked, CheckError> {
        if certificate.model != *model {
            return Err(CheckError::Model);
        }
        if certificate.statement != statement.digest() {
            return Err(CheckError::Statement);
        }
        self.proves(statement, &certificate.evidence, stop)
    }

    /// Checks that evidence proves a statement about this network.
    ///
    /// # Errors
    /// As [`Checker::check`].
    pub fn proves(&self, statement: &Statement, evidence: &Evidence, stop: &AtomicBool) -> Result<Checked, CheckError> {
        let network = &self.network;
        statement.fits(network.lens[0], network.lens[network.output])?;
        if statement.deployed {
            self.covers_f32()?;
        }
        let x = statement.lo.iter().zip(&statement.hi).map(|(&lo, &hi)| Interval { lo, hi }).collect();
        let root = State::new(network, x, statement.ball.as_ref(), None);
        let mut clauses = statement.clauses.clone();
        if statement.deployed {
            // What must not happen in f32 includes what is this close to it in real numbers.
            let errors = root.rounding(network);
            for atom in clauses.iter_mut().flatten() {
                let size: f64 = atom.row.iter().zip(&errors).filter(|(r, _)| **r != 0.0).map(|(r, e)| r.abs() * e).sum();
                atom.shift = (atom.shift - above(size)).next_down();
            }
        }
        let check = Check { network, statement, clauses, stop };
        match evidence {
            Evidence::Inputs(tree) => check.inputs(tree, root),
            Evidence::Neurons { slots, clauses } => check.neurons(slots, clauses, &root),
        }
    }
}

struct Check<'a> {
    network: &'a Network,
    statement: &'a Statement,
    /// What must not happen, with the margin for rounding.
    clauses: Vec<Vec<Atom>>,
    stop: &'a AtomicBool,
}

/// Functions as columns, and their constants.
fn columns(atoms: &[&Atom]) -> (Vec<f64>, Vec<f64>) {
    let outputs = atoms.first().map_or(0, |atom| atom.row.len());
    let seed = (0..outputs).flat_map(|i| atoms.iter().map(move |atom| atom.row[i])).collect();
    (seed, atoms.iter().map(|atom| atom.shift).collect())
}

impl Check<'_> {
    fn go_on(&self) -> Result<(), CheckError> {
        if self.stop.load(Ordering::Relaxed) { Err(CheckError::Stopped) } else { Ok(()) }
    }

    fn inputs(&self, tree: &Tree<(), Cut>, root: State) -> Result<Checked, CheckError> {
        let seconds = tree.seconds()?;
        let all = (0..self.clauses.len()).collect();
        let mut open = vec![Part { x: root.bounds[0].clone(), clauses: all, at: 0, known: Some(Arc::new(root)) }];
        let mut checked = Checked { parts: 0, bound: f64::INFINITY };
        while !open.is_empty() {
            self.go_on()?;
            let batch = open.split_off(open.len().saturating_sub(BATCH));
            checked.parts += batch.len();
            let done: Vec<(f64, Vec<Part>)> =
                batch.into_par_iter().map(|part| self.part(tree, &seconds, part)).collect::<Result<_, _>>()?;
            for (bound, parts) in done {
                checked.bound = checked.bound.min(bound);
                open.extend(parts);
            }
        }
        Ok(checked)
    }

    /// Bounds a part; returns the lowest bound of a clause that it closes, and what is left of it.
    fn part(&self, tree: &Tree<(), Cut>, seconds: &[usize], part: Part) -> Result<(f64, Vec<Part>), CheckError> {
        // The whole region is bounded already.
        let state = match &part.known {
            Some(root) if part.at == 0 => Arc::clone(root),
            known => Arc::new(State::new(self.network, part.x.clone(), self.statement.ball.as_ref(), known.as_deref())),
        };
        let mut lowest = f64::INFINITY;
        let mut left: Vec<(usize, f64, Vec<Interval>)> = Vec::new();
        for &k in &part.clauses {
            let atoms: Vec<&Atom> = self.clauses[k].iter().collect();
            let (seed, shifts) = columns(&atoms);
            let functions = backward(self.network, &state, self.network.output, seed, &shifts, &Parts::default());
            let bound = functions.least(&part.x, self.statement.ball.as_ref()).into_iter().fold(f64::NEG_INFINITY, f64::max);
            if bound > 0.0 {
                lowest = lowest.min(bound);
            } else if let Some(x) = cut(&functions, &part.x) {
                left.push((k, bound, x));
            }
        }
        let (Some((clause, bound, first)), branch) = (left.first(), &tree.0[part.at]) else { return Ok((lowest, Vec::new())) };
        let Branch::Split(Cut { index, at }) = branch else {
            return Err(CheckError::Open { part: part.at, clause: *clause, bound: *bound });
        };
        let index = *index as usize;
        if index >= part.x.len() {
            return Err(CheckError::Part { part: part.at, problem: "it splits an input that is not there" });
        }
        let hull = |mut hull: Vec<Interval>, x: &Vec<Interval>| {
            hull.iter_mut().zip(x).for_each(|(h, x)| *h = Interval { lo: h.lo.min(x.lo), hi: h.hi.max(x.hi) });
            hull
        };
        let x = left.iter().map(|(_, _, x)| x).fold(first.clone(), hull);
        let clauses: Vec<usize> = left.iter().map(|(k, ..)| *k).collect();
        let mut below = x.clone();
        below[index].hi = below[index].hi.min(*at);
        let mut beyond = x;
        beyond[index].lo = beyond[index].lo.max(*at);
        let halves = [(part.at + 1, below), (seconds[part.at], beyond)].into_iter().filter(|(_, x)| x[index].lo <= x[index].hi);
        Ok((lowest, halves.map(|(at, x)| Part { x, clauses: clauses.clone(), at, known: Some(Arc::clone(&state)) }).collect()))
    }

    fn neurons(&self, slots: &[Neuron], trees: &[Tree<Bounding, Neuron>], root: &State) -> Result<Checked, CheckError> {
        if trees.len() != self.clauses.len() {
            return Err(CheckError::Malformed { problem: "it has another number of clauses" });
        }
        let of_node: HashMap<usize, (usize, usize, f64)> = self
            .network
            .layers
            .iter()
            .enumerate()
            .filter_map(|(at, layer)| match layer.kind {
                Kind::Relu { leak } => Some((layer.node, (layer.inputs[0], at + 1, leak))),
                _ => None,
            })
            .collect();
        // The value that the neuron's layer reads, the value that it computes, the element, and the slope left of zero.
        let place = |neuron: &Neuron| {
            let &(input, value, leak) = of_node.get(&(neuron.node as usize))?;
            ((neuron.element as usize) < self.network.lens[value]).then_some((input, value, neuron.element as usize, leak))
        };
        let slots = slots.iter().map(place).collect::<Option<Vec<_>>>();
        let slots = slots.ok_or(CheckError::Malformed { problem: "a slope is of a neuron that is not there" })?;
        let mut checked = Checked { parts: 0, bound: f64::INFINITY };
        for (clause, tree) in trees.iter().enumerate() {
            let leaves = paths(tree)?;
            checked.parts += leaves.len();
            let bounds: Vec<f64> = leaves
                .par_chunks(BATCH)
                .map(|leaves| {
                    self.go_on()?;
                    let mut parts = Parts::default();
                    let mut atoms = Vec::new();
                    for (col, (number, signs, bounding)) in leaves.iter().enumerate() {
                        let wrong = |problem| CheckError::Part { part: *number, problem };
                        let atom = self.clauses[clause].get(bounding.atom as usize);
                        atoms.push(atom.ok_or_else(|| wrong("its atom is not there"))?);
                        if !bounding.slopes.is_empty() && bounding.slopes.len() != slots.len() || bounding.prices.len() > signs.len() {
                            return Err(wrong("it has another number of slopes or prices"));
                        }
                        for (&(_, value, i, leak), &step) in slots.iter().zip(&bounding.slopes) {
                            parts.slopes.entry((value, i)).or_default().push((col, slope_at(leak, step)));
                        }
                        for (k, &(neuron, positive)) in signs.iter().enumerate() {
                            let (input, _, i, _) = place(neuron).ok_or_else(|| wrong("it splits a neuron that is not there"))?;
                            parts.signs.entry((input, i)).or_default().push((col, positive));
                            let price = f64::from(bounding.prices.get(k).copied().unwrap_or(0.0));
                            if !(price >= 0.0 && price.is_finite()) {
                                return Err(wrong("a price is negative or no number"));
                            }
                            if price > 0.0 {
                                parts.prices.entry((input, i)).or_default().push((col, if positive { -price } else { price }));
                            }
                        }
                    }
                    let (seed, shifts) = columns(&atoms);
                    let functions = backward(self.network, root, self.network.output, seed, &shifts, &parts);
                    Ok(functions.least(&root.bounds[0], self.statement.ball.as_ref()))
                })
                .collect::<Result<Vec<_>, _>>()?
                .concat();
            for ((part, ..), bound) in leaves.iter().zip(bounds) {
                if bound > 0.0 {
                    checked.bound = checked.bound.min(bound);
                } else {
                    return Err(CheckError::Open { part: *part, clause, bound });
                }
            }
        }
        Ok(checked)
    }
}

/// A leaf: its number, the signs on the way to it, and its bounding.
type Leaf<'a> = (usize, Vec<(&'a Neuron, bool)>, &'a Bounding);

fn paths(tree: &Tree<Bounding, Neuron>) -> Result<Vec<Leaf<'_>>, CheckError> {
    tree.seconds()?;
    let mut leaves = Vec::new();
    // Splits on the way, the innermost last.
    let mut way: Vec<(&Neuron, bool)> = Vec::new();
    for (at, branch) in tree.0.iter().enumerate() {
        match branch {
            Branch::Split(neuron) => way.push((neuron, false)),
            Branch::Leaf(bounding) => {
                leaves.push((at, way.clone(), bounding));
                // On to the nearest split whose second part was not entered.
                while way.pop_if(|(_, positive)| *positive).is_some() {}
                way.last_mut().into_iter().for_each(|(_, positive)| *positive = true);
            }
        }
    }
    Ok(leaves)
}

/// The part of a box in which all functions can be at most 0; none where there is none.
fn cut(functions: &Functions, x: &[Interval]) -> Option<Vec<Interval>> {
    let mut x = x.to_vec();
    for col in 0..functions.cols {
        let slope = |i: usize| functions.a[i * functions.cols + col];
        let least = |i: usize, x: &[Interval]| Interval::point(slope(i)) * Interval::point(if slope(i) >= 0.0 { x[i].lo } else { x[i].hi });
        for i in 0..x.len() {
            let a = slope(i);
            if a.abs() < 1e-12 || !a.is_finite() {
                continue;
            }
            let mut others = Sum::default();
            others.add(1.0, functions.c[col], 0.0);
            (0..x.len()).filter(|&j| j != i).for_each(|j| others.add(1.0, least(j, &x).lo, 0.0));
            // a x_i + others <= 0.
            let edge = Interval::point(-others.lowest()) * Interval::point(a).inverse();
            if !edge.is_finite() {
                continue;
            }
            if a > 0.0 {
                x[i].hi = x[i].hi.min(edge.hi)
            } else {
                x[i].lo = x[i].lo.max(edge.lo)
            }
            if x[i].lo > x[i].hi {
                return None;
            }
        }
    }
    Some(x)
}
