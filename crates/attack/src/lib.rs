//! Attacks as ask/tell state machines for one sample, and the driver that runs them.
//!
//! An [`Attack`] asks for one point at a time and is told logits, loss and gradient there; a [`Recipe`] makes one per sample and
//! restart; [`recipe`] and [`suite`] find recipes by name. Points are flat slices of d floats in model-input units.

mod apgd;
mod apgd_t;
mod attack;
mod bim;
pub mod contract;
pub mod driver;
mod eot;
mod error;
mod fab;
mod fgsm;
mod minimum;
mod pgd;
mod reference;
mod registry;
mod rivals;
pub mod rng;
mod settings;
mod square;
mod step;

pub use apgd::{Apgd, ApgdConfig, ApgdLoss};
pub use apgd_t::{ApgdT, ApgdTConfig, Order};
pub use attack::{Attack, Knowledge, Need, Next, Recipe, Reply, Start};
pub use bim::{Bim, BimConfig};
pub use brinell_engine::Loss;
pub use error::AttackError;
pub use fab::{Fab, FabConfig, FabPlanes};
pub use fgsm::Fgsm;
pub use minimum::cw::{Cw, CwConfig};
pub use minimum::ddn::{Ddn, DdnConfig};
pub use minimum::deepfool::{DeepFool, DeepFoolConfig};
pub use minimum::ead::{Ead, EadConfig};
pub use minimum::fmn::{Fmn, FmnConfig};
pub use minimum::pdpgd::{Pdpgd, PdpgdConfig};
pub use minimum::sigma_zero::{SigmaZero, SigmaZeroConfig};
pub use pgd::{Pgd, PgdConfig};
pub use reference::Spent;
pub use registry::{Listed, attacks, recipe, suite, suites};
pub use square::{Square, SquareConfig};
