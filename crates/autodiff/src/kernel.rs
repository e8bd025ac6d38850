//! Constant weights rearranged while the graph is built.

/// Returns the transpose of a row-major matrix.
pub(crate) fn transposed(data: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| (0..rows).filter_map(move |i| data.get(i * columns + j).copied())).collect()
}

/// Returns the weight [C, M/groups, k..] of the convolution that is the adjoint of a stride-1 convolution with weight
/// `data` [M, C/groups, k..]: input and output channels exchanged within each group, kernel reversed.
pub(crate) fn adjoint(shape: &[usize], data: &[f32], groups: usize) -> Option<(Vec<usize>, Vec<f32>)> {
    let (&m, &c, kernel) = match shape {
        [m, c, kernel @ ..] => (m, c, kernel),
        _ => return None,
    };
    let taps: usize = kernel.iter().product();
    let per_group = m.checked_div(groups)?;
    let mut flipped = Vec::with_capacity(data.len());
    for group in 0..groups {
        for channel in 0..c {
            for out in 0..per_group {
                let start = ((group * per_group + out) * c + channel) * taps;
                flipped.extend(data.get(start..start + taps)?.iter().rev());
            }
        }
    }
    let mut new_shape = vec![groups * c, per_group];
    new_shape.extend(kernel);
    Some((new_shape, flipped))
}

#[cfg(test)]
mod tests {
    use super::{adjoint, transposed};

    #[test]
    fn transposes_a_matrix() {
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn the_adjoint_weight_exchanges_channels_within_a_group() {
        let data: Vec<f32> = (0..8u8).map(f32::from).collect();
        let (shape, flipped) = adjoint(&[4, 1, 2], &data, 2).unwrap();
        assert_eq!(shape, [2, 2, 2]);
        assert_eq!(flipped, [1.0, 0.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0]);
    }
}
