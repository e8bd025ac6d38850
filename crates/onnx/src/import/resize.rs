//! Resize and its forerunner Upsample.

use brinell_graph::{Dim, Op, ResizeAttrs, ResizeCoordinates, ResizeMode, ResizeNearest};

use super::symbol::Sym;
use super::{Importer, Node, Refusal, bad, opaque, size, unknown};

fn mode(node: &Node<'_>) -> Result<ResizeMode, Refusal> {
    Ok(match node.attributes.string("mode")?.as_deref() {
        None | Some("nearest") => ResizeMode::Nearest,
        Some("linear" | "bilinear") => ResizeMode::Linear,
        Some("cubic") => ResizeMode::Cubic,
        Some(other) => return opaque(format!("mode `{other}` is unknown")),
    })
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a quotient of sizes is a rounded number")]
fn ratio(to: usize, from: usize) -> f32 {
    (to as f64 / from as f64) as f32
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "ONNX defines the size as the floor of the f32 product")]
fn scaled(size: usize, scale: f32) -> Option<usize> {
    let product = (size as f32 * scale).floor();
    super::symbol::whole(f64::from(product)).and_then(|n| usize::try_from(n).ok())
}

/// Opset 7 and 9: nearest or linear, asymmetric.
pub(super) fn upsample(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let scales = if node.version < 9 {
        node.attributes.find("scales").map(|a| a.floats.clone()).ok_or_else(|| Refusal::Bad("attribute `scales` is missing".to_owned()))?
    } else {
        floats(importer, node.input(1)?)?
    };
    let attrs = ResizeAttrs { coordinates: ResizeCoordinates::Asymmetric, nearest: ResizeNearest::Floor, ..plain(mode(node)?) };
    by_scales(importer, node, attrs, scales)
}

fn plain(mode: ResizeMode) -> ResizeAttrs {
    ResizeAttrs {
        mode,
        coordinates: ResizeCoordinates::HalfPixel,
        nearest: ResizeNearest::RoundPreferFloor,
        cubic_coeff_a: -0.75,
        exclude_outside: false,
        extrapolation_value: 0.0,
        antialias: false,
        scales: Vec::new(),
        sizes: Vec::new(),
        by_size: false,
    }
}

fn floats(importer: &Importer<'_>, id: brinell_graph::ValueId) -> Result<Vec<f32>, Refusal> {
    match importer.graph.constant_of(id).and_then(|tensor| tensor.as_f32()) {
        Some(scales) => Ok(scales.to_vec()),
        None => unknown("the scales are not constant"),
    }
}

pub(super) fn resize(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let mode = mode(node)?;
    if node.version < 11 {
        let scales = floats(importer, node.input(1)?)?;
        let attrs = ResizeAttrs { coordinates: ResizeCoordinates::Asymmetric, nearest: ResizeNearest::Floor, ..plain(mode) };
        return by_scales(importer, node, attrs, scales);
    }
    let coordinates = match node.attributes.string("coordinate_transformation_mode")?.as_deref() {
        None | Some("half_pixel") => ResizeCoordinates::HalfPixel,
        Some("half_pixel_symmetric") => ResizeCoordinates::HalfPixelSymmetric,
        Some("pytorch_half_pixel") => ResizeCoordinates::PytorchHalfPixel,
        Some("align_corners") => ResizeCoordinates::AlignCorners,
        Some("asymmetric") => ResizeCoordinates::Asymmetric,
        Some(other) => return opaque(format!("coordinate transformation `{other}` is not supported")),
    };
    let nearest = match node.attributes.string("nearest_mode")?.as_deref() {
        None | Some("round_prefer_floor") => ResizeNearest::RoundPreferFloor,
        Some("round_prefer_ceil") => ResizeNearest::RoundPreferCeil,
        Some("floor") => ResizeNearest::Floor,
        Some("ceil") => ResizeNearest::Ceil,
        Some(other) => return opaque(format!("nearest mode `{other}` is unknown")),
    };
    let policy = match node.attributes.string("keep_aspect_ratio_policy")?.as_deref() {
        None | Some("stretch") => Policy::Stretch,
        Some("not_larger") => Policy::NotLarger,
        Some("not_smaller") => Policy::NotSmaller,
        Some(other) => return opaque(format!("keep_aspect_ratio_policy `{other}` is unknown")),
    };
    let attrs = ResizeAttrs {
        coordinates,
        nearest,
        cubic_coeff_a: node.attributes.float_or("cubic_coeff_a", -0.75)?,
        exclude_outside: node.attributes.flag("exclude_outside", false)?,
        extrapolation_value: node.attributes.float_or("extrapolation_value", 0.0)?,
        antialias: node.attributes.flag("antialias", false)?,
        ..plain(mode)
    };
    let rank = importer.rank(node.input(0)?)?;
    let axes = match node.attributes.ints("axes")? {
        Some(axes) => axes.iter().map(|&i| size::axis(i, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    // An empty tensor stands for an input that is left out.
    let given = |id: Option<brinell_graph::ValueId>| id.filter(|&id| importer.graph.constant_of(id).is_none_or(|t| !t.is_empty()));
    if let Some(sizes) = given(node.optional(3)) {
        return by_sizes(importer, node, attrs, &axes, sizes, policy);
    }
    let Some(scales) = given(node.optional(2)) else { return bad("it has neither scales nor sizes") };
    let given = floats(importer, scales)?;
    let mut scales = vec![1.0; rank];
    for (&axis, &scale) in axes.iter().zip(&given) {
        if let Some(slot) = scales.get_mut(axis) {
            *slot = scale;
        }
    }
    if given.len() != axes.len() {
        return bad(format!("{} scales for {} axes", given.len(), axes.len()));
    }
    by_scales(importer, node, attrs, scales)
}

/// What becomes of the sizes where the proportions are to be kept.
#[derive(Clone, Copy, PartialEq)]
enum Policy {
    Stretch,
    NotLarger,
    NotSmaller,
}

/// The sizes that keep the proportions: all axes by the least or the greatest of their scales.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
fn proportional(policy: Policy, axes: &[usize], old: &[Dim], sizes: &mut [Dim], scales: &mut [f32]) -> Result<(), Refusal> {
    let chosen = axes.iter().filter_map(|&axis| scales.get(axis)).copied();
    let scale = if policy == Policy::NotLarger { chosen.reduce(f32::min) } else { chosen.reduce(f32::max) };
    let Some(scale) = scale else { return bad("it resizes no axis") };
    for &axis in axes {
        let (Some(Dim::Fixed(from)), Some(size), Some(slot)) = (old.get(axis), sizes.get_mut(axis), scales.get_mut(axis)) else {
            return unknown("a size is known only at run time");
        };
        let rounded = (*from as f32).mul_add(scale, 0.5).floor();
        let Some(to) = super::symbol::whole(f64::from(rounded)).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
            return bad("a size is not positive");
        };
        (*size, *slot) = (Dim::Fixed(to), scale);
    }
    Ok(())
}

fn by_scales(importer: &mut Importer<'_>, node: &Node<'_>, attrs: ResizeAttrs, scales: Vec<f32>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    if scales.len() != shape.len() {
        return bad(format!("{} scales for rank {}", scales.len(), shape.len()));
    }
    if scales.iter().any(|&scale| !scale.is_finite() || scale <= 0.0) {
        return bad("a scale is not positive");
    }
    let resized = |(&d, &scale): (&Dim, &f32)| match d {
        _ if scale == 1.0 => d,
        Dim::Fixed(n) => scaled(n, scale).map_or(Dim::Unknown, Dim::Fixed),
        _ => Dim::Unknown,
    };
    let sizes = shape.iter().zip(&scales).map(resized).collect();
    importer.emit(node, Op::Resize(ResizeAttrs { scales, sizes, by_size: false, ..attrs }), vec![Some(x)])
}

fn by_sizes(
    importer: &mut Importer<'_>,
    node: &Node<'_>,
    attrs: ResizeAttrs,
    axes: &[usize],
    given: brinell_graph::ValueId,
    policy: Policy,
) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let Some(content) = importer.content(given) else { return unknown("the sizes are not constant") };
    if content.items.len() != axes.len() {
        return bad(format!("{} sizes for {} axes", content.items.len(), axes.len()));
    }
    let mut sizes = shape.clone();
    let mut scales = vec![1.0; shape.len()];
    for (&axis, item) in axes.iter().zip(&content.items) {
        let (Some(size), Some(scale), Some(&old)) = (sizes.get_mut(axis), scales.get_mut(axis), shape.get(axis)) else { continue };
        match (old, *item) {
            (Dim::Batch(k), Sym::Batch(same)) if i64::try_from(k).is_ok_and(|k| k == same) => {}
            (Dim::Fixed(from), Sym::Int(to)) => {
                let Some(to) = usize::try_from(to).ok().filter(|&to| to > 0) else { return bad(format!("size {to} is not positive")) };
                *size = Dim::Fixed(to);
                *scale = ratio(to, from.max(1));
            }
            _ => return unknown("a size is known only at run time"),
        }
    }
    if policy != Policy::Stretch {
        proportional(policy, axes, &shape, &mut sizes, &mut scales)?;
    }
    importer.emit(node, Op::Resize(ResizeAttrs { scales, sizes, by_size: true, ..attrs }), vec![Some(x)])
}
