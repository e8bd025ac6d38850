//! Conv, ConvTranspose, Gemm.

use brinell_graph::{ConvAttrs, ConvTransposeAttrs, Dim, Op};

use super::{Importer, Node, Refusal, bad, opaque, unknown};

/// Window parameters that Conv and the pools share.
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    pub(super) pads: Vec<usize>,
}

/// How the attribute `auto_pad` distributes padding.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum AutoPad {
    NotSet,
    Valid,
    SameUpper,
    SameLower,
}

pub(super) fn auto_pad(node: &Node<'_>) -> Result<AutoPad, Refusal> {
    Ok(match node.attributes.string("auto_pad")?.as_deref() {
        None | Some("NOTSET" | "") => AutoPad::NotSet,
        Some("VALID") => AutoPad::Valid,
        Some("SAME_UPPER") => AutoPad::SameUpper,
        Some("SAME_LOWER") => AutoPad::SameLower,
        Some(other) => return opaque(format!("auto_pad `{other}` is unknown")),
    })
}

/// Splits the padding of all axes into begins and ends; the odd one goes to the end unless `lower`.
pub(super) fn share(totals: &[usize], lower: bool) -> Vec<usize> {
    let first = |&total: &usize| if lower { total.div_ceil(2) } else { total / 2 };
    totals.iter().map(first).chain(totals.iter().map(|total| total - first(total))).collect()
}

/// Reads strides, dilations and pads for `kernel`, with `auto_pad` resolved for the spatial sizes `spatial`.
pub(super) fn window(node: &Node<'_>, kernel: Vec<usize>, spatial: &[Dim]) -> Result<Window, Refusal> {
    let n = kernel.len();
    let list = |name: &str, len: usize, default: usize| -> Result<Vec<usize>, Refusal> {
        let list = node.attributes.sizes(name)?.unwrap_or_else(|| vec![default; len]);
        if list.len() == len { Ok(list) } else { bad(format!("attribute `{name}` has {} entries, but {len} are needed", list.len())) }
    };
    let strides = list("strides", n, 1)?;
    let dilations = list("dilations", n, 1)?;
    let mode = auto_pad(node)?;
    let pads = match mode {
        AutoPad::NotSet => list("pads", 2 * n, 0)?,
        AutoPad::Valid => vec![0; 2 * n],
        AutoPad::SameUpper | AutoPad::SameLower => {
            let mut totals = Vec::with_capacity(n);
            for (((&d, &kernel), &stride), &dilation) in spatial.iter().zip(&kernel).zip(&strides).zip(&dilations) {
                let reach = kernel.checked_sub(1).and_then(|k| k.checked_mul(dilation));
                let Some(reach) = reach.filter(|_| stride > 0) else { return bad("kernel and strides must be positive") };
                totals.push(match d {
                    _ if stride == 1 => reach,
                    Dim::Fixed(size) => (size.div_ceil(stride).saturating_sub(1) * stride + reach + 1).saturating_sub(size),
                    _ => return unknown("auto_pad needs fixed spatial sizes"),
                });
            }
            share(&totals, mode == AutoPad::SameLower)
        }
    };
    Ok(Window { kernel, strides, dilations, pads })
}

/// The kernel from the attribute or the weight, which is input `weight`.
fn kernel(importer: &Importer<'_>, node: &Node<'_>, weight: usize) -> Result<Vec<usize>, Refusal> {
    if let Some(kernel) = node.attributes.sizes("kernel_shape")? {
        return Ok(kernel);
    }
    let weight = importer.shape(node.input(weight)?)?;
    let kernel: Option<Vec<usize>> = weight.iter().skip(2).map(|d| d.fixed()).collect();
    kernel.map_or_else(|| unknown("the size of the kernel is unknown"), Ok)
}

fn groups(node: &Node<'_>) -> Result<usize, Refusal> {
    let groups = node.attributes.int_or("group", 1)?;
    usize::try_from(groups).ok().filter(|&n| n > 0).ok_or_else(|| Refusal::Bad(format!("group is {groups}")))
}

/// Attributes of a convolution of input `x` with input `weight`.
pub(super) fn conv_attributes(importer: &Importer<'_>, node: &Node<'_>, x: usize, weight: usize) -> Result<ConvAttrs, Refusal> {
    let kernel = kernel(importer, node, weight)?;
    let spatial =
        importer.graph.shape(node.input(x)?).map_or_else(|| vec![Dim::Unknown; kernel.len()], |x| x.iter().skip(2).copied().collect());
    let Window { kernel, strides, dilations, pads } = window(node, kernel, &spatial)?;
    Ok(ConvAttrs { kernel, strides, dilations, pads, groups: groups(node)? })
}

pub(super) fn conv(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let attrs = conv_attributes(importer, node, 0, 1)?;
    importer.emit(node, Op::Conv(attrs), node.inputs.clone())
}

pub(super) fn conv_transpose(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let kernel = kernel(importer, node, 1)?;
    let n = kernel.len();
    let list = |name: &str, len: usize, default: usize| -> Result<Vec<usize>, Refusal> {
        let list = node.attributes.sizes(name)?.unwrap_or_else(|| vec![default; len]);
        if list.len() == len { Ok(list) } else { bad(format!("attribute `{name}` has {} entries, but {len} are needed", list.len())) }
    };
    let strides = list("strides", n, 1)?;
    let dilations = list("dilations", n, 1)?;
    let output_padding = list("output_padding", n, 0)?;
    let wanted = node.attributes.sizes("output_shape")?;
    let mode = auto_pad(node)?;
    let pads = if wanted.is_none() && mode == AutoPad::NotSet {
        list("pads", 2 * n, 0)?
    } else if wanted.is_none() && mode == AutoPad::Valid {
        vec![0; 2 * n]
    } else {
        let x = importer.shape(node.input(0)?)?;
        let mut totals = Vec::with_capacity(n);
        for i in 0..n {
            let at = |list: &[usize]| list.get(i).copied().unwrap_or(1);
            let Some(Dim::Fixed(size)) = x.get(i + 2).copied() else { return unknown("the padding needs fixed spatial sizes") };
            let same = size.checked_mul(at(&strides));
            // ONNX lets the full sizes be given, or the spatial ones alone.
            let target = match &wanted {
                Some(sizes) => sizes.get(i + sizes.len().saturating_sub(n)).copied(),
                None => same,
            };
            let full = (|| {
                let reach = at(&kernel).checked_sub(1)?.checked_mul(at(&dilations))?.checked_add(1)?;
                size.checked_sub(1)?.checked_mul(at(&strides))?.checked_add(at(&output_padding))?.checked_add(reach)
            })();
            let total = full.zip(target).and_then(|(full, target)| full.checked_sub(target));
            totals.push(total.map_or_else(|| opaque("output_shape is larger than the full output"), Ok)?);
        }
        share(&totals, mode != AutoPad::SameUpper)
    };
    let op = Op::ConvTranspose(ConvTransposeAttrs { kernel, strides, dilations, pads, output_padding, groups: groups(node)? });
    importer.emit(node, op, node.inputs.clone())
}

/// The attributes of Gemm.
pub(super) fn gemm_of(node: &Node<'_>) -> Result<Op, Refusal> {
    Ok(Op::Gemm {
        alpha: node.attributes.float_or("alpha", 1.0)?,
        beta: node.attributes.float_or("beta", 1.0)?,
        trans_a: node.attributes.flag("transA", false)?,
        trans_b: node.attributes.flag("transB", false)?,
    })
}

pub(super) fn gemm(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    importer.emit(node, gemm_of(node)?, node.inputs.clone())
}
