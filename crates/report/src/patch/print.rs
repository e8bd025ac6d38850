//! The patch as a PNG file that prints in its true size.

use crate::ReportError;
use brinell_record::Patch;

/// Pixels of the file's side at least: printers blur what they enlarge themselves.
const SHARP: usize = 600;

/// Returns the patch as PNG of `width` metres, each of its pixels a square of equal ones; `None` where it has neither one channel nor three. `values` are those of the patch: channels, rows
/// and columns, in 0..1, rounded to bytes.
///
/// # Errors
/// [`ReportError::Png`] where the encoder refuses it.
pub fn png(patch: &Patch, values: &[f32], width: f64) -> Result<Option<Vec<u8>>, ReportError> {
    let (side, channels) = (patch.side, patch.channels);
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => return Ok(None),
    };
    let times = SHARP.div_ceil(side.max(1));
    let whole = side * times;
    let mut bytes = Vec::with_capacity(whole * whole * channels);
    for row in 0..whole {
        for column in 0..whole {
            for channel in 0..channels {
                let value = values.get((channel * side + row / times) * side + column / times).copied().unwrap_or(0.0);
                bytes.push((value.clamp(0.0, 1.0) * 255.0).round() as u8);
            }
        }
    }
    let mut out = Vec::new();
    let pixels = u32::try_from(whole).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut out, pixels, pixels);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (whole as f64 / width).round().clamp(1.0, f64::from(u32::MAX)) as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(Some(out))
}
