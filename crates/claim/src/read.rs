//! From a path to a claim file whose every word is understood.

use std::path::{Path, PathBuf};

use brinell_record::{CLAIM_SCHEMA, Claim, ClaimFile, ClaimThreat, Effort, FileError, Policy, Threat, hash};
use serde_json::{Map, Value};

use super::decide::Question;
use super::line;
use super::plan::is_attacked;
use super::rules;
use super::statement::statement;
use crate::ClaimError;

/// Tables and values that a claim takes from its file where it has none of its own.
const INHERITED: [&str; 6] = ["subject", "population", "threat", "policy", "expires", "assumptions"];

/// A claim file as read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What it says, with what claims inherit filled in.
    pub file: ClaimFile,
}

impl Source {
    /// Reads and checks a claim file.
    ///
    /// # Errors
    /// [`ClaimError`] names the file, the key and what would do; [`ClaimError::File`] where it cannot be read.
    pub fn read(path: &Path) -> Result<Self, ClaimError> {
        Format::of(path)?;
        Self::of_bytes(path, &std::fs::read(path).map_err(FileError::on("read", path))?)
    }

    /// Reads and checks what a claim file holds, or is about to hold.
    pub(crate) fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, ClaimError> {
        let format = Format::of(path)?;
        let text = std::str::from_utf8(bytes).map_err(|error| format.wrong(path, error))?;
        let placed = |error| format.placed(text, error);
        let mut file = parse(path, format, text).map_err(placed)?;
        for claim in file.claims.iter_mut().filter(|claim| claim.statement.trim().is_empty()) {
            claim.statement = statement(claim);
        }
        rules::check(path, &file).map_err(placed)?;
        Ok(Self { path: path.to_path_buf(), sha256: hash::sha256_bytes(bytes), file })
    }

    /// Returns the SHA-256 of all that decides a claim of this file, in canonical JSON. Comments, layout, the sentence, the assumptions, the
    /// day and the policy do not count: a verdict does not depend on them.
    pub(crate) fn meaning(&self, claim: &Claim) -> String {
        let is_statistical = |claim: &&Claim| Question::of(claim, is_attacked(claim)).is_some_and(|question| question.is_statistical());
        // Claims that a random sample decides share the error of their file.
        let sharing: Vec<Claim> = if is_statistical(&claim) {
            self.file.claims.iter().filter(is_statistical).map(decisive).collect()
        } else {
            vec![decisive(claim)]
        };
        hash::sha256_json(&(self.file.confidence, self.file.family, &claim.id, sharing))
    }

    /// Returns the folder that paths in the file start from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }

    /// Returns the folder beside the file that holds the evidence of all its claims.
    #[must_use]
    pub fn evidence(&self) -> PathBuf {
        self.path.with_extension("evidence")
    }

    /// Returns the folder of one claim's evidence, relative to the claim file's folder.
    #[must_use]
    pub fn evidence_name(&self, claim: &Claim) -> String {
        let name = self.evidence().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        format!("{name}/{}", claim.id)
    }
}

/// Returns a claim without what no verdict depends on.
fn decisive(claim: &Claim) -> Claim {
    Claim { statement: String::new(), expires: None, assumptions: Vec::new(), policy: Policy::default(), ..claim.clone() }
}

/// Returns the claim files that a path means: itself, or those of a folder, sorted by name.
///
/// # Errors
/// [`ClaimError::Empty`] for a folder without any, [`ClaimError::File`].
pub fn files(path: &Path) -> Result<Vec<PathBuf>, ClaimError> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>());
    let mut found = entries.map_err(FileError::on("read", path))?;
    found.retain(|path| path.is_file() && Format::of(path).is_ok());
    found.sort();
    if found.is_empty() { Err(ClaimError::Empty { path: path.to_path_buf() }) } else { Ok(found) }
}

#[derive(Clone, Copy)]
enum Format {
    Toml,
    Yaml,
}

impl Format {
    fn of(path: &Path) -> Result<Self, ClaimError> {
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("toml") => Ok(Self::Toml),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            _ => Err(ClaimError::Name { path: path.to_path_buf() }),
        }
    }

    fn wrong(self, path: &Path, error: impl std::fmt::Display) -> ClaimError {
        let format = match self {
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        };
        ClaimError::Syntax { path: path.to_path_buf(), format, problem: error.to_string().trim_end().to_owned() }
    }

    /// Adds the line to an error about a key.
    fn placed(self, text: &str, error: ClaimError) -> ClaimError {
        match error {
            ClaimError::Key { path, key, problem, line: None } => {
                let line = line::of_key(text, matches!(self, Self::Toml), &key);
                ClaimError::Key { path, line, key, problem }
            }
            error => error,
        }
    }

    fn values(self, path: &Path, text: &str) -> Result<Value, ClaimError> {
        match self {
            Self::Toml => Ok(json(toml::Value::Table(text.parse().map_err(|error| self.wrong(path, error))?))),
            Self::Yaml => serde_saphyr::from_str(text).map_err(|error| self.wrong(path, error)),
        }
    }
}

/// A TOML value as JSON; dates become text.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        // JSON has no NaN: as text it is refused with its key named.
        toml::Value::Float(number) => serde_json::Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(key, value)| (key, json(value))).collect()),
    }
}

fn parse(path: &Path, format: Format, text: &str) -> Result<ClaimFile, ClaimError> {
    let Value::Object(mut top) = format.values(path, text)? else {
        return Err(ClaimError::key(path, "schema", format!("missing; a claim file starts with schema = \"{CLAIM_SCHEMA}\"")));
    };
    match top.get("schema") {
        Some(Value::String(schema)) if schema == CLAIM_SCHEMA => {}
        Some(other) => return Err(ClaimError::key(path, "schema", format!("is {other}, but this version reads \"{CLAIM_SCHEMA}\""))),
        None => return Err(ClaimError::key(path, "schema", format!("missing; a claim file starts with schema = \"{CLAIM_SCHEMA}\""))),
    }
    inherit(&mut top);
    require(path, &top)?;
    let claims = top.get("claim").and_then(Value::as_array);
    for (number, threat) in claims.into_iter().flatten().enumerate().filter_map(|(number, claim)| Some((number, claim.get("threat")?))) {
        check_threat(path, number, threat)?;
    }
    deserialize(path, "", Value::Object(top))
}

/// Keys that every claim has, with the keys that a table of that name has.
const REQUIRED: [(&str, &[&str]); 4] = [
    ("id", &[]),
    ("subject", &["model", "sha256"]),
    ("population", &["data", "sha256", "n", "selection", "sampling"]),
    ("property", &["kind"]),
];

/// Names everything that a claim lacks at once.
fn require(path: &Path, top: &Map<String, Value>) -> Result<(), ClaimError> {
    let claims = top.get("claim").and_then(Value::as_array);
    for (number, claim) in claims.into_iter().flatten().enumerate() {
        let Value::Object(claim) = claim else { continue };
        let mut missing: Vec<String> = Vec::new();
        let mut look = |name: &str, keys: &[&str]| match claim.get(name) {
            None => missing.push(name.to_owned()),
            Some(Value::Object(table)) => {
                missing.extend(keys.iter().filter(|key| !table.contains_key(**key)).map(|key| format!("{name}.{key}")));
            }
            Some(_) => {}
        };
        for (name, keys) in REQUIRED {
            look(name, keys);
        }
        if is_under_attack(claim) {
            look("threat", &["norm", "eps"]);
        }
        if !missing.is_empty() {
            return Err(ClaimError::key(path, format!("claim[{number}]"), format!("missing: {}", missing.join(", "))));
        }
    }
    Ok(())
}

/// True where the property is known and about attacked samples.
fn is_under_attack(claim: &Map<String, Value>) -> bool {
    let kind = claim.get("property").and_then(|property| property.get("kind")).and_then(Value::as_str);
    matches!(kind, Some("forall" | "rate" | "bound")) && knows_an_attacker(claim)
}

/// Reads a value; an error names the file and the key, which begins with `place`.
fn deserialize<T: serde::de::DeserializeOwned>(path: &Path, place: &str, value: Value) -> Result<T, ClaimError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let key = error.path().to_string();
        let key = match (place, key.as_str()) {
            ("", ".") => "the file".to_owned(),
            ("", _) => key,
            (place, ".") => place.to_owned(),
            (place, key) => format!("{place}.{key}"),
        };
        let problem = error.into_inner().to_string();
        let hint = unknown(&problem).and_then(elsewhere).map_or_else(String::new, |hint| format!(": {hint}"));
        ClaimError::key(path, key, format!("{problem}{hint}"))
    })
}

/// Checks the keys of a threat, which says what the attacker may do as well as how hard it is tried; read together, a wrong one would not be named.
fn check_threat(path: &Path, number: usize, threat: &Value) -> Result<(), ClaimError> {
    let Value::Object(keys) = threat else { return Ok(()) };
    let mut keys = keys.clone();
    let place = format!("claim[{number}].threat");
    if let Some(adaptive) = keys.remove(ClaimThreat::ADAPTIVE) {
        deserialize::<bool>(path, &format!("{place}.{}", ClaimThreat::ADAPTIVE), adaptive)?;
    }
    let (threat, effort) = ClaimThreat::parts(keys);
    deserialize::<Threat>(path, &place, Value::Object(threat))?;
    deserialize::<Effort>(path, &place, Value::Object(effort)).map(|_| ())
}

/// Returns the key that a parser's words say is unknown.
fn unknown(problem: &str) -> Option<&str> {
    problem.strip_prefix("unknown field `")?.split('`').next()
}

/// Says where in a claim that is said which an audit's setting says, or why it is no part of a claim.
fn elsewhere(key: &str) -> Option<&'static str> {
    Some(match key.replace('_', "-").as_str() {
        "feature" | "features" => "write rules for features as [[claim.threat.feature]]",
        "unit" => "write the unit of eps in [claim.threat], or for one feature in [[claim.threat.feature]]",
        "scale" | "mean" | "std" | "layout" | "input" | "output" | "threshold" | "shape" | "task" | "top-k" | "only-labels"
        | "tolerance" | "distance" => "it describes the model; write it in [claim.subject]",
        "data" | "labels" | "classes" | "pairs" => "it describes the samples; write it in [claim.population]",
        "limit" => "the number of samples is `n` in [claim.population]",
        "norm" | "eps" | "target" | "knowledge" | "suite" | "seed" | "max-queries" | "certify" | "sanity" => {
            "it limits the attacker; write it in [claim.threat] (max_queries with an underscore)"
        }
        "attack" => "write attacks as the list `attacks` in [claim.threat]",
        "minimum-norm" => "a claim needs a radius: write eps instead; an audit without a radius shows which values make sense",
        "keep-going" => "one example refutes the claim, so a stronger one changes nothing: remove it",
        "runtime" | "onnxruntime" | "device" | "threads" | "batch" => {
            "this does not change what is claimed: set it when the claim is checked"
        }
        "out" | "resume" => "evidence is always stored beside the claim file, and a check continues it: remove it",
        _ => return None,
    })
}

/// Gives every claim what it does not say itself.
fn inherit(top: &mut Map<String, Value>) {
    let common: Vec<(&str, Value)> = INHERITED.iter().filter_map(|&key| Some((key, top.remove(key)?))).collect();
    let Some(Value::Array(claims)) = top.get_mut("claim") else { return };
    for claim in claims.iter_mut().filter_map(Value::as_object_mut) {
        for (key, value) in &common {
            if !claim.contains_key(*key) && (*key != "threat" || knows_an_attacker(claim)) {
                claim.insert((*key).to_owned(), value.clone());
            }
        }
    }
}

/// False where the property is about unchanged samples, so that a threat common to the file does not concern it.
fn knows_an_attacker(claim: &Map<String, Value>) -> bool {
    let text = |key: &str| claim.get("property").and_then(|property| property.get(key)).and_then(Value::as_str);
    match text("kind") {
        Some("equal") => false,
        Some("bound") => text("quantity") == Some("robust_accuracy"),
        _ => true,
    }
}
