//! One of several parts of an audit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Machine;

/// Value of [`ShardRecord::schema`] that this crate writes and reads.
pub const SHARD_SCHEMA: &str = "brinell.shard/1";

/// Most shards of one audit.
const MOST: usize = 1 << 20;

/// A share of the samples of an audit: those whose place among all samples, counted from 0, leaves `index` when it is divided by `count`.
///
/// It is written `index/count`, such as `3/16`; the first of 16 shards is `0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

/// Why something is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// It is not of the form I/N.
    #[error("`{0}` is no shard, which is written I/N, such as 0/16 for the first of 16")]
    Form(String),
    /// There are no shards of this number.
    #[error("there is no shard {index}/{count}: of {count} shards the first is 0/{count} and the last {}/{count}", count.saturating_sub(1))]
    Index {
        /// Number of the shard.
        index: usize,
        /// Number of shards.
        count: usize,
    },
    /// There cannot be so many.
    #[error("an audit has 1 to {MOST} shards, and not {0}")]
    Count(usize),
    /// No scheduler says which shard this is.
    #[error("no scheduler says which shard this is: none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and RANK is set in the environment")]
    Nowhere,
    /// A scheduler says which shard it is, but not of how many.
    #[error("{name} is {value}, but {of} does not say how many shards there are")]
    Unknown {
        /// The variable with the number of the shard.
        name: &'static str,
        /// Its value.
        value: String,
        /// The variables that would hold their number.
        of: &'static str,
    },
    /// A variable holds no number.
    #[error("{name} is `{value}`, which is no number")]
    Number {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The tasks of a Slurm array are not numbered 0, 1, 2, ..
    #[error(
        "the tasks of the Slurm array are numbered {min} to {max}, and there are {count} of them: their numbers are those of the shards only where they \
         are 0, 1, 2, .., or BRINELL_SHARDS says how many shards there are"
    )]
    Array {
        /// The smallest number.
        min: usize,
        /// The largest number.
        max: usize,
        /// Number of tasks.
        count: usize,
    },
    /// Two schedulers say different things.
    #[error("{a_name} makes this shard {a}, and {b_name} makes it {b}")]
    Ambiguous {
        /// A variable with the number of the shard.
        a_name: &'static str,
        /// The shard that it makes this.
        a: Shard,
        /// Another variable.
        b_name: &'static str,
        /// The shard that it makes this.
        b: Shard,
    },
}

/// The number of shards, where a user says it.
const SHARDS: &str = "BRINELL_SHARDS";

impl Shard {
    /// Returns shard number `index`, counted from 0, of `count`.
    ///
    /// # Errors
    /// [`ShardError::Index`], [`ShardError::Count`].
    pub fn new(index: usize, count: usize) -> Result<Self, ShardError> {
        if count == 0 || count > MOST {
            return Err(ShardError::Count(count));
        }
        if index < count { Ok(Self { index, count }) } else { Err(ShardError::Index { index, count }) }
    }

    /// Returns the shard that the scheduler of this process makes it; `variable` reads the environment.
    ///
    /// | Scheduler | Number of the shard | Number of shards |
    /// |---|---|---|
    /// | Slurm array | `SLURM_ARRAY_TASK_ID` | `BRINELL_SHARDS`, else `SLURM_ARRAY_TASK_COUNT` of an array 0, 1, 2, .. |
    /// | Kubernetes indexed job | `JOB_COMPLETION_INDEX` | `BRINELL_SHARDS` |
    /// | torchrun, and others that set it | `RANK` | `WORLD_SIZE` |
    ///
    /// # Errors
    /// [`ShardError`] where none of them is there, one does not say all that is needed, or two contradict each other.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ShardError> {
        let number = |name: &'static str| match variable(name).filter(|value| !value.trim().is_empty()) {
            None => Ok(None),
            Some(value) => value.trim().parse::<usize>().map(Some).map_err(|_| ShardError::Number { name, value }),
        };
        let unknown = |name, value: usize, of| ShardError::Unknown { name, value: value.to_string(), of };
        let shards = number(SHARDS)?;
        let mut found: Vec<(&'static str, Self)> = Vec::new();
        if let Some(index) = number("SLURM_ARRAY_TASK_ID")? {
            let count = match (shards, number("SLURM_ARRAY_TASK_COUNT")?) {
                (Some(shards), _) => shards,
                (None, None) => return Err(unknown("SLURM_ARRAY_TASK_ID", index, "SLURM_ARRAY_TASK_COUNT or BRINELL_SHARDS")),
                (None, Some(count)) => {
                    // A part of an array that is submitted again has other numbers than its count says.
                    let min = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
                    let max = number("SLURM_ARRAY_TASK_MAX")?.unwrap_or(count.saturating_sub(1));
                    if min != 0 || max.checked_add(1) != Some(count) {
                        return Err(ShardError::Array { min, max, count });
                    }
                    count
                }
            };
            found.push(("SLURM_ARRAY_TASK_ID", Self::new(index, count)?));
        }
        if let Some(index) = number("JOB_COMPLETION_INDEX")? {
            let count = shards.ok_or_else(|| unknown("JOB_COMPLETION_INDEX", index, SHARDS))?;
            found.push(("JOB_COMPLETION_INDEX", Self::new(index, count)?));
        }
        if let Some(index) = number("RANK")? {
            let count = number("WORLD_SIZE")?.ok_or_else(|| unknown("RANK", index, "WORLD_SIZE"))?;
            found.push(("RANK", Self::new(index, count)?));
        }
        let (&(a_name, a), others) = found.split_first().ok_or(ShardError::Nowhere)?;
        match others.iter().find(|(_, b)| *b != a) {
            Some(&(b_name, b)) => Err(ShardError::Ambiguous { a_name, a, b_name, b }),
            None => Ok(a),
        }
    }

    /// Returns its number, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }

    /// Returns the number of shards.
    #[must_use]
    pub fn count(self) -> usize {
        self.count
    }

    /// Returns its share of the samples of a run, given their numbers in order: those at the places I, I + N, I + 2 N and so on. Places are shared out, and not
    /// numbers, since a limit takes samples from all over the data.
    #[must_use]
    pub fn of(self, samples: &[usize]) -> Vec<usize> {
        samples.iter().skip(self.index).step_by(self.count).copied().collect()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let form = || ShardError::Form(text.to_owned());
        let (index, count) = text.split_once('/').ok_or_else(form)?;
        let number = |part: &str| part.trim().parse::<usize>().map_err(|_| form());
        Self::new(number(index)?, number(count)?)
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

/// Contents of `shard.json`, which stands in the folder of a shard that came to its end; what a summary says of a shard that it was merged from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Always [`SHARD_SCHEMA`].
    pub schema: String,
    /// Which shard of how many.
    pub shard: Shard,
    /// Its samples.
    pub samples: usize,
    /// SHA-256 of its `record.jsonl`.
    pub record_sha256: String,
    /// When it came to its end, in UTC, as `2026-11-22T23:50:00Z`.
    pub created: String,
    /// The command line that ended it.
    pub command: String,
    /// Wall-clock time of all its processes.
    pub seconds: f64,
    /// Largest resident memory of its last process, in bytes; `None` where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// The machines that it ran on, in order.
    pub machines: Vec<ShardMachine>,
}

/// A machine that a shard ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMachine {
    /// What a summary says of a machine.
    #[serde(flatten)]
    pub machine: Machine,
    /// Instruction sets, by which runtimes choose how they compute.
    pub features: Vec<String>,
}

impl ShardMachine {
    /// Returns what decides how a runtime rounds: the instructions that it may choose from.
    #[must_use]
    pub fn arithmetic(&self) -> String {
        format!(
            "{} with {}",
            self.machine.arch,
            if self.features.is_empty() { "no extensions".to_owned() } else { self.features.join(" ") }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Shard::of_environment(variable).map(|shard| shard.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn shards_share_out_all_samples_once() {
        for (n, count) in [(0, 1), (1, 3), (10, 1), (10, 3), (10, 16), (160, 16)] {
            let all: Vec<usize> = (0..n).map(|place| 7 * place + 3).collect();
            let mut samples: Vec<usize> = (0..count).flat_map(|index| Shard::new(index, count).unwrap().of(&all)).collect();
            samples.sort_unstable();
            assert_eq!(samples, all);
        }
        assert_eq!(Shard::new(1, 3).unwrap().of(&[2, 16, 18, 30, 44]), [16, 44]);
    }

    #[test]
    fn a_shard_is_written_as_it_is_read() {
        let shard: Shard = "3/16".parse().unwrap();
        assert_eq!((shard.index(), shard.count()), (3, 16));
        assert_eq!(serde_json::to_string(&shard).unwrap(), "\"3/16\"");
        assert_eq!(serde_json::from_str::<Shard>("\"3/16\"").unwrap(), shard);
        for wrong in ["", "3", "3/", "/16", "a/b", "-1/16", "16/16", "0/0", "3/16/2", "0/9999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn schedulers_say_which_shard_it_is() {
        let slurm =
            [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "16"), ("SLURM_ARRAY_TASK_MIN", "0"), ("SLURM_ARRAY_TASK_MAX", "15")];
        assert_eq!(auto(&slurm).unwrap(), "3/16");
        assert_eq!(auto(&[("JOB_COMPLETION_INDEX", "2"), ("BRINELL_SHARDS", "4")]).unwrap(), "2/4");
        assert_eq!(auto(&[("RANK", "1"), ("WORLD_SIZE", "2")]).unwrap(), "1/2");
        // The same said twice is no contradiction.
        assert_eq!(auto(&[("JOB_COMPLETION_INDEX", "1"), ("BRINELL_SHARDS", "2"), ("RANK", "1"), ("WORLD_SIZE", "2")]).unwrap(), "1/2");
    }

    #[test]
    fn what_is_missing_or_contradicts_itself_is_said() {
        // Task 3 alone, submitted again, would otherwise be the only shard of one.
        let again =
            [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "1"), ("SLURM_ARRAY_TASK_MIN", "3"), ("SLURM_ARRAY_TASK_MAX", "3")];
        assert!(auto(&again).unwrap_err().contains("BRINELL_SHARDS"));
        assert_eq!(auto(&[&again[..], &[("BRINELL_SHARDS", "16")]].concat()).unwrap(), "3/16");
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[], "no scheduler says"),
            (&[("JOB_COMPLETION_INDEX", "2")], "BRINELL_SHARDS does not say"),
            (&[("RANK", "1")], "WORLD_SIZE does not say"),
            (&[("RANK", "one"), ("WORLD_SIZE", "2")], "`one`, which is no number"),
            (&[("RANK", "2"), ("WORLD_SIZE", "2")], "there is no shard 2/2"),
            (&[("RANK", "1"), ("WORLD_SIZE", "2"), ("JOB_COMPLETION_INDEX", "0"), ("BRINELL_SHARDS", "2")], "and RANK makes it 1/2"),
        ];
        for (variables, expected) in cases {
            let error = auto(variables).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
