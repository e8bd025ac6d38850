//! Samples as PNG data URIs.

use crate::ReportError;
use base64::Engine as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

/// Longest side of a picture in the page; larger ones are reduced by a whole factor.
const LONGEST_SIDE: usize = 320;

/// How a sample's values form a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// 1 for grey, 3 for red, green and blue.
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Layout {
    /// The layout of a shape `[C, H, W]` or `[H, W]` with leading ones allowed; `None` if it is not a picture.
    pub(crate) fn of(shape: &[usize]) -> Option<Self> {
        let mut shape = shape;
        while let [1, rest @ ..] = shape {
            if rest.len() < 2 {
                return None;
            }
            shape = rest;
        }
        let (channels, height, width) = match *shape {
            [height, width] => (1, height, width),
            [channels @ (1 | 3), height, width] => (channels, height, width),
            _ => return None,
        };
        (height > 1 && width > 1).then_some(Self { channels, height, width })
    }

    fn elements(self) -> Option<usize> {
        self.channels.checked_mul(self.height)?.checked_mul(self.width)
    }

    /// The whole factor by which a picture of this size is reduced.
    pub(crate) fn reduction(self) -> usize {
        self.height.max(self.width).div_ceil(LONGEST_SIDE)
    }
}

/// Values in `lo..=hi` as a picture; `None` where the count does not fit the layout.
///
/// # Shapes
/// `values`: `[C, H, W]`, row-major.
pub(crate) fn data_uri(values: impl Fn(usize) -> f64, len: usize, layout: Layout, lo: f64, hi: f64) -> Result<Option<String>, ReportError> {
    if layout.elements() != Some(len) {
        return Ok(None);
    }
    let step = layout.reduction();
    let (height, width) = (layout.height.div_ceil(step), layout.width.div_ceil(step));
    let mut pixels = Vec::with_capacity(height * width * layout.channels);
    for row in 0..height {
        for column in 0..width {
            for channel in 0..layout.channels {
                let mut sum = 0.0;
                let mut members = 0.0;
                for y in (row * step..(row + 1) * step).take_while(|y| *y < layout.height) {
                    for x in (column * step..(column + 1) * step).take_while(|x| *x < layout.width) {
                        sum += values((channel * layout.height + y) * layout.width + x);
                        members += 1.0;
                    }
                }
                pixels.push(level((sum / members - lo) / (hi - lo)));
            }
        }
    }
    let colour = if layout.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut png = Vec::new();
    let too_large = |_| ReportError::PictureSize { height: layout.height, width: layout.width };
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(&pixels, u32::try_from(width).map_err(too_large)?, u32::try_from(height).map_err(too_large)?, colour)
        .map_err(|source| ReportError::Picture { source })?;
    Ok(Some(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png))))
}

/// A share in `[0, 1]` as one of 256 levels; NaN is black.
fn level(share: f64) -> u8 {
    let scaled = (share * 255.0).round();
    // A float-to-integer cast saturates and turns NaN into 0.
    scaled as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(uri: &str) -> image::DynamicImage {
        let data = uri.strip_prefix("data:image/png;base64,").unwrap();
        image::load_from_memory(&base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap()
    }

    #[test]
    fn shapes_that_are_pictures_are_told_from_those_that_are_not() {
        assert_eq!(Layout::of(&[3, 4, 5]), Some(Layout { channels: 3, height: 4, width: 5 }));
        assert_eq!(Layout::of(&[4, 5]), Some(Layout { channels: 1, height: 4, width: 5 }));
        assert_eq!(Layout::of(&[1, 1, 28, 28]), Some(Layout { channels: 1, height: 28, width: 28 }));
        for shape in [&[83][..], &[1, 83], &[1, 1, 83], &[], &[784, 1], &[12, 4, 4], &[2, 3, 4, 5]] {
            assert_eq!(Layout::of(shape), None, "{shape:?}");
        }
    }

    #[test]
    fn channels_become_interleaved_and_values_are_scaled_to_the_box() {
        let layout = Layout { channels: 3, height: 2, width: 2 };
        let values = [0.0, 255.0, 127.5, 51.0, 1.0, 2.0, 3.0, 4.0, 300.0, -5.0, f64::NAN, 0.0];
        let picture = decode(&data_uri(|at| values[at], 12, layout, 0.0, 255.0).unwrap().unwrap()).to_rgb8();
        assert_eq!(picture.get_pixel(0, 0).0, [0, 1, 255]);
        assert_eq!(picture.get_pixel(1, 0).0, [255, 2, 0]);
        assert_eq!(picture.get_pixel(0, 1).0, [128, 3, 0]);
        assert_eq!(picture.get_pixel(1, 1).0, [51, 4, 0]);
    }

    #[test]
    fn large_pictures_are_reduced_by_a_whole_factor() {
        let layout = Layout { channels: 1, height: 641, width: 10 };
        let picture = decode(&data_uri(|_| 0.5, 6410, layout, 0.0, 1.0).unwrap().unwrap());
        assert_eq!((picture.width(), picture.height()), (4, 214));
    }

    #[test]
    fn a_count_that_does_not_fit_gives_no_picture() {
        let layout = Layout { channels: 1, height: 2, width: 2 };
        assert!(data_uri(|_| 0.0, 5, layout, 0.0, 1.0).unwrap().is_none());
    }
}
