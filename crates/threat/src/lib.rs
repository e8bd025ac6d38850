//! Threat models: norms, boxes, balls, exact projections and samplers. Pure maths on slices.
//!
//! All points are flat slices of f32 in model-input units. A [`Ball`] is the threat model of an audit; a [`Region`] is that ball around one
//! clean input `x`, with everything precomputed that the steps of an attack need. Distances are computed in f64.

mod ball;
mod bounds;
mod eps;
mod error;
mod features;
mod frame;
mod grid;
mod kernel;
mod l0;
mod l1;
mod l2;
mod norm;
mod plane;
mod region;
mod rounding;
mod sample;
mod spelling;

pub use ball::{Ball, ROUNDING_ALLOWANCE, Violation};
pub use bounds::InputBox;
pub use eps::Eps;
pub use error::ThreatError;
pub use features::{Change, Feature, Features, Values};
pub use frame::Frame;
pub use grid::Grid;
pub use kernel::{clamp, kth_largest};
pub use norm::Norm;
pub use plane::onto_plane;
pub use region::{CentredRegion, LinfRegion, Region};
pub use sample::{fill_normal, fill_uniform};
pub use spelling::nearest_name;
