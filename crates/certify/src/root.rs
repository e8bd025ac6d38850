use crate::bounds::Bounds;
use crate::error::CertifyError;
use crate::matrix::Matrix;
use crate::network::Network;
use crate::property::Property;
use crate::region::Region;
use crate::state::{Inner, State};

/// How bounds are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Interval arithmetic, with the property folded into the last affine layer.
    Intervals,
    /// Backward passes; inner intervals by backward passes, intersected with interval arithmetic.
    Backward,
    /// Backward passes, with interval arithmetic anew from the tightened intervals of each layer; then so many steps of projected Adam on the lower slopes of the last pass.
    Optimised {
        /// Number of steps.
        steps: usize,
    },
}

/// Returns a lower bound of each atom of a property over a region, in order: a clause that has a positive one cannot happen.
///
/// # Guarantees
/// Sound for the real-valued network: rounding of f64 is accounted for.
///
/// # Errors
/// [`CertifyError::Length`] where region, property and network do not fit.
pub fn lower_bounds(network: &Network, region: &Region, property: &Property, method: Method) -> Result<Vec<f64>, CertifyError> {
    network.check_input("the region", region.len())?;
    let (a, c, _) = property.stacked();
    if a.cols > 0 && a.n != network.outputs() {
        return Err(CertifyError::Length { what: "the property", expected: network.outputs(), found: a.n });
    }
    let domain = vec![0; a.cols];
    let inner = match method {
        Method::Intervals => Inner::Intervals,
        Method::Backward => Inner::Backward,
        Method::Optimised { .. } => Inner::Tight,
    };
    let state = State::new(network, region, whole(region), inner);
    Ok(match method {
        Method::Intervals => state.least_by_intervals(network, &a, &domain, &c),
        Method::Backward => state.least(network, region, network.output, crate::backward::Seed::Dense(a), &domain, c),
        Method::Optimised { steps } => crate::optimise::Optimiser::new(network, &state, &domain).run(region, &a, &c, steps).bounds,
    })
}

/// Returns intervals of every output over a region.
///
/// # Guarantees
/// As [`lower_bounds`].
///
/// # Errors
/// [`CertifyError::Length`].
pub fn output_intervals(network: &Network, region: &Region, method: Method) -> Result<Vec<(f64, f64)>, CertifyError> {
    let n = network.outputs();
    let unit = |i: usize, sign: f64| {
        let mut row = vec![0.0; n];
        row[i] = sign;
        vec![crate::property::Atom { row, shift: 0.0 }]
    };
    let property = Property::new((0..n).flat_map(|i| [unit(i, 1.0), unit(i, -1.0)]).collect(), n)?;
    let bounds = lower_bounds(network, region, &property, method)?;
    Ok(bounds.chunks_exact(2).map(|ends| (ends[0], -ends[1])).collect())
}

/// The whole region as one domain.
pub(crate) fn whole(region: &Region) -> Bounds {
    let (lo, hi) = region.hull();
    Bounds { lo: Matrix::column(lo.to_vec()), hi: Matrix::column(hi.to_vec()) }
}
