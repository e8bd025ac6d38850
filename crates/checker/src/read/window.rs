use brinell_graph::{ConvAttrs, Op, PoolAttrs};

use super::{Call, Lowered, Operand, Reader};
use crate::network::Kind;
use crate::number::Interval;

/// Conv, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool.
pub(super) fn lower(reader: &mut Reader, call: &Call<'_>) -> Option<Lowered> {
    Some(match call.op {
        Op::Conv(attrs) => conv(reader, call, attrs),
        Op::MaxPool(pool) => max_pool(reader, call, Some(pool)),
        Op::GlobalMaxPool => max_pool(reader, call, None),
        Op::AveragePool { pool, count_include_pad } => average_pool(reader, call, Some(pool), *count_include_pad),
        Op::GlobalAveragePool => average_pool(reader, call, None, false),
        _ => return None,
    })
}

/// Channels, height and width of one sample; a signal is an image of height 1.
fn image(shape: &[usize]) -> Result<[usize; 3], String> {
    match *shape {
        [1, c, w] => Ok([c, 1, w]),
        [1, c, h, w] => Ok([c, h, w]),
        _ => Err(format!("its operand has shape {shape:?}")),
    }
}

/// Where a window stands.
struct Window {
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// Padding before, and after.
    pads: [[usize; 2]; 2],
}

impl Window {
    fn new(kernel: &[usize], strides: &[usize], dilations: &[usize], pads: &[usize]) -> Result<Self, String> {
        let two = |list: &[usize], fill: usize| match *list {
            [x] => Ok([fill, x]),
            [y, x] => Ok([y, x]),
            _ => Err("it does not slide along one or two axes".to_owned()),
        };
        let axes = kernel.len();
        if pads.len() != 2 * axes {
            return Err("its padding does not fit its axes".to_owned());
        }
        Ok(Self {
            kernel: two(kernel, 1)?,
            strides: two(strides, 1)?,
            dilations: two(dilations, 1)?,
            pads: [two(&pads[..axes], 0)?, two(&pads[axes..], 0)?],
        })
    }

    fn of(pool: Option<&PoolAttrs>, [_, h, w]: [usize; 3]) -> Result<Self, String> {
        match pool {
            Some(pool) => Self::new(&pool.kernel, &pool.strides, &pool.dilations, &pool.pads),
            None => Self::new(&[h, w], &[1, 1], &[1, 1], &[0; 4]),
        }
    }

    /// Calls `visit` with each place of the kernel and the pixel under it, if there is one, for the result at `(y, x)`. Places beyond the padding are left out.
    fn each(&self, [h, w]: [usize; 2], (y, x): (usize, usize), mut visit: impl FnMut(usize, Option<usize>)) {
        for ky in 0..self.kernel[0] {
            for kx in 0..self.kernel[1] {
                let (py, px) = (y * self.strides[0] + ky * self.dilations[0], x * self.strides[1] + kx * self.dilations[1]);
                if py >= self.pads[0][0] + h + self.pads[1][0] || px >= self.pads[0][1] + w + self.pads[1][1] {
                    continue;
                }
                let inside = |p: usize, before: usize, n: usize| p.checked_sub(before).filter(|&p| p < n);
                let pixel = inside(py, self.pads[0][0], h).and_then(|py| Some(py * w + inside(px, self.pads[0][1], w)?));
                visit(ky * self.kernel[1] + kx, pixel);
            }
        }
    }
}

fn conv(reader: &mut Reader, call: &Call<'_>, attrs: &ConvAttrs) -> Lowered {
    let (x, shape, weights) = (call.get(0)?, call.shape()?, call.constant(1)?);
    let bias = if call.operands.get(2).is_some_and(Option::is_some) { Some(call.constant(2)?) } else { None };
    let ([channels, h, w], [outputs, oh, ow]) = (image(x.shape())?, image(&shape)?);
    let window = Window::new(&attrs.kernel, &attrs.strides, &attrs.dilations, &attrs.pads)?;
    let (per_group, size) = (channels / attrs.groups.max(1), window.kernel[0] * window.kernel[1]);
    if outputs % attrs.groups.max(1) != 0 || weights.len() != outputs * per_group * size || bias.is_some_and(|bias| bias.len() != outputs) {
        return Err("its filter does not fit its input".to_owned());
    }
    let operands = [x];
    reader
        .rows(&operands, shape.clone(), 0, |rows| {
            for out in 0..outputs {
                let first = out / (outputs / attrs.groups.max(1)) * per_group;
                for place in 0..oh * ow {
                    for c in 0..per_group {
                        window.each([h, w], (place / ow, place % ow), |tap, pixel| {
                            if let Some(pixel) = pixel {
                                rows.term(0, (first + c) * h * w + pixel, weights[(out * per_group + c) * size + tap]);
                            }
                        });
                    }
                    bias.iter().for_each(|bias| rows.constant(bias[out]));
                    rows.end();
                }
            }
            Ok(())
        })
        .map(|y| vec![y])
}

fn max_pool(reader: &mut Reader, call: &Call<'_>, pool: Option<&PoolAttrs>) -> Lowered {
    if call.shapes.len() > 1 && call.shapes[1].is_some() {
        return Err("its indices are read".to_owned());
    }
    let shape = call.shape()?;
    let Operand::Variable(from, value) = call.get(0)? else { return Err("its input is a constant".to_owned()) };
    let ([channels, h, w], [_, oh, ow]) = (image(from)?, image(&shape)?);
    let window = Window::of(pool, [channels, h, w])?;
    let mut groups = Vec::new();
    for c in 0..channels {
        for place in 0..oh * ow {
            let mut group = Vec::new();
            window.each([h, w], (place / ow, place % ow), |_, pixel| group.extend(pixel.map(|pixel| (c * h * w + pixel) as u32)));
            groups.push(group);
        }
    }
    if groups.iter().any(Vec::is_empty) || groups.len() != shape.iter().product::<usize>() {
        return Err("a window holds nothing but padding".to_owned());
    }
    Ok(vec![reader.push(vec![*value], Kind::Largest { groups }, shape)])
}

fn average_pool(reader: &mut Reader, call: &Call<'_>, pool: Option<&PoolAttrs>, count_padding: bool) -> Lowered {
    let (x, shape) = (call.get(0)?, call.shape()?);
    let ([channels, h, w], [_, oh, ow]) = (image(x.shape())?, image(&shape)?);
    let window = Window::of(pool, [channels, h, w])?;
    let operands = [x];
    reader
        .rows(&operands, shape.clone(), 2, |rows| {
            for c in 0..channels {
                for place in 0..oh * ow {
                    let (mut inside, mut all) = (Vec::new(), 0_usize);
                    window.each([h, w], (place / ow, place % ow), |_, pixel| {
                        all += 1;
                        inside.extend(pixel);
                    });
                    let count = if count_padding { all } else { inside.len() };
                    let factor = Interval::point(count as f64).inverse();
                    inside.iter().for_each(|pixel| rows.term(0, c * h * w + pixel, factor));
                    rows.end();
                }
            }
            Ok(())
        })
        .map(|y| vec![y])
}
