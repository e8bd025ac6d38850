//! Audits over time.

use crate::RunEntry;
use serde::{Deserialize, Serialize};

/// Value of [`History::schema`] that this crate writes and reads.
pub const HISTORY_SCHEMA: &str = "brinell.history/2";

/// Audits in groups within which their figures answer the same question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Always [`HISTORY_SCHEMA`].
    pub schema: String,
    /// Groups, in the order of their first audit.
    pub groups: Vec<HistoryGroup>,
}

/// Audits of the same samples under the same threat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryGroup {
    /// The audits, by the time at which they ended.
    pub runs: Vec<RunEntry>,
    /// Settings that vary within the group and move its figures, such as `attacks`.
    pub varies: Vec<String>,
}
