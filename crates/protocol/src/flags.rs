//! What makes a result doubtful, as data.

use brinell_record::{Flag, Severity};

/// Collects flags; one per id, the first message wins.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    flags: Vec<Flag>,
}

impl Flags {
    /// Raises a flag unless it is up already.
    pub(crate) fn raise(&mut self, severity: Severity, id: &str, message: impl Into<String>) {
        if self.flags.iter().all(|flag| flag.id != id) {
            self.flags.push(Flag { id: id.to_owned(), message: message.into(), severity });
        }
    }

    /// Returns all flags, the gravest first.
    pub(crate) fn into_sorted(mut self) -> Vec<Flag> {
        self.flags.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        self.flags
    }
}

/// Ids of all flags, in one place for the documentation and for programs that read `summary.json`.
pub mod id {
    /// Clean accuracy cannot be told from guessing.
    pub const NEAR_CHANCE: &str = "near-chance-accuracy";
    /// Another preprocessing gives a clearly higher clean accuracy.
    pub const PREPROCESSING_DOUBT: &str = "preprocessing-doubt";
    /// Clean inputs lie outside the declared box.
    pub const OUTSIDE_BOX: &str = "input-outside-box";
    /// The model's output is a softmax.
    pub const SOFTMAX: &str = "softmax-output";
    /// The gradient was exactly zero where an attack started.
    pub const ZERO_GRADIENT: &str = "zero-gradient";
    /// A loss needs more classes than there are.
    pub const FEW_CLASSES: &str = "too-few-classes-for-dlr";
    /// An attack has fewer wrong classes to try than it would.
    pub const FEW_TARGETS: &str = "fewer-targets";
    /// The model returned NaN or infinity.
    pub const NON_FINITE: &str = "non-finite-output";
    /// The same input gave two different answers.
    pub const NON_DETERMINISTIC: &str = "non-deterministic";
    /// The referee did not confirm what an attack had found.
    pub const DISAGREEMENT: &str = "referee-disagreement";
    /// Part of the model does not run on the device that was asked for.
    pub const DEVICE: &str = "device";
    /// The model runs with its own fixed batch size.
    pub const BATCH_ONE: &str = "fixed-batch";
    /// The runtime is not the fastest one.
    pub const RUNTIME: &str = "runtime";
    /// The query limit ended attacks early.
    pub const BUDGET: &str = "query-limit";
    /// Samples that have the target as their label.
    pub const TARGET_IS_LABEL: &str = "target-is-label";
    /// Images were resized to the model's input.
    pub const RESIZED: &str = "resized-images";
    /// There are too few samples for narrow intervals.
    pub const SMALL_SAMPLE: &str = "few-samples";
}
