//! What needs a runtime.

pub use brinell_attack::driver::Queries;
pub use brinell_attack::{AttackError, Listed, Spent, Suite, SuiteStage, attacks, recipe, suite_for, suites};
pub use brinell_audit::{
    AuditError, Course, Event, Job, MergeOptions, Observer, ShardDone, Silent, Taken, audit, audit_along, audit_host, audit_shard, flags,
    load_suite, merge, selftest,
};
pub use brinell_autodiff::Loss;
pub use brinell_contract::{Check, Finding};
pub use brinell_data as data;
pub use brinell_engine::{AUTHORIZATION, Attendant, EngineError, Foreign, Host, Wait, attend, is_guarded};
pub use brinell_subject::{Case, Compared, GradientFile, Inspection, Opened, Referee, Subject, SubjectError, gradient_file, inspect};
pub use brinell_threat::ThreatError;

/// Which model is how vulnerable.
pub mod ranking {
    pub use brinell_audit::{Candidate, RankQuestion, rank};
}

/// Which examples, made on which models, fool which others.
pub mod transfer {
    pub use brinell_transfer::{
        Ensemble, ModelSpec, PatchSettings, TransferError, TransferEvent, TransferJob, TransferQuestion, UniversalSettings, patch,
        read_models, transfer, universal,
    };
}

/// What this machine offers for running models.
pub mod machine {
    pub use brinell_engine::{Advice, Doctor, Finding, LibraryProblem, Origin, Processor, doctor, look_in};
}

/// Certificates about samples and properties in VNN-LIB.
pub mod proofs {
    pub use brinell_proof::*;
}

/// Defences in front of a model, and races that tell what they are worth.
pub mod defence {
    pub use brinell_defend::{
        Ask, Chain, DefendError, Defender, DetectAsk, Detector, RaceAsk, RaceEvent, RaceJob, Transform, defend, detect, race,
    };
}

/// Training against attacks, on the model's own file.
pub mod hardening {
    pub use brinell_harden::{Ask, CURVE, HardenError, Hardened, Job, Progress, Traced, Watcher, curve, harden};
}

/// Claims: read, decided, sealed, replayed.
pub mod claims {
    pub use brinell_claim::*;
}
