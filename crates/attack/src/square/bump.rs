//! The patches of the L2 and L1 forms: two opposite hills side by side.

/// Height of a hill of `rows` by `columns` at a pixel: sums of 1 / (k + 1)^power over all k from the distance to the middle on.
fn hill([rows, columns]: [usize; 2], [row, column]: [usize; 2], power: i32) -> f64 {
    let (middle_row, middle_column) = (rows / 2, columns / 2);
    let rings = middle_row.max(middle_column) + 1;
    let ring = row.abs_diff(middle_row).max(column.abs_diff(middle_column));
    (ring..rings).map(|k| 1.0 / (k as f64 + 1.0).powi(power)).sum()
}

/// Writes a patch of length 1 into `bump` `[rows, columns]`: one hill in its first half, its negative in the other. `power` is 2 for L2
/// and 4 for L1, and so is the norm in which the length is 1. `flip` splits the columns instead of the rows.
pub(super) fn fill(bump: &mut [f32], rows: usize, columns: usize, power: i32, flip: bool) {
    // A side of one pixel cannot be split.
    let flip = if flip { columns > 1 } else { rows == 1 };
    let (long, wide) = if flip { (columns, rows) } else { (rows, columns) };
    let half = long / 2;
    let length = |value: f64| if power == 2 { value * value } else { value.abs() };
    let root = |sum: f64| if power == 2 { sum.sqrt() } else { sum };
    // Each hill has length 1 of its own before the two are put together.
    let sizes = [half, long - half].map(|part| {
        let pixels = (0..part).flat_map(|row| (0..wide).map(move |column| [row, column]));
        root(pixels.map(|pixel| length(hill([part, wide], pixel, power))).sum())
    });
    let whole = root(sizes.iter().map(|&size| if size > 0.0 { 1.0 } else { 0.0 }).sum());
    for (place, value) in bump.iter_mut().enumerate().take(rows * columns) {
        let (row, column) = (place / columns, place % columns);
        let (along, across) = if flip { (column, row) } else { (row, column) };
        *value = if along < half {
            hill([half, wide], [along, across], power) / sizes[0] / whole
        } else {
            -hill([long - half, wide], [along - half, across], power) / sizes[1] / whole
        } as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_have_length_one_and_opposite_halves() {
        for (power, norm) in [(2, 2), (4, 1)] {
            for (rows, columns) in [(3, 3), (5, 5), (6, 6), (1, 9), (9, 1), (1, 1), (2, 3)] {
                for flip in [false, true] {
                    let mut bump = vec![f32::NAN; rows * columns];
                    fill(&mut bump, rows, columns, power, flip);
                    let length: f64 = bump.iter().map(|v| f64::from(v.abs()).powi(norm)).sum();
                    assert!((length - 1.0).abs() < 1e-6, "{rows} {columns}: {length}");
                    let split = rows * columns > 1;
                    assert_eq!(bump.iter().any(|v| *v > 0.0), split, "{rows} {columns}");
                    assert!(bump.iter().any(|v| *v < 0.0));
                }
            }
        }
    }
}
