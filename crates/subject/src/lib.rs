//! The model under test: opened once, judged by a referee on the original file, attacked through one function.
//!
//! [`Subject::open`] reads model and data; [`Case`] is all that an attack needs to run on some samples; [`drive()`] runs one. [`Referee`] and
//! [`Panel`] judge points on the unmodified file.
//!
//! # Shapes
//! n samples, B batch, d values of one sample, K classes.

mod case;
mod compared;
mod drive;
mod equivalence;
mod error;
mod exact;
pub mod features;
mod hold;
mod inspect;
mod lanes;
mod missing;
mod names;
mod open;
mod panel;
mod referee;
mod rows;
mod subject;
mod truth;
mod units;
mod whole;

pub use case::{Case, input_box, is_distribution, logits_of};
pub use compared::Compared;
pub use drive::{Pose, Stage, StageObserver, Target, drive};
pub use error::SubjectError;
pub use inspect::{GradientFile, Inspection, gradient_file, inspect};
pub use open::{Opened, ReadSamples, all_inputs};
pub use panel::{Charge, Finding, Panel, standing};
pub use referee::{Judgement, Opinion, Referee};
pub use subject::{Subject, digests, known, read_model};
pub use truth::{check_task, label_of, truth_kind, truth_of};
