//! ONNX's names.

use super::Op;

impl Op {
    /// Returns ONNX's name of the operator: that of its variant, except where one variant stands for a family.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Compare(compare) => compare.into(),
            Self::Bitwise(bitwise) => bitwise.into(),
            Self::Reduce { kind, .. } => kind.into(),
            Self::Quant(quant) => quant.name(),
            Self::Opaque(op) => &op.op_type,
            _ => self.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Bitwise, Compare, Op, Quant, Reduce};

    #[test]
    fn names_are_those_of_onnx() {
        let reduce = |kind| Op::Reduce { kind, axes: Vec::new(), keepdims: false };
        let named = [
            (Op::Neg, "Neg"),
            (Op::IsNaN, "IsNaN"),
            (Op::PRelu, "PRelu"),
            (Op::MatMul, "MatMul"),
            (Op::BitwiseNot, "BitwiseNot"),
            (Op::Compare(Compare::LessOrEqual), "LessOrEqual"),
            (Op::Bitwise(Bitwise::Xor), "BitwiseXor"),
            (reduce(Reduce::Sum), "ReduceSum"),
            (reduce(Reduce::LogSumExp), "ReduceLogSumExp"),
            (Op::Quant(Quant::QLinearMatMul), "QLinearMatMul"),
        ];
        for (op, name) in named {
            assert_eq!(op.name(), name);
        }
    }
}
