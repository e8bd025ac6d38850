//! Sums over slices that the compiler turns into vector instructions.
//!
//! Sums are kept in f64 in eight lanes, so that a result does not depend on the instruction set and its error stays near 1e-16 per term.

const LANES: usize = 8;

/// Sums of the N values of `term(a_i, b_i)`.
#[inline(always)]
pub(crate) fn sums<const N: usize>(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> [f64; N]) -> [f64; N] {
    let n = a.len().min(b.len());
    let (blocks_a, rest_a) = a[..n].as_chunks::<LANES>();
    let (blocks_b, rest_b) = b[..n].as_chunks::<LANES>();
    let mut lanes = [[0.0f64; LANES]; N];
    for (block_a, block_b) in blocks_a.iter().zip(blocks_b) {
        for lane in 0..LANES {
            let values = term(block_a[lane], block_b[lane]);
            for k in 0..N {
                lanes[k][lane] += values[k];
            }
        }
    }
    let mut totals = lanes.map(|lanes| lanes.iter().sum::<f64>());
    for (&va, &vb) in rest_a.iter().zip(rest_b) {
        let values = term(va, vb);
        for k in 0..N {
            totals[k] += values[k];
        }
    }
    totals
}

/// Squared Euclidean length.
pub(crate) fn length_sq(a: &[f32]) -> f64 {
    let [sum] = sums(a, a, |v, _| [f64::from(v) * f64::from(v)]);
    sum
}

/// Squared Euclidean distance.
pub(crate) fn distance_sq(a: &[f32], b: &[f32]) -> f64 {
    let [sum] = sums(a, b, |va, vb| {
        let d = f64::from(vb) - f64::from(va);
        [d * d]
    });
    sum
}

/// Sum of absolute differences.
pub(crate) fn distance_sum(a: &[f32], b: &[f32]) -> f64 {
    let [sum] = sums(a, b, |va, vb| [(f64::from(vb) - f64::from(va)).abs()]);
    sum
}

/// Number of elements that differ; NaN where any element is NaN.
pub(crate) fn distance_count(a: &[f32], b: &[f32]) -> f64 {
    let [sum] = sums(a, b, |va, vb| [if va.is_nan() || vb.is_nan() { f64::NAN } else { f64::from(u8::from(va != vb)) }]);
    sum
}

/// Largest absolute difference; NaN where any difference is NaN.
pub(crate) fn distance_max(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).fold(0.0f64, |far, (&va, &vb)| {
        let d = (f64::from(vb) - f64::from(va)).abs();
        if d > far || d.is_nan() { d } else { far }
    })
}

/// The smallest value of which elements with a larger key weigh at most `limit` together. Keys and weights must not be negative.
///
/// Found bit by bit, since the bits of floats that are not negative are in the order of their values. Sorting would need memory in every
/// step of an attack.
pub(crate) fn threshold(
    a: &[f32],
    b: &[f32],
    limit: f64,
    key: impl Fn(f32, f32) -> f64 + Copy,
    weight: impl Fn(f32, f32) -> f64 + Copy,
) -> f64 {
    let (mut low, mut high) = (0u64, f64::INFINITY.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        let value = f64::from_bits(middle);
        let [above] = sums(a, b, |va, vb| [if key(va, vb) > value { weight(va, vb) } else { 0.0 }]);
        if above <= limit { high = middle } else { low = middle + 1 }
    }
    f64::from_bits(low)
}

/// The k-th largest absolute value, k from 1; NaN counts as the largest. The smallest one where there are fewer than k.
pub fn kth_largest(values: &[f32], k: usize) -> f32 {
    let k = k.clamp(1, values.len().max(1));
    let size = |v: f32, _: f32| if v.is_nan() { f64::INFINITY } else { f64::from(v.abs()) };
    threshold(values, values, (k - 1) as f64, size, |_, _| 1.0) as f32
}

/// `v` held in `[lo, hi]`; NaN gives `lo`. Each comparison is one instruction on vectors, unlike `f32::max`, which must look for NaN on both sides.
#[inline(always)]
pub fn clamp(v: f32, lo: f32, hi: f32) -> f32 {
    let v = if v > lo { v } else { lo };
    if v < hi { v } else { hi }
}
