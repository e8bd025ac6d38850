//! Adam's directions.

/// Moving means of a gradient and its square. Memory: 2 d floats.
///
/// # Source
/// Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Alg. 1, with its constants 0.9, 0.999 and 1e-8.
#[derive(Debug)]
pub(super) struct Adam {
    first: Box<[f32]>,
    second: Box<[f32]>,
    done: i32,
}

impl Adam {
    pub(super) fn new(len: usize) -> Self {
        Self { first: vec![0.0; len].into(), second: vec![0.0; len].into(), done: 0 }
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.first.fill(0.0);
        self.second.fill(0.0);
        self.done = 0;
    }

    /// Begins a step: the moments of every element, each to be given its gradient.
    pub(super) fn step(&mut self) -> impl Iterator<Item = Moments<'_>> {
        self.done = self.done.saturating_add(1);
        let (first, second) = (1.0 / (1.0 - 0.9f32.powi(self.done)), 1.0 / (1.0 - 0.999f32.powi(self.done)));
        self.first.iter_mut().zip(&mut self.second).map(move |(m, v)| Moments { m, v, first, second })
    }
}

/// The moments of one element.
pub(super) struct Moments<'a> {
    m: &'a mut f32,
    v: &'a mut f32,
    first: f32,
    second: f32,
}

impl Moments<'_> {
    /// Takes in a gradient to be followed downwards and gives the mean gradient and what it is divided by.
    pub(super) fn take(self, gradient: f32) -> (f32, f32) {
        *self.m += 0.1 * (gradient - *self.m);
        *self.v += 0.001 * (gradient * gradient - *self.v);
        (*self.m * self.first, (*self.v * self.second).sqrt() + 1e-8)
    }
}
