//! Which examples, made on which models, fool which others: `matrix.json`.

use serde::{Deserialize, Serialize};

use crate::Rate;

/// Value of [`Transfer::schema`] that this crate writes and reads.
pub const TRANSFER_SCHEMA: &str = "brinell.transfer/1";

/// The matrix of a transfer run. All models see the same images; radii and distances are in the shared range 0..1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// Always [`TRANSFER_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// How the examples were made.
    pub made: Made,
    /// The images.
    pub data: TransferData,
    /// Every model, a source, a target or both.
    pub models: Vec<TransferModel>,
    /// The rows: what examples were made on.
    pub sources: Vec<TransferSource>,
    /// The columns: numbers of the models that examples were tried on.
    pub targets: Vec<usize>,
    /// One cell for each source and target, row by row.
    pub cells: Vec<Cell>,
    /// Uniform noise of the same radius on each target: what fools without any attack.
    pub noise: Vec<Control>,
    /// Mean success of each source over the targets that are not its own models, with an interval over images.
    pub outward: Vec<Mean>,
    /// Mean success on each target over the sources that do not hold it, with an interval over images.
    pub inward: Vec<Mean>,
    /// Every two sources on the same target and images, Holm's correction over all of them.
    pub tests: Vec<SourceTest>,
    /// How much every two targets fail together.
    pub together: Vec<Together>,
    /// What makes figures doubtful, in words.
    pub notes: Vec<String>,
}

/// How examples were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The attack with all settings.
    pub attack: String,
    /// The radius in the shared range, in Linf, as given.
    pub eps: String,
    /// The same as a number.
    pub radius: f64,
    /// Seed of all random numbers.
    pub seed: u64,
    /// How several sources were put together; absent where each stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<String>,
    /// Share of the sources' ReLUs that were softened on the way back.
    pub soft_backward: f64,
    /// True where examples are stored as bytes.
    pub bytes: bool,
}

/// The images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferData {
    /// File or folder.
    pub path: String,
    /// SHA-256 of what was read.
    pub sha256: String,
    /// Number of images.
    pub n: usize,
    /// Shape of one image.
    pub shape: Vec<usize>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Numbers of the images in the data, ascending and counted from 0; empty where they are the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<usize>,
}

impl TransferData {
    /// Returns the number in the data of the image in that place.
    #[must_use]
    pub fn number(&self, place: usize) -> usize {
        self.samples.get(place).copied().unwrap_or(place)
    }
}

/// A model of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferModel {
    /// Name in tables.
    pub name: String,
    /// File or address.
    pub path: String,
    /// SHA-256 of the file, or of what the server says of the model.
    pub sha256: String,
    /// Shape of one sample of its input.
    pub input: Vec<usize>,
    /// True where images are resized for it.
    pub resized: bool,
    /// Preprocessing, in words.
    pub preprocessing: String,
    /// Classes of the data that it has.
    pub classes: usize,
    /// Images whose class it has.
    pub n: usize,
    /// Of these, those that it gets right.
    pub right: usize,
    /// `right` of `n`.
    pub accuracy: Rate,
    /// Images about which it gave no answer.
    pub unobserved: usize,
}

/// What examples were made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferSource {
    /// Name in tables.
    pub name: String,
    /// Numbers of the models that were attacked together.
    pub models: Vec<usize>,
    /// Number of the target that it leaves out, of an ensemble of all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<usize>,
    /// Examples, one for each image whose class a source has.
    pub n: usize,
    /// Forwards of all examples together.
    pub forwards: u64,
    /// Backwards of all examples together.
    pub backwards: u64,
    /// Images whose first gradient was zero in every value.
    pub zero_gradients: usize,
    /// Images that came back as they were.
    pub unchanged: usize,
    /// Median distance of the examples in Linf.
    #[serde(with = "crate::float")]
    pub linf: f64,
    /// Median distance of the examples in L2: of two attacks with the same radius, the one that goes further may transfer better.
    #[serde(with = "crate::float")]
    pub l2: f64,
}

/// The examples of one source on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Number of the source.
    pub source: usize,
    /// Number of the target among the models.
    pub target: usize,
    /// True where the target is one of the source's own models: success of the attack itself, not transfer.
    pub white_box: bool,
    /// Images that the target and all models of the source get right.
    pub both: usize,
    /// Of these, those whose example the target gets wrong.
    pub fooled: usize,
    /// `fooled` of `both`.
    pub rate: Rate,
    /// Of `fooled`, those where the target gives the class that a model of the source gives.
    pub same: usize,
    /// Images that the target gets right, whatever the source says of them.
    pub right: usize,
    /// Of these, those whose example the target gets wrong.
    pub right_fooled: usize,
    /// `right_fooled` of `right`.
    pub right_rate: Rate,
    /// Examples that the target gets wrong, clean mistakes included.
    pub wrong: usize,
    /// Examples that were tried.
    pub n: usize,
    /// Examples about which the target gave no answer.
    pub unobserved: usize,
    /// Of `both`, those that the target gets wrong with another image's change of the same source.
    pub shuffled: usize,
}

/// Another change of the same size, on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Number of the target among the models.
    pub target: usize,
    /// Images that the target gets right.
    pub right: usize,
    /// Of these, those that it gets wrong with the change.
    pub fooled: usize,
    /// `fooled` of `right`.
    pub rate: Rate,
}

/// A mean of shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Number of the source, or of the target among the models.
    pub number: usize,
    /// Cells that it is the mean of.
    pub cells: usize,
    /// The mean, and its interval from a bootstrap over images.
    pub rate: Rate,
}

/// Two sources on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceTest {
    /// Number of the target among the models.
    pub target: usize,
    /// Number of the first source.
    pub a: usize,
    /// Number of the second source.
    pub b: usize,
    /// Images that only the first source's examples turn, of those that the target gets right.
    pub only_a: usize,
    /// Images that only the second's turn.
    pub only_b: usize,
    /// Two-sided exact McNemar test.
    pub p_value: f64,
    /// True where the two differ, at 5 % over all tests together.
    pub differs: bool,
}

/// Two targets under the same examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// Number of the first target among the models.
    pub a: usize,
    /// Number of the second.
    pub b: usize,
    /// Examples that count: of sources that hold neither, of images that both get right.
    pub n: usize,
    /// Correlation of the two being fooled, from -1 to 1; NaN where one is never or always fooled.
    #[serde(with = "crate::float")]
    pub phi: f64,
}

/// Value of [`Universal::schema`] that this crate writes and reads.
pub const UNIVERSAL_SCHEMA: &str = "brinell.universal/1";

/// One change for all images, and whom it fools: `universal.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Universal {
    /// Always [`UNIVERSAL_SCHEMA`].
    pub schema: String,
    /// Version of Brinell that made it.
    pub brinell_version: String,
    /// The radius in the shared range, in Linf, as given.
    pub eps: String,
    /// The same as a number.
    pub radius: f64,
    /// Seed of all random numbers.
    pub seed: u64,
    /// How several sources were put together.
    pub ensemble: String,
    /// Passes over the images that it was fitted to.
    pub epochs: u32,
    /// Its length in L2.
    pub l2: f64,
    /// Images that it was fitted to.
    pub n_fit: usize,
    /// Images that it was tested on.
    pub n_test: usize,
    /// The images.
    pub data: TransferData,
    /// Every model.
    pub models: Vec<TransferModel>,
    /// Numbers of the models that it was fitted on, together.
    pub sources: Vec<usize>,
    /// What it does to each target.
    pub targets: Vec<UniversalTarget>,
}

/// A universal change on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UniversalTarget {
    /// Number of the target among the models.
    pub target: usize,
    /// True where it was fitted on the target.
    pub white_box: bool,
    /// On images that it was fitted to: no claim.
    pub fit: Control,
    /// On the others.
    pub test: Control,
    /// Random signs of the same size on the others.
    pub noise: Control,
}
