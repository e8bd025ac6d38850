//! Linear functions of a value become linear lower bounds in the network's input: CROWN's backward pass.
//!
//! # Source
//! Zhang et al., "Efficient Neural Network Robustness Certification with General Activation Functions", NeurIPS 2018; Singh et al., "An Abstract Domain for
//! Certifying Neural Networks", POPL 2019; Xu et al., "Automatic Perturbation Analysis for Scalable Certified Robustness and Beyond", NeurIPS 2020.

use crate::affine::Sums;
use crate::matrix::Matrix;
use crate::network::{Kind, Network};
use crate::relaxation::Slopes;
use crate::state::State;

/// What a backward pass starts from.
pub(crate) enum Seed {
    /// Coefficients, [elements, functions].
    Dense(Matrix),
    /// Plus or minus one element, for each function.
    Units(Vec<(usize, f64)>),
}

/// An element, a function, and what is added to its coefficient.
pub(crate) type Price = (usize, usize, f64);

/// Options of a backward pass.
#[derive(Default)]
pub(crate) struct Choice<'a> {
    /// Lower slopes of their own, for each value that a layer computes.
    pub(crate) slopes: Option<&'a [Slopes]>,
    /// Prices of splits, for each value.
    pub(crate) prices: Option<&'a [Vec<Price>]>,
    /// Keep the coefficients at every nonlinear layer's result.
    pub(crate) keep: bool,
}

/// Linear lower bounds in the input: a x + c - error, for each function.
pub(crate) struct Functions {
    pub(crate) a: Matrix,
    pub(crate) c: Vec<f64>,
    pub(crate) error: Vec<f64>,
    /// Coefficients at the values of nonlinear layers, where they were kept.
    pub(crate) kept: Vec<Option<Matrix>>,
}

/// Takes functions of `value`, plus constants `c`, back to the input. `domain` says which domain each function belongs to.
pub(crate) fn backward(
    network: &Network,
    state: &State,
    value: usize,
    seed: Seed,
    domain: &[u32],
    mut c: Vec<f64>,
    choice: &Choice<'_>,
) -> Functions {
    let cols = domain.len();
    let mut error = vec![0.0; cols];
    let mut pending: Vec<Option<Matrix>> = (0..=value).map(|_| None).collect();
    let mut kept: Vec<Option<Matrix>> = Vec::new();
    if choice.keep {
        kept.resize_with(network.values.len(), || None);
    }
    let mut units = None;
    match seed {
        Seed::Dense(a) => pending[value] = Some(a),
        Seed::Units(picks) if matches!(network.layer_of(value), Some(layer) if matches!(layer.kind, Kind::Affine(_))) => {
            units = Some(picks)
        }
        Seed::Units(picks) => {
            let mut a = Matrix::zeros(network.values[value].len, cols);
            picks.iter().enumerate().for_each(|(col, &(i, sign))| a.row_mut(i)[col] = sign);
            pending[value] = Some(a);
        }
    }
    for v in (1..=value).rev() {
        let picks = if v == value { units.take() } else { None };
        if let Some(prices) = choice.prices
            && !prices[v].is_empty()
        {
            let a = pending[v].get_or_insert_with(|| Matrix::zeros(network.values[v].len, cols));
            prices[v].iter().for_each(|&(i, col, price)| a.row_mut(i)[col] += price);
        }
        let a = pending[v].take();
        if a.is_none() && picks.is_none() {
            continue;
        }
        let layer = &network.layers[v - 1];
        let mut into: Vec<Matrix> = Vec::with_capacity(layer.inputs.len());
        for &input in &layer.inputs {
            into.push(pending[input].take().unwrap_or_else(|| Matrix::zeros(network.values[input].len, cols)));
        }
        // An input that is read twice is added up afterwards.
        for (k, &input) in layer.inputs.iter().enumerate() {
            if layer.inputs[..k].contains(&input) {
                into[k] = Matrix::zeros(network.values[input].len, cols);
            }
        }
        let mut sums = Sums { c: &mut c, error: &mut error };
        match (&layer.kind, &a, picks) {
            (Kind::Affine(affine), _, Some(picks)) => {
                affine.backward_units(&picks, domain, state.sizes[v].as_ref(), &mut sums, &mut into);
            }
            (Kind::Affine(affine), Some(a), _) => affine.backward(a, domain, state.sizes[v].as_ref(), &mut sums, &mut into),
            (Kind::Nonlinear(_), Some(a), _) => {
                let slopes = choice.slopes.map(|slopes| &slopes[v]);
                if let Some(relaxation) = &state.relaxations[v] {
                    relaxation.backward(a, domain, slopes, &mut sums, &mut into);
                } else {
                    // Without lines nothing is known of the result.
                    sums.error.fill(f64::INFINITY);
                }
                if choice.keep {
                    kept[v] = Some(a.clone());
                }
            }
            _ => {}
        }
        for (&input, matrix) in layer.inputs.iter().zip(into) {
            match &mut pending[input] {
                Some(sum) => sum.data.iter_mut().zip(&matrix.data).for_each(|(s, m)| *s += m),
                slot => *slot = Some(matrix),
            }
        }
    }
    let a = pending[0].take().unwrap_or_else(|| Matrix::zeros(network.values[0].len, cols));
    Functions { a, c, error, kept }
}
