//! What defences are worth against attackers who know more and more: `race.json`.

use serde::{Deserialize, Serialize};

use crate::{Latency, Paired, Rate};

/// Value of [`Race::schema`] that this crate writes and reads.
pub const RACE_SCHEMA: &str = "brinell.race/1";

/// A race between defences of one model and attackers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// Always [`RACE_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// The model without a defence.
    pub model: String,
    /// The samples.
    pub data: String,
    /// Lower-case hexadecimal SHA-256 of the samples.
    pub data_sha256: String,
    /// Number of samples.
    pub n: usize,
    /// Norm of the radius.
    pub norm: String,
    /// The radius as given.
    pub eps: String,
    /// Seed of all random numbers.
    pub seed: u64,
    /// What executed the models.
    pub runtime: String,
    /// The rounds: the model without a defence first, then each defence, then the rival.
    pub rounds: Vec<RaceRound>,
    /// Rounds in which the defender moved, all on these samples.
    pub defender_moves: usize,
    /// What makes figures doubtful, in words.
    pub notes: Vec<String>,
}

/// One defence, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceRound {
    /// The transforms or the detector, such as `bits:3` or `squeeze:bits:1`; the name of the file without a defence.
    pub name: String,
    /// What stands in the round.
    pub kind: RoundKind,
    /// The file.
    pub file: String,
    /// Lower-case hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// Share of the samples that are classified correctly, and accepted, without any attack.
    pub clean: Rate,
    /// Share of the samples that a detector refuses without any attack. It counts as right in what is left after moves: nobody is fooled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Rate>,
    /// What was left after each move.
    pub moves: Vec<RaceMove>,
    /// Samples that are right after all moves, here and without a defence; absent in the first round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paired: Option<Paired>,
    /// What the defence is worth; absent where nothing was put in front of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<RaceVerdict>,
    /// True where the rival loses no more clean accuracy and more samples are right after all moves.
    pub dominated: bool,
    /// Median of the queries that a sample cost which an attack on this file broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_queries: Option<u64>,
    /// Why the attacks may be weaker than they should be, in words.
    pub doubts: Vec<String>,
    /// The same on fresh samples, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<FreshRound>,
    /// How long a call takes, without and with the defence.
    pub latency: Vec<Latency>,
}

/// A defence on samples that no round has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FreshRound {
    /// Number of samples.
    pub n: usize,
    /// Share that is classified correctly without any attack.
    pub clean: Rate,
    /// Share that is right after all moves.
    pub right: Rate,
    /// The same without the defence.
    pub parent: Rate,
    /// Samples that are right after all moves, here and without a defence.
    pub paired: Paired,
}

/// What stands in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoundKind {
    /// The model as it is.
    Parent,
    /// The model with transforms in front.
    Transform,
    /// The model with a detector behind it.
    Detector,
    /// Another model, such as a hardened one.
    Rival,
}

impl RoundKind {
    /// True for a defence of the model.
    #[must_use]
    pub fn is_defence(self) -> bool {
        matches!(self, Self::Transform | Self::Detector)
    }
}

/// One move of the attacker. What an earlier move has broken stays broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceMove {
    /// Which one.
    pub kind: MoveKind,
    /// The attacks, in their order.
    pub attacks: Vec<String>,
    /// Share of all samples that are right, or refused, after this move and those before it.
    pub right: Rate,
    /// Share of all samples that are right, or refused, after this move alone, where it was tried on all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Rate>,
    /// Forwards of all its attacks.
    pub forwards: u64,
    /// Gradients of all its attacks.
    pub backwards: u64,
    /// Seconds.
    pub seconds: f64,
}

/// What an attacker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveKind {
    /// Nothing of the defence; examples stop at the first success on the model without it.
    FirstSuccess,
    /// Nothing of the defence; examples are as strong as they get on the model without it.
    Strongest,
    /// The defence: gradients go through or around it.
    Adaptive,
    /// The same with more steps, restarts and attacks without gradients.
    Stronger,
}

impl MoveKind {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::FirstSuccess, Self::Strongest, Self::Adaptive, Self::Stronger];

    /// Returns the name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstSuccess => "blind, first success",
            Self::Strongest => "blind, strongest",
            Self::Adaptive => "adaptive",
            Self::Stronger => "stronger",
        }
    }

    /// Says what the attacker knows and does.
    #[must_use]
    pub fn knows(self) -> &'static str {
        match self {
            Self::FirstSuccess => "has the model without the defence, stops at the first success there, and tries that example here",
            Self::Strongest => "has the model without the defence, goes on to the end there, and tries those examples here",
            Self::Adaptive => "has the defended file and takes gradients through the defence or around it",
            Self::Stronger => {
                "has the defended file and also uses other step sizes, restarts, all rival classes and attacks without gradients"
            }
        }
    }
}

/// What a defence is worth against the attacks of the race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RaceVerdict {
    /// As many samples are right after all moves as without it.
    Broken,
    /// As many samples are right, but breaking one costs ten times as many queries.
    CostOnly,
    /// The difference may be chance.
    Undecided,
    /// More samples are right after all moves than without it.
    Partial,
    /// The same on fresh samples, and nothing makes the attacks doubtful.
    Holds,
}

impl RaceVerdict {
    /// Returns the verdict in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::CostOnly => "cost only",
            Self::Undecided => "undecided",
            Self::Partial => "partial",
            Self::Holds => "holds against the named attacks",
        }
    }
}
