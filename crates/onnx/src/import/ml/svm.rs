//! Support vector machines as standard operators: the kernel of the operand with each support vector, weighed and summed.
//!
//! What ONNX Runtime makes of the sums is kept: a regressor adds its constant; a classifier has one sum for each pair of classes, which for two
//! classes becomes the scores -s and s, where s speaks for the first class. Probabilities come of an iteration that ends when it has come near
//! enough, which no graph of standard operators does: such machines are carried along unread.

use brinell_graph::{Dim, Op, Reduce, ValueId};

use super::super::{Importer, Node, Refusal, bad, opaque};
use super::{Done, carried_classifier, labels, numbers, scored};

/// Largest number of values that the differences of one operand from all support vectors may have; of more the squares are taken apart.
const DIFFERENCES: usize = 1 << 17;
/// Weights that the sums of pairs of classes may have.
const MOST_WEIGHTS: usize = 1 << 24;

/// Support vectors: class and scores, one for each class of two, else one for each pair of classes, or probabilities.
pub(in super::super) fn classifier(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let classes = labels(node)?.len();
    if !numbers(node, "prob_a").is_empty() {
        let reason = "its probabilities come of an iteration, which has no gradient; with raw_scores it would have one";
        return carried_classifier(importer, node, reason);
    }
    let per_class = node.attributes.sizes("vectors_per_class")?.unwrap_or_default();
    let coefficients = numbers(node, "coefficients");
    let transform = node.attributes.string("post_transform")?;
    // A score of coefficients none of which is negative would be s and 1 - s.
    let plain = matches!(transform.as_deref(), None | Some("NONE")) && coefficients.iter().any(|v| *v < 0.0);
    if classes < 2 || per_class.len() != classes || !plain {
        return opaque(
            "its scores are not the scores of pairs of classes; for these, it needs support vectors for each class and no post_transform",
        );
    }
    let n = per_class.iter().fold(0_usize, |sum, &size| sum.saturating_add(size));
    if n.saturating_mul(classes.saturating_mul(classes)) > MOST_WEIGHTS {
        return carried_classifier(importer, node, "it has too many support vectors and pairs of classes");
    }
    let pairs: Vec<(usize, usize)> = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j))).collect();
    let weights = pair_weights(&coefficients, &per_class, &pairs).ok_or_else(|| {
        Refusal::Bad(format!("{} coefficients do not fit {n} support vectors and {} classes", coefficients.len(), classes - 1))
    })?;
    let sums = sums(importer, node, n, (weights, pairs.len()))?;
    if classes > 2 {
        return scored(importer, node, sums);
    }
    importer.reversed = true;
    let other = importer.step(node, Op::Neg, &[sums])?;
    let both = importer.step(node, Op::Concat { axis: 1 }, &[other, sums])?;
    scored(importer, node, both)
}

/// Support vectors that return a number.
pub(in super::super) fn regressor(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let n = usize::try_from(node.attributes.int_or("n_supports", 0)?).unwrap_or(0);
    let coefficients = numbers(node, "coefficients");
    let transform = node.attributes.string("post_transform")?;
    if node.attributes.int_or("one_class", 0)? != 0 || !matches!(transform.as_deref(), None | Some("NONE")) || n == 0 {
        // Linear without vectors, or a sign.
        let (batch, _) = importer.matrix(node.input(0)?)?;
        return importer.carried(node, "a support vector machine", &[(super::DType::F32, vec![batch, Dim::Fixed(1)])]);
    }
    if coefficients.len() != n {
        return bad(format!("{} coefficients for {n} support vectors", coefficients.len()));
    }
    let sums = sums(importer, node, n, (coefficients, 1))?;
    importer.finish(node, sums)
}

/// What each support vector adds to the sum of each pair of classes, support vectors as rows. In the file row k of the coefficients holds, for the
/// vectors of a class, those against the k-th of the other classes.
fn pair_weights(coefficients: &[f32], per_class: &[usize], pairs: &[(usize, usize)]) -> Option<Vec<f32>> {
    let n = per_class.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size))?;
    if n == 0 || coefficients.len() != n.checked_mul(per_class.len() - 1)? {
        return None;
    }
    let starts: Vec<usize> = per_class.iter().scan(0, |sum, &size| Some(std::mem::replace(sum, *sum + size))).collect();
    let mut weights = vec![0.0; n.checked_mul(pairs.len())?];
    for (column, &(i, j)) in pairs.iter().enumerate() {
        for (class, row) in [(i, j - 1), (j, i)] {
            let start = *starts.get(class)?;
            for vector in start..start + per_class.get(class)? {
                *weights.get_mut(vector * pairs.len() + column)? = *coefficients.get(row * n + vector)?;
            }
        }
    }
    Some(weights)
}

/// The kernel of the operand with `n` support vectors, times a matrix of weights with so many columns, plus the constants.
fn sums(importer: &mut Importer<'_>, node: &Node<'_>, n: usize, (weights, columns): (Vec<f32>, usize)) -> Result<ValueId, Refusal> {
    let x = importer.floats(node, node.input(0)?)?;
    let (_, width) = importer.matrix(x)?;
    let vectors = numbers(node, "support_vectors");
    let constants = numbers(node, "rho");
    if n == 0 || !vectors.len().is_multiple_of(n) || width.is_some_and(|width| Some(vectors.len()) != width.checked_mul(n)) {
        return bad(format!("{} numbers do not fit {n} support vectors of the width of its operand", vectors.len()));
    }
    if constants.len() != columns {
        return bad(format!("{} constants for {columns} sums", constants.len()));
    }
    let kernel = kernel(importer, node, x, (&vectors, n))?;
    let weights = importer.table(node, vec![n, columns], weights)?;
    let product = importer.step(node, Op::MatMul, &[kernel, weights])?;
    let constants = importer.vector(node, constants)?;
    importer.step(node, Op::Add, &[product, constants])
}

fn kernel(importer: &mut Importer<'_>, node: &Node<'_>, x: ValueId, (vectors, n): (&[f32], usize)) -> Result<ValueId, Refusal> {
    let parameters = numbers(node, "kernel_params");
    let parameter = |place: usize| parameters.get(place).copied().unwrap_or(0.0);
    let (gamma, constant, degree) = (parameter(0), parameter(1), parameter(2));
    let kind = node.attributes.string("kernel_type")?.unwrap_or_else(|| "LINEAR".to_owned());
    if kind == "RBF" {
        let squares = squares(importer, node, x, (vectors, n))?;
        let scale = importer.number(node, x, -f64::from(gamma))?;
        let exponent = importer.step(node, Op::Mul, &[squares, scale])?;
        return importer.step(node, Op::Exp, &[exponent]);
    }
    let transposed = transposed(vectors, n);
    let transposed = importer.table(node, vec![vectors.len() / n, n], transposed)?;
    let product = importer.step(node, Op::MatMul, &[x, transposed])?;
    let affine = |importer: &mut Importer<'_>| {
        let (scale, constant) = (importer.number(node, x, f64::from(gamma))?, importer.number(node, x, f64::from(constant))?);
        let scaled = importer.step(node, Op::Mul, &[product, scale])?;
        importer.step(node, Op::Add, &[scaled, constant])
    };
    match kind.as_str() {
        "LINEAR" => Ok(product),
        "POLY" => {
            let (base, degree) = (affine(importer)?, importer.number(node, x, f64::from(degree))?);
            importer.step(node, Op::Pow, &[base, degree])
        }
        "SIGMOID" => {
            let inner = affine(importer)?;
            importer.step(node, Op::Tanh, &[inner])
        }
        other => opaque(format!("kernel_type `{other}` is unknown")),
    }
}

/// Squared distances from all support vectors.
fn squares(importer: &mut Importer<'_>, node: &Node<'_>, x: ValueId, (vectors, n): (&[f32], usize)) -> Result<ValueId, Refusal> {
    let width = vectors.len() / n;
    if vectors.len() <= DIFFERENCES {
        let x = importer.step(node, Op::Unsqueeze { axes: vec![1] }, &[x])?;
        let vectors = importer.table(node, vec![1, n, width], vectors.to_vec())?;
        let differences = importer.step(node, Op::Sub, &[x, vectors])?;
        return importer.step(node, Op::Reduce { kind: Reduce::SumSquare, axes: vec![2], keepdims: false }, &[differences]);
    }
    // |x - s|^2 = |x|^2 - 2 x s + |s|^2, around the mean of the vectors, so that no large numbers cancel.
    let count = (0..n).fold(0.0_f64, |n, _| n + 1.0);
    let mean: Vec<f32> = (0..width)
        .map(|column| {
            let sum: f64 = vectors.iter().skip(column).step_by(width.max(1)).map(|&v| f64::from(v)).sum();
            crate::tensor::single(sum / count)
        })
        .collect();
    let centred: Vec<f32> = vectors.chunks(width.max(1)).flat_map(|vector| vector.iter().zip(&mean).map(|(v, mean)| v - mean)).collect();
    let lengths: Vec<f32> = centred.chunks(width.max(1)).map(|vector| vector.iter().map(|v| v * v).sum()).collect();
    let twice: Vec<f32> = transposed(&centred, n).into_iter().map(|v| -2.0 * v).collect();
    let mean = importer.vector(node, mean)?;
    let x = importer.step(node, Op::Sub, &[x, mean])?;
    let own = importer.step(node, Op::Reduce { kind: Reduce::SumSquare, axes: vec![1], keepdims: true }, &[x])?;
    let twice = importer.table(node, vec![width, n], twice)?;
    let products = importer.step(node, Op::MatMul, &[x, twice])?;
    let lengths = importer.vector(node, lengths)?;
    let others = importer.step(node, Op::Add, &[products, lengths])?;
    importer.step(node, Op::Add, &[others, own])
}

/// Rows of `n` vectors as columns.
fn transposed(vectors: &[f32], n: usize) -> Vec<f32> {
    let width = vectors.len() / n.max(1);
    (0..width).flat_map(|column| vectors.iter().skip(column).step_by(width.max(1)).copied()).collect()
}
