//! Models whose attacked input takes whole numbers.

use std::collections::BTreeSet;

use brinell_engine::Preprocess;
use brinell_graph::{DType, Dim, Op, ValueId};
use brinell_threat::{Ball, Grid, Norm};

use crate::{Subject, SubjectError};

impl Subject {
    /// Returns the points that the model can be fed, where it takes whole numbers.
    ///
    /// # Errors
    /// [`SubjectError::EmbeddingRange`] where numbers that pick rows of a table may be none of it, [`SubjectError::IntegerRange`] where its type does not have all numbers of the box, [`SubjectError::IntegerStep`] where the ball holds no
    /// whole numbers but those of the clean input.
    pub(crate) fn grid(&self, preprocess: &Preprocess, ball: &Ball) -> Result<Option<Grid>, SubjectError> {
        let Some((least, most)) = range(self.signature.dtype) else { return Ok(None) };
        let (mean, std, inner) = preprocess.affine();
        let grid = Grid::new(mean, std, inner);
        let (lo, hi) = grid.span(ball.bounds);
        let (input, dtype) = (self.signature.input_name.clone(), self.signature.dtype);
        if let Some(rows) = self.embedding() {
            // A range of pixels is none of names.
            if lo < 0.0 || hi > rows as f64 - 1.0 || (hi <= 1.0 && rows > 2) {
                return Err(SubjectError::EmbeddingRange { input, rows, lo, hi, most: rows - 1 });
            }
        }
        if lo.round_ties_even() < least || hi.round_ties_even() > most {
            return Err(SubjectError::IntegerRange { input, dtype, lo, hi });
        }
        // Of a table a step counts by the feature's unit.
        let units = ball.features.iter().flat_map(|features| features.list()).map(|feature| feature.unit);
        let step = f64::from(grid.finest()) / units.reduce(f64::max).unwrap_or(1.0);
        if ball.norm != Norm::L0 && ball.eps > 0.0 && ball.eps < step {
            let features = ball.features.is_some();
            return Err(SubjectError::IntegerStep { input, dtype, step, eps: ball.eps, features });
        }
        Ok(Some(grid))
    }
}

impl Subject {
    /// Returns the number of rows of the smallest table whose rows the numbers of the attacked input pick, where they are such names: the words of a text.
    #[must_use]
    pub fn embedding(&self) -> Option<usize> {
        let graph = &self.model.graph;
        let mut names: BTreeSet<ValueId> = BTreeSet::from([self.signature.input]);
        let mut rows: Option<usize> = None;
        for node in graph.nodes() {
            let inputs: Vec<ValueId> = node.inputs.iter().flatten().copied().collect();
            match (&node.op, inputs.as_slice()) {
                (Op::Gather { axis: 0 }, [table, picked, ..]) if names.contains(picked) => {
                    // A table of single numbers is a function of a number, such as that of a quantised activation.
                    if let Some([Dim::Fixed(n), _, ..]) = graph.shape(*table) {
                        rows = Some(rows.map_or(*n, |least| least.min(*n)));
                    }
                }
                (op, [first, ..]) if hands_on(op) && names.contains(first) => names.extend(node.outputs.iter().flatten()),
                _ => {}
            }
        }
        rows
    }
}

/// True for operators that give the numbers themselves on.
fn hands_on(op: &Op) -> bool {
    matches!(
        op,
        Op::Identity
            | Op::Cast { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Slice { .. }
            | Op::Squeeze { .. }
            | Op::Unsqueeze { .. }
            | Op::Expand { .. }
    )
}

/// Least and largest number of a type of whole numbers.
fn range(dtype: DType) -> Option<(f64, f64)> {
    Some(match dtype {
        DType::U8 => (0.0, f64::from(u8::MAX)),
        DType::U16 => (0.0, f64::from(u16::MAX)),
        DType::U32 => (0.0, f64::from(u32::MAX)),
        DType::U64 => (0.0, u64::MAX as f64),
        DType::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
        DType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::I64 => (i64::MIN as f64, i64::MAX as f64),
        _ => return None,
    })
}
