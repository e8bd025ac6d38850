//! Models whose attacked input takes whole numbers.

use brinell_engine::Preprocess;
use brinell_graph::DType;
use brinell_threat::{Ball, Grid, Norm};

use super::Subject;
use crate::ProtocolError;

impl Subject {
    /// Returns the points that the model can be fed, where it takes whole numbers.
    ///
    /// # Errors
    /// [`ProtocolError::IntegerRange`] where its type does not have all numbers of the box, [`ProtocolError::IntegerStep`] where the ball holds no
    /// whole numbers but those of the clean input.
    pub(crate) fn grid(&self, preprocess: &Preprocess, ball: &Ball) -> Result<Option<Grid>, ProtocolError> {
        let Some((least, most)) = range(self.signature.dtype) else { return Ok(None) };
        let (mean, std, inner) = preprocess.affine();
        let grid = Grid::new(mean, std, inner);
        let (lo, hi) = grid.span(ball.bounds);
        let (input, dtype) = (self.signature.input_name.clone(), self.signature.dtype);
        if lo.round_ties_even() < least || hi.round_ties_even() > most {
            return Err(ProtocolError::IntegerRange { input, dtype, lo, hi });
        }
        let step = f64::from(grid.finest());
        if ball.norm != Norm::L0 && ball.eps > 0.0 && ball.eps < step {
            return Err(ProtocolError::IntegerStep { input, dtype, step, eps: ball.eps });
        }
        Ok(Some(grid))
    }
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
