//! Are the rows of an answer about several samples those of the samples?

/// What a batch says beside what its samples say alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rows {
    /// Each row is that of its sample, up to this difference relative to the largest output.
    Samples(f32),
    /// The numbers are those of the samples, in another order; what the rows seem to be.
    Seem(&'static str),
}

/// Compares the rows of a batch with those of its samples alone; differences up to `rounding` count as none.
pub(crate) fn compare(alone: &[Vec<f32>], batch: &[Vec<f32>], rounding: f32) -> Rows {
    let gap = |place: &dyn Fn(usize, usize) -> Option<(usize, usize)>| {
        let mut largest = 0.0f32;
        for (sample, row) in alone.iter().enumerate() {
            let scale = row.iter().fold(1.0f32, |m, z| m.max(z.abs()));
            for (class, &a) in row.iter().enumerate() {
                let b = place(sample, class).and_then(|(row, column)| batch.get(row)?.get(column)).copied();
                largest = largest.max(difference(a, b.unwrap_or(f32::INFINITY), scale));
            }
        }
        largest
    };
    let straight = gap(&|sample, class| Some((sample, class)));
    let (n, width) = (alone.len(), alone.first().map_or(0, Vec::len));
    if straight <= rounding || n == 0 || width == 0 {
        return Rows::Samples(straight);
    }
    // A flat answer that is cut into rows of classes, but was written class by class.
    let by_class = |sample: usize, class: usize| {
        let place = class * n + sample;
        Some((place / width, place % width))
    };
    if gap(&by_class) <= rounding {
        return Rows::Seem("it seems that rows are classes and columns are samples");
    }
    if alone.iter().all(|row| batch.iter().any(|other| same(row, other, rounding))) {
        return Rows::Seem("it seems that the samples come back in another order");
    }
    if n > 1 && batch.iter().skip(1).all(|row| batch.first().is_some_and(|first| same(first, row, 0.0))) {
        return Rows::Seem("all rows are equal, so it seems that rows are not samples");
    }
    if (1..width).any(|by| gap(&|sample, class| Some((sample, (class + by) % width))) <= rounding) {
        return Rows::Seem("it seems that the classes come back in another order");
    }
    Rows::Samples(straight)
}

/// True where two rows are the same up to `rounding`, relative to the largest number of the first.
pub(crate) fn same(a: &[f32], b: &[f32], rounding: f32) -> bool {
    let scale = a.iter().fold(1.0f32, |m, z| m.max(z.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| difference(a, b, scale) <= rounding)
}

/// Returns the difference relative to `scale`; infinity where only one number is finite, or none and they are not the same.
fn difference(a: f32, b: f32, scale: f32) -> f32 {
    if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let difference = (a - b).abs() / scale;
    if difference.is_nan() { f32::INFINITY } else { difference }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: [[f32; 2]; 3] = [[1.0, 2.0], [-3.0, 4.0], [5.0, -6.0]];

    fn rows(batch: &[[f32; 2]]) -> Rows {
        let alone: Vec<Vec<f32>> = ALONE.iter().map(|row| row.to_vec()).collect();
        compare(&alone, &batch.iter().map(|row| row.to_vec()).collect::<Vec<_>>(), 1e-3)
    }

    #[test]
    fn what_rows_seem_to_be_is_named() {
        assert_eq!(rows(&ALONE), Rows::Samples(0.0));
        for (batch, expected) in [
            ([[1.0, -3.0], [5.0, 2.0], [4.0, -6.0]], "rows are classes"),
            ([ALONE[2], ALONE[1], ALONE[0]], "samples come back in another order"),
            ([[0.5, 0.5]; 3], "all rows are equal"),
            ([[2.0, 1.0], [4.0, -3.0], [-6.0, 5.0]], "classes come back in another order"),
        ] {
            let Rows::Seem(found) = rows(&batch) else { panic!("{batch:?} is taken for samples") };
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn samples_that_influence_each_other_are_no_other_order() {
        let Rows::Samples(gap) = rows(&[[1.1, 2.0], [-3.0, 4.2], [5.0, -6.0]]) else { panic!("these are samples") };
        assert!((0.04..0.06).contains(&gap), "{gap}");
        assert_eq!(rows(&[[f32::NAN, 2.0], [-3.0, 4.0], [5.0, -6.0]]), Rows::Samples(f32::INFINITY));
    }
}
