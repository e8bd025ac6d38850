//! Norms along an axis, in windows and across channels.

use brinell_graph::{Dim, Op, PoolAttrs, Reduce, ValueId};

use super::{Importer, Node, Refusal, bad, pool, size, unknown};
use crate::tensor;

/// x divided by its L1 or L2 norm along an axis; a norm of zero divides nothing.
pub(super) fn lp_normalization(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let axis = size::axis(node.attributes.int_or("axis", -1)?, importer.rank(x)?)?;
    let kind = match node.attributes.int_or("p", 2)? {
        1 => Reduce::L1,
        2 => Reduce::L2,
        p => return bad(format!("p is {p}, but must be 1 or 2")),
    };
    let norm = importer.step(node, Op::Reduce { kind, axes: vec![axis], keepdims: true }, &[x])?;
    let zero = importer.number(node, x, 0.0)?;
    let one = importer.number(node, x, 1.0)?;
    let none = importer.step(node, Op::Compare(brinell_graph::Compare::Equal), &[norm, zero])?;
    let divisor = importer.step(node, Op::Where, &[none, one, norm])?;
    importer.emit(node, Op::Div, vec![Some(x), Some(divisor)])
}

impl Importer<'_> {
    /// |x|^p; an even p needs no absolute value.
    fn power(&mut self, node: &Node<'_>, x: ValueId, p: i64) -> Result<ValueId, Refusal> {
        match p {
            1 => self.step(node, Op::Abs, &[x]),
            2 => self.step(node, Op::Mul, &[x, x]),
            p => {
                let size = self.step(node, Op::Abs, &[x])?;
                let p = self.number(node, x, f64::from(i32::try_from(p).unwrap_or(i32::MAX)))?;
                self.step(node, Op::Pow, &[size, p])
            }
        }
    }

    /// The p-th root.
    fn root(&mut self, node: &Node<'_>, x: ValueId, p: i64) -> Result<(), Refusal> {
        match p {
            1 => self.finish(node, x),
            2 => self.emit(node, Op::Sqrt, vec![Some(x)]),
            p => {
                let inverse = self.number(node, x, f64::from(i32::try_from(p).unwrap_or(i32::MAX)).recip())?;
                self.emit(node, Op::Pow, vec![Some(x), Some(inverse)])
            }
        }
    }
}

fn exponent(node: &Node<'_>) -> Result<i64, Refusal> {
    match node.attributes.int_or("p", 2)? {
        p if p >= 1 => Ok(p),
        p => bad(format!("p is {p}, but must be positive")),
    }
}

/// The root of the sum of powers in each window: an average that counts the padding, times the size of the window.
pub(super) fn lp_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let p = exponent(node)?;
    let mut attrs = pool::pool(importer, node)?;
    if attrs.ceil_mode {
        // Windows that hang over the end would divide by less than their size.
        attrs = pool::without_ceil(importer, node, attrs)?;
        if attrs.ceil_mode {
            return unknown("ceil_mode needs fixed sizes");
        }
    }
    let Some(area) = tensor::elements(&attrs.kernel) else { return bad("its window is too large") };
    let x = node.input(0)?;
    let powers = importer.power(node, x, p)?;
    let mean = importer.step(node, Op::AveragePool { pool: attrs, count_include_pad: true }, &[powers])?;
    let area = importer.number(node, x, f64::from(u32::try_from(area).unwrap_or(u32::MAX)))?;
    let sum = importer.step(node, Op::Mul, &[mean, area])?;
    importer.root(node, sum, p)
}

pub(super) fn global_lp_pool(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let p = exponent(node)?;
    let x = node.input(0)?;
    let axes = (2..importer.rank(x)?).collect();
    let powers = importer.power(node, x, p)?;
    let sum = importer.step(node, Op::Reduce { kind: Reduce::Sum, axes, keepdims: true }, &[powers])?;
    importer.root(node, sum, p)
}

/// x / (bias + alpha/size * sum of the squares of the `size` channels around)^beta: the sum is an average over the channels,
/// which stand in the place of the rows of an image with one channel.
pub(super) fn lrn(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let Some(size) = node.attributes.int("size")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
        return bad("attribute `size` is missing or not positive");
    };
    let (Some(&batch), Some(&channels @ Dim::Fixed(_))) = (shape.first(), shape.get(1)) else {
        return unknown("its channels are not fixed");
    };
    let alpha = importer.number(node, x, f64::from(node.attributes.float_or("alpha", 1e-4)?))?;
    let bias = importer.number(node, x, f64::from(node.attributes.float_or("bias", 1.0)?))?;
    let beta = importer.number(node, x, f64::from(node.attributes.float_or("beta", 0.75)?))?;
    let square = importer.step(node, Op::Mul, &[x, x])?;
    let image = importer.step(node, Op::Reshape { shape: vec![batch, Dim::Fixed(1), channels, Dim::Unknown] }, &[square])?;
    let before = (size - 1) / 2;
    let pads = vec![before, 0, size - 1 - before, 0];
    let pool = PoolAttrs { kernel: vec![size, 1], strides: vec![1; 2], dilations: vec![1; 2], pads, ceil_mode: false };
    let mean = importer.step(node, Op::AveragePool { pool, count_include_pad: true }, &[image])?;
    let mean = importer.step(node, Op::Reshape { shape }, &[mean])?;
    let scaled = importer.step(node, Op::Mul, &[mean, alpha])?;
    let base = importer.step(node, Op::Add, &[scaled, bias])?;
    let power = importer.step(node, Op::Pow, &[base, beta])?;
    importer.emit(node, Op::Div, vec![Some(x), Some(power)])
}
