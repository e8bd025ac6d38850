//! The smallest change that takes a point onto a plane without leaving the box.

use crate::{
    InputBox, Norm,
    kernel::{sums, threshold},
    rounding::room,
};

/// More passes than any projection has been seen to need.
const MAX_PASSES: usize = 64;

/// Writes into `delta` the smallest change, in `norm`, for which `<w, delta>` is `rise` and `x + delta` lies in the box; returns its size.
///
/// # Guarantees
/// Exact up to rounding to f32. Where no point of the box lies on the plane, every element with a weight goes to its side of the box. Elements
/// without weight stay, and a weight that is not finite counts as none. `x` must be in the box. No memory is allocated.
///
/// # Source
/// Croce & Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack", ICML 2020, section 2.1 and Eq. (3), which
/// sorts the elements; the root that is found here is the same.
pub fn onto_plane(norm: Norm, x: &[f32], w: &[f32], rise: f64, bounds: InputBox, delta: &mut [f32]) -> f64 {
    let toward = if rise < 0.0 { -1.0 } else { 1.0 };
    // Size of the weight, and how far the element may go.
    let element = move |x: f32, w: f32| {
        let w = if w.is_finite() { f64::from(w) * toward } else { 0.0 };
        (w.abs(), if w == 0.0 { 0.0 } else { room(x, w, bounds) })
    };
    let wanted = rise.abs();
    let mut fill = |change: &mut dyn FnMut(f64, f64) -> f64| {
        for ((delta, &x), &w) in delta.iter_mut().zip(x).zip(w) {
            let (weight, room) = element(x, w);
            let size = change(weight, room);
            *delta = if (w < 0.0) == (toward < 0.0) { size } else { -size } as f32;
        }
    };
    match norm {
        Norm::Linf => {
            let t = reach(x, w, wanted, |x, w| {
                let (weight, room) = element(x, w);
                (weight, 1.0, room)
            });
            fill(&mut |weight, room| if weight > 0.0 { room.min(t) } else { 0.0 });
        }
        Norm::L2 => {
            let t = reach(x, w, wanted, |x, w| {
                let (weight, room) = element(x, w);
                (weight, weight, room)
            });
            fill(&mut |weight, room| if weight > 0.0 { room.min(t * weight) } else { 0.0 });
        }
        Norm::L1 | Norm::L0 => {
            // The heaviest elements first, each as far as it can go; for L0, those that gain most.
            let key = move |weight: f64, room: f64| if norm == Norm::L1 { weight } else { weight * room };
            let keyed = move |x, w| {
                let (weight, room) = element(x, w);
                key(weight, room)
            };
            let gain = move |x, w| {
                let (weight, room) = element(x, w);
                weight * room
            };
            let last = threshold(x, w, wanted, keyed, gain);
            let [above] = sums(x, w, |x, w| [if keyed(x, w) > last { gain(x, w) } else { 0.0 }]);
            let mut left = wanted - above;
            fill(&mut |weight, room| {
                let key = key(weight, room);
                if key > last {
                    room
                } else if key == last && weight > 0.0 {
                    let size = room.min(left.max(0.0) / weight);
                    left -= size * weight;
                    size
                } else {
                    0.0
                }
            });
        }
    }
    norm.length(delta)
}

/// The t for which the changes `min(t slope, room)` gain `wanted` in all; infinite where the box is in the way.
///
/// `element` gives weight, slope and room. The gain is concave in t, so that Newton's steps rise to the root, and they are there as soon as no
/// further element stops.
fn reach(x: &[f32], w: &[f32], wanted: f64, element: impl Fn(f32, f32) -> (f64, f64, f64) + Copy) -> f64 {
    let mut t = 0.0;
    for _ in 0..MAX_PASSES {
        let [free, stopped] = sums(x, w, |x, w| {
            let (weight, slope, room) = element(x, w);
            if t * slope < room { [weight * slope, 0.0] } else { [0.0, weight * room] }
        });
        if free <= 0.0 {
            return f64::INFINITY;
        }
        let next = (wanted - stopped) / free;
        // Rises in the last bits of f64 are rounding, not elements.
        if next <= t * (1.0 + 1e-14) {
            return t;
        }
        t = next;
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(norm: Norm, x: &[f32], w: &[f32], rise: f64) -> (Vec<f32>, f64) {
        let mut delta = vec![f32::NAN; x.len()];
        let size = onto_plane(norm, x, w, rise, InputBox::UNIT, &mut delta);
        (delta, size)
    }

    #[test]
    fn changes_are_those_that_one_can_work_out_by_hand() {
        let (x, w) = ([0.5, 0.5, 0.875], [2.0, -1.0, 1.0]);
        assert_eq!(change(Norm::Linf, &x, &w, 0.25), (vec![0.0625, -0.0625, 0.0625], 0.0625));
        // The third element stops at the side of the box.
        assert_eq!(change(Norm::Linf, &x, &w, 0.875), (vec![0.25, -0.25, 0.125], 0.25));
        assert_eq!(change(Norm::L2, &x, &w, 0.375).0, [0.125, -0.0625, 0.0625]);
        assert_eq!(change(Norm::L1, &x, &w, 1.25), (vec![0.5, -0.25, 0.0], 0.75));
        assert_eq!(change(Norm::L1, &x, &w, -0.5), (vec![-0.25, 0.0, 0.0], 0.25));
        assert_eq!(change(Norm::L0, &x, &w, -1.25), (vec![-0.5, 0.0, -0.25], 2.0));
    }

    #[test]
    fn a_plane_beyond_the_box_takes_every_element_with_a_weight_to_its_side() {
        for norm in Norm::ALL {
            assert_eq!(change(norm, &[0.5, 0.25, 0.5], &[1.0, -1.0, 0.0], 9.0).0, [0.5, -0.25, 0.0], "{norm}");
        }
    }

    #[test]
    fn a_point_on_the_plane_stays_and_a_flat_function_moves_nothing() {
        for norm in Norm::ALL {
            assert_eq!(change(norm, &[0.5, 1.0], &[1.0, 1.0], 0.0), (vec![0.0, 0.0], 0.0), "{norm}");
            assert_eq!(change(norm, &[0.5, 1.0], &[0.0, 0.0], 1.0), (vec![0.0, 0.0], 0.0), "{norm}");
        }
    }
}
