//! Threat models: norms, boxes, balls, exact projections, samplers and goals. Pure maths on slices.

mod ball;
mod bounds;
mod error;
mod norm;

pub use ball::Ball;
pub use bounds::InputBox;
pub use error::ThreatError;
pub use norm::Norm;
