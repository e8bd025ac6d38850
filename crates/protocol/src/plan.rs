//! What the user asked for.

use std::path::PathBuf;

use brinell_attack::Knowledge;
use brinell_engine::{Interface, PreprocessOptions, RuntimeChoice, RuntimeSettings};
use brinell_record::SanityLevel;
use brinell_threat::{Eps, InputBox, Norm};

use crate::data::Scale;
use crate::features::{FeatureRule, Unit};

/// One audit, as asked for.
///
/// | Name | Default | Meaning |
/// |---|---|---|
/// | `model` | | ONNX file, or the address of a model, `http://HOST/v2/models/NAME` |
/// | `interface` | the only input, the first output | what is attacked, what decides, and the threshold of a score |
/// | `data`, `labels`, `classes` | | data file or folder, labels file, file of class names |
/// | `scale` | `0..1` | range of the input box, in which eps and distances are given; with [`Scale::Data`] each feature has its own |
/// | `unit`, `features` | by scale, none | what a change of 1 is; rules of the features of a table |
/// | `preprocess` | none | mean, standard deviation and axis order, applied after the attack |
/// | `norm`, `eps` | | the ball; with [`Eps::any`] the nearest example of each sample is looked for |
/// | `target` | none | class name or index that every sample is to be turned into |
/// | `suite`, `attacks` | `quick` | attacks by name; `attacks` replaces the suite |
/// | `knowledge` | what the model allows | what the attacker may see: the attacks of the suite that need more are left out |
/// | `limit` | all | number of samples, from the first |
/// | `seed` | 0 | of all random numbers |
/// | `batch` | by size | samples in one call of the model |
/// | `max_queries` | none | forwards plus backwards that one sample may cost in one stage |
/// | `keep_going` | false | run attacks to their end and keep the strongest example, instead of the first |
/// | `sanity` | cheap | how closely attacks and model are looked at; changes no verdict |
/// | `out`, `resume` | | folder of the run; go on where it stopped |
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the table says it")]
pub struct Plan {
    pub model: PathBuf,
    pub interface: Interface,
    pub data: PathBuf,
    pub labels: Option<String>,
    pub classes: Option<PathBuf>,
    pub scale: Scale,
    pub unit: Option<Unit>,
    pub features: Vec<FeatureRule>,
    pub preprocess: PreprocessOptions,
    pub norm: Norm,
    pub eps: Eps,
    pub target: Option<String>,
    pub suite: String,
    pub attacks: Vec<String>,
    pub knowledge: Option<Knowledge>,
    pub limit: Option<usize>,
    pub seed: u64,
    pub batch: Option<usize>,
    pub max_queries: Option<u64>,
    pub keep_going: bool,
    pub sanity: SanityLevel,
    pub runtime: RuntimeChoice,
    pub settings: RuntimeSettings,
    pub out: PathBuf,
    pub resume: bool,
    /// The command line, for the record.
    pub command: String,
}

/// Returns the input box that a scale declares; that of [`Scale::Data`] is only known with the data ([`crate::features`]).
#[must_use]
pub fn input_box(scale: Scale) -> InputBox {
    match scale {
        Scale::Unit => InputBox::UNIT,
        Scale::Byte | Scale::Data => InputBox::BYTE,
    }
}

/// Returns the scale's name on the command line.
#[must_use]
pub fn scale_name(scale: Scale) -> &'static str {
    match scale {
        Scale::Unit => "0..1",
        Scale::Byte => "0..255",
        Scale::Data => "data",
    }
}
