//! Quantised numbers: an integer q stands for the real number scale * (q - zero).

use super::{ConvAttrs, Op, PoolAttrs};
use crate::DType;

/// Arithmetic on quantised numbers. Operators without a comment stand in ONNX's default domain; those of onnxruntime's
/// domain `com.microsoft` say so.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "variants carry ONNX's names and attributes")]
pub enum Quant {
    /// x, scale, zero?; scale and zero are scalars or have an entry for each one along `axis`.
    QuantizeLinear { axis: usize, to: DType },
    /// q, scale, zero?; as above.
    DequantizeLinear { axis: usize },
    /// x; the nearest number that a float of 4 or 8 bits has, still of the type of x: ONNX's Cast to `format`, saturating, and back.
    RoundToFloat { format: DType },
    /// x; outputs q (u8), scale, zero.
    DynamicQuantizeLinear,
    /// x, w, x zero?, w zero?; the result is i32 without a scale.
    ConvInteger(ConvAttrs),
    /// a, b, a zero?, b zero?; the result is i32 without a scale.
    MatMulInteger,
    /// x, x scale, x zero, w, w scale, w zero, y scale, y zero, bias (i32)?
    QLinearConv(ConvAttrs),
    /// a, a scale, a zero, b, b scale, b zero, y scale, y zero.
    QLinearMatMul,
    /// `com.microsoft`: a, a scale, a zero, b, b scale, b zero, c (i32)?, y scale?, y zero?; without y scale the result is f32.
    QGemm { alpha: f32, trans_a: bool, trans_b: bool },
    /// `com.microsoft`: a, a scale, a zero, b, b scale, b zero, y scale, y zero.
    QLinearAdd,
    /// `com.microsoft`: as [`Quant::QLinearAdd`].
    QLinearMul,
    /// `com.microsoft`: x, x scale, x zero, y scale, y zero.
    QLinearSigmoid,
    /// `com.microsoft`: as [`Quant::QLinearSigmoid`].
    QLinearLeakyRelu { alpha: f32 },
    /// `com.microsoft`: as [`Quant::QLinearSigmoid`].
    QLinearAveragePool { pool: PoolAttrs, count_include_pad: bool },
    /// `com.microsoft`: as [`Quant::QLinearSigmoid`].
    QLinearGlobalAveragePool,
    /// `com.microsoft`: as [`Quant::QLinearSigmoid`].
    QLinearSoftmax { axis: usize },
    /// `com.microsoft`: y scale, y zero, then x, x scale, x zero of each operand.
    QLinearConcat { axis: usize },
}

/// A quantised operand of a node, by the positions of its parts among the node's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Position of the integers.
    pub value: usize,
    /// Position of the scale; `None` where the operator takes the integers for real numbers.
    pub scale: Option<usize>,
    /// Position of the zero; the input may be left out.
    pub zero: usize,
    /// Axis of the operand along which scale and zero run where they have several entries, counted from the end (1 is the
    /// last one).
    pub axis_from_end: usize,
}

/// What an operator computes with the real numbers that its operands stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Real {
    /// The operator on real numbers; a bias is not among its operands.
    pub op: Op,
    /// Its operands.
    pub operands: Vec<Operand>,
    /// Position of an i32 bias, whose scale is the product of the operands' scales.
    pub bias: Option<usize>,
    /// Positions of scale and zero of the result; `None` where the result is not quantised again.
    pub result: Option<(usize, usize)>,
}

impl Quant {
    /// Returns ONNX's name of the operator.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::QuantizeLinear { .. } => "QuantizeLinear",
            Self::DequantizeLinear { .. } => "DequantizeLinear",
            Self::RoundToFloat { .. } => "RoundToFloat",
            Self::DynamicQuantizeLinear => "DynamicQuantizeLinear",
            Self::ConvInteger(_) => "ConvInteger",
            Self::MatMulInteger => "MatMulInteger",
            Self::QLinearConv(_) => "QLinearConv",
            Self::QLinearMatMul => "QLinearMatMul",
            Self::QGemm { .. } => "QGemm",
            Self::QLinearAdd => "QLinearAdd",
            Self::QLinearMul => "QLinearMul",
            Self::QLinearSigmoid => "QLinearSigmoid",
            Self::QLinearLeakyRelu { .. } => "QLinearLeakyRelu",
            Self::QLinearAveragePool { .. } => "QLinearAveragePool",
            Self::QLinearGlobalAveragePool => "QLinearGlobalAveragePool",
            Self::QLinearSoftmax { .. } => "QLinearSoftmax",
            Self::QLinearConcat { .. } => "QLinearConcat",
        }
    }

    /// Returns the domain that the operator stands in; empty for ONNX's own.
    #[must_use]
    pub fn domain(&self) -> &'static str {
        match self {
            Self::QuantizeLinear { .. }
            | Self::DequantizeLinear { .. }
            | Self::RoundToFloat { .. }
            | Self::DynamicQuantizeLinear
            | Self::ConvInteger(_)
            | Self::MatMulInteger
            | Self::QLinearConv(_)
            | Self::QLinearMatMul => "",
            _ => "com.microsoft",
        }
    }

    /// Returns least and most number of inputs.
    pub(crate) fn arity(&self) -> (usize, usize) {
        match self {
            Self::QuantizeLinear { .. } | Self::DequantizeLinear { .. } => (2, 3),
            Self::DynamicQuantizeLinear | Self::RoundToFloat { .. } => (1, 1),
            Self::ConvInteger(_) | Self::MatMulInteger => (2, 4),
            Self::QLinearConv(_) => (8, 9),
            Self::QLinearMatMul | Self::QLinearAdd | Self::QLinearMul => (7, 8),
            Self::QGemm { .. } => (6, 9),
            Self::QLinearConcat { .. } => (5, usize::MAX),
            _ => (4, 5),
        }
    }

    /// Returns what the operator computes with real numbers; `None` for those that only convert. `ranks` are the ranks of
    /// the node's inputs, where known.
    #[must_use]
    pub fn real(&self, ranks: &[Option<usize>]) -> Option<Real> {
        let operand = |value, axis_from_end| Operand { value, scale: Some(value + 1), zero: value + 2, axis_from_end };
        let whole = |value, zero, axis_from_end| Operand { value, scale: None, zero, axis_from_end };
        let rank = |i: usize| ranks.get(i).copied().flatten().unwrap_or(2);
        let one = |op| Real { op, operands: vec![operand(0, 1)], bias: None, result: Some((3, 4)) };
        let two = |op| Real { op, operands: vec![operand(0, 1), operand(3, 1)], bias: None, result: Some((6, 7)) };
        Some(match self {
            Self::QuantizeLinear { .. } | Self::DequantizeLinear { .. } | Self::RoundToFloat { .. } | Self::DynamicQuantizeLinear => {
                return None;
            }
            Self::ConvInteger(attrs) => {
                let operands = vec![whole(0, 2, rank(0)), whole(1, 3, rank(1))];
                Real { op: Op::Conv(attrs.clone()), operands, bias: None, result: None }
            }
            Self::MatMulInteger => Real { op: Op::MatMul, operands: vec![whole(0, 2, 2), whole(1, 3, 1)], bias: None, result: None },
            Self::QLinearConv(attrs) => {
                let operands = vec![operand(0, rank(0)), operand(3, rank(3))];
                Real { op: Op::Conv(attrs.clone()), operands, bias: Some(8), result: Some((6, 7)) }
            }
            Self::QLinearMatMul => Real { op: Op::MatMul, operands: vec![operand(0, 2), operand(3, 1)], bias: None, result: Some((6, 7)) },
            Self::QGemm { alpha, trans_a, trans_b } => {
                let op = Op::Gemm { alpha: *alpha, beta: 1.0, trans_a: *trans_a, trans_b: *trans_b };
                let operands = vec![operand(0, 2), operand(3, if *trans_b { 2 } else { 1 })];
                let result = ranks.get(7).is_some_and(Option::is_some).then_some((7, 8));
                Real { op, operands, bias: Some(6), result }
            }
            Self::QLinearAdd => two(Op::Add),
            Self::QLinearMul => two(Op::Mul),
            Self::QLinearSigmoid => one(Op::Sigmoid),
            Self::QLinearLeakyRelu { alpha } => one(Op::LeakyRelu { alpha: *alpha }),
            Self::QLinearAveragePool { pool, count_include_pad } => {
                one(Op::AveragePool { pool: pool.clone(), count_include_pad: *count_include_pad })
            }
            Self::QLinearGlobalAveragePool => one(Op::GlobalAveragePool),
            Self::QLinearSoftmax { axis } => one(Op::Softmax { axis: *axis }),
            Self::QLinearConcat { axis } => {
                let operands = (2..ranks.len()).step_by(3).map(|value| operand(value, 1)).collect();
                Real { op: Op::Concat { axis: *axis }, operands, bias: None, result: Some((0, 1)) }
            }
        })
    }
}
