//! The binary layout of CIFAR-10 and CIFAR-100: rows of one or two label bytes and 3,072 bytes of red, green and blue planes.

use super::array::Samples;
use super::dataset::Pixels;
use super::draw::Kept;
use super::error::DataErrorKind;
use super::input::Input;
use super::moments::Moments;
use super::options::LoadOptions;

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

/// Reads the label of every row.
pub(super) fn labels(input: &mut Input<'_>, size: u64) -> Result<Vec<usize>, DataErrorKind> {
    let mut labels = Vec::new();
    rows(input, size, |label, _| labels.push(label))?;
    Ok(labels)
}

/// Passes the label and the values of every row on.
fn rows(input: &mut Input<'_>, size: u64, mut each: impl FnMut(usize, &[u8])) -> Result<Layout, DataErrorKind> {
    let layout = layout(size)?;
    if size == 0 {
        return Err(DataErrorKind::Empty);
    }
    let mut row = 0;
    input.pieces(size, PIXELS + layout.label_bytes(), |bytes| {
        let (head, values) = bytes.split_at(layout.label_bytes() as usize);
        let label = head[head.len() - 1];
        if label >= layout.classes() {
            return Err(DataErrorKind::Malformed {
                format: "CIFAR binary",
                reason: format!("row {row} has label {label}, but {} has {} classes", layout.name(), layout.classes()),
            });
        }
        row += 1;
        each(usize::from(label), values);
        Ok(())
    })?;
    Ok(layout)
}

/// Reads the rows that are kept, and the labels of all.
pub(super) fn read(input: &mut Input<'_>, size: u64, options: &LoadOptions) -> Result<(Samples, Vec<usize>, Layout), DataErrorKind> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let layout = rows(input, size, |label, values| {
        if options.keeps(labels.len()) {
            pixels.extend_from_slice(values);
        }
        labels.push(label);
    })?;
    let (total, kept) = (labels.len(), Kept::of(options, labels.len()));
    let samples = Samples {
        pixels: Pixels::U8(pixels),
        exact: Vec::new(),
        notes: Vec::new(),
        shape: vec![3, 32, 32],
        n: kept.n(),
        total,
        rows: kept.numbers(),
    };
    Ok((samples, labels, layout))
}
