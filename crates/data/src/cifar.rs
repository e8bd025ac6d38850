//! The binary layout of CIFAR-10 and CIFAR-100: rows of one or two label bytes and 3,072 bytes of red, green and blue planes.

use super::array::Samples;
use super::dataset::Pixels;
use super::error::DataErrorKind;
use super::input::Input;
use super::moments::Moments;

const PIXELS: u64 = 3072;

/// Which of the two layouts a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One label byte.
    Cifar10,
    /// A coarse label byte, which is ignored, and a fine one.
    Cifar100,
}

impl Layout {
    fn label_bytes(self) -> u64 {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    fn classes(self) -> u8 {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
        }
    }

    /// Returns the name of the format.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
        }
    }
}

/// Tells the layouts apart by the file's size: a multiple of 3,073 bytes, or else of 3,074.
pub(super) fn layout(size: u64) -> Result<Layout, DataErrorKind> {
    [Layout::Cifar10, Layout::Cifar100].into_iter().find(|layout| size.is_multiple_of(PIXELS + layout.label_bytes())).ok_or_else(|| {
        DataErrorKind::Malformed {
            format: "CIFAR binary",
            reason: format!("its size, {size} bytes, is not a multiple of 3073 (CIFAR-10) or 3074 (CIFAR-100)"),
        }
    })
}

/// Returns ranges and deviations of all rows.
pub(super) fn moments(input: &mut Input<'_>, size: u64) -> Result<Moments, DataErrorKind> {
    let labels = layout(size)?.label_bytes();
    let mut all = Moments::new(PIXELS as usize);
    input.pieces(size, PIXELS + labels, |row| {
        row.iter().skip(labels as usize).enumerate().for_each(|(place, &value)| all.add(place, f32::from(value)));
        Ok(())
    })?;
    Ok(all)
}

/// Reads at most `limit` rows.
pub(super) fn read(input: &mut Input<'_>, size: u64, limit: Option<usize>) -> Result<(Samples, Vec<usize>, Layout), DataErrorKind> {
    let layout = layout(size)?;
    let row = PIXELS + layout.label_bytes();
    let total = size / row;
    if total == 0 {
        return Err(DataErrorKind::Empty);
    }
    let n = limit.map_or(total, |limit| total.min(limit as u64));
    let (mut pixels, mut labels) = (Vec::with_capacity((n * PIXELS) as usize), Vec::new());
    input.pieces(n * row, row, |bytes| {
        let (head, values) = bytes.split_at(layout.label_bytes() as usize);
        let label = head[head.len() - 1];
        if label >= layout.classes() {
            return Err(DataErrorKind::Malformed {
                format: "CIFAR binary",
                reason: format!("row {} has label {label}, but {} has {} classes", labels.len(), layout.name(), layout.classes()),
            });
        }
        labels.push(usize::from(label));
        pixels.extend_from_slice(values);
        Ok(())
    })?;
    let samples = Samples {
        pixels: Pixels::U8(pixels),
        exact: Vec::new(),
        notes: Vec::new(),
        shape: vec![3, 32, 32],
        n: n as usize,
        total: total as usize,
    };
    Ok((samples, labels, layout))
}
