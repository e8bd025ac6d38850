//! One image file as planes of bytes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use image::codecs::png::PngDecoder;
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageDecoder, ImageReader, RgbImage};

use super::error::DataErrorKind;

/// The most pixels that are decoded: more than any camera has, and few enough for memory.
const MAX_PIXELS: u64 = 1 << 27;
/// The longest file that is decoded.
const MAX_FILE: u64 = 1 << 30;

/// A decoded image, one plane per channel.
pub(super) struct Planes {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) values: Vec<u8>,
    pub(super) resized: bool,
    pub(super) found: Found,
}

/// What a file holds beside the pixels.
#[derive(Default)]
pub(super) struct Found {
    /// Turned or mirrored, as EXIF says.
    pub(super) oriented: bool,
    pub(super) profile: bool,
    pub(super) alpha: bool,
    pub(super) deep: bool,
    pub(super) animated: bool,
}

/// Decodes an image, turns it as its EXIF orientation says, and brings it to the size and the channels asked for.
pub(super) fn decode(path: &Path, channels: usize, size: Option<(usize, usize)>) -> Result<Planes, DataErrorKind> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(DataErrorKind::NotAFile);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    let (image, found) = open(&bytes)?;
    let stored = (image.height() as usize, image.width() as usize);
    let image = match (channels, size) {
        (1, None) => DynamicImage::from(grey(image)),
        (1, Some(size)) => resize(DynamicImage::from(grey(image)), size),
        (_, None) => DynamicImage::from(image.into_rgb8()),
        (_, Some(size)) => resize(DynamicImage::from(image.into_rgb8()), size),
    };
    let (height, width) = (image.height() as usize, image.width() as usize);
    let resized = (height, width) != stored;
    let interleaved = image.into_bytes();
    let values = (0..channels).flat_map(|channel| interleaved.iter().skip(channel).step_by(channels).copied()).collect();
    Ok(Planes { height, width, values, resized, found })
}

/// Decodes the bytes of a file, no larger than memory bears.
fn open(bytes: &[u8]) -> Result<(DynamicImage, Found), DataErrorKind> {
    let mut decoder = ImageReader::new(BufReader::new(std::io::Cursor::new(bytes))).with_guessed_format()?.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataErrorKind::ImageTooLarge { height, width, most: MAX_PIXELS });
    }
    // What cannot be read beside the pixels does not keep them from being read.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let colour = decoder.color_type();
    let found = Found {
        oriented: orientation != Orientation::NoTransforms,
        profile: decoder.icc_profile().is_ok_and(|profile| profile.is_some()),
        alpha: colour.has_alpha(),
        deep: matches!(colour, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16),
        animated: bytes.starts_with(b"\x89PNG")
            && PngDecoder::new(std::io::Cursor::new(bytes)).is_ok_and(|png| png.is_apng().unwrap_or(false)),
    };
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok((image, found))
}

/// Turns an image grey with the weights of ITU-R 601 (0.299, 0.587, 0.114), rounded to the nearest.
fn grey(image: DynamicImage) -> GrayImage {
    match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) | DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_) => {
            image.into_luma8()
        }
        other => {
            let colour: RgbImage = other.into_rgb8();
            let weigh = |pixel: &image::Rgb<u8>| {
                let [red, green, blue] = pixel.0.map(u32::from);
                ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
            };
            GrayImage::from_fn(colour.width(), colour.height(), |x, y| image::Luma([weigh(colour.get_pixel(x, y))]))
        }
    }
}

fn resize(image: DynamicImage, (height, width): (usize, usize)) -> DynamicImage {
    if (image.height() as usize, image.width() as usize) == (height, width) {
        return image;
    }
    let (height, width) = (u32::try_from(height).unwrap_or(u32::MAX), u32::try_from(width).unwrap_or(u32::MAX));
    match image {
        DynamicImage::ImageLuma8(grey) => imageops::resize(&grey, width, height, FilterType::Triangle).into(),
        other => imageops::resize(&other.into_rgb8(), width, height, FilterType::Triangle).into(),
    }
}
