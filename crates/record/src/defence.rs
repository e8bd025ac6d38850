//! What a defended file says of its defence, in its metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Rate;

/// Value of [`Defence::schema`] that this crate writes and reads.
pub const DEFENCE_SCHEMA: &str = "brinell.defence/1";

/// A defence in front of a model, and how to attack what is behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defence {
    /// Always [`DEFENCE_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that wrote the file.
    pub brinell: String,
    /// The transforms, in the order in which the input passes them.
    pub stages: Vec<DefenceStage>,
    /// What was done to the input of the parent in front of its file, so that the transforms see images in 0..1: scale, mean, std and layout.
    pub front: BTreeMap<String, String>,
    /// How the file refuses samples, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// A detector in a file: what it refuses, and how its threshold was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The detector with its settings, such as `squeeze:bits:1+median:2`.
    pub detector: String,
    /// The value of the graph at which the forms end in which the detector shows a sample to the model, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<String>,
    /// Name of the output that is the suspicion, larger for what looks less ordinary.
    pub suspicion: String,
    /// Name of the output that says whether a sample is accepted.
    pub accept: String,
    /// Largest suspicion that is accepted.
    pub threshold: f64,
    /// How far the median sample of the calibration lies below the threshold.
    pub unit: f64,
    /// Share of ordinary samples that may be refused, as asked.
    pub fpr: f64,
    /// Samples of the calibration: those that the model classifies correctly.
    pub n: usize,
    /// The threshold is the suspicion of this many of them, counted from the least.
    pub k: usize,
    /// Upper bound on the share of ordinary samples that this threshold refuses, at 95 % confidence.
    pub fpr_upper: f64,
    /// Lower-case hexadecimal SHA-256 of the samples of the calibration.
    pub data_sha256: String,
}

/// One transform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefenceStage {
    /// The transform with its settings, such as `bits:3`.
    pub transform: String,
    /// The value of the graph at which it ends.
    pub end: String,
}

impl Defence {
    /// Key of the metadata.
    pub const KEY: &'static str = "brinell.defence";
    /// Key of the metadata under which the SHA-256 of the file without the defence stands.
    pub const PARENT: &'static str = "brinell.parent_sha256";

    /// Reads what the metadata of a file say; `None` where they say nothing of a defence.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(metadata: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let Some(text) = metadata.get(Self::KEY) else { return Ok(None) };
        let defence: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if defence.schema == DEFENCE_SCHEMA { Ok(Some(defence)) } else { Err(format!("its form `{}` is not known here", defence.schema)) }
    }

    /// Returns the value at which the last transform ends, or the views of a detector.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        let views = self.refusal.as_ref().and_then(|refusal| refusal.views.as_deref());
        self.stages.last().map(|stage| stage.end.as_str()).or(views)
    }

    /// Returns transforms and detector, as in `bits:3,median:3` or `squeeze:bits:1`.
    #[must_use]
    pub fn name(&self) -> String {
        let detector = self.refusal.as_ref().map(|refusal| refusal.detector.as_str());
        self.stages.iter().map(|stage| stage.transform.as_str()).chain(detector).collect::<Vec<_>>().join(",")
    }
}

/// Value of [`Defended::schema`] that this crate writes and reads.
pub const DEFENDED_SCHEMA: &str = "brinell.defended/1";

/// A model with a defence in front of it, measured beside the model without.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defended {
    /// Always [`DEFENDED_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// The file without the defence.
    pub parent: String,
    /// Lower-case hexadecimal SHA-256 of that file.
    pub parent_sha256: String,
    /// The file with the defence.
    pub output: String,
    /// Lower-case hexadecimal SHA-256 of that file.
    pub output_sha256: String,
    /// The transforms, such as `bits:3,median:3`.
    pub transforms: String,
    /// Samples that both were asked about.
    pub n: usize,
    /// Share of the samples that the model without and with the defence gets right.
    pub clean: [Rate; 2],
    /// Samples about which the two say something else.
    pub differing: usize,
    /// How long a call takes, without and with the defence.
    pub latency: Vec<Latency>,
    /// What executed both.
    pub runtime: String,
}

/// Value of [`Detected::schema`] that this crate writes and reads.
pub const DETECTED_SCHEMA: &str = "brinell.detected/1";

/// A model with a detector behind it, and what that refuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// Always [`DETECTED_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// The file without the detector.
    pub parent: String,
    /// Lower-case hexadecimal SHA-256 of that file.
    pub parent_sha256: String,
    /// The file with the detector.
    pub output: String,
    /// Lower-case hexadecimal SHA-256 of that file.
    pub output_sha256: String,
    /// The detector and its threshold.
    pub refusal: Refusal,
    /// What it does with the samples of the calibration.
    pub calibration: Shares,
    /// What it does with samples that the calibration did not see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Shares>,
    /// How long a call takes, without and with the detector.
    pub latency: Vec<Latency>,
    /// What executed both.
    pub runtime: String,
}

/// What a model that may refuse does with samples: the first three rates are of all samples, and sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Samples.
    pub n: usize,
    /// Lower-case hexadecimal SHA-256 of the samples.
    pub data_sha256: String,
    /// Classified correctly and accepted.
    pub right: Rate,
    /// Refused.
    pub refused: Rate,
    /// Misclassified and accepted.
    pub fooled: Rate,
    /// Refused, of those that the model without the detector classifies correctly: the false-positive rate.
    pub fpr: Rate,
    /// The class with the largest false-positive rate, and that rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_class: Option<(usize, Rate)>,
}

/// How long a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Samples in the call.
    pub batch: usize,
    /// Calls that were timed.
    pub calls: usize,
    /// Of the model without the defence.
    pub parent: Times,
    /// Of the model with it.
    pub defended: Times,
}

/// Quantiles of the time of a call, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}
