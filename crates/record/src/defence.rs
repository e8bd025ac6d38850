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

    /// Returns the value at which the last transform ends.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.stages.last().map(|stage| stage.end.as_str())
    }

    /// Returns the transforms, as in `bits:3,median:3`.
    #[must_use]
    pub fn transforms(&self) -> String {
        self.stages.iter().map(|stage| stage.transform.as_str()).collect::<Vec<_>>().join(",")
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
