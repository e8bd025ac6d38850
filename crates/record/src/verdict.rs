//! What one check of one claim leaves behind.

use serde::{Deserialize, Serialize};

use crate::{Claim, Flag, Label};

/// Value of [`Verdict::schema`] that this crate writes and reads.
pub const VERDICT_SCHEMA: &str = "brinell.verdict/1";

/// Value of [`Manifest::schema`] that this crate writes and reads.
pub const EVIDENCE_SCHEMA: &str = "brinell.evidence/1";

/// Value of [`Replay::schema`] that this crate writes and reads.
pub const REPLAY_SCHEMA: &str = "brinell.replay/1";

/// Value of [`Check::schema`] that this crate writes and reads.
pub const CHECK_SCHEMA: &str = "brinell.check/1";

/// What `brinell check --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Always [`CHECK_SCHEMA`].
    pub schema: String,
    /// Exit code of the program.
    pub exit_code: u8,
    /// One entry per claim, in the order of the files and in them.
    pub claims: Vec<CheckedClaim>,
}

/// One claim of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckedClaim {
    /// Claim file, as it was given.
    pub file: String,
    /// Folder of the evidence.
    pub evidence: String,
    /// True where nothing had changed since it was decided, so that the verdict was reused.
    pub unchanged: bool,
    /// Why evidence that there was could not be reused, so that the claim was decided again; empty where there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Reason>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Contents of `verdict.json`: what was found out about one claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Always [`VERDICT_SCHEMA`].
    pub schema: String,
    /// The claim, with what it inherits from its file filled in.
    pub claim: Claim,
    /// The file that it stands in.
    pub claim_file: FileHash,
    /// What was decided.
    pub verdict: Ruling,
    /// The same in one sentence, with the figures that decide.
    pub finding: String,
    /// Why the verdict is not better, and what is missing; empty where nothing is.
    pub reasons: Vec<Reason>,
    /// The figures that decide; `None` where nothing was counted.
    pub numbers: Option<Numbers>,
    /// Samples for which a certificate shows that no allowed change fools the model; `None` where nothing was certified.
    pub certified: Option<usize>,
    /// What makes the figures doubtful.
    pub flags: Vec<Flag>,
    /// Counterexamples, each judged again on every runtime that could load the model.
    pub witnesses: Vec<Witness>,
    /// The runtimes that judged, as name and version.
    pub judges: Vec<Judge>,
    /// Folder of the evidence, relative to the claim file's folder.
    pub evidence: String,
    /// Files of the evidence with their digests, paths relative to its folder; all but this file and the manifest.
    pub files: Vec<FileHash>,
    /// Folders of runs, relative to the evidence; a run is what `brinell audit` leaves.
    pub runs: Vec<String>,
    /// When it was decided, in UTC, as `2026-11-22T23:50:00Z`.
    pub created: String,
    /// Command line that decided it.
    pub command: String,
    /// Version of the program that decided it.
    pub brinell_version: String,
    /// Wall-clock time of the deciding run, resumed parts included.
    pub seconds: f64,
}

/// What a check says about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// A counterexample was confirmed, or the exact bound of a rate is on the wrong side of the threshold.
    Refuted,
    /// Every element of the population is covered by a certificate.
    Proven,
    /// The exact bound of a rate clears the threshold on a declared sample, for the attacks and budget that were named.
    Supported,
    /// Anything else; the reasons say what is missing.
    Undecided,
    /// The evidence is not about this claim, model, data or version, or was tampered with.
    Stale,
}

/// Why a verdict is not better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable identifier, such as `n-too-small`.
    pub id: String,
    /// What is missing, and what to do about it, in plain sentences.
    pub text: String,
}

/// The figures that decide a claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// What is counted or measured, such as `robust_accuracy`.
    pub quantity: String,
    /// Samples that count for the quantity.
    pub count: usize,
    /// Samples that were examined: the denominator.
    pub n: usize,
    /// Samples of the population; larger than `n` where the decision came early.
    pub population: usize,
    /// `count / n`; `None` where nothing was observed.
    pub value: Option<f64>,
    /// Lower bound of the quantity, which holds with `confidence` on its own.
    pub low: f64,
    /// Upper bound, which holds with `confidence` on its own.
    pub high: f64,
    /// Whether the claim wants the quantity on or above the threshold, or on or below.
    pub relation: Option<Relation>,
    /// The threshold that the claim names.
    pub threshold: Option<f64>,
    /// Probability with which each bound holds, after the correction over the file; 1 where nothing was left to chance.
    pub confidence: f64,
}

/// On which side of the threshold a claim wants a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// On it or above.
    AtLeast,
    /// On it or below.
    AtMost,
}

/// One counterexample, and what every runtime says about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// File with the input that fools the model, relative to the evidence.
    pub file: String,
    /// Row in that file, counted from 0.
    pub row: usize,
    /// Position of the sample in the data, counted from 0.
    pub sample: usize,
    /// What is right: of a classifier the class.
    pub label: Label,
    /// Class that was to be reached; `None` if any wrong class counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<usize>,
    /// What the first runtime answers about it; `None` where an output is not finite.
    pub prediction: Option<Label>,
    /// Size of the change in the threat's norm, in input-scale units, computed in f64.
    #[serde(with = "crate::float")]
    pub norm: f64,
    /// Smallest margin of any runtime, in logits, by which the goal is reached; negative where it is not.
    #[serde(with = "crate::float")]
    pub margin: f64,
    /// Attack that found it; `None` where the unchanged sample is the counterexample.
    pub attack: Option<String>,
    /// What became of it when it was judged again.
    pub standing: Standing,
    /// Why the point is no allowed input, where it is not: outside box or ball, or not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<String>,
    /// One entry per runtime.
    pub opinions: Vec<Opinion>,
}

/// What became of a counterexample when it was judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Every runtime confirms it.
    Confirmed,
    /// Some runtimes confirm it and some do not: it lies within rounding of the boundary.
    Boundary,
    /// No runtime confirms it, or it is no allowed input.
    Rejected,
}

/// What one runtime says about a counterexample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// Name of the runtime.
    pub runtime: String,
    /// Its version.
    pub version: String,
    /// What it answers about the input; `None` where an output is not finite.
    pub prediction: Option<Label>,
    /// How far the goal is reached, in logits; negative where it is not.
    #[serde(with = "crate::float")]
    pub margin: f64,
    /// What the other artefact of an `equal` claim answers about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_prediction: Option<Label>,
    /// Largest absolute difference between the outputs of the two artefacts of an `equal` claim.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::float::option")]
    pub difference: Option<f64>,
    /// True where the input is a counterexample on this runtime.
    pub confirmed: bool,
}

/// A runtime that judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Judge {
    /// Name of the runtime.
    pub runtime: String,
    /// Its version.
    pub version: String,
}

/// A file and the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileHash {
    /// Path, with `/` between its parts.
    pub path: String,
    /// Lower-case hexadecimal SHA-256.
    pub sha256: String,
}

/// Contents of `manifest.json`: digests of everything that a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`EVIDENCE_SCHEMA`].
    pub schema: String,
    /// Version of the program that decided.
    pub brinell_version: String,
    /// The claim file, with the SHA-256 of what in it decides the claim: comments, layout and the sentence do not count.
    pub claim: FileHash,
    /// The model, its external weights where there are any, and the other artefact of an `equal` claim.
    pub models: Vec<FileHash>,
    /// The data and labels as they are read, and the class names where they stand in a file.
    pub data: Vec<FileHash>,
    /// The suite of attacks, where it stands in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<FileHash>,
    /// Every file of the evidence but this one, by path.
    pub files: Vec<FileHash>,
}

/// What came of judging counterexamples again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Always [`REPLAY_SCHEMA`].
    pub schema: String,
    /// Folder of the evidence or run, as it was given.
    pub source: String,
    /// The claim that the counterexamples belong to; `None` for a run.
    pub claim: Option<String>,
    /// The model that was asked.
    pub model: FileHash,
    /// The runtimes that judged.
    pub judges: Vec<Judge>,
    /// Why other runtimes could not.
    pub refused: Vec<String>,
    /// The counterexamples, with what was found now.
    pub witnesses: Vec<Witness>,
    /// The certificates, with what was found now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Rechecked>,
}

/// What became of a certified sample when its certificate was checked again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rechecked {
    /// Number of the sample.
    pub sample: usize,
    /// What was found.
    pub found: Refound,
    /// Why it is not confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Parts that were bounded again.
    pub parts: usize,
    /// The lowest bound that closed a part; in a confirmed certificate it is above 0.
    #[serde(default, with = "crate::float::option", skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// Wall-clock time.
    pub seconds: f64,
}

/// What a check of a certificate found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refound {
    /// The certificate proves what the record says.
    Confirmed,
    /// The sample was certified without a certificate, or the checker does not cover the model.
    Unchecked,
    /// The certificate does not prove it.
    Refused,
    /// The certificate is damaged, missing, or about something else.
    Altered,
}
