//! The settings of an audit as typed: on the command line and, under the same names, in `brinell.toml`.
//!
//! What settings there are, what they mean and how they are read stands in [`brinell::record::SETTINGS`]; flags are made of it.

mod parts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use brinell::errors::SettingError;
use brinell::record::{FeatureRule, FilePaths, Form, Part, SETTINGS, Setting, Shard, setting};
use brinell::runs::{SHARD_FILE, read_identity};
use brinell::{Artefact, Job, LedgerError, Question, Scale};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};

pub(crate) use self::parts::{Certifiable, Classifiers, Contenders, Defended, Fronts, Ports, Runners, Samples, Smoothable, Training};
use crate::failure::Failure;

/// Name of the settings file that is read from the current folder.
pub(crate) const FILE: &str = "brinell.toml";

/// Folder of runs that were given none.
const RUNS: &str = "brinell-runs";

/// Values by the names of their settings.
type Given = BTreeMap<&'static str, Vec<String>>;

/// Settings that may come from flags or from the file; flags win.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    given: Given,
    /// Where in the settings file a setting stands that was read from it.
    places: BTreeMap<&'static str, String>,
    /// Rules of features: in the settings file only.
    features: Vec<FeatureRule>,
    pub(crate) out: Option<PathBuf>,
}

impl Settings {
    /// Settings of a program's own.
    pub(crate) fn of(given: &[(&'static str, String)], out: PathBuf) -> Self {
        let given = given.iter().map(|(name, value)| (*name, vec![value.clone()])).collect();
        Self { given, out: Some(out), ..Self::default() }
    }

    /// Reads the settings file; paths in it are relative to its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
        let wrong = |problem: &dyn std::fmt::Display| Failure::input(format!("{} is not a settings file\n{problem}", path.display()));
        let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(&error))?;
        // Read from the text, an error has its line.
        let rules: Rules = toml::from_str(&text).map_err(|error| wrong(&error))?;
        let place =
            |key: &str| format!("{}{}", path.display(), line_of(&text, key).map_or_else(String::new, |line| format!(", line {line}")));
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut settings = Self { features: rules.feature, ..Self::default() };
        for (key, value) in table {
            match key.as_str() {
                "feature" => {}
                "out" => settings.out = value.as_str().map(|out| folder.join(out)),
                _ => {
                    let setting = setting(&key).map_err(|error| Failure::from_error(error).at(&place(&key)))?;
                    let values =
                        words(value).ok_or_else(|| Failure::input(format!("`{key}` needs a plain value or a list")).at(&place(&key)))?;
                    settings.places.insert(setting.name, place(&key));
                    settings.given.insert(setting.name, values.into_iter().map(|value| beside(folder, setting, value)).collect());
                }
            }
        }
        Ok(settings)
    }

    /// Returns these settings, with gaps filled from `file`. A setting replaces those of the file that it excludes.
    pub(crate) fn over(mut self, file: Self) -> Self {
        let excluded = |name: &str| {
            let excludes = |a: &str, b: &str| setting(a).is_ok_and(|setting| setting.excludes.contains(&b));
            self.given.keys().any(|given| excludes(given, name) || excludes(name, given))
        };
        let rest: Given = file.given.into_iter().filter(|(name, _)| !self.given.contains_key(name) && !excluded(name)).collect();
        self.places.extend(file.places.into_iter().filter(|(name, _)| rest.contains_key(name)));
        self.given.extend(rest);
        if self.features.is_empty() {
            self.features = file.features;
        }
        self.out = self.out.or(file.out);
        self
    }

    /// Returns the question of the run in --out, or of the newest one that was stopped, and the job that goes on with it. Settings that are given
    /// as well take the place of those of the run.
    pub(crate) fn resume(self, command: String) -> Result<(Question, Job), Failure> {
        let out = self.out.map_or_else(newest_stopped, Ok)?;
        let path = out.join("run.json");
        if !path.exists() {
            return Err(LedgerError::NothingToResume { path: out }.into());
        }
        let mut question = read_identity(&path)?.question;
        for (name, values) in &self.given {
            match *name {
                "suite" => question.effort.attacks.clear(),
                "attack" => question.effort.suite = None,
                _ => {}
            }
            setting(name).and_then(|setting| setting.put(&mut question, values)).map_err(Failure::from_error)?;
        }
        if !self.features.is_empty() {
            question.threat.feature = self.features;
        }
        Ok((question, Job { out, resume: true, command }))
    }

    /// Checks the settings and turns them into a question, and the job that answers it, or a shard of it.
    pub(crate) fn question(self, command: String, shard: Option<Shard>) -> Result<(Question, Job), Failure> {
        // A switch of the file that is off says nothing.
        let on = |name: &str, values: &[String]| setting(name).is_ok_and(|setting| setting.form != Form::Switch) || values != ["false"];
        let given: Given = self.given.into_iter().filter(|(name, values)| on(name, values)).collect();
        let places = self.places;
        let wrong = |error: SettingError| {
            let place = if let SettingError::Value { name, .. } = &error { places.get(name).cloned() } else { None };
            let failure = Failure::from_error(error);
            match place {
                Some(place) => failure.at(&place),
                None => failure,
            }
        };
        let mut question = Question::of(given.iter().map(|(name, values)| (*name, values.as_slice()))).map_err(wrong)?;
        question.threat.feature = self.features;
        if question.artefact.scale.is_none() && brinell::data::is_table(&question.population.data) {
            question.artefact.scale = Some(Scale::Data);
        }
        let out = match (self.out, shard) {
            (Some(out), _) => out,
            // No other shard has this name, and the same one is gone on with.
            (None, Some(shard)) => PathBuf::from(shard_folder(&question, shard)),
            (None, None) => free_folder(&default_folder(&question))?,
        };
        Ok((question, Job { out, resume: false, command }))
    }
}

/// The rules of features in the settings file.
#[derive(serde::Deserialize)]
struct Rules {
    #[serde(default)]
    feature: Vec<FeatureRule>,
}

/// Returns the line of a settings file on which a key stands, counted from 1.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let is_of = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    text.lines().position(is_of).map(|line| line + 1)
}

/// Returns the folder of the run in [`RUNS`] that was stopped last.
fn newest_stopped() -> Result<PathBuf, Failure> {
    let changed = |folder: &Path| std::fs::metadata(folder.join("record.jsonl")).and_then(|file| file.modified()).ok();
    let ended = |folder: &Path| ["summary.json", SHARD_FILE].iter().any(|name| folder.join(name).exists());
    let stopped = |folder: &PathBuf| folder.join("run.json").exists() && !ended(folder);
    let entries = std::fs::read_dir(RUNS).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    entries
        .filter(stopped)
        .max_by_key(|folder| changed(folder))
        .ok_or_else(|| Failure::input(format!("{RUNS} contains no stopped run")).hint("name the folder of the run with --out"))
}

/// Name of the folder of a run: `brinell-runs/MODEL-NORM-EPS`.
pub(crate) fn default_folder(question: &Question) -> String {
    let stem = question.artefact.model.file_stem().map_or_else(|| "model".into(), |stem| stem.to_string_lossy());
    format!("{RUNS}/{stem}-{}-{}", question.threat.norm.name(), question.threat.eps.text().replace('/', "_"))
}

/// Name of the folder of a shard: `brinell-runs/MODEL-NORM-EPS-shard-I-of-N`.
fn shard_folder(question: &Question, shard: Shard) -> String {
    format!("{}-shard-{}-of-{}", default_folder(question), shard.index(), shard.count())
}

/// The words of a value in the settings file.
fn words(value: toml::Value) -> Option<Vec<String>> {
    Some(match value {
        toml::Value::String(text) => vec![text],
        toml::Value::Integer(number) => vec![number.to_string()],
        toml::Value::Float(number) => vec![number.to_string()],
        toml::Value::Boolean(on) => vec![on.to_string()],
        toml::Value::Array(values) => values.into_iter().map(|value| words(value)?.into_iter().next()).collect::<Option<_>>()?,
        _ => return None,
    })
}

/// Returns a value of the settings file as it is meant from the current folder.
fn beside(folder: &Path, setting: &Setting, value: String) -> String {
    let file = folder.join(&value);
    match setting.paths {
        FilePaths::All if !Artefact::of(&value).is_address() => file.display().to_string(),
        FilePaths::Existing if file.exists() => file.display().to_string(),
        _ => value,
    }
}

/// Makes a flag of a setting.
fn flag(setting: &'static Setting) -> Arg {
    let help = setting.about.replace("{suites}", &suites()).replace("{attacks}", &attacks());
    let arg = Arg::new(setting.name).help(help).allow_hyphen_values(setting.form != Form::Positional && setting.words.is_empty());
    let arg = match setting.form {
        Form::Positional => arg.help_heading(None::<&str>),
        _ => arg.long(setting.name).help_heading(setting.part.heading()),
    };
    let arg = match setting.form {
        Form::One | Form::Positional => arg.action(ArgAction::Set),
        Form::List => arg.action(ArgAction::Set).value_delimiter(','),
        Form::Repeated => arg.action(ArgAction::Append),
        Form::Switch => return arg.allow_hyphen_values(false).action(ArgAction::SetTrue).conflicts_with_all(setting.excludes),
    };
    let arg = arg.value_name(setting.value).conflicts_with_all(setting.excludes);
    if setting.words.is_empty() { arg } else { arg.ignore_case(true).value_parser(PossibleValuesParser::new(setting.words)) }
}

fn suites() -> String {
    brinell::suites().collect::<Vec<_>>().join(", ")
}

fn attacks() -> String {
    brinell::attacks().map(|attack| attack.name).collect::<Vec<_>>().join(", ")
}

/// Reads the flags of some settings.
fn given(matches: &ArgMatches, wanted: impl Fn(&Setting) -> bool) -> Given {
    let mut given = Given::new();
    for setting in SETTINGS.iter().filter(|setting| wanted(setting)) {
        if setting.form == Form::Switch {
            if matches.get_flag(setting.name) {
                given.insert(setting.name, Vec::new());
            }
        } else if let Some(values) = matches.get_many::<String>(setting.name) {
            given.insert(setting.name, values.cloned().collect());
        }
    }
    given
}

impl Args for Settings {
    fn augment_args(command: clap::Command) -> clap::Command {
        let out = Arg::new("out")
            .long("out")
            .value_name("DIR")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Folder to write the run to [default: brinell-runs/MODEL-NORM-EPS, with -2, -3, .. if it exists]")
            .help_heading(Part::Running.heading());
        command.args(SETTINGS.iter().map(flag)).arg(out)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { given: given(matches, |_| true), out: matches.get_one("out").cloned(), ..Self::default() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Makes the folder `base`, or the first of `base-2`, `base-3`, .. that does not exist, so that no other process takes the same.
pub(crate) fn free_folder(base: &str) -> Result<PathBuf, Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure::input(format!("cannot create the folder {}: {error}", path.display()));
    let mut candidate = PathBuf::from(base);
    let parent = candidate.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut number = 2u32;
    loop {
        // Another process may give the parent back at any moment.
        if !parent.as_os_str().is_empty() {
            std::fs::create_dir_all(&parent).map_err(|error| failed(&parent, error))?;
        }
        match std::fs::create_dir(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                candidate = PathBuf::from(format!("{base}-{number}"));
                number += 1;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&candidate, error)),
        }
    }
}

/// Gives a folder back in which nothing was written, and the one that it is in. A folder that holds something stays.
pub(crate) fn give_back(folder: &Path) {
    if std::fs::remove_dir(folder).is_ok()
        && let Some(parent) = folder.parent().filter(|parent| *parent == Path::new(RUNS))
    {
        let _ = std::fs::remove_dir(parent);
    }
}
