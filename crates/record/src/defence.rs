//! What a defended file says of its defence, in its metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
