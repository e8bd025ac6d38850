//! Branch and bound: a question is split until bounds answer every part, or a point does.
//!
//! The search can be stopped at any time; what is known then is the least bound of the parts that are left. Structure alone decides how it splits:
//! few inputs are split themselves, networks of Relu by the signs of their neurons.

mod candidate;
mod input;
mod neuron;
mod trace;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use brinell_checker::{Branch, Evidence, Tree};

use crate::error::CertifyError;
use crate::network::{Kind, Network};
use crate::property::Property;
use crate::region::Region;
use crate::root::whole;
use crate::state::{Inner, State};

/// What a search may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// When to stop.
    pub deadline: Option<Instant>,
    /// Bytes that open parts may take.
    pub memory: usize,
    /// Raised to stop at once.
    pub stop: Option<&'a AtomicBool>,
    /// Certify the network in f32 arithmetic as well: the margin must exceed a bound of its rounding error.
    pub deployed: bool,
    /// Keep what a certificate needs.
    pub evidence: bool,
}

impl Limits<'_> {
    fn over(&self) -> Option<Reason> {
        if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Some(Reason::Stopped);
        }
        self.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Reason::Time)
    }
}

/// Why a question is left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The time is over.
    Time,
    /// The memory is used up.
    Memory,
    /// Somebody stopped the search.
    Stopped,
    /// Nothing is left to split, and the bounds do not answer.
    Exhausted,
    /// How far the arithmetic of f32 is off is not known.
    Rounding,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// What must not happen cannot happen, in the real-valued network.
    Certified,
    /// It happens at this point, as the caller's own judge confirmed.
    Falsified {
        /// The point.
        x: Vec<f64>,
    },
    /// It happens at this point in real arithmetic, or would with a rounding error that f32 may make; the caller's judge does not confirm it there, nor at
    /// any other point that was tried.
    Boundary {
        /// The point.
        x: Vec<f64>,
    },
    /// Neither is known.
    Unknown {
        /// Why.
        reason: Reason,
    },
}

/// What a search ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// A lower bound of [`Property::margin`] on the whole region: positive where it is certified.
    pub bound: f64,
    /// Parts that were bounded.
    pub parts: usize,
    /// What a checker needs to certify it again, where it was asked for and fits into memory.
    pub evidence: Option<Evidence>,
}

/// Judges a candidate: true where it violates the property in the artefact that is certified, with zero tolerance.
pub type Judge<'j> = dyn FnMut(&[f64]) -> bool + 'j;

/// What the parts of a search share.
#[derive(Clone, Copy)]
pub(crate) struct Question<'q> {
    pub(crate) network: &'q Network,
    pub(crate) region: &'q Region,
    /// What is certified: with the margin for rounding, where that is asked for.
    pub(crate) property: &'q Property,
    /// What must not happen.
    pub(crate) asked: &'q Property,
    pub(crate) limits: Limits<'q>,
}

/// Points that were found to violate the property in f64, and what the judge said.
pub(crate) struct Found<'j> {
    judge: &'j mut Judge<'j>,
    pub(crate) confirmed: Option<Vec<f64>>,
    pub(crate) refused: Option<Vec<f64>>,
    /// A point within the margin for rounding, so that nothing can be certified.
    pub(crate) near: Option<Vec<f64>>,
    tries: usize,
}

/// Points that the judge is asked about before a search gives up on others.
const TRIES: usize = 64;

impl Found<'_> {
    /// Shows a point to the judge; true where it is confirmed.
    pub(crate) fn show(&mut self, x: &[f64]) -> bool {
        if self.confirmed.is_some() {
            return true;
        }
        self.tries += 1;
        if (self.judge)(x) {
            self.confirmed = Some(x.to_vec());
            return true;
        }
        self.refused.get_or_insert_with(|| x.to_vec());
        false
    }

    pub(crate) fn is_over(&self) -> bool {
        self.confirmed.is_some() || self.tries >= TRIES
    }

    /// True where no bound can answer any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_over() || self.near.is_some()
    }
}

/// Inputs that are split rather than neurons, at most.
const FEW_INPUTS: usize = 14;

/// Decides whether a property can happen on a region, within limits.
///
/// # Guarantees
/// `Certified` holds for the real-valued network. `Falsified` is what `judge` confirmed.
///
/// # Errors
/// [`CertifyError::Length`] where region, property and network do not fit.
pub fn decide<'j>(
    network: &Network,
    region: &Region,
    property: &Property,
    limits: Limits<'_>,
    judge: &'j mut Judge<'j>,
) -> Result<Outcome, CertifyError> {
    network.check_input("the region", region.len())?;
    if let Some(atom) = property.clauses().iter().flatten().find(|atom| atom.row.len() != network.outputs()) {
        return Err(CertifyError::Length { what: "the property", expected: network.outputs(), found: atom.row.len() });
    }
    let question = Question { network, region, property, asked: property, limits };
    let mut found = Found { judge, confirmed: None, refused: None, near: None, tries: 0 };
    let outcome = search(&question, &mut found);
    Ok(match (found.confirmed, found.refused.or(found.near), outcome) {
        (Some(x), _, outcome) => Outcome { verdict: Verdict::Falsified { x }, ..outcome },
        (None, Some(x), outcome) => Outcome { verdict: Verdict::Boundary { x }, ..outcome },
        (None, None, outcome) => outcome,
    })
}

fn search(question: &Question<'_>, found: &mut Found<'_>) -> Outcome {
    let clauses = question.property.clauses().len();
    if clauses == 0 {
        return Outcome { verdict: Verdict::Certified, bound: f64::INFINITY, parts: 0, evidence: at_once(question) };
    }
    candidate::try_centre(question, found);
    if found.confirmed.is_some() {
        return open(question, Reason::Stopped, f64::NEG_INFINITY, 0);
    }
    let state = State::new(question.network, question.region, whole(question.region), Inner::Tight);
    let widened;
    let question = match question.limits.deployed.then(|| rounding_error(question.network, &state)).flatten() {
        Some(error) => {
            widened = question.property.widened(error);
            &Question { property: &widened, ..*question }
        }
        None if question.limits.deployed => return open(question, Reason::Rounding, f64::NEG_INFINITY, 0),
        None => question,
    };
    let (a, c, of) = question.property.stacked();
    let domain = vec![0; a.cols];
    let seed = crate::backward::Seed::Dense(a);
    let bounds = state.least(question.network, question.region, question.network.output, seed, &domain, c);
    let per_clause = worst_of(&bounds, &of, clauses);
    let bound = per_clause.iter().copied().fold(f64::INFINITY, f64::min);
    if bound > 0.0 {
        return Outcome { verdict: Verdict::Certified, bound, parts: 1, evidence: at_once(question) };
    }
    let (lo, hi) = question.region.hull();
    let few = lo.iter().zip(hi).filter(|(lo, hi)| lo < hi).count() <= FEW_INPUTS;
    candidate::descend(question, &per_clause, found, if few { 12 } else { 1 });
    if found.is_settled() {
        return open(question, Reason::Stopped, bound, 1);
    }
    if few || !splits_by_sign(question.network) {
        return input::search(question, found, bound);
    }
    match neuron::search(question, found, &state, &per_clause) {
        // Every sign is known, and the prices are not good enough: boxes of inputs are split instead.
        Outcome { verdict: Verdict::Unknown { reason: Reason::Exhausted }, .. } if !found.is_settled() => {
            input::search(question, found, bound)
        }
        outcome => outcome,
    }
}

/// A bound of how far any output in f32 arithmetic is from the real one.
fn rounding_error(network: &Network, state: &State) -> Option<f64> {
    let mut errors: Vec<crate::matrix::Matrix> = vec![crate::matrix::Matrix::zeros(network.inputs(), 1)];
    for layer in &network.layers {
        let inputs: Vec<&crate::bounds::Bounds> = layer.inputs.iter().map(|&v| &state.bounds[v]).collect();
        let own: Vec<&crate::matrix::Matrix> = layer.inputs.iter().map(|&v| &errors[v]).collect();
        let error = match &layer.kind {
            Kind::Affine(affine) => affine.rounding(&inputs, &own),
            Kind::Nonlinear(op) => op.rounding(&inputs, &own)?,
        };
        errors.push(error);
    }
    let largest = errors[network.output].data.iter().fold(0.0, |most: f64, e| if e.is_nan() { f64::NAN } else { most.max(*e) });
    largest.is_finite().then_some(largest)
}

/// The bound of each clause: its largest atom's.
fn worst_of(bounds: &[f64], of: &[usize], clauses: usize) -> Vec<f64> {
    let mut best = vec![f64::NEG_INFINITY; clauses];
    bounds.iter().zip(of).for_each(|(bound, &k)| best[k] = best[k].max(*bound));
    best
}

/// True where every layer that is not linear can be decided by signs.
fn splits_by_sign(network: &Network) -> bool {
    network.layers.iter().all(|layer| match &layer.kind {
        Kind::Affine(_) => true,
        Kind::Nonlinear(op) => op.splits_at_zero(),
    })
}

fn open(question: &Question<'_>, otherwise: Reason, bound: f64, parts: usize) -> Outcome {
    let reason = question.limits.over().unwrap_or(otherwise);
    Outcome { verdict: Verdict::Unknown { reason }, bound, parts, evidence: None }
}

/// The evidence of what needs no split.
fn at_once(question: &Question<'_>) -> Option<Evidence> {
    question.limits.evidence.then(|| Evidence::Inputs(Tree(vec![Branch::Leaf(())])))
}
