//! Why a verdict is not better, as data.

use brinell_record::Reason;

/// Ids of all reasons, in one place for the documentation and for programs that read `verdict.json`.
pub mod id {
    /// The time given with `--budget` was over.
    pub const TIMEOUT: &str = "timeout";
    /// The model has an operator that no available runtime, or no gradient, can handle.
    pub const UNSUPPORTED: &str = "unsupported-op";
    /// Between what is certified and what survived lies a gap that failed attacks cannot close.
    pub const GAP: &str = "gap";
    /// More samples are needed.
    pub const TOO_FEW: &str = "n-too-small";
    /// Nothing was observed.
    pub const NOTHING_SEEN: &str = "no-observation";
    /// The sample is what was at hand.
    pub const CONVENIENCE: &str = "convenience-sample";
    /// Counterexamples lie within rounding of the boundary: runtimes disagree about them.
    pub const BOUNDARY: &str = "boundary";
    /// A blocking flag makes the figures unfit for a verdict.
    pub const FLAG: &str = "blocking-flag";
    /// The claim asks for attacks that know the defence of the model, and none did.
    pub const NOT_ADAPTIVE: &str = "not-adaptive";
    /// The claim file is not the one that was decided.
    pub const CLAIM_CHANGED: &str = "claim-changed";
    /// The model is not the one that the claim is about.
    pub const MODEL_CHANGED: &str = "model-changed";
    /// The data are not those that the claim is about.
    pub const DATA_CHANGED: &str = "data-changed";
    /// Another version of the program decided.
    pub const TOOL_CHANGED: &str = "tool-changed";
    /// Settings of an unfinished run differ.
    pub const RUN_CHANGED: &str = "run-changed";
    /// A file of the evidence is not what was written.
    pub const TAMPERED: &str = "tampered";
    /// The claim's day is over.
    pub const EXPIRED: &str = "expired";
}

/// Returns a reason.
pub fn reason(id: &str, text: impl Into<String>) -> Reason {
    Reason { id: id.to_owned(), text: text.into() }
}
