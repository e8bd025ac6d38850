use brinell_graph::{ConvAttrs, ConvTransposeAttrs, Op};

use super::{Builder, Inputs, Lowered, Operand, layout};
use crate::map::{Conv, Dense, Left, Map, Sparse, Window};
use crate::product::Product;

/// Gemm, MatMul, Conv, ConvTranspose, BatchNormalization.
pub(super) fn lower(builder: &mut Builder, inputs: &Inputs<'_>) -> Option<Lowered> {
    Some(match inputs.op {
        Op::Gemm { alpha, beta, trans_a, trans_b } => gemm(builder, inputs, (f64::from(*alpha), f64::from(*beta)), *trans_a, *trans_b),
        Op::MatMul => matmul(builder, inputs),
        Op::Conv(attrs) => conv(builder, inputs, attrs),
        Op::ConvTranspose(attrs) => conv_transpose(builder, inputs, attrs),
        Op::BatchNormalization { epsilon } => batch_normalization(builder, inputs, f64::from(*epsilon)),
        _ => return None,
    })
}

fn transposed(data: &[f64], rows: usize, cols: usize) -> Vec<f64> {
    (0..cols).flat_map(|c| (0..rows).map(move |r| data[r * cols + c])).collect()
}

fn gemm(builder: &mut Builder, inputs: &Inputs<'_>, (alpha, beta): (f64, f64), trans_a: bool, trans_b: bool) -> Lowered {
    let (a, b) = (inputs.get(0)?.clone(), inputs.get(1)?.clone());
    let (&[a0, a1], &[b0, b1]) = (a.shape(), b.shape()) else { return Err("its operands are not matrices".to_owned()) };
    let (m, k) = if trans_a { (a1, a0) } else { (a0, a1) };
    let n = if trans_b { b0 } else { b1 };
    let shape = vec![m, n];
    let mut y = match (&a, &b) {
        (Operand::Variable(..), Operand::Constant(_, w)) if !trans_a || m == 1 => {
            let w: Vec<f64> = if trans_b { w.clone() } else { transposed(w, k, n) };
            builder.mapped(&a, Dense::new(w.iter().map(|w| alpha * w).collect(), n, k, m), shape.clone())
        }
        (Operand::Constant(_, w), Operand::Variable(..)) if !trans_b => {
            let w: Vec<f64> = if trans_a { transposed(w, k, m) } else { w.clone() };
            builder.mapped(&b, Left::new(w.iter().map(|w| alpha * w).collect(), m, k, n, 1), shape.clone())
        }
        _ => return Err("neither operand is a constant in a supported position".to_owned()),
    };
    if let Some(c) = inputs.optional(2).cloned() {
        let c = builder.broadcast(&c, &shape);
        let c = builder.scaled(&c, vec![beta; m * n]);
        y = match c {
            Operand::Constant(_, c) => builder.shifted(&y, &c),
            Operand::Variable(_, c) => {
                let Operand::Variable(_, y) = y else { return Err("its product is a constant".to_owned()) };
                let same = || Box::new(crate::map::Scale::uniform(m * n, 1.0)) as Box<dyn Map>;
                builder.affine(vec![(y, same()), (c, same())], vec![0.0; m * n], shape)
            }
        };
    }
    Ok(vec![y])
}

/// Shapes as stacks of matrices: blocks, rows, columns.
fn stacked(shape: &[usize], is_left: bool) -> (Vec<usize>, usize, usize) {
    match shape {
        [n] if is_left => (Vec::new(), 1, *n),
        [n] => (Vec::new(), *n, 1),
        [blocks @ .., rows, cols] => (blocks.to_vec(), *rows, *cols),
        [] => (Vec::new(), 1, 1),
    }
}

fn matmul(builder: &mut Builder, inputs: &Inputs<'_>) -> Lowered {
    let (a, b) = (inputs.get(0)?.clone(), inputs.get(1)?.clone());
    let ((blocks_a, m, k), (blocks_b, k_b, n)) = (stacked(a.shape(), true), stacked(b.shape(), false));
    if k != k_b {
        return Err("the shapes of its operands do not fit".to_owned());
    }
    let shape = inputs.shape(0)?.to_vec();
    let (count_a, count_b): (usize, usize) = (blocks_a.iter().product(), blocks_b.iter().product());
    match (&a, &b) {
        (Operand::Variable(..), Operand::Constant(_, w)) if count_b == 1 => {
            return Ok(vec![builder.mapped(&a, Dense::new(transposed(w, k, n), n, k, count_a * m), shape)]);
        }
        (Operand::Constant(_, w), Operand::Variable(..)) if count_a == 1 => {
            return Ok(vec![builder.mapped(&b, Left::new(w.clone(), m, k, n, count_b), shape)]);
        }
        _ => {}
    }
    // Every pair of a product, and the sums over them.
    let blocks = layout::common(&[&blocks_a, &blocks_b]).ok_or_else(|| "the shapes of its operands do not fit".to_owned())?;
    let (of_a, of_b) = (layout::broadcast(&blocks_a, &blocks), layout::broadcast(&blocks_b, &blocks));
    let mut pairs = Vec::with_capacity(of_a.len() * m * n * k);
    for (&block_a, &block_b) in of_a.iter().zip(&of_b) {
        for row in 0..m {
            for col in 0..n {
                for at in 0..k {
                    pairs.push((block_a * (m * k) as u32 + (row * k + at) as u32, block_b * (k * n) as u32 + (at * n + col) as u32));
                }
            }
        }
    }
    let outputs = of_a.len() * m * n;
    match (&a, &b) {
        (Operand::Variable(_, i), Operand::Variable(_, j)) => {
            let all = pairs.len();
            let product = builder.nonlinear(vec![*i, *j], Product::new(pairs), vec![outputs, k]);
            let rows = (0..outputs).map(|out| (0..k).map(|at| ((out * k + at) as u32, 1.0)).collect()).collect();
            Ok(vec![builder.mapped(&product, Sparse::new(rows, all), shape)])
        }
        (x @ Operand::Variable(..), Operand::Constant(_, w)) => {
            let rows = pairs.chunks(k).map(|row| row.iter().map(|&(i, j)| (i, w[j as usize])).collect()).collect();
            let map = Sparse::new(rows, x.len());
            Ok(vec![builder.mapped(x, map, shape)])
        }
        (Operand::Constant(_, w), x) => {
            let rows = pairs.chunks(k).map(|row| row.iter().map(|&(i, j)| (j, w[i as usize])).collect()).collect();
            let map = Sparse::new(rows, x.len());
            Ok(vec![builder.mapped(x, map, shape)])
        }
    }
}

/// Two spatial axes of a list with one entry for each.
fn two(list: &[usize], fill: usize) -> Result<[usize; 2], String> {
    match *list {
        [x] => Ok([fill, x]),
        [y, x] => Ok([y, x]),
        _ => Err(format!("its window moves along {} axes; only one or two are supported", list.len())),
    }
}

/// Channels, height and width of one image.
pub(super) fn image(shape: &[usize]) -> Result<[usize; 3], String> {
    match *shape {
        [1, c, w] => Ok([c, 1, w]),
        [1, c, h, w] => Ok([c, h, w]),
        _ => Err(format!("its operand has shape {shape:?}")),
    }
}

fn conv(builder: &mut Builder, inputs: &Inputs<'_>, attrs: &ConvAttrs) -> Lowered {
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let w = inputs.constant(1, "filter")?.to_vec();
    let axes = attrs.kernel.len();
    let window = Window {
        input: image(x.shape())?,
        output: image(&shape)?,
        kernel: two(&attrs.kernel, 1)?,
        strides: two(&attrs.strides, 1)?,
        dilations: two(&attrs.dilations, 1)?,
        pads: two(&attrs.pads[..axes], 0)?,
        groups: attrs.groups,
    };
    let plane = window.output[1] * window.output[2];
    let y = builder.mapped(&x, Conv::new(window, w, false), shape);
    biased(builder, inputs, y, plane)
}

fn conv_transpose(builder: &mut Builder, inputs: &Inputs<'_>, attrs: &ConvTransposeAttrs) -> Lowered {
    let (x, shape) = (inputs.get(0)?.clone(), inputs.shape(0)?.to_vec());
    let w = inputs.constant(1, "filter")?.to_vec();
    let axes = attrs.kernel.len();
    // The convolution from the result to the operand: its filter [C, M/groups, ..] is the one of the node.
    let window = Window {
        input: image(&shape)?,
        output: image(x.shape())?,
        kernel: two(&attrs.kernel, 1)?,
        strides: two(&attrs.strides, 1)?,
        dilations: two(&attrs.dilations, 1)?,
        pads: two(&attrs.pads[..axes], 0)?,
        groups: attrs.groups,
    };
    let plane = window.input[1] * window.input[2];
    let y = builder.mapped(&x, Conv::new(window, w, true), shape);
    biased(builder, inputs, y, plane)
}

fn biased(builder: &mut Builder, inputs: &Inputs<'_>, y: Operand, plane: usize) -> Lowered {
    if inputs.optional(2).is_none() {
        return Ok(vec![y]);
    }
    let bias: Vec<f64> = inputs.constant(2, "bias")?.iter().flat_map(|&b| std::iter::repeat_n(b, plane)).collect();
    Ok(vec![builder.shifted(&y, &bias)])
}

fn batch_normalization(builder: &mut Builder, inputs: &Inputs<'_>, epsilon: f64) -> Lowered {
    let x = inputs.get(0)?.clone();
    let [scale, bias, mean, variance] = [(1, "scale"), (2, "bias"), (3, "mean"), (4, "variance")].map(|(i, what)| inputs.constant(i, what));
    let (scale, bias, mean, variance) = (scale?, bias?, mean?, variance?);
    let plane = x.len() / scale.len().max(1);
    let factor = |c: usize| scale[c] / (variance[c] + epsilon).sqrt();
    let factors = (0..x.len()).map(|i| factor(i / plane)).collect();
    let shifts: Vec<f64> = (0..x.len()).map(|i| i / plane).map(|c| bias[c] - mean[c] * factor(c)).collect();
    // A runtime may subtract the mean first, or fold it into the bias: both are rounded.
    let magnitudes: Vec<f64> = (0..x.len()).map(|i| i / plane).map(|c| bias[c].abs() + (mean[c] * factor(c)).abs()).collect();
    let y = builder.scaled(&x, factors);
    Ok(vec![builder.shifted_by(&y, &shifts, &magnitudes)])
}
