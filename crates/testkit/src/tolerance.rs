use crate::Array;

/// How near two results must be. Tests say one of these words, never a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// The same bits (and any NaN equals any NaN).
    Exact,
    /// At most this many f32 steps apart.
    Ulp(u32),
    /// The same real function computed in f64 in another order: 1e-9 of the larger of 1 and the largest element.
    Close,
    /// Computed with constants that are rounded to f32, or by finite differences: 1e-6 of the same.
    Rounded,
    /// Computed in f32: 1e-4 of the same.
    Loose,
    /// Computed in half precision: 4e-3 of the same.
    Half,
}

impl Tolerance {
    /// Asserts that `found` is near `expected`.
    ///
    /// # Panics
    /// Where it is not, with the worst element.
    pub fn assert(self, what: &str, found: &Array, expected: &Array) {
        let report = self.compare(found, expected);
        assert!(report.is_none(), "{what}: {}", report.unwrap_or_default());
    }

    /// Returns what is wrong with `found`, naming the worst element; `None` where it is near enough.
    #[must_use]
    pub fn compare(self, found: &Array, expected: &Array) -> Option<String> {
        if found.shape != expected.shape {
            return Some(format!("shape {:?}, expected {:?}", found.shape, expected.shape));
        }
        let size = expected.data.iter().filter(|x| x.is_finite()).fold(1.0f64, |m, x| m.max(x.abs()));
        let excess = |(&f, &e): (&f64, &f64)| self.excess(f, e, size);
        let pairs = found.data.iter().zip(&expected.data);
        let worst = pairs.map(excess).enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let (i, excess) = worst;
        (excess > 1.0).then(|| {
            let n = found.data.iter().zip(&expected.data).filter(|&(&f, &e)| self.excess(f, e, size) > 1.0).count();
            format!(
                "{n} of {} elements are not {self:?}; worst is element {i} of {:?}: {} instead of {} ({excess:.2e} times the tolerance)",
                found.data.len(),
                found.shape,
                found.data[i],
                expected.data[i],
            )
        })
    }

    /// Returns the error in units of what is tolerated.
    fn excess(self, found: f64, expected: f64, size: f64) -> f64 {
        if found.is_nan() || expected.is_nan() || found.is_infinite() || expected.is_infinite() {
            let same = (found.is_nan() && expected.is_nan()) || found.to_bits() == expected.to_bits();
            return if same { 0.0 } else { f64::INFINITY };
        }
        let relative = |tolerance: f64| (found - expected).abs() / (tolerance * size);
        match self {
            Self::Exact if found.to_bits() == expected.to_bits() => 0.0,
            Self::Exact => f64::INFINITY,
            Self::Ulp(n) => {
                let steps = ordered(found as f32).abs_diff(ordered(expected as f32));
                if steps <= n { 0.0 } else { 1.0 + f64::from(steps - n) }
            }
            Self::Close => relative(1e-9),
            Self::Rounded => relative(1e-6),
            Self::Loose => relative(1e-4),
            Self::Half => relative(4e-3),
        }
    }
}

/// Maps f32 to integers such that neighbours differ by 1 (and the two zeros by nothing).
fn ordered(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits }
}

#[cfg(test)]
mod tests {
    use super::Tolerance;
    use crate::Array;

    fn is_near(tolerance: Tolerance, found: f64, expected: f64) -> bool {
        tolerance.compare(&Array::scalar(found), &Array::scalar(expected)).is_none()
    }

    #[test]
    fn words_mean_what_they_say() {
        let next = f64::from(f32::from_bits(1f32.to_bits() + 1));
        let cases = [
            (Tolerance::Exact, 1.0, 1.0, true),
            (Tolerance::Exact, 1.0, 1.0 + f64::EPSILON, false),
            (Tolerance::Exact, f64::NAN, f64::NAN, true),
            (Tolerance::Ulp(0), next, 1.0, false),
            (Tolerance::Ulp(1), next, 1.0, true),
            (Tolerance::Ulp(1), -0.0, 0.0, true),
            (Tolerance::Ulp(2), 1e-45, -1e-45, true),
            (Tolerance::Ulp(1), 1e-45, -1e-45, false),
            (Tolerance::Close, 1.0 + 1e-10, 1.0, true),
            (Tolerance::Close, 1.0 + 1e-8, 1.0, false),
            (Tolerance::Rounded, 1.0 + 1e-7, 1.0, true),
            (Tolerance::Rounded, 1.0 + 1e-5, 1.0, false),
            (Tolerance::Loose, 1.0 + 1e-5, 1.0, true),
            (Tolerance::Loose, 1.0 + 1e-3, 1.0, false),
            (Tolerance::Half, 1.003, 1.0, true),
            (Tolerance::Half, 1.005, 1.0, false),
            (Tolerance::Loose, f64::NAN, 1.0, false),
            (Tolerance::Loose, f64::INFINITY, f64::INFINITY, true),
            (Tolerance::Loose, f64::INFINITY, f64::NEG_INFINITY, false),
        ];
        for (tolerance, found, expected, near) in cases {
            assert_eq!(is_near(tolerance, found, expected), near, "{tolerance:?}: {found} and {expected}");
        }
    }

    #[test]
    fn the_worst_element_is_named() {
        let found = Array::new(&[3], vec![1.0, 2.5, 3.1]);
        let problem = Tolerance::Loose.compare(&found, &Array::new(&[3], vec![1.0, 2.0, 3.0])).unwrap();
        assert!(problem.contains("2 of 3") && problem.contains("element 1"), "{problem}");
        assert!(Tolerance::Loose.compare(&found, &Array::full(&[2], 0.0)).is_some_and(|p| p.contains("shape [3], expected [2]")));
    }
}
