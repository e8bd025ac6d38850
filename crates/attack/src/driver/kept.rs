//! The point that an attack has to show of one sample, whether it is an example or not.

/// One point. Memory: d floats once it is begun.
#[derive(Debug, Default)]
pub(super) struct Kept {
    x: Option<Vec<f32>>,
    margin: f64,
    reached: bool,
}

impl Kept {
    /// Begins with the clean input, which anything inside the ball replaces.
    pub(super) fn new(x: &[f32]) -> Self {
        Self { x: Some(x.to_vec()), margin: f64::NEG_INFINITY, reached: false }
    }

    pub(super) fn margin(&self) -> f64 {
        self.margin
    }

    pub(super) fn put(&mut self, x: &[f32], margin: f64, reached: bool) {
        if let Some(kept) = &mut self.x {
            kept.copy_from_slice(x);
            (self.margin, self.reached) = (margin, reached);
        }
    }

    /// Takes the point out, and whether the model was seen to be fooled by it.
    pub(super) fn take(&mut self) -> Option<(Vec<f32>, bool)> {
        self.x.take().map(|x| (x, self.reached))
    }
}
