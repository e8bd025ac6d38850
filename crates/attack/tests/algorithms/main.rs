//! The attack algorithms on small models, without a runtime and without the driver.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod apgd_reference;
mod blackbox;
mod hostile;
mod linear;
mod minimum;
mod model;
mod reference_paths;
mod scripted;
