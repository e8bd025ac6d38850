//! Halving the way between a clean input and an adversarial point until the edge of the decision is found.

use brinell_threat::{InputBox, Norm, clamp};

/// The search for the edge on the line from the clean input to an outer point that is adversarial; in Linf, on the path along which the
/// distance of every element is capped.
///
/// Places run from 0, the clean input, to 1, the outer point.
#[derive(Debug, Clone)]
pub(crate) struct Bisection {
    norm: Norm,
    /// Largest difference of any element between the two ends; the cap at place 1 in Linf.
    span: f64,
    low: f64,
    high: f64,
    tolerance: f64,
}

impl Bisection {
    /// Begins a search that ends once the edge is known to `tolerance` of the whole way.
    pub(crate) fn new(norm: Norm, clean: &[f32], outer: &[f32], tolerance: f64) -> Self {
        let span = clean.iter().zip(outer).fold(0.0f64, |span, (a, b)| span.max((f64::from(*a) - f64::from(*b)).abs()));
        Self { norm, span, low: 0.0, high: 1.0, tolerance }
    }

    /// Writes the next point to ask about.
    pub(crate) fn ask(&self, clean: &[f32], outer: &[f32], bounds: InputBox, out: &mut [f32]) {
        self.point(f64::midpoint(self.low, self.high), clean, outer, bounds, out);
    }

    /// Takes whether the point asked about is adversarial; true once the edge is found.
    pub(crate) fn tell(&mut self, adversarial: bool) -> bool {
        let middle = f64::midpoint(self.low, self.high);
        if adversarial {
            self.high = middle
        } else {
            self.low = middle
        }
        self.high - self.low <= self.tolerance
    }

    /// Writes the nearest point that was adversarial.
    pub(crate) fn edge(&self, clean: &[f32], outer: &[f32], bounds: InputBox, out: &mut [f32]) {
        self.point(self.high, clean, outer, bounds, out);
    }

    fn point(&self, place: f64, clean: &[f32], outer: &[f32], bounds: InputBox, out: &mut [f32]) {
        let cap = place * self.span;
        for ((out, &from), &to) in out.iter_mut().zip(clean).zip(outer) {
            let way = f64::from(to) - f64::from(from);
            let moved = if self.norm == Norm::Linf { way.clamp(-cap, cap) } else { place * way };
            *out = clamp((f64::from(from) + moved) as f32, bounds.lo(), bounds.hi());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_found_to_the_tolerance_from_the_adversarial_side() {
        let (clean, outer) = ([0.1, 0.5, 0.9], [0.9, 0.5, 0.0]);
        for norm in [Norm::L2, Norm::Linf] {
            for edge in [0.02, 0.35, 0.799] {
                let mut search = Bisection::new(norm, &clean, &outer, 1e-4);
                let mut x = [0.0; 3];
                let adversarial = |x: &[f32; 3]| f64::from(x[0]) - 0.1 >= edge;
                let mut asked = 0;
                loop {
                    search.ask(&clean, &outer, InputBox::UNIT, &mut x);
                    asked += 1;
                    if search.tell(adversarial(&x)) {
                        break;
                    }
                }
                search.edge(&clean, &outer, InputBox::UNIT, &mut x);
                assert!(adversarial(&x) && f64::from(x[0]) - 0.1 < edge + 2e-4, "{norm} {edge} {x:?}");
                assert_eq!((asked, x[1]), (14, 0.5));
            }
        }
    }
}
