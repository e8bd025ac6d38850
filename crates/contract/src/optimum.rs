//! The smallest change that moves a linear function by a given amount, in closed form and in f64.
//!
//! It shares no code with the projections and support functions of the threat crate, which it is to judge.

use brinell_threat::{InputBox, Norm};

/// Halvings after which an interval of doubles has no point left inside.
const HALVINGS: usize = 200;

/// Largest value of `<w, y - x>` over all `y` of the box with a distance of at most `eps` from `x`.
pub(crate) fn reach(w: &[f64], x: &[f32], norm: Norm, eps: f64, bounds: InputBox) -> f64 {
    // Size of the weight, and how far the element can go in its direction.
    let mut elements: Vec<(f64, f64)> = w
        .iter()
        .zip(x)
        .map(|(&w, &x)| (w.abs(), if w < 0.0 { f64::from(x) - f64::from(bounds.lo()) } else { f64::from(bounds.hi()) - f64::from(x) }))
        .collect();
    match norm {
        Norm::Linf => elements.iter().map(|(w, room)| w * room.min(eps)).sum(),
        Norm::L2 => {
            let moves = |t: f64| elements.iter().map(move |(w, room)| (w, (t * w).min(*room)));
            let largest = elements.iter().filter(|(w, _)| *w > 0.0).map(|(w, room)| room / w).fold(0.0, f64::max);
            let (mut low, mut high) = (0.0, largest);
            for _ in 0..HALVINGS {
                let t = f64::midpoint(low, high);
                if moves(t).map(|(_, m)| m * m).sum::<f64>().sqrt() <= eps { low = t } else { high = t }
            }
            moves(high).map(|(w, m)| w * m).sum()
        }
        Norm::L1 => {
            elements.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            let mut left = eps;
            let gain = |(w, room): &(f64, f64)| {
                let moved = room.min(left);
                left -= moved;
                w * moved
            };
            elements.iter().map(gain).sum()
        }
        Norm::L0 => {
            let mut gains: Vec<f64> = elements.iter().map(|(w, room)| w * room).collect();
            gains.sort_by(|a, b| b.total_cmp(a));
            gains.iter().take(eps.min(x.len() as f64) as usize).sum()
        }
    }
}

/// Smallest distance at which `<w, y - x>` can be `lead` or more; infinite where the box ends before.
pub(crate) fn distance(w: &[f64], lead: f64, x: &[f32], norm: Norm, bounds: InputBox) -> f64 {
    let n = x.len() as f64;
    let farthest = match norm {
        Norm::Linf => bounds.width(),
        Norm::L2 => bounds.width() * n.sqrt(),
        Norm::L1 => bounds.width() * n,
        Norm::L0 => n,
    };
    if reach(w, x, norm, farthest, bounds) < lead {
        return f64::INFINITY;
    }
    if norm == Norm::L0 {
        return (0..=x.len()).map(|k| k as f64).find(|&k| reach(w, x, norm, k, bounds) >= lead).unwrap_or(f64::INFINITY);
    }
    let (mut low, mut high) = (0.0, farthest);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if reach(w, x, norm, middle, bounds) >= lead { high = middle } else { low = middle }
    }
    high
}
