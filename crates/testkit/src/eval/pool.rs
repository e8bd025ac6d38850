use brinell_graph::{Op, PoolAttrs};

use super::{Context, Outputs};
use crate::Array;
use crate::array::for_each_index;

/// Evaluates pooling.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    Some(match op {
        Op::MaxPool(attrs) => max_pool(attrs, cx),
        Op::AveragePool { pool, count_include_pad } => average_pool(pool, *count_include_pad, cx),
        Op::GlobalAveragePool => global(cx, |window| window.iter().sum::<f64>() / window.len() as f64),
        Op::GlobalMaxPool => global(cx, |window| window.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        _ => return None,
    })
}

fn output_shape(attrs: &PoolAttrs, x: &Array) -> Result<Vec<usize>, String> {
    let n_spatial = attrs.kernel.len();
    if x.rank() != n_spatial + 2 {
        return Err(format!("x {:?} does not fit a kernel of {:?}", x.shape, attrs.kernel));
    }
    let mut shape = x.shape[..2].to_vec();
    for i in 0..n_spatial {
        let (size, stride) = (x.shape[i + 2], attrs.strides[i]);
        let padded = size + attrs.pads[i] + attrs.pads[i + n_spatial];
        let window = (attrs.kernel[i] - 1) * attrs.dilations[i] + 1;
        let room = padded.checked_sub(window).ok_or_else(|| format!("kernel larger than padded input {:?}", x.shape))?;
        let mut n = if attrs.ceil_mode { room.div_ceil(stride) } else { room / stride } + 1;
        // A last window that would start behind the input and its leading pad is dropped.
        if attrs.ceil_mode && (n - 1) * stride >= size + attrs.pads[i] {
            n -= 1;
        }
        shape.push(n);
    }
    Ok(shape)
}

/// What a window covers: elements inside x, with their flat positions, and positions inside x or its pads.
struct Window {
    inside: Vec<(usize, f64)>,
    n_padded: usize,
}

fn window(attrs: &PoolAttrs, x: &Array, out: &[usize]) -> Window {
    let n_spatial = attrs.kernel.len();
    let mut found = Window { inside: Vec::new(), n_padded: 0 };
    let mut at = out.to_vec();
    for_each_index(&attrs.kernel, |tap| {
        let position = |i: usize| out[i + 2] * attrs.strides[i] + tap[i] * attrs.dilations[i];
        let in_pads = |i: usize| position(i) < x.shape[i + 2] + attrs.pads[i] + attrs.pads[i + n_spatial];
        found.n_padded += usize::from((0..n_spatial).all(in_pads));
        for i in 0..n_spatial {
            match position(i).checked_sub(attrs.pads[i]).filter(|&p| p < x.shape[i + 2]) {
                Some(p) => at[i + 2] = p,
                None => return,
            }
        }
        found.inside.push((x.offset(&at), x.at(&at)));
    });
    found
}

fn max_pool(attrs: &PoolAttrs, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let shape = output_shape(attrs, x)?;
    let mut positions = Vec::new();
    let y = Array::from_fn(&shape, |out| {
        let inside = window(attrs, x, out).inside;
        let first = inside.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
        let (position, max) = first.unwrap_or((0, f64::NEG_INFINITY));
        positions.push(position as f64);
        max
    });
    Ok(vec![y, Array::new(&shape, positions)])
}

fn average_pool(attrs: &PoolAttrs, count_include_pad: bool, cx: &Context<'_>) -> Outputs {
    let x = cx.input(0)?;
    let shape = output_shape(attrs, x)?;
    Ok(vec![Array::from_fn(&shape, |out| {
        let window = window(attrs, x, out);
        let n = if count_include_pad { window.n_padded } else { window.inside.len() };
        window.inside.iter().map(|(_, v)| v).sum::<f64>() / n as f64
    })])
}

fn global(cx: &Context<'_>, f: impl Fn(&[f64]) -> f64) -> Outputs {
    let x = cx.input(0)?;
    if x.rank() < 2 {
        return Err(format!("x {:?} has no channels", x.shape));
    }
    let n: usize = x.shape[2..].iter().product();
    let mut shape = x.shape.clone();
    shape[2..].fill(1);
    Ok(vec![Array::new(&shape, x.data.chunks(n.max(1)).map(f).collect())])
}
