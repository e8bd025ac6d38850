//! The smallest change that takes a point onto a plane without leaving the box.

use crate::{
    InputBox, Norm,
    kernel::{F32_ZEROS, sums, threshold},
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
    let up = rise >= 0.0;
    let wanted = rise.abs();
    let (lo, hi) = (bounds.lo(), bounds.hi());
    // First how far each element may go, so that the passes below are short.
    for ((room, &x), &w) in delta.iter_mut().zip(x).zip(w) {
        let most = if (w > 0.0) == up { hi - x } else { x - lo };
        let moves = w.abs() > 0.0 && w.abs() < f32::INFINITY && most > 0.0;
        *room = if moves { most } else { 0.0 };
    }
    match norm {
        Norm::Linf => {
            let t = reach(w, delta, wanted, |_| 1.0) as f32;
            delta.iter_mut().for_each(|room| *room = if t < *room { t } else { *room });
        }
        Norm::L2 => {
            let t = reach(w, delta, wanted, |weight| weight) as f32;
            for (room, &w) in delta.iter_mut().zip(w) {
                let far = t * w.abs();
                // An infinite t makes it NaN where there is no weight, and no room.
                *room = if far < *room { far } else { *room };
            }
        }
        Norm::L1 => greedy(w, delta, wanted, F32_ZEROS, |w, _| f64::from(w.abs())),
        Norm::L0 => greedy(w, delta, wanted, 0, gain),
    }
    for (delta, &w) in delta.iter_mut().zip(w) {
        *delta = if (w > 0.0) == up { *delta } else { -*delta };
    }
    norm.length(delta)
}

/// What an element gains that goes as far as it can.
#[inline(always)]
fn gain(w: f32, room: f32) -> f64 {
    if room > 0.0 { f64::from(w.abs()) * f64::from(room) } else { 0.0 }
}

/// The t for which the changes `min(t slope, room)` gain `wanted` in all; infinite where the box is in the way.
///
/// The gain is concave in t, so that Newton's steps rise to the root, and they are there as soon as no further element stops.
fn reach(w: &[f32], rooms: &[f32], wanted: f64, slope: impl Fn(f64) -> f64 + Copy) -> f64 {
    let mut t = 0.0;
    for _ in 0..MAX_PASSES {
        let [free, stopped] = sums(w, rooms, |w, room| {
            let weight = f64::from(w.abs());
            // Selected, not branched on.
            if t * slope(weight) < f64::from(room) { [weight * slope(weight), 0.0] } else { [0.0, gain(w, room)] }
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

/// Turns rooms into changes that gain `wanted`: elements with the largest keys go as far as they can, the last of them only as far as needed.
fn greedy(w: &[f32], rooms: &mut [f32], wanted: f64, zeros: u32, key: impl Fn(f32, f32) -> f64 + Copy) {
    let last = threshold(w, rooms, wanted, zeros, key, gain);
    let [above] = sums(w, rooms, |w, room| [if key(w, room) > last { gain(w, room) } else { 0.0 }]);
    let mut left = wanted - above;
    for (room, &w) in rooms.iter_mut().zip(w) {
        let key = key(w, *room);
        if key > last {
            continue;
        }
        let weight = f64::from(w.abs());
        // What rounding leaves is nothing: of elements with equal keys it would move one more.
        if key == last && *room > 0.0 && left > 1e-12 * wanted {
            let (asked, most) = (left / weight, f64::from(*room));
            left = if asked < most { 0.0 } else { left - most * weight };
            *room = asked.min(most) as f32;
        } else {
            *room = 0.0;
        }
    }
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
    fn of_elements_that_gain_the_same_no_more_than_needed_move() {
        // Seven elements gain 2.3 x 0.7 each; what is wanted ends inside the third, where sums in other orders leave a rest.
        let (x, w) = ([0.3_f32; 7], [2.3_f32; 7]);
        for share in [0.1, 1.0 / 3.0, 0.7, 0.9, 1.0] {
            let wanted = (2.0 + share) * f64::from(2.3_f32) * (1.0 - f64::from(0.3_f32));
            assert_eq!(change(Norm::L0, &x, &w, wanted).1, 3.0, "{share}");
        }
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
