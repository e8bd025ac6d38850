//! Attacks as ask/tell state machines for one sample, and the driver that runs them.
//!
//! An [`Attack`] asks for one point at a time and is told verdict, margin, loss, gradient and rivals there; a [`Recipe`] makes one per sample and
//! restart; [`recipe()`] finds recipes by name and [`Suite`] holds several. Points are flat slices of d floats in model-input units.

mod apgd;
mod apgd_t;
mod attack;
mod bim;
mod boundary;
mod decision;
pub mod driver;
mod eot;
mod error;
mod estimate;
mod fab;
mod fgsm;
mod framed;
mod hopskipjump;
mod minimum;
mod nes;
mod pgd;
mod picture;
mod reference;
mod registry;
mod rivals;
pub mod rng;
mod settings;
mod sparse_rs;
mod spsa;
mod square;
mod step;
mod suite;
mod surfree;
mod transfer;
mod trees;

pub use apgd::{Apgd, ApgdConfig, ApgdLoss};
pub use apgd_t::{ApgdT, ApgdTConfig, Order};
pub use attack::{Attack, Need, Next, Recipe, Reply, Start};
pub use bim::{Bim, BimConfig};
pub use boundary::{Boundary, BoundaryConfig};
pub use brinell_record::Knowledge;
pub use brinell_task::{Loss, Objective, Rivals};
pub use error::AttackError;
pub use estimate::{Draw, Estimate, EstimateConfig, Flavour};
pub use fab::{Fab, FabConfig, FabPlanes};
pub use fgsm::Fgsm;
pub use hopskipjump::{HopSkipJump, HopSkipJumpConfig};
pub use minimum::cw::{Cw, CwConfig};
pub use minimum::ddn::{Ddn, DdnConfig};
pub use minimum::deepfool::{DeepFool, DeepFoolConfig};
pub use minimum::ead::{Ead, EadConfig};
pub use minimum::fmn::{Fmn, FmnConfig};
pub use minimum::pdpgd::{Pdpgd, PdpgdConfig};
pub use minimum::sigma_zero::{SigmaZero, SigmaZeroConfig};
pub use nes::NES;
pub use pgd::{Pgd, PgdConfig};
pub use picture::is_picture;
pub use reference::Spent;
pub use registry::{Listed, attacks, recipe};
pub use settings::{Bound, Setting, SettingRange};
pub use sparse_rs::{SparseRs, SparseRsConfig};
pub use spsa::SPSA;
pub use square::{Square, SquareConfig};
pub use suite::{StageOrder, StageSettings, Suite, SuiteStage, suite_for, suites};
pub use surfree::{SurFree, SurFreeConfig};
pub use trees::{Trees, TreesConfig};
