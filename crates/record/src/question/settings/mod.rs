//! Every choice of a user, declared once: name, place, help, and how its words become a value.

mod read;
mod table;

use super::Question;
use super::words::nearest;

pub use table::SETTINGS;

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
    #[error("{name} and {other} cannot be used together")]
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
        assert_eq!(ask(&given).unwrap().threat.norm, brinell_threat::Norm::L2);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value, expected) in [
            ("limit", "0", "limit: 0 is too small; give at least 1 sample"),
            ("batch", "0", "batch: 0 is too small; give at least 1"),
            (
                "max-queries",
                "1",
                "max-queries: 1 is too small; it must be at least 2, because a gradient costs one forward and one backward pass",
            ),
            ("norm", "L3", "norm: unknown norm `L3`; use linf, l2, l1 or l0"),
            ("scale", "1..0", "scale: unknown scale `1..0`; use 0..1, 0..255, any two numbers LO..HI or data"),
            ("shape", "3,x", "shape: `3,x` is not a size"),
            ("threads", "0", "threads: 0 is too small; give at least 1"),
            ("task", "tagging", "task: unknown task `tagging`; use classification, top-k, multilabel, regression or embedding"),
            ("top-k", "0", "top-k: 0 is too small; it must be at least 1"),
            ("tolerance", "wide", "tolerance: invalid float literal"),
        ] {
            let mut given = LEAST.to_vec();
            given.retain(|(known, _)| *known != name);
            let values = [value];
            given.push((name, &values));
            assert_eq!(ask(&given).unwrap_err().to_string(), expected);
        }
        assert_eq!(setting("keep-goin").unwrap_err(), SettingError::Unknown { name: "keep-goin".to_owned(), nearest: Some("keep-going") });
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
