//! The settings of an audit as typed: on the command line and, under the same names, in `brinell.toml`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use brinell_protocol::data::{Scale, is_table};
use brinell_protocol::features::{self, FeatureRule, UNITS};
use brinell_protocol::{
    Device, Eps, Interface, Knowledge, Layout, Norm, Plan, PreprocessOptions, RuntimeChoice, RuntimeSettings, SanityLevel, suite_for,
};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Deserialize;

use crate::failure::Failure;

/// Name of the settings file that is read from the current folder.
pub(crate) const FILE: &str = "brinell.toml";

const PREPROCESSING: &str = "Preprocessing (inside the graph, after the attack)";

/// Settings that may come from flags or from the file; flags win.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// ONNX file to audit, or the address of a model that a server answers for (Open Inference Protocol): http://HOST/v2/models/NAME
    #[arg(value_name = "MODEL")]
    pub(crate) model: Option<PathBuf>,

    /// Input to attack, of a model with several; the others are held at the arrays of their names in --data
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub(crate) input: Option<String>,

    /// Output that decides, of a model with several [default: the first]
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    pub(crate) output: Option<String>,

    /// Score from which on the class is 1, of a model with one score [default: 0, or 0.5 of a sigmoid]
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, help_heading = "Model")]
    pub(crate) threshold: Option<f64>,

    /// Sizes of one sample of the attacked input, without the batch, where the model leaves some free [default: those of the data]
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', help_heading = "Model")]
    pub(crate) shape: Option<Vec<usize>>,

    /// IDX, .npy, .npz, CIFAR binary, safetensors, a table (.csv, .tsv, .parquet), an image, or a folder of PNG/JPEG images
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    pub(crate) data: Option<PathBuf>,

    /// Labels file, or one class for all samples; of a table the column, by name or number; by default those in or beside the data
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    pub(crate) labels: Option<String>,

    /// Names of the classes: one a line, or JSON
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub(crate) classes: Option<PathBuf>,

    /// Only the first N samples
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(crate) limit: Option<usize>,

    /// Range of the input that eps and distances are measured in; data: of each feature its own range in all of the data, whatever --limit says
    /// [default: 0..1, for tables data]
    #[arg(long, value_parser = PossibleValuesParser::new(["0..1", "0..255", "data"]), help_heading = PREPROCESSING)]
    pub(crate) scale: Option<String>,

    /// What a change of 1 is in eps and distances: the range of each feature, its standard deviation in the data, or the number 1
    /// [default: range with --scale data, else absolute]
    #[arg(long, value_parser = PossibleValuesParser::new(UNITS), help_heading = "Threat")]
    pub(crate) unit: Option<String>,

    /// Rules of features: in the settings file only.
    #[arg(skip)]
    pub(crate) feature: Option<Vec<FeatureRule>>,

    /// Subtracted, one for all or one per channel, in units of --scale
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = PREPROCESSING
    )]
    pub(crate) mean: Option<Vec<f32>>,

    /// Divided by, one for all or one per channel, in units of --scale
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = PREPROCESSING
    )]
    pub(crate) std: Option<Vec<f32>>,

    /// Order in which the model wants the values [default: from the shapes]
    #[arg(long, value_parser = PossibleValuesParser::new(["nchw", "nhwc", "flat", "flat-transposed"]), help_heading = PREPROCESSING)]
    pub(crate) layout: Option<String>,

    /// How a change is measured
    #[arg(long, value_parser = PossibleValuesParser::new(["linf", "l2", "l1", "l0"]), help_heading = "Threat")]
    pub(crate) norm: Option<String>,

    /// Largest change, in units of --scale: 8/255 or 0.03; for l0 a number of elements
    #[arg(long, value_name = "EPS", allow_hyphen_values = true, help_heading = "Threat")]
    pub(crate) eps: Option<Number>,

    /// Look for the nearest example of every sample at any distance, instead of one within --eps
    #[arg(long, num_args = 0, default_missing_value = "true", conflicts_with_all = ["eps", "keep_going"], help_heading = "Threat")]
    pub(crate) minimum_norm: Option<bool>,

    /// Class, by name or index, that every sample is to be turned into
    #[arg(long, value_name = "CLASS", help_heading = "Threat")]
    pub(crate) target: Option<String>,

    #[arg(long, value_name = "NAME|FILE", conflicts_with = "attacks", help_heading = "Attacks", help = suite_help())]
    pub(crate) suite: Option<String>,

    #[arg(long = "attack", value_name = "NAME", help_heading = "Attacks", help = attack_help())]
    #[serde(rename = "attack")]
    pub(crate) attacks: Option<Vec<String>>,

    /// What the attacker may see: everything, the scores, or the predicted class alone; attacks of the suite that need more are left out
    /// [default: white, or score where the model has no gradient]
    #[arg(long, value_parser = PossibleValuesParser::new(["white", "score", "label"]), help_heading = "Threat")]
    pub(crate) knowledge: Option<String>,

    /// Seed of all random numbers [default: 0]
    #[arg(long, value_name = "SEED", help_heading = "Attacks")]
    pub(crate) seed: Option<u64>,

    /// Forwards plus backwards that one sample may cost in one stage
    #[arg(long, value_name = "N", help_heading = "Attacks")]
    pub(crate) max_queries: Option<u64>,

    /// Run attacks to their end and keep the strongest example of each sample, instead of the first
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Attacks")]
    pub(crate) keep_going: Option<bool>,

    /// How closely attacks and model are looked at: only what the attacks show, a few questions more, or attacks of their own on
    /// up to 64 samples (unbounded, larger eps, without gradients, noise); changes no verdict [default: cheap]
    #[arg(long, value_parser = PossibleValuesParser::new(["off", "cheap", "full"]), help_heading = "Attacks")]
    pub(crate) sanity: Option<String>,

    /// Software that executes the model [default: auto]
    #[arg(long, value_parser = PossibleValuesParser::new(["auto", "onnxruntime", "rten"]), help_heading = "Running")]
    pub(crate) runtime: Option<String>,

    /// ONNX Runtime's shared library, or a folder with it
    #[arg(long, value_name = "PATH", help_heading = "Running")]
    pub(crate) onnxruntime: Option<PathBuf>,

    /// cpu, cuda, cuda:1, tensorrt, rocm, directml, coreml or openvino [default: cpu]
    #[arg(long, value_name = "DEVICE", help_heading = "Running")]
    pub(crate) device: Option<String>,

    /// Threads [default: all cores]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Samples in one call of the model [default: by size]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub(crate) batch: Option<NonZeroUsize>,

    /// Folder of the run [default: the first free one of brinell-runs/MODEL-NORM-EPS]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    pub(crate) out: Option<PathBuf>,
}

/// Which input and output of a model are looked at.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model")]
pub(crate) struct Ports {
    /// Input to attack, of a model with several
    #[arg(long, value_name = "NAME")]
    input: Option<String>,

    /// Output that decides, of a model with several [default: the first]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,

    /// Score from which on the class is 1, of a model with one score [default: 0, or 0.5 of a sigmoid]
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    threshold: Option<f64>,

    /// Sizes of one sample of the attacked input, without the batch, where the model leaves some free
    #[arg(long, value_name = "N,N,..", value_delimiter = ',')]
    shape: Option<Vec<usize>>,
}

impl Ports {
    /// Returns them as the model is asked for them.
    pub(crate) fn interface(&self) -> Interface {
        Interface { input: self.input.clone(), output: self.output.clone(), threshold: self.threshold, shape: self.shape.clone() }
    }
}

/// How models run, for commands that read what to do from files of their own.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct Running {
    /// Software that runs the attacks [default: auto]
    #[arg(long, value_parser = PossibleValuesParser::new(["auto", "onnxruntime", "rten"]))]
    runtime: Option<String>,

    /// ONNX Runtime's shared library, or a folder with it
    #[arg(long, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,

    /// Device of the attacks: cpu, cuda, cuda:1, tensorrt, rocm, directml, coreml or openvino [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,

    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Samples in one call of the model [default: by size]
    #[arg(long, value_name = "N")]
    batch: Option<NonZeroUsize>,
}

impl Running {
    /// Checks the settings: runtime, how it runs, and samples in one call.
    pub(crate) fn resolve(&self) -> Result<(RuntimeChoice, RuntimeSettings, Option<usize>), Failure> {
        let settings = RuntimeSettings {
            threads: self.threads,
            device: parse(self.device.as_deref(), Device::Cpu)?,
            library: self.onnxruntime.clone(),
        };
        Ok((parse(self.runtime.as_deref(), RuntimeChoice::Auto)?, settings, self.batch.map(NonZeroUsize::get)))
    }
}

/// Help of `--suite`, with the names of those that are built in.
fn suite_help() -> String {
    let names: Vec<&str> = brinell_protocol::suites().collect();
    format!(
        "Attacks that run one after the other, each on what is left: {}, or a TOML file of your own (brinell suites NAME prints one to start from) [default: quick, with --minimum-norm minimum; score or label where --knowledge says so]",
        names.join(", ")
    )
}

/// Help of `--attack`, with the names of all.
fn attack_help() -> String {
    let names: Vec<&str> = brinell_protocol::attacks().map(|attack| attack.name).collect();
    format!(
        "One attack, with settings as in pgd:steps=40,restarts=5; instead of a suite, may be repeated: {} (brinell attacks says what they are)",
        names.join(", ")
    )
}

/// A number as the user wrote it: `8/255` and `"8/255"`, `0.03` and `"0.03"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    /// As text.
    Text(String),
    /// As an integer of the settings file.
    Integer(i64),
    /// As a float of the settings file.
    Float(f64),
}

impl std::str::FromStr for Number {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Text(text.to_owned()))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
        }
    }
}

impl Settings {
    /// Reads the settings file, where there is one; paths in it are relative to its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
        let mut settings: Self =
            toml::from_str(&text).map_err(|error| Failure::input(format!("{} is not a settings file\n{error}", path.display())))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // An address stays as it is.
        let model = settings.model.as_mut().filter(|model| !brinell_protocol::is_address(model));
        if let Some(model) = model {
            *model = folder.join(&*model);
        }
        let paths = [&mut settings.data, &mut settings.classes, &mut settings.onnxruntime, &mut settings.out];
        for path in paths.into_iter().flatten() {
            *path = folder.join(&*path);
        }
        if let Some(labels) = &mut settings.labels
            && folder.join(&*labels).exists()
        {
            *labels = folder.join(&*labels).display().to_string();
        }
        if let Some(suite) = &mut settings.suite
            && folder.join(&*suite).is_file()
        {
            *suite = folder.join(&*suite).display().to_string();
        }
        Ok(settings)
    }

    /// Returns these settings, with gaps filled from `file`.
    pub(crate) fn over(self, file: Self) -> Self {
        let no_suite = self.suite.is_none();
        // A radius on the command line replaces the search for the nearest of the file, and the other way round.
        let (no_radius, not_nearest) = (self.eps.is_none(), self.minimum_norm.is_none());
        Self {
            model: self.model.or(file.model),
            data: self.data.or(file.data),
            labels: self.labels.or(file.labels),
            classes: self.classes.or(file.classes),
            limit: self.limit.or(file.limit),
            scale: self.scale.or(file.scale),
            unit: self.unit.or(file.unit),
            feature: self.feature.or(file.feature),
            mean: self.mean.or(file.mean),
            std: self.std.or(file.std),
            layout: self.layout.or(file.layout),
            norm: self.norm.or(file.norm),
            eps: self.eps.or_else(|| file.eps.filter(|_| not_nearest)),
            minimum_norm: self.minimum_norm.or_else(|| file.minimum_norm.filter(|_| no_radius)),
            input: self.input.or(file.input),
            output: self.output.or(file.output),
            threshold: self.threshold.or(file.threshold),
            shape: self.shape.or(file.shape),
            target: self.target.or(file.target),
            suite: self.suite.or(file.suite),
            // A suite on the command line replaces attacks of the file.
            attacks: self.attacks.or_else(|| file.attacks.filter(|_| no_suite)),
            knowledge: self.knowledge.or(file.knowledge),
            seed: self.seed.or(file.seed),
            max_queries: self.max_queries.or(file.max_queries),
            keep_going: self.keep_going.or(file.keep_going),
            sanity: self.sanity.or(file.sanity),
            runtime: self.runtime.or(file.runtime),
            onnxruntime: self.onnxruntime.or(file.onnxruntime),
            device: self.device.or(file.device),
            threads: self.threads.or(file.threads),
            batch: self.batch.or(file.batch),
            out: self.out.or(file.out),
        }
    }

    /// Checks the settings and turns them into a plan.
    pub(crate) fn plan(self, resume: bool, command: String) -> Result<Plan, Failure> {
        let missing = |what: &str| Failure::input(format!("missing: {what}; give it on the command line or in {FILE} (see brinell init)"));
        let nearest = self.minimum_norm == Some(true);
        let radius = match (&self.eps, nearest) {
            (Some(_), true) => {
                return Err(Failure::input("--minimum-norm looks for examples at any distance: leave out --eps; the curve has all radii"));
            }
            (None, true) => Some(Eps::any()),
            (Some(eps), false) => Some(eps.to_string().parse().map_err(Failure::from_error)?),
            (None, false) => None,
        };
        let (Some(model), Some(data), Some(norm), Some(eps)) = (&self.model, &self.data, &self.norm, radius) else {
            let given = [self.model.is_some(), self.data.is_some(), self.norm.is_some(), self.eps.is_some() || nearest];
            let names = ["MODEL", "--data", "--norm", "--eps (or --minimum-norm)"].into_iter().zip(given);
            let absent: Vec<&str> = names.filter(|(_, given)| !given).map(|(name, _)| name).collect();
            return Err(missing(&absent.join(", ")));
        };
        let (model, data) = (model.clone(), data.clone());
        let norm: Norm = norm.parse().map_err(Failure::from_error)?;
        let scale = match self.scale.as_deref() {
            None if is_table(&data) => Scale::Data,
            None | Some("0..1") => Scale::Unit,
            Some("0..255") => Scale::Byte,
            Some("data") => Scale::Data,
            Some(other) => return Err(Failure::input(format!("unknown scale `{other}`; use 0..1, 0..255 or data"))),
        };
        let unit = match self.unit.as_deref() {
            None => None,
            Some(name) => {
                Some(features::unit(name).ok_or_else(|| Failure::input(format!("unknown unit `{name}`; use {}", UNITS.join(", "))))?)
            }
        };
        let layout = match self.layout.as_deref() {
            None => None,
            Some(name) => Some(
                Layout::from_name(name)
                    .ok_or_else(|| Failure::input(format!("unknown layout `{name}`; use nchw, nhwc, flat or flat-transposed")))?,
            ),
        };
        let out = match (self.out, resume) {
            (Some(out), _) => out,
            (None, true) => return Err(missing("--out, the folder of the run to resume,")),
            (None, false) => {
                let stem = model.file_stem().map_or_else(|| "model".into(), |stem| stem.to_string_lossy());
                free_folder(&format!("brinell-runs/{stem}-{}-{}", norm.name(), eps.text().replace('/', "_")))
            }
        };
        if self.limit == Some(0) {
            return Err(Failure::input("--limit 0 leaves no samples; give at least 1"));
        }
        if self.max_queries.is_some_and(|limit| limit < 2) {
            return Err(Failure::input("--max-queries below 2 leaves no attack: a gradient costs a forward and a backward"));
        }
        let knowledge = match self.knowledge.as_deref() {
            None => None,
            Some(name) => Some(
                Knowledge::from_name(name)
                    .ok_or_else(|| Failure::input(format!("unknown knowledge `{name}`; use white, score or label")))?,
            ),
        };
        Ok(Plan {
            model,
            interface: Interface { input: self.input, output: self.output, threshold: self.threshold, shape: self.shape },
            data,
            labels: self.labels,
            classes: self.classes,
            scale,
            unit,
            features: self.feature.unwrap_or_default(),
            preprocess: PreprocessOptions { mean: self.mean.unwrap_or_default(), std: self.std.unwrap_or_default(), layout },
            norm,
            eps,
            target: self.target,
            suite: self.suite.unwrap_or_else(|| suite_for(knowledge.unwrap_or(Knowledge::White), nearest).to_owned()),
            attacks: self.attacks.unwrap_or_default(),
            knowledge,
            limit: self.limit,
            seed: self.seed.unwrap_or(0),
            batch: self.batch.map(NonZeroUsize::get),
            max_queries: self.max_queries,
            keep_going: self.keep_going.unwrap_or(false),
            sanity: match self.sanity.as_deref() {
                None | Some("cheap") => SanityLevel::Cheap,
                Some("off") => SanityLevel::Off,
                Some("full") => SanityLevel::Full,
                Some(other) => return Err(Failure::input(format!("unknown sanity level `{other}`; use off, cheap or full"))),
            },
            runtime: parse(self.runtime.as_deref(), RuntimeChoice::Auto)?,
            settings: RuntimeSettings {
                threads: self.threads,
                device: parse(self.device.as_deref(), Device::Cpu)?,
                library: self.onnxruntime,
            },
            out,
            resume,
            command,
        })
    }
}

fn parse<T>(text: Option<&str>, default: T) -> Result<T, Failure>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + 'static,
{
    text.map_or(Ok(default), |text| text.parse().map_err(Failure::from_error))
}

/// Returns `base`, or the first of `base-2`, `base-3`, .. that does not exist.
pub(crate) fn free_folder(base: &str) -> PathBuf {
    let mut candidate = PathBuf::from(base);
    let mut number = 2u32;
    while candidate.exists() {
        candidate = PathBuf::from(format!("{base}-{number}"));
        number += 1;
    }
    candidate
}
