//! Errors of all crates: what may stand in the chain of an error, for front ends that say what to do about it.

pub use brinell_attack::AttackError;
pub use brinell_audit::AuditError;
pub use brinell_claim::{ClaimError, Role};
pub use brinell_data::{DataError, DataErrorKind, UnknownClass};
pub use brinell_defend::DefendError;
pub use brinell_engine::{EngineError, LibraryProblem, OracleError, PreprocessError, SignatureError};
pub use brinell_harden::HardenError;
pub use brinell_ledger::LedgerError;
pub use brinell_onnx::{Foreign, ImportError};
pub use brinell_proof::ProofError;
pub use brinell_record::{FileError, SettingError, TaskError, WordError};
pub use brinell_subject::SubjectError;
pub use brinell_threat::ThreatError;
pub use brinell_transfer::TransferError;
