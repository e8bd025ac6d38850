//! Attacks as ask/tell state machines for one sample, and the driver that runs them.

mod attack;
mod loss;

pub use attack::{Attack, Need, Next, Recipe, Reply, Start};
pub use loss::Loss;
