//! Distance to the nearest class, as the last layer sees samples.

use brinell_graph::{Dim, Graph, GraphError, Op, Reduce, Tensor, TensorData, ValueId};
use brinell_subject::Case;

use super::{Score, Seen};
use crate::DefendError;

/// Share of the mean variance that is added to all variances, so that directions in which samples hardly differ do not decide.
const RIDGE: f64 = 1e-2;
/// Largest number of features: the covariance has the square of them.
const MOST: usize = 4096;

/// The least squared Mahalanobis distance to the mean of a class, with one covariance for all classes, of what enters the last linear layer.
///
/// # Source
/// Lee, Lee, Lee & Shin, "A simple unified framework for detecting out-of-distribution samples and adversarial attacks", NeurIPS 2018, equation 2; one layer, without the
/// step on the input and without a regression that is fitted on attacks.
pub(super) struct Mahalanobis {
    feature: String,
    width: usize,
    /// Makes the covariance the unit matrix `[D, D]`, for rows.
    whitening: Vec<f32>,
    /// Means of the classes, whitened `[K, D]`.
    centres: Vec<f32>,
    classes: usize,
}

/// Finds the value that enters the last linear layer in front of the logits, and its width.
fn last_layer(case: &Case) -> Option<(ValueId, usize)> {
    let graph = &case.subject.model.graph;
    let mut value = case.subject.signature.logits;
    loop {
        let node = graph.nodes().iter().find(|node| node.outputs.contains(&Some(value)))?;
        let input = |place: usize| node.inputs.get(place).copied().flatten();
        let is_constant = |id: Option<ValueId>| id.is_some_and(|id| graph.constant_of(id).is_some());
        value = match node.op {
            Op::Gemm { .. } | Op::MatMul if is_constant(input(1)) => {
                let feature = input(0)?;
                return match graph.shape(feature)? {
                    [_, Dim::Fixed(width)] => Some((feature, *width)),
                    _ => None,
                };
            }
            Op::Add if is_constant(input(1)) => input(0)?,
            Op::Add if is_constant(input(0)) => input(1)?,
            Op::Identity | Op::Reshape { .. } => input(0)?,
            _ => return None,
        };
    }
}

impl Mahalanobis {
    pub(super) fn fit(case: &mut Case, samples: &[(usize, usize)]) -> Result<Self, DefendError> {
        let refuse = |reason: String| DefendError::Transform { transform: "mahalanobis".to_owned(), reason };
        let (feature, width) = last_layer(case).ok_or_else(|| refuse("the model does not end in a linear layer".to_owned()))?;
        if width > MOST {
            return Err(refuse(format!("its last layer has {width} inputs, more than {MOST}")));
        }
        let classes = case.subject.signature.classes;
        let name = case.subject.model.graph.value(feature).name.clone();
        let mut graph = case.subject.model.graph.clone();
        graph.set_outputs(vec![feature]);
        let encoded = case.runtime.encode(&graph.dce())?;
        let mut session = case.runtime.compile(&encoded)?;
        let shape: Vec<usize> = std::iter::once(1).chain(case.subject.signature.sample.iter().copied()).collect();
        let (mut rows, mut ready): (Vec<(usize, Vec<f64>)>, Vec<f32>) = (Vec::with_capacity(samples.len()), Vec::new());
        for &(sample, class) in samples {
            case.preprocess.apply(&case.sample(sample), &mut ready);
            let feeds = [(case.subject.signature.input_name.as_str(), brinell_engine::View::f32(&shape, &ready))];
            let mut row = Vec::with_capacity(width);
            session.run(&feeds, &mut |_, view| row.extend(view.data.as_f32().unwrap_or_default().iter().map(|&v| f64::from(v))))?;
            if row.len() != width {
                return Err(refuse(format!("its last layer has {} values for a sample instead of {width}", row.len())));
            }
            rows.push((class, row));
        }
        let mut means = vec![vec![0.0; width]; classes];
        for (class, mean) in means.iter_mut().enumerate() {
            let own: Vec<&Vec<f64>> = rows.iter().filter(|(of, _)| *of == class).map(|(_, row)| row).collect();
            if own.is_empty() {
                return Err(DefendError::TooFew {
                    what: format!("samples of class {class} that the model classifies correctly"),
                    needed: 1,
                    found: 0,
                });
            }
            for (place, mean) in mean.iter_mut().enumerate() {
                *mean = own.iter().filter_map(|row| row.get(place)).sum::<f64>() / own.len() as f64;
            }
        }
        let mut covariance = vec![0.0; width * width];
        for (class, row) in &rows {
            let centred: Vec<f64> = row.iter().zip(means.get(*class).into_iter().flatten()).map(|(v, mean)| v - mean).collect();
            for (i, line) in centred.iter().zip(covariance.chunks_exact_mut(width)) {
                line.iter_mut().zip(&centred).for_each(|(cell, j)| *cell += i * j / rows.len() as f64);
            }
        }
        let trace: f64 = covariance.iter().step_by(width + 1).sum();
        let ridge = (RIDGE * trace / width as f64).max(f64::MIN_POSITIVE);
        covariance.iter_mut().step_by(width + 1).for_each(|cell| *cell += ridge);
        let inverse = inverse_factor(&covariance, width).ok_or_else(|| refuse("its last layer says the same of all samples".to_owned()))?;
        // Rows are multiplied from the left, so the inverse of the lower factor stands transposed.
        let whitening: Vec<f32> = (0..width * width).map(|cell| inverse[cell % width * width + cell / width] as f32).collect();
        let centres = means
            .iter()
            .flat_map(|mean| inverse.chunks_exact(width).map(move |line| line.iter().zip(mean).map(|(a, b)| a * b).sum::<f64>() as f32))
            .collect();
        Ok(Self { feature: name, width, whitening, centres, classes })
    }
}

/// Returns the inverse of the lower Cholesky factor of a symmetric matrix `[n, n]`; `None` where it is not positive definite.
fn inverse_factor(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let products: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            let rest = matrix[i * n + j] - products;
            lower[i * n + j] = if i == j { Some(rest).filter(|rest| *rest > 0.0)?.sqrt() } else { rest / lower[j * n + j] };
        }
    }
    let mut inverse = vec![0.0; n * n];
    for column in 0..n {
        for row in column..n {
            let products: f64 = (column..row).map(|k| lower[row * n + k] * inverse[k * n + column]).sum();
            let unit = if row == column { 1.0 } else { 0.0 };
            inverse[row * n + column] = (unit - products) / lower[row * n + row];
        }
    }
    Some(inverse)
}

impl Score for Mahalanobis {
    fn feature(&self) -> Option<(&str, usize)> {
        Some((&self.feature, self.width))
    }

    fn append(&self, graph: &mut Graph, seen: &Seen) -> Result<ValueId, GraphError> {
        let feature = seen.feature.unwrap_or(seen.own);
        let mut constant = |name: &str, shape: Vec<usize>, values: &[f32]| match Tensor::new(shape, TensorData::F32(values.to_vec())) {
            Some(tensor) => graph.constant(name, tensor),
            None => graph.scalar(f32::NAN),
        };
        let whitening = constant("whitening", vec![self.width, self.width], &self.whitening);
        let centres = constant("centres", vec![1, self.classes, self.width], &self.centres);
        let white = graph.add(Op::MatMul, &[feature, whitening])?;
        let white = graph.add(Op::Unsqueeze { axes: vec![1] }, &[white])?;
        let apart = graph.add(Op::Sub, &[white, centres])?;
        let distances = graph.add(Op::Reduce { kind: Reduce::SumSquare, axes: vec![2], keepdims: false }, &[apart])?;
        graph.add(Op::Reduce { kind: Reduce::Min, axes: vec![1], keepdims: false }, &[distances])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_makes_the_covariance_the_unit_matrix() {
        let matrix = [4.0, 2.0, 0.4, 2.0, 5.0, 1.0, 0.4, 1.0, 3.0];
        let inverse = inverse_factor(&matrix, 3).unwrap();
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let cell: f64 = (0..3)
                .flat_map(|a| (0..3).map(move |b| (a, b)))
                .map(|(a, b)| inverse[i * 3 + a] * matrix[a * 3 + b] * inverse[j * 3 + b])
                .sum();
            assert!((cell - f64::from(u8::from(i == j))).abs() < 1e-12);
        }
        assert!(inverse_factor(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
