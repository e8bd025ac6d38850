use brinell_ledger::LedgerError;
use brinell_record::{FileError, SettingError, Shard};
use brinell_subject::SubjectError;

/// Why an audit cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Model and data cannot be tested.
    #[error("{0}")]
    Subject(#[from] SubjectError),
    /// The run on disk cannot be written or gone on with.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] FileError),
    /// An attack is unknown or misconfigured.
    #[error("{0}")]
    Attack(#[from] brinell_attack::AttackError),
    /// No proof can be looked for.
    #[error("{0}")]
    Proof(#[from] brinell_proof::ProofError),
    /// A case of the attacks' contract cannot be run.
    #[error("the self-test cannot run")]
    Contract(#[from] brinell_contract::HarnessError),
    /// An attack needs a radius where none is given.
    #[error("attack {attack} needs a radius, but the smallest change is wanted; attacks that find it are {others}")]
    RadiusOfAttack {
        /// The attack.
        attack: String,
        /// Attacks that need none, in this norm.
        others: String,
    },
    /// An attack needs to see more of the model than the attacker may.
    #[error("attack {attack} needs {needs} access, but only {knowledge} access is allowed; attacks that fit are {others}")]
    KnowledgeOfAttack {
        /// The attack.
        attack: String,
        /// What it needs to see.
        needs: &'static str,
        /// What it may see.
        knowledge: &'static str,
        /// Attacks that need no more.
        others: String,
    },
    /// An attack needs the gradient of a model that has none.
    #[error("attack {attack} needs the gradient of the model, which is not available")]
    NoGradient {
        /// The attack.
        attack: String,
        /// Why there is none.
        #[source]
        source: Box<brinell_engine::OracleError>,
    },
    /// An attack does not work in the norm.
    #[error("attack {attack} supports {norms}, not {norm}; attacks for {norm} are {others}")]
    NormOfAttack {
        /// The attack.
        attack: String,
        /// The norm that is asked for.
        norm: &'static str,
        /// Norms of the attack.
        norms: String,
        /// Attacks that work in the norm.
        others: String,
    },
    /// A model of several cannot be used with the samples.
    #[error("the model {model}")]
    Candidate {
        /// Its name.
        model: String,
        /// Why not.
        #[source]
        source: Box<SubjectError>,
    },
    /// Fewer than two models are to be put in order.
    #[error("a ranking needs at least two models")]
    OneModel,
    /// Models are to be put in order without a radius.
    #[error("models are ranked by the samples that survive within a radius, but no radius is given")]
    RankRadius,
    /// Two models have names that cannot be told apart.
    #[error("two models are called {name}, or their names would give the same folder")]
    SameName {
        /// The name of the second.
        name: String,
    },
    /// Two models take samples of different sizes: they cannot see the same ones.
    #[error("{a} takes samples of shape {of_a:?} and {b} of shape {of_b:?}, but all models must take samples of the same size")]
    OtherSize {
        /// The first model.
        a: String,
        /// What it sees.
        of_a: Vec<usize>,
        /// The other.
        b: String,
        /// What it sees.
        of_b: Vec<usize>,
    },
    /// A model has a scale that cannot be turned into the shared one.
    #[error("the scale of {model} cannot be converted to the scale of the other models, because one of the two follows the data")]
    OtherScale {
        /// The model.
        model: String,
    },
    /// A setting is none, or has a value that it does not take.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// Shards ran on machines that compute differently.
    #[error("the shards ran on machines that compute differently: shard {shard_a} on {a}, and shard {shard_b} on {b}")]
    MixedMachines {
        /// A shard.
        shard_a: Shard,
        /// What it ran on.
        a: String,
        /// Another shard.
        shard_b: Shard,
        /// What that ran on.
        b: String,
    },
    /// An adversarial example of a shard is none where the shards are merged.
    #[error("the adversarial example that a shard has for sample {sample} is not confirmed here: {why}")]
    ShardExample {
        /// Number of the sample.
        sample: usize,
        /// Why not.
        why: String,
    },
    /// What a shard says of a sample is not so where the shards are merged.
    #[error("a shard says that sample {sample} is {there}, and here {here} is found out about it")]
    ShardSample {
        /// Number of the sample.
        sample: usize,
        /// What became of it in its shard.
        there: &'static str,
        /// What became of it here.
        here: &'static str,
    },
    /// An attack reads trees, and there are none that it could read.
    #[error("attack {attack} needs the trees of the model, which cannot be read: {reason}")]
    NoTrees {
        /// The attack.
        attack: String,
        /// Why not.
        reason: String,
    },
}

impl From<brinell_engine::OracleError> for AuditError {
    fn from(error: brinell_engine::OracleError) -> Self {
        Self::Subject(error.into())
    }
}

impl From<brinell_engine::EngineError> for AuditError {
    fn from(error: brinell_engine::EngineError) -> Self {
        Self::Subject(error.into())
    }
}

impl AuditError {
    /// The user stopped the run.
    pub const INTERRUPTED: Self = Self::Subject(SubjectError::Interrupted);

    /// Returns true where the user stopped the run, which can be gone on with.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Subject(SubjectError::Interrupted))
    }
}
