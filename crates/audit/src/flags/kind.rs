//! All flags, one constant each; `docs/flags.md` has a section for every one.

use brinell_record::{Severity, Side};

/// What is the same for a flag in every audit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kind {
    /// Stable identifier.
    pub id: &'static str,
    /// How much it matters where it is raised.
    pub severity: Severity,
    /// Side of the threshold on which it is raised.
    pub raised_if: Side,
    /// What the measured value is compared with, unless that depends on the run.
    pub threshold: f64,
    /// What value and threshold are counted in; empty for a plain fact, of which nothing is measured.
    pub unit: &'static str,
}

impl Kind {
    /// Returns the place in the documentation that says when it is raised, why it matters and what to do.
    #[must_use]
    pub fn docs(&self) -> String {
        format!("docs/flags.md#{}", self.id)
    }

    const fn above(id: &'static str, severity: Severity, threshold: f64, unit: &'static str) -> Self {
        Self { id, severity, raised_if: Side::Above, threshold, unit }
    }

    const fn fact(id: &'static str, severity: Severity) -> Self {
        Self::above(id, severity, 0.0, "")
    }
}

/// Every flag.
pub const ALL: &[&Kind] = &[
    &NEAR_CHANCE,
    &PREPROCESSING_DOUBT,
    &OUTSIDE_BOX,
    &SMALL_RADIUS,
    &NON_FINITE,
    &NON_FINITE_UNDER_ATTACK,
    &NON_DETERMINISTIC,
    &RANDOMISED,
    &QUANTISED_INPUT,
    &ROUNDED,
    &NAMES,
    &FIRST_OUTPUT,
    &DEPENDENT_PAIRS,
    &ONE_SCORE,
    &LABELS_DIFFER,
    &SOFTMAX,
    &HIDDEN_SOFTMAX,
    &FEW_CLASSES,
    &FEW_TARGETS,
    &NO_GRADIENT,
    &SURROGATE,
    &DEFENCE_UNSEEN,
    &GRADIENT_MISMATCH,
    &ENDPOINT,
    &HOST,
    &ZERO_GRADIENT,
    &NO_PROGRESS,
    &INCOMPLETE,
    &SILENT_SUCCESS,
    &BLACK_BOX_STRONGER,
    &BLACK_BOX_NEAR,
    &LARGER_EPS,
    &UNBOUNDED,
    &UNBOUNDED_FEW,
    &UNSTABLE,
    &DISAGREEMENT,
    &ASTRAY,
    &BUDGET,
    &SMALL_SAMPLE,
    &TARGET_IS_LABEL,
    &RESIZED,
    &DATA_NOTES,
    &DEVICE,
    &BATCH_ONE,
    &RUNTIME,
    &MIXED_MACHINES,
];

/// Clean accuracy cannot be told from guessing.
pub(crate) const NEAR_CHANCE: Kind =
    Kind { raised_if: Side::AtMost, ..Kind::above("near-chance-accuracy", Severity::Blocking, 0.0, "clean accuracy") };
/// Another preprocessing gives a clearly higher clean accuracy.
pub(crate) const PREPROCESSING_DOUBT: Kind = Kind::above("preprocessing-doubt", Severity::Warning, 0.0, "better alternatives");
/// Clean inputs lie outside the declared box.
pub(crate) const OUTSIDE_BOX: Kind = Kind::above("input-outside-box", Severity::Blocking, 0.0, "samples");
/// The radius is so small a share of the scale that it may be in other units.
pub(crate) const SMALL_RADIUS: Kind =
    Kind { raised_if: Side::Below, ..Kind::above("small-radius", Severity::Warning, 0.001, "eps as a share of the scale") };
/// The model returned NaN or infinity for clean samples.
pub(crate) const NON_FINITE: Kind = Kind::above("non-finite-output", Severity::Blocking, 0.0, "samples");
/// The model returned NaN or infinity under attack.
pub(crate) const NON_FINITE_UNDER_ATTACK: Kind = Kind::above("non-finite-under-attack", Severity::Warning, 0.0, "samples of all stages");
/// The same input gave two different answers.
pub(crate) const NON_DETERMINISTIC: Kind = Kind::above("non-deterministic", Severity::Blocking, 1e-4, "largest relative difference");
/// The model draws random numbers and each point was judged by one draw.
pub(crate) const RANDOMISED: Kind = Kind::above("randomised-judged-once", Severity::Warning, 0.0, "random operators");
/// The model rounds its input before it uses it.
pub(crate) const QUANTISED_INPUT: Kind = Kind::above("quantised-input", Severity::Warning, 0.5, "share of probed samples");
/// The attacked input takes whole numbers.
pub(crate) const NAMES: Kind = Kind::above("names-as-amounts", Severity::Warning, 0.0, "inputs that are indices");
pub(crate) const ROUNDED: Kind = Kind::above("integer-input", Severity::Note, 0.0, "inputs of whole numbers");
/// The model has several outputs, and none was chosen.
pub(crate) const FIRST_OUTPUT: Kind = Kind::above("first-output", Severity::Note, 0.0, "other outputs");
/// Pairs of samples have samples in common.
pub(crate) const DEPENDENT_PAIRS: Kind = Kind::above("dependent-pairs", Severity::Note, 0.0, "pairs that share a sample with another");
/// The model gives one number, and nobody has said that it is the score of a class.
pub(crate) const ONE_SCORE: Kind = Kind::fact("one-score", Severity::Warning);
/// The file names other classes than those with the largest scores.
pub(crate) const LABELS_DIFFER: Kind = Kind::above("label-differs", Severity::Warning, 0.0, "clean samples and examples");
/// The model's output is a softmax or a sigmoid.
pub(crate) const SOFTMAX: Kind = Kind::above("softmax-output", Severity::Note, 0.0, "softmax or sigmoid operators at the output");
/// What attacks take for logits are probabilities.
pub(crate) const HIDDEN_SOFTMAX: Kind = Kind::above("hidden-softmax", Severity::Warning, 0.5, "share of samples");
/// A loss needs more classes than there are.
pub(crate) const FEW_CLASSES: Kind =
    Kind { raised_if: Side::Below, ..Kind::above("too-few-classes-for-dlr", Severity::Note, 0.0, "classes") };
/// An attack has fewer wrong classes to try than it would.
pub(crate) const FEW_TARGETS: Kind = Kind { raised_if: Side::Below, ..Kind::above("fewer-targets", Severity::Note, 0.0, "runs") };
/// The model has no gradient, and other attacks ran than were asked for.
pub(crate) const NO_GRADIENT: Kind = Kind::fact("no-gradient", Severity::Warning);
/// Gradients go straight through the steps of a defence.
pub(crate) const SURROGATE: Kind = Kind::above("surrogate-gradient", Severity::Note, 0.0, "steps");
/// The file has a defence that no attack looked through.
pub(crate) const DEFENCE_UNSEEN: Kind = Kind::fact("defence-not-bridged", Severity::Warning);
/// What a runtime computes as the gradient is not the slope of the loss.
pub(crate) const GRADIENT_MISMATCH: Kind =
    Kind { raised_if: Side::Below, ..Kind::above("gradient-mismatch", Severity::Blocking, 0.9, "cosine of the gradient") };
/// The model is behind an address.
pub(crate) const ENDPOINT: Kind = Kind::fact("endpoint", Severity::Note);
/// The model is an object of a running program.
pub(crate) const HOST: Kind = Kind::fact("no-file", Severity::Note);
/// The gradient was exactly zero where an attack started.
pub(crate) const ZERO_GRADIENT: Kind = Kind::above("zero-gradient", Severity::Warning, 0.01, "share of a stage's samples");
/// No gradient attack raised its loss on samples that count as surviving.
pub(crate) const NO_PROGRESS: Kind = Kind::above("no-progress", Severity::Blocking, 0.05, "share of survivors");
/// The loss of the attacks still rose when they ended.
pub(crate) const INCOMPLETE: Kind = Kind::above("incomplete-optimisation", Severity::Warning, 0.5, "share of survivors");
/// An attack was at its goal on a sample that counts as surviving.
pub(crate) const SILENT_SUCCESS: Kind = Kind::above("silent-success", Severity::Warning, 0.0, "survivors");
/// An attack without gradients found what those with gradients had missed.
pub(crate) const BLACK_BOX_STRONGER: Kind =
    Kind::above("black-box-stronger", Severity::Blocking, 2.0, "percentage points that attacks with gradients missed at least");
/// The same, for so few samples that chance may have chosen them.
pub(crate) const BLACK_BOX_NEAR: Kind = Kind::fact("black-box-found-more", Severity::Note);
/// The same attacks leave more samples standing in a larger ball.
pub(crate) const LARGER_EPS: Kind = Kind::above("larger-eps-not-worse", Severity::Blocking, 5.0, "percentage points");
/// The attacks fail even where everything within the box is allowed.
pub(crate) const UNBOUNDED: Kind = Kind::above("unbounded-attack-fails", Severity::Blocking, 0.05, "share of inputs at least");
/// The same, for few samples or where attacks without gradients do no better.
pub(crate) const UNBOUNDED_FEW: Kind = Kind::fact("unbounded-attack-fails-on-some", Severity::Note);
/// Small noise changes the margin by a large part of itself.
pub(crate) const UNSTABLE: Kind = Kind::above("unstable-prediction", Severity::Warning, 0.25, "mean relative change of the margin");
/// The referee did not confirm what an attack had found.
pub(crate) const DISAGREEMENT: Kind = Kind::above("referee-disagreement", Severity::Warning, 0.0, "samples of all stages");
/// Asked in a batch the model said something else than asked alone.
pub(crate) const ASTRAY: Kind = Kind::above("answers-differ", Severity::Blocking, 0.0, "samples of all stages");
/// The query limit ended attacks early.
pub(crate) const BUDGET: Kind = Kind::above("query-limit", Severity::Warning, 0.0, "attacks");
/// There are too few samples for narrow intervals.
pub(crate) const SMALL_SAMPLE: Kind = Kind { raised_if: Side::Below, ..Kind::above("few-samples", Severity::Note, 30.0, "samples") };
/// Samples that have the target as their label.
pub(crate) const TARGET_IS_LABEL: Kind = Kind::above("target-is-label", Severity::Note, 0.0, "samples");
/// Images were resized to the model's input.
pub(crate) const RESIZED: Kind = Kind::above("resized-images", Severity::Note, 0.0, "samples");
/// Something was done to the data on the way from the file, or left out.
pub(crate) const DATA_NOTES: Kind = Kind::fact("data-notes", Severity::Note);
/// Part of the model does not run on the device that was asked for.
pub(crate) const DEVICE: Kind = Kind::fact("device", Severity::Warning);
/// The model runs with its own fixed batch size.
pub(crate) const BATCH_ONE: Kind = Kind::fact("fixed-batch", Severity::Note);
/// The runtime is not the fastest one.
pub(crate) const RUNTIME: Kind = Kind::fact("runtime", Severity::Note);
/// Shards of the run come from machines that compute differently.
pub(crate) const MIXED_MACHINES: Kind = Kind::fact("mixed-machines", Severity::Warning);
