//! Intervals and relaxations of all values, in one or several domains.

use rayon::prelude::*;

use crate::backward::{Choice, Seed, backward};
use crate::bounds::Bounds;
use crate::matrix::Matrix;
use crate::network::{Kind, Layer, Network};
use crate::region::Region;
use crate::relaxation::Relaxation;

/// How the intervals of inner values are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inner {
    /// Interval arithmetic alone.
    Intervals,
    /// Backward passes for elements that interval arithmetic leaves undecided, intersected with the intervals: the definition of others.
    Backward,
    /// As before, with interval arithmetic that starts anew from the tightened intervals of each layer.
    Tight,
}

/// What is known of every value.
pub(crate) struct State {
    pub(crate) bounds: Vec<Bounds>,
    /// Of the values that affine layers compute: the sum of the magnitudes of the terms, for rounding.
    pub(crate) sizes: Vec<Option<Matrix>>,
    /// Of the values that nonlinear layers compute.
    pub(crate) relaxations: Vec<Option<Relaxation>>,
}

/// Intervals of the values that nonlinear layers read, in one domain.
#[derive(Debug, Clone)]
pub(crate) struct Inherited(Vec<Option<(Vec<f64>, Vec<f64>)>>);

/// Bytes that the coefficients of one pass over one value may take.
const CHUNK: usize = 8 << 20;

impl State {
    /// Propagates boxes, one a column of `input`, through the network.
    pub(crate) fn new(network: &Network, region: &Region, input: Bounds, inner: Inner) -> Self {
        Self::inheriting(network, region, input, inner, &[])
    }

    /// As [`State::new`], with what is known already of the inner values of each box.
    pub(crate) fn inheriting(network: &Network, region: &Region, input: Bounds, inner: Inner, known: &[Option<&Inherited>]) -> Self {
        let mut plain = if inner == Inner::Backward { vec![input.clone()] } else { Vec::new() };
        let mut state = Self { bounds: vec![input], sizes: vec![None], relaxations: vec![None] };
        for (at, layer) in network.layers.iter().enumerate() {
            let inputs: Vec<&Bounds> = layer.inputs.iter().map(|&v| &state.bounds[v]).collect();
            let sizes = if let Kind::Affine(affine) = &layer.kind { affine.sizes(&inputs) } else { None };
            let mut bounds = layer.interval(&inputs, sizes.as_ref());
            let relaxation = if let Kind::Nonlinear(op) = &layer.kind { Some(op.relax(&inputs)) } else { None };
            if inner == Inner::Backward {
                let inputs: Vec<&Bounds> = layer.inputs.iter().map(|&v| &plain[v]).collect();
                let sizes = if let Kind::Affine(affine) = &layer.kind { affine.sizes(&inputs) } else { None };
                bounds = layer.interval(&inputs, sizes.as_ref());
                plain.push(bounds.clone());
            }
            let value = at + 1;
            for (d, inherited) in known.iter().enumerate() {
                if let Some((lo, hi)) = inherited.and_then(|inherited| inherited.0[value].as_ref()) {
                    lo.iter().zip(hi).enumerate().for_each(|(i, (&lo, &hi))| bounds.tighten(i, d, lo, hi));
                }
            }
            state.relaxations.push(relaxation);
            state.sizes.push(sizes);
            state.bounds.push(bounds);
            let is_exact = matches!(layer.kind, Kind::Affine(_)) && layer.inputs == [0] && region.is_box();
            if inner != Inner::Intervals && !is_exact {
                state.refine(network, region, value);
            }
        }
        state
    }

    /// The network at points, one a column, where every relaxation is a tangent. Rounding is left out: this is for slopes, not for bounds.
    pub(crate) fn at_points(network: &Network, points: Matrix) -> Self {
        let bounds: Vec<Bounds> = network.values_at(points).into_iter().map(|values| Bounds { lo: values.clone(), hi: values }).collect();
        let relaxation = |layer: &Layer| match &layer.kind {
            Kind::Affine(_) => None,
            Kind::Nonlinear(op) => Some(op.relax(&layer.inputs.iter().map(|&v| &bounds[v]).collect::<Vec<_>>())),
        };
        let relaxations = std::iter::once(None).chain(network.layers.iter().map(relaxation)).collect();
        Self { sizes: vec![None; bounds.len()], bounds, relaxations }
    }

    /// What is known of the inner values of a domain, for domains inside it.
    pub(crate) fn inner(&self, network: &Network, domain: usize) -> Inherited {
        let of = |(v, bounds): (usize, &Bounds)| {
            (v > 0 && !network.readers[v].is_empty()).then(|| (bounds.lo.take(domain), bounds.hi.take(domain)))
        };
        Inherited(self.bounds.iter().enumerate().map(of).collect())
    }

    /// Tightens the intervals of a value where the layers that read it profit.
    fn refine(&mut self, network: &Network, region: &Region, value: usize) {
        let domains = self.bounds[0].domains();
        let mut wanted = vec![false; network.values[value].len * domains];
        for &(layer, k) in &network.readers[value] {
            if let Kind::Nonlinear(op) = &network.layers[layer].kind {
                for (w, more) in wanted.iter_mut().zip(op.wants(k, &self.bounds[value])) {
                    *w |= more;
                }
            }
        }
        // Neighbours in space depend on the same inputs, so that their functions are zero in the same places.
        let extent = network.values[value];
        let mut units: Vec<(u32, usize)> = Vec::new();
        for d in 0..domains {
            for place in 0..extent.plane {
                for channel in 0..extent.len / extent.plane {
                    let i = channel * extent.plane + place;
                    if wanted[i * domains + d] {
                        units.push((d as u32, i));
                    }
                }
            }
        }
        let widest = network.values.iter().map(|extent| extent.len).max().unwrap_or(1);
        let chunk = (CHUNK / 8 / widest.max(1) / 2).clamp(16, 512);
        let this = &*self;
        let tightened: Vec<Vec<(u32, usize, f64, f64)>> =
            units.par_chunks(chunk).map(|units| this.ends(network, region, value, units)).collect();
        for (d, i, lo, hi) in tightened.into_iter().flatten() {
            self.bounds[value].tighten(i, d as usize, lo, hi);
        }
    }

    /// Both ends of the intervals of some elements.
    fn ends(&self, network: &Network, region: &Region, value: usize, units: &[(u32, usize)]) -> Vec<(u32, usize, f64, f64)> {
        let picks = units.iter().flat_map(|&(_, i)| [(i, 1.0), (i, -1.0)]).collect();
        let domain: Vec<u32> = units.iter().flat_map(|&(d, _)| [d, d]).collect();
        let found = self.least(network, region, value, Seed::Units(picks), &domain, vec![0.0; domain.len()]);
        units.iter().zip(found.chunks_exact(2)).map(|(&(d, i), ends)| (d, i, ends[0], -ends[1])).collect()
    }

    /// Lower bounds of functions of a value.
    pub(crate) fn least(&self, network: &Network, region: &Region, value: usize, seed: Seed, domain: &[u32], c: Vec<f64>) -> Vec<f64> {
        let functions = backward(network, self, value, seed, domain, c, &Choice::default());
        let input = &self.bounds[0];
        region.least(&functions.a, &functions.c, &functions.error, domain, &input.lo, &input.hi)
    }

    /// Lower bounds of functions of the output from the intervals of the last affine layer's inputs: interval arithmetic with the functions folded
    /// into that layer.
    ///
    /// # Source
    /// Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust Models", 2018, section 3 ("elision of the last layer").
    pub(crate) fn least_by_intervals(&self, network: &Network, a: &Matrix, domain: &[u32], c: &[f64]) -> Vec<f64> {
        let everywhere = |inputs: &[usize], parts: &[Matrix], c: &[f64], error: &[f64]| -> Vec<f64> {
            let (mut stacked, mut lo, mut hi) = (Vec::new(), Vec::new(), Vec::new());
            for (&v, part) in inputs.iter().zip(parts) {
                stacked.extend_from_slice(&part.data);
                lo.extend_from_slice(&self.bounds[v].lo.data);
                hi.extend_from_slice(&self.bounds[v].hi.data);
            }
            let domains = self.bounds[0].domains();
            let n = lo.len() / domains.max(1);
            let of = |data, cols| Matrix { n, cols, data };
            let (lo, hi) = (of(lo, domains), of(hi, domains));
            Region::anything().least(&of(stacked, domain.len()), c, error, domain, &lo, &hi)
        };
        let layer = network.layer_of(network.output);
        let Some((layer, Kind::Affine(affine))) = layer.map(|layer| (layer, &layer.kind)) else {
            return everywhere(&[network.output], std::slice::from_ref(a), c, &vec![0.0; c.len()]);
        };
        let (mut c, mut error) = (c.to_vec(), vec![0.0; c.len()]);
        let mut into: Vec<Matrix> = layer.inputs.iter().map(|&v| Matrix::zeros(network.values[v].len, domain.len())).collect();
        let mut sums = crate::affine::Sums { c: &mut c, error: &mut error };
        affine.backward(a, domain, self.sizes[network.output].as_ref(), &mut sums, &mut into);
        everywhere(&layer.inputs, &into, &c, &error)
    }
}
