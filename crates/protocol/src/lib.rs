//! From a plan to a run: data, cascade of attacks, referee, flags, statistics, resume.
//!
//! [`audit()`] is the whole of it; [`Subject`], [`Referee`] and [`data`] serve commands that need a part.
//!
//! Shape vocabulary: n samples, B batch, d values of one sample, K classes.

pub mod audit;
pub mod claim;
mod compare;
pub mod data;
mod error;
pub mod features;
pub mod flags;
pub mod hash;
pub mod history;
mod inspect;
pub mod machine;
pub mod npz;
mod plan;
mod referee;
pub mod replay;
pub mod run;
pub mod selftest;
pub mod stats;
mod subject;

pub use audit::{Completed, Course, Event, Observer, Silent, Taken, audit, audit_along, load_suite};
pub use brinell_attack::contract::{Check, Finding};
pub use brinell_attack::{Knowledge, Listed, Spent, Suite, SuiteStage, attacks, driver::Queries, suite_for, suites};
pub use brinell_autodiff::Loss;
pub use brinell_engine::AUTHORIZATION;
pub use brinell_engine::doctor;
pub use brinell_engine::is_guarded;
pub use brinell_engine::{Device, EngineError, Interface, Layout, PreprocessOptions, RuntimeChoice, RuntimeSettings};
pub use brinell_record::SanityLevel;
pub use brinell_record::{ModelInterface, Port};
pub use brinell_threat::{Eps, Norm, ThreatError};
pub use compare::compare;
pub use error::ProtocolError;
pub use inspect::{GradientFile, Inspection, gradient_file, inspect};
pub use plan::{Plan, input_box, scale_name};
pub use referee::{Judgement, Opinion, Referee};
pub use subject::{Subject, is_address};
