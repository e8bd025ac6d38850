//! Where rows, columns and channels lie in a flat sample.

/// Most channels that a dimension of three may stand for.
const MAX_CHANNELS: usize = 4;

/// A sample as a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) channels: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// True for height, width, channel; false for channel, height, width.
    channels_last: bool,
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Window {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Picture {
    /// Reads the shape of a sample of `len` elements; what is no picture becomes one row.
    pub(super) fn new(shape: &[usize], len: usize) -> Self {
        let row = Self { channels: 1, rows: 1, columns: len, channels_last: false };
        let picture = match *shape {
            [rows, columns] => Self { rows, columns, ..row },
            [rows, columns, channels] if channels <= MAX_CHANNELS && shape.first() > Some(&MAX_CHANNELS) => {
                Self { channels, rows, columns, channels_last: true }
            }
            [.., rows, columns] => {
                let planes = shape.iter().rev().skip(2).product();
                Self { channels: planes, rows, columns, channels_last: false }
            }
            _ => row,
        };
        if picture.channels * picture.rows * picture.columns != len {
            return row;
        }
        // A single column is a row in another direction.
        if picture.columns == 1 { Self { rows: 1, columns: picture.rows, ..picture } } else { picture }
    }

    /// Number of pixels of one channel.
    pub(super) fn area(self) -> usize {
        self.rows * self.columns
    }

    /// Place of an element in the flat sample.
    pub(super) fn place(self, channel: usize, row: usize, column: usize) -> usize {
        let pixel = row * self.columns + column;
        if self.channels_last { pixel * self.channels + channel } else { channel * self.area() + pixel }
    }

    /// Height and width of a patch of `share` of the picture: square where it fits, else longer.
    pub(super) fn patch(self, share: f64, least: usize, odd: bool) -> (usize, usize) {
        let area = share * self.area() as f64;
        let fit = |side: f64, most: usize| {
            // Rounded half to even, as in the reference.
            let side = (side.round_ties_even() as usize).max(least);
            let side = if odd && side.is_multiple_of(2) { side + 1 } else { side };
            side.min(most).max(1)
        };
        let side = area.sqrt();
        if side <= self.rows.min(self.columns) as f64 {
            (fit(side, self.rows), fit(side, self.columns))
        } else if self.rows <= self.columns {
            (self.rows, fit(area / self.rows as f64, self.columns))
        } else {
            (fit(area / self.columns as f64, self.rows), self.columns)
        }
    }
}

impl Window {
    /// Row and column of every pixel.
    pub(super) fn pixels(self) -> impl Iterator<Item = (usize, usize)> {
        (self.top..self.top + self.rows).flat_map(move |row| (self.left..self.left + self.columns).map(move |column| (row, column)))
    }

    /// True if the pixel lies inside.
    pub(super) fn holds(self, row: usize, column: usize) -> bool {
        (self.top..self.top + self.rows).contains(&row) && (self.left..self.left + self.columns).contains(&column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(shape: &[usize]) -> [usize; 3] {
        let picture = Picture::new(shape, shape.iter().product());
        [picture.channels, picture.rows, picture.columns]
    }

    #[test]
    fn shapes_are_read_as_pictures() {
        assert_eq!(sizes(&[3, 32, 24]), [3, 32, 24]);
        assert_eq!(sizes(&[32, 24, 3]), [3, 32, 24]);
        assert_eq!(sizes(&[28, 28]), [1, 28, 28]);
        assert_eq!(sizes(&[1, 28, 28]), [1, 28, 28]);
        assert_eq!(sizes(&[784]), [1, 1, 784]);
        assert_eq!(sizes(&[784, 1]), [1, 1, 784]);
        assert_eq!(sizes(&[2, 3, 8, 9]), [6, 8, 9]);
        assert_eq!(sizes(&[3, 1, 1]), [3, 1, 1]);
        let unknown = Picture::new(&[], 7);
        assert_eq!([unknown.channels, unknown.rows, unknown.columns], [1, 1, 7]);
    }

    #[test]
    fn every_element_has_one_place() {
        for shape in [vec![3, 4, 5], vec![5, 6, 2], vec![7], vec![2, 2, 3, 4]] {
            let len = shape.iter().product();
            let picture = Picture::new(&shape, len);
            let mut seen = vec![false; len];
            for channel in 0..picture.channels {
                for row in 0..picture.rows {
                    for column in 0..picture.columns {
                        assert!(!std::mem::replace(&mut seen[picture.place(channel, row, column)], true), "{shape:?}");
                    }
                }
            }
            assert!(seen.into_iter().all(|seen| seen));
        }
    }

    #[test]
    fn patches_are_square_where_they_fit_and_never_larger_than_the_picture() {
        let picture = |shape: &[usize]| Picture::new(shape, shape.iter().product());
        assert_eq!(picture(&[3, 32, 32]).patch(0.8, 1, false), (29, 29));
        assert_eq!(picture(&[28, 28]).patch(0.05, 3, true), (7, 7));
        assert_eq!(picture(&[4, 100]).patch(0.8, 1, false), (4, 80));
        assert_eq!(picture(&[100, 4]).patch(0.8, 1, false), (80, 4));
        assert_eq!(picture(&[784]).patch(0.1, 1, false), (1, 78));
        for shape in [vec![1, 1], vec![2, 2], vec![1, 2], vec![3, 1, 1], vec![2, 5]] {
            for share in [1.0, 0.8, 0.1, 0.001] {
                let picture = picture(&shape);
                let (rows, columns) = picture.patch(share, 3, true);
                assert!((1..=picture.rows).contains(&rows) && (1..=picture.columns).contains(&columns), "{shape:?} {share}");
            }
        }
    }
}
