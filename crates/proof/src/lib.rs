//! Certificates about models: which samples no allowed change can break, and whether properties in VNN-LIB hold.
//!
//! What is certified is the graph that was read, in real arithmetic, and, for samples, the deployed f32 arithmetic as well by adding a bound of its
//! rounding error. What is falsified was confirmed on the original file.

mod certificates;
mod certify;
mod error;
mod prover;
mod recheck;
mod shares;
mod smooth;
mod soundness;
mod statement;
mod verify;
mod vnncomp;

pub use brinell_checker::CheckError;
pub use certificates::write_certificate;
pub use certify::{Certified, CertifiedSample, CertifyJob, CertifySummary, certify};
pub use error::ProofError;
pub use prover::{Prover, Standing, certifiable, limits};
pub use recheck::{RecheckOptions, is_certified_run, recheck, recheck_audit};
pub use shares::{CertifyShard, MergeCertified, certify_shard, is_certify_folder, merge_certified};
pub use smooth::{Noise, SMOOTH_SCHEMA, SmoothJob, SmoothStanding, SmoothSummary, SmoothedSample, smooth};
pub use soundness::{Soundness, soundness};
pub use verify::{Answer, Answered, Assignment, verify};
pub use vnncomp::{Instance, vnncomp};
