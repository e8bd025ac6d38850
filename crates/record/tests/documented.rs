//! docs/settings.md has every setting as it is declared.
//!
//! `cargo xtask settings` writes it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use brinell_record::{
    Artefact, Claim, ClaimFile, ClaimThreat, Effort, FeatureRule, FilePaths, Form, Part, Population, SETTINGS, Setting, Threat,
};

const BEGIN: &str = "<!-- settings: written by `cargo xtask settings` -->\n";
const END: &str = "<!-- settings: end -->\n";

/// The help without its default, and the default.
fn parts(setting: &Setting) -> (String, String) {
    let about = setting.about.replace("{suites}", "[the built-in suites](suites.md)").replace("{attacks}", "[all attacks](attacks.md)");
    match about.rsplit_once(" [default: ") {
        Some((about, default)) => (about.to_owned(), default.trim_end_matches(']').to_owned()),
        None => (about, String::new()),
    }
}

/// How a value is written in the file.
fn example(setting: &Setting) -> String {
    match setting.form {
        Form::Switch => "`true`".to_owned(),
        Form::List => "list".to_owned(),
        Form::Repeated => "text, or a list".to_owned(),
        _ if !setting.words.is_empty() => setting.words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        _ if setting.paths == FilePaths::All => "path".to_owned(),
        _ if ["limit", "seed", "max-queries", "threads", "batch", "threshold"].contains(&setting.name) => "number".to_owned(),
        _ => "text".to_owned(),
    }
}

fn tables() -> String {
    let mut out = String::new();
    for part in Part::ALL {
        let of_part = SETTINGS.iter().filter(|setting| setting.part == part);
        writeln!(out, "\n### {}\n\n| Key | Flag | Value | Default | Meaning |\n|---|---|---|---|---|", part.heading()).unwrap();
        for setting in of_part {
            let (about, default) = parts(setting);
            let flag = match setting.form {
                Form::Positional => setting.value.to_owned(),
                Form::Switch => format!("--{}", setting.name),
                _ => format!("--{} {}", setting.name, setting.value),
            };
            let cell = |text: &str| text.replace('|', "\\|");
            let excludes = setting.excludes.iter().map(|other| format!(" Not together with `{other}`.")).collect::<String>();
            let row = [setting.name.to_owned(), flag, example(setting), default, format!("{about}.{excludes}")].map(|text| cell(&text));
            writeln!(out, "| `{}` | `{}` | {} | {} | {} |", row[0], row[1], row[2], row[3], row[4]).unwrap();
        }
    }
    out.push('\n');
    out
}

#[test]
fn the_reference_has_every_setting_as_it_is_declared() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let should = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("BRINELL_WRITE_DOCS").is_some() {
        std::fs::write(&path, &should).unwrap();
        return;
    }
    assert!(text == should, "docs/settings.md is not what is declared: run `cargo xtask settings` and look at what changed");
}

/// A schema of docs/schemas.
fn schema(name: &str) -> serde_json::Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schemas/{name}.schema.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The names in a part of a schema, sorted.
fn properties(part: &serde_json::Value) -> Vec<String> {
    let mut names: Vec<String> = part["properties"].as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

/// The names that a type reads, sorted: those that it lists when it meets one that it does not know.
fn fields<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let error = serde_json::from_str::<T>("{\"?\": 0}").err().unwrap().to_string();
    let listed = error.split_once("expected one of ").unwrap().1;
    let mut names: Vec<String> = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    names.sort();
    names
}

/// What values of a setting look like, as far as its declaration tells.
fn values(setting: &Setting) -> serde_json::Value {
    let one = json!({"type": ["string", "number"]});
    match setting.form {
        _ if !setting.words.is_empty() => json!({"enum": setting.words}),
        Form::Switch => json!({"type": "boolean"}),
        Form::List | Form::Repeated => json!({"type": ["string", "number", "array"], "items": one}),
        _ => one,
    }
}

/// Adds keys to the first list of properties behind `place` in a schema that lacks them, before those that it has.
fn complete(name: &str, place: &str, known: &[String], keys: &[(String, serde_json::Value)]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schemas/{name}.schema.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once(place).unwrap();
    let (between, rest) = after.split_once("\"properties\": {").unwrap();
    let missing = keys.iter().filter(|(key, _)| !known.contains(key));
    let lines: String = missing.map(|(key, values)| format!("\n    \"{key}\": {values},")).collect();
    std::fs::write(&path, format!("{before}{place}{between}\"properties\": {{{lines}{rest}")).unwrap();
}

#[test]
fn schemas_name_every_key_that_is_read() {
    if std::env::var_os("BRINELL_WRITE_DOCS").is_some() {
        let keys: Vec<_> = SETTINGS.iter().map(|setting| (setting.name.to_owned(), values(setting))).collect();
        complete("settings", "\"type\": \"object\"", &properties(&schema("settings")), &keys);
        for (part, names) in [
            ("subject", fields::<Artefact>()),
            ("population", fields::<Population>()),
            ("threat", [fields::<Threat>(), fields::<Effort>()].concat()),
        ] {
            let keys: Vec<_> = names.into_iter().map(|name| (name, json!({}))).collect();
            complete("claim", &format!("    \"{part}\": {{\n      \"type\""), &properties(&schema("claim")["$defs"][part]), &keys);
        }
        return;
    }
    let claims = schema("claim");
    let part = |name: &str| properties(&claims["$defs"][name]);
    assert_eq!(part("subject"), fields::<Artefact>());
    assert_eq!(part("population"), fields::<Population>());
    let mut threat = [fields::<Threat>(), fields::<Effort>(), vec![ClaimThreat::ADAPTIVE.to_owned()]].concat();
    threat.sort();
    assert_eq!(part("threat"), threat);
    assert_eq!(properties(&claims["properties"]["claim"]["items"]), fields::<Claim>());
    // What claims inherit stands at the top of the file too.
    let top = properties(&claims);
    assert!(fields::<ClaimFile>().iter().all(|name| top.contains(name)), "{top:?}");
    let settings = schema("settings");
    assert_eq!(properties(&settings["properties"]["feature"]["items"]), fields::<FeatureRule>());
    let mut names: Vec<String> =
        SETTINGS.iter().map(|setting| setting.name.to_owned()).chain(["feature".to_owned(), "out".to_owned()]).collect();
    names.sort();
    assert_eq!(properties(&settings), names);
    for setting in SETTINGS.iter().filter(|setting| !setting.words.is_empty()) {
        let mut words: Vec<&str> =
            settings["properties"][setting.name]["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let mut known = setting.words.to_vec();
        words.sort_unstable();
        known.sort_unstable();
        assert_eq!(words, known, "{}", setting.name);
    }
}

#[test]
fn the_schema_of_summaries_names_what_a_summary_has() {
    let summary: serde_json::Value = serde_json::from_str(include_str!("summary.json")).unwrap();
    let schema = schema("summary");
    for key in summary.as_object().unwrap().keys() {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    for key in schema["required"].as_array().unwrap() {
        assert!(summary.get(key.as_str().unwrap()).is_some(), "{key}");
    }
}
