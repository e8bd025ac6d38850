//! Every choice of a user, declared once: name, place, help, and how its words become a value.

use std::path::PathBuf;
use std::str::FromStr;

use brinell_threat::Norm;

use super::words::nearest;
use super::{Device, Knowledge, Layout, Question, Radius, RuntimeChoice, Scale};
use crate::{SanityLevel, Unit};

/// One choice: a flag of the command line and, under the same name, a key of `brinell.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name, in kebab-case.
    pub name: &'static str,
    /// Where it belongs.
    pub part: Part,
    /// What stands for its value in help; empty for a switch.
    pub value: &'static str,
    /// Help in one sentence; `{suites}` and `{attacks}` stand for the names of those that there are.
    pub about: &'static str,
    /// How many values it takes.
    pub form: Form,
    /// The words that it takes, where these are all.
    pub words: &'static [&'static str],
    /// Settings that cannot be given beside it.
    pub excludes: &'static [&'static str],
    /// Whether its values are paths, which in a file start from the folder of that file.
    pub paths: FilePaths,
    set: fn(&mut Question, &[String]) -> Result<(), String>,
}

/// What a setting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The model: what is attacked and what decides.
    Model,
    /// The samples.
    Data,
    /// What stands between a sample and the model.
    Preprocessing,
    /// What the attacker may do and see.
    Threat,
    /// How hard the attacker tries.
    Attacks,
    /// What executes the model.
    Running,
}

impl Part {
    /// Every part, in the order of help.
    pub const ALL: [Self; 6] = [Self::Model, Self::Data, Self::Preprocessing, Self::Threat, Self::Attacks, Self::Running];

    /// Returns the heading in help.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Data => "Data",
            Self::Preprocessing => "Preprocessing (inside the graph, after the attack)",
            Self::Threat => "Threat",
            Self::Attacks => "Attacks",
            Self::Running => "Running",
        }
    }
}

/// How many values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One value.
    One,
    /// One value, given without its name.
    Positional,
    /// Several, separated by commas.
    List,
    /// Several, one each time that it is given.
    Repeated,
    /// None: it is given or not.
    Switch,
}

/// Which values of a setting are paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePaths {
    /// None.
    No,
    /// All, addresses left out.
    All,
    /// Those that exist as files in the folder of the settings file.
    Existing,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// There is no such setting.
    #[error("unknown setting `{name}`")]
    Unknown {
        /// The name as given.
        name: String,
        /// The setting that is spelt most alike, where one is near.
        nearest: Option<&'static str>,
    },
    /// The value cannot be used.
    #[error("{name}: {problem}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Two settings contradict each other.
    #[error("{name} and {other} exclude each other")]
    Excluded {
        /// One setting.
        name: &'static str,
        /// The other.
        other: &'static str,
    },
    /// Settings without which nothing can be asked are not given.
    #[error("missing: {}", names.join(", "))]
    Missing {
        /// Their names.
        names: Vec<&'static str>,
    },
}

/// Returns the setting of that name.
///
/// # Errors
/// [`SettingError::Unknown`], with the nearest name.
pub fn setting(name: &str) -> Result<&'static Setting, SettingError> {
    SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
        let nearest = nearest(name, SETTINGS.iter().map(|setting| setting.name));
        SettingError::Unknown { name: name.to_owned(), nearest }
    })
}

impl Setting {
    /// Puts values into a question.
    ///
    /// # Errors
    /// [`SettingError::Value`].
    pub fn put(&self, question: &mut Question, values: &[String]) -> Result<(), SettingError> {
        if let Some(wrong) = values.iter().find(|value| !self.words.is_empty() && !self.words.contains(&value.to_lowercase().as_str())) {
            let problem = super::WordError::new(self.name, wrong, self.words).to_string();
            return Err(SettingError::Value { name: self.name, problem });
        }
        // `L2` and `l2` are the same word.
        let lower = if self.words.is_empty() { Vec::new() } else { values.iter().map(|value| value.to_lowercase()).collect() };
        (self.set)(question, if self.words.is_empty() { values } else { &lower })
            .map_err(|problem| SettingError::Value { name: self.name, problem })
    }

    const fn new(
        name: &'static str,
        part: Part,
        value: &'static str,
        about: &'static str,
        set: fn(&mut Question, &[String]) -> Result<(), String>,
    ) -> Self {
        Self { name, part, value, about, form: Form::One, words: &[], excludes: &[], paths: FilePaths::No, set }
    }

    const fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    const fn words(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    const fn excludes(self, excludes: &'static [&'static str]) -> Self {
        Self { excludes, ..self }
    }

    const fn paths(self, paths: FilePaths) -> Self {
        Self { paths, ..self }
    }
}

impl Question {
    /// Builds a question from settings and their values; what is not given has its default.
    ///
    /// # Errors
    /// [`SettingError`]: all that is missing is named at once.
    pub fn of<'a>(given: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, SettingError> {
        let mut question = Self::default();
        let mut names = Vec::new();
        for (name, values) in given {
            let setting = setting(name)?;
            setting.put(&mut question, values)?;
            names.push(setting);
        }
        for setting in &names {
            if let Some(other) = names.iter().find(|other| setting.excludes.contains(&other.name)) {
                return Err(SettingError::Excluded { name: setting.name, other: other.name });
            }
        }
        let is_given = |name: &str| names.iter().any(|setting| setting.name == name);
        let absent = |name: &&str| !(is_given(name) || (*name == "eps" && is_given("minimum-norm")));
        let names: Vec<&'static str> = ["model", "data", "norm", "eps"].into_iter().filter(absent).collect();
        if names.is_empty() { Ok(question) } else { Err(SettingError::Missing { names }) }
    }
}

/// Reads the only value.
fn one<T: FromStr>(values: &[String]) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    match values {
        [value] => value.parse().map_err(|error: T::Err| error.to_string()),
        _ => Err("takes one value".to_owned()),
    }
}

/// Reads a whole number of at least `least`.
fn count(values: &[String], least: u64, why: &str) -> Result<u64, String> {
    let number: u64 = one::<u64>(values).map_err(|_| format!("`{}` is no whole number of at least {least}", values.join(",")))?;
    if number >= least { Ok(number) } else { Err(format!("is {number}; {why}")) }
}

/// Reads every value.
fn all<T: FromStr>(values: &[String], what: &str) -> Result<Vec<T>, String> {
    let read = |value: &String| value.trim().parse().map_err(|_| format!("`{value}` is no {what}"));
    values.iter().map(read).collect()
}

/// Reads a switch: given without a value, or `true` or `false` in a file.
fn switch(values: &[String]) -> Result<bool, String> {
    match values {
        [] => Ok(true),
        values => one(values).map_err(|_| format!("`{}` is neither true nor false", values.join(","))),
    }
}

fn size(number: u64) -> Result<usize, String> {
    usize::try_from(number).map_err(|_| format!("{number} is too large"))
}

/// All settings, in the order of help.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "model",
        Part::Model,
        "MODEL",
        "ONNX file to audit, or the address of a model on a server (Open Inference Protocol): http://HOST/v2/models/NAME",
        |q, v| one::<String>(v).map(|path| q.artefact.model = path.into()),
    )
    .form(Form::Positional)
    .paths(FilePaths::All),
    Setting::new(
        "input",
        Part::Model,
        "NAME",
        "Input to attack, if the model has several; the others are held at the arrays of their names in --data",
        |q, v| one(v).map(|name| q.artefact.input = Some(name)),
    ),
    Setting::new("output", Part::Model, "NAME", "Output that decides, if the model has several [default: the first]", |q, v| {
        one(v).map(|name| q.artefact.output = Some(name))
    }),
    Setting::new(
        "threshold",
        Part::Model,
        "SCORE",
        "Score from which on the class is 1, if the model has one score [default: 0, or 0.5 of a sigmoid]",
        |q, v| one(v).map(|score| q.artefact.threshold = Some(score)),
    ),
    Setting::new(
        "shape",
        Part::Model,
        "N,N,..",
        "Sizes of one sample of the attacked input, without the batch, if the model leaves some free [default: those of the data]",
        |q, v| all(v, "size").map(|shape| q.artefact.shape = Some(shape)),
    )
    .form(Form::List),
    Setting::new(
        "data",
        Part::Data,
        "PATH",
        "IDX, .npy, .npz, CIFAR binary, safetensors, a table (.csv, .tsv, .parquet), an image, or a folder of PNG/JPEG images",
        |q, v| one::<PathBuf>(v).map(|path| q.population.data = path),
    )
    .paths(FilePaths::All),
    Setting::new(
        "labels",
        Part::Data,
        "PATH",
        "Labels file, or one class for all samples; for a table, the column by name or number [default: the labels in or beside the data]",
        |q, v| one(v).map(|labels| q.population.labels = Some(labels)),
    )
    .paths(FilePaths::Existing),
    Setting::new("classes", Part::Data, "FILE", "Names of the classes: one per line, or JSON", |q, v| {
        one(v).map(|path| q.population.classes = Some(path))
    })
    .paths(FilePaths::All),
    Setting::new("drop", Part::Data, "COLUMN", "Column of a table to leave out, by name; may be repeated", |q, v| {
        q.population.drop = v.to_vec();
        Ok(())
    })
    .form(Form::Repeated),
    Setting::new("limit", Part::Data, "N", "Only the first N samples", |q, v| {
        count(v, 1, "give at least 1 sample").and_then(size).map(|n| q.population.n = Some(n))
    }),
    Setting::new(
        "scale",
        Part::Preprocessing,
        "LO..HI",
        "Range of the stored values, in whose units eps and distances are: 0..1, 0..255, any two numbers, or data, which gives each feature its own range in the whole data file [default: 0..1, for tables data]",
        |q, v| one::<Scale>(v).map(|scale| q.artefact.scale = Some(scale)),
    ),
    Setting::new(
        "mean",
        Part::Preprocessing,
        "A,B,C",
        "Mean that is subtracted, one for all channels or one for each, in units of --scale",
        |q, v| all(v, "number").map(|mean| q.artefact.mean = mean),
    )
    .form(Form::List),
    Setting::new("std", Part::Preprocessing, "A,B,C", "Standard deviation to divide by, one for all channels or one for each, in units of --scale", |q, v| {
        all(v, "number").map(|std| q.artefact.std = std)
    })
    .form(Form::List),
    Setting::new(
        "layout",
        Part::Preprocessing,
        "LAYOUT",
        "Order in which the model takes the values of an image [default: from the shapes]",
        |q, v| one(v).map(|layout| q.artefact.layout = Some(layout)),
    )
    .words(Layout::NAMES),
    Setting::new("norm", Part::Threat, "NORM", "How a change is measured", |q, v| one(v).map(|norm| q.threat.norm = norm))
        .words(Norm::NAMES),
    Setting::new(
        "eps",
        Part::Threat,
        "EPS",
        "Largest change, in units of --scale: 8/255 or 0.03; for l0 a number of elements",
        |q, v| one(v).map(|eps| q.threat.eps = Radius::Within(eps)),
    ),
    Setting::new(
        "minimum-norm",
        Part::Threat,
        "",
        "Find the smallest change that fools the model on each sample, instead of one within --eps",
        |q, v| {
            if switch(v)? {
                q.threat.eps = Radius::Nearest;
            }
            Ok(())
        },
    )
    .form(Form::Switch)
    .excludes(&["eps", "keep-going"]),
    Setting::new(
        "unit",
        Part::Threat,
        "UNIT",
        "What a change of 1 means in eps and distances: the range of each feature, its standard deviation in the data, or the number 1 [default: range with --scale data, else absolute]",
        |q, v| one(v).map(|unit| q.threat.unit = Some(unit)),
    )
    .words(Unit::NAMES),
    Setting::new("target", Part::Threat, "CLASS", "Class, by name or index, that the attacker wants; without it, any wrong class counts", |q, v| {
        one(v).map(|class| q.threat.target = Some(class))
    }),
    Setting::new(
        "knowledge",
        Part::Threat,
        "KNOWLEDGE",
        "What the attacker sees of the model: gradients and all else (white), the scores, or only the predicted class; attacks of the suite that need more are left out [default: white, or score where the model has no gradient]",
        |q, v| one(v).map(|knowledge| q.threat.knowledge = Some(knowledge)),
    )
    .words(Knowledge::NAMES),
    Setting::new(
        "suite",
        Part::Attacks,
        "NAME|FILE",
        "Attacks that run one after the other, each on the samples that are left: {suites}, or a TOML file of your own (brinell suites NAME prints a template) [default: quick, with --minimum-norm minimum; score or label where --knowledge says so]",
        |q, v| one(v).map(|suite| q.effort.suite = Some(suite)),
    )
    .excludes(&["attack"])
    .paths(FilePaths::Existing),
    Setting::new(
        "attack",
        Part::Attacks,
        "NAME",
        "One attack instead of a suite, with settings as in pgd:steps=40,restarts=5; may be repeated: {attacks} (brinell attacks describes them)",
        |q, v| {
            q.effort.attacks = v.to_vec();
            Ok(())
        },
    )
    .form(Form::Repeated),
    Setting::new("seed", Part::Attacks, "SEED", "Seed of all random numbers [default: 0]", |q, v| {
        count(v, 0, "").map(|seed| q.effort.seed = seed)
    }),
    Setting::new(
        "max-queries",
        Part::Attacks,
        "N",
        "Query budget: the most forward and backward passes for one sample in one stage",
        |q, v| count(v, 2, "a gradient costs a forward and a backward").map(|limit| q.effort.max_queries = Some(limit)),
    ),
    Setting::new(
        "keep-going",
        Part::Attacks,
        "",
        "Run attacks to their end and keep the strongest example of each sample, not the first",
        |q, v| switch(v).map(|keep_going| q.effort.keep_going = keep_going),
    )
    .form(Form::Switch),
    Setting::new(
        "sanity",
        Part::Attacks,
        "LEVEL",
        "How thoroughly attacks and model are checked: only by what the attacks show, with a few more queries, or with further attacks on up to 64 samples (unbounded, larger eps, without gradients, noise); changes no result [default: cheap]",
        |q, v| one(v).map(|level| q.effort.sanity = level),
    )
    .words(SanityLevel::NAMES),
    Setting::new("runtime", Part::Running, "RUNTIME", "Software that executes the model [default: auto]", |q, v| {
        one(v).map(|runtime| q.running.runtime = runtime)
    })
    .words(RuntimeChoice::NAMES),
    Setting::new("onnxruntime", Part::Running, "PATH", "ONNX Runtime's shared library, or a folder with it", |q, v| {
        one(v).map(|path| q.running.onnxruntime = Some(path))
    })
    .paths(FilePaths::All),
    Setting::new(
        "device",
        Part::Running,
        "DEVICE",
        "cpu, cuda, cuda:1, tensorrt, rocm, migraphx, directml, coreml or openvino [default: cpu]",
        |q, v| one::<Device>(v).map(|device| q.running.device = device),
    ),
    Setting::new("threads", Part::Running, "N", "Threads [default: all cores]", |q, v| {
        let threads = count(v, 1, "give at least 1").and_then(size)?;
        q.running.threads = threads.try_into().ok();
        Ok(())
    }),
    Setting::new("batch", Part::Running, "N", "Samples in one call of the model [default: by size]", |q, v| {
        let batch = count(v, 1, "give at least 1").and_then(size)?;
        q.running.batch = batch.try_into().ok();
        Ok(())
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(given: &[(&str, &[&str])]) -> Result<Question, SettingError> {
        let given: Vec<(&str, Vec<String>)> =
            given.iter().map(|(name, values)| (*name, values.iter().map(|value| (*value).to_owned()).collect())).collect();
        Question::of(given.iter().map(|(name, values)| (*name, values.as_slice())))
    }

    const LEAST: [(&str, &[&str]); 4] = [("model", &["m.onnx"]), ("data", &["x.npy"]), ("norm", &["linf"]), ("eps", &["8/255"])];

    #[test]
    fn a_question_survives_its_json() {
        let mut given = LEAST.to_vec();
        given.extend([
            ("mean", ["0.1", "0.2"].as_slice()),
            ("scale", &["-1..1"]),
            ("threads", &["3"]),
            ("attack", &["pgd:steps=4", "fgsm"]),
            ("device", &["cuda:1"]),
        ]);
        let question = ask(&given).unwrap();
        let text = serde_json::to_string(&question).unwrap();
        assert_eq!(serde_json::from_str::<Question>(&text).unwrap(), question, "{text}");
        assert!(question.differences(&question).is_empty());
        let other = ask(&LEAST).unwrap();
        let places: Vec<String> = question.differences(&other).into_iter().map(|(place, ..)| place).collect();
        assert_eq!(places, ["artefact.mean", "artefact.scale", "effort.attacks", "running.device", "running.threads"]);
        assert_ne!(question.digest(), other.digest());
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        assert_eq!(ask(&LEAST[1..2]).unwrap_err(), SettingError::Missing { names: vec!["model", "norm", "eps"] });
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let mut given = LEAST.to_vec();
        given.push(("minimum-norm", &[]));
        assert_eq!(ask(&given).unwrap_err(), SettingError::Excluded { name: "minimum-norm", other: "eps" });
    }

    #[test]
    fn words_may_be_written_in_capitals() {
        let mut given = LEAST.to_vec();
        given.retain(|(known, _)| *known != "norm");
        given.push(("norm", &["L2"]));
        assert_eq!(ask(&given).unwrap().threat.norm, Norm::L2);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value, expected) in [
            ("limit", "0", "limit: is 0; give at least 1 sample"),
            ("max-queries", "1", "max-queries: is 1; a gradient costs a forward and a backward"),
            ("norm", "L3", "norm: unknown norm `L3`; use linf, l2, l1 or l0"),
            ("scale", "1..0", "scale: unknown scale `1..0`; use 0..1, 0..255, any two numbers LO..HI or data"),
            ("shape", "3,x", "shape: `3,x` is no size"),
            ("threads", "0", "threads: is 0; give at least 1"),
        ] {
            let mut given = LEAST.to_vec();
            given.retain(|(known, _)| *known != name);
            let values = [value];
            given.push((name, &values));
            assert_eq!(ask(&given).unwrap_err().to_string(), expected);
        }
        assert_eq!(
            setting("max-querys").unwrap_err(),
            SettingError::Unknown { name: "max-querys".to_owned(), nearest: Some("max-queries") }
        );
    }

    #[test]
    fn every_setting_has_a_name_and_help_of_its_own() {
        for (place, setting) in SETTINGS.iter().enumerate() {
            assert!(!setting.about.is_empty());
            assert!(SETTINGS.iter().skip(place + 1).all(|other| other.name != setting.name), "{}", setting.name);
            assert!(setting.excludes.iter().all(|name| super::setting(name).is_ok()));
        }
    }
}
