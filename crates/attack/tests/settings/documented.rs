//! docs/attacks.md names every attack and has the settings as they are declared; docs/attacks.json has the same for programs.
//!
//! `cargo xtask attacks` writes what is generated.

use std::fmt::Write as _;
use std::path::PathBuf;

use brinell_attack::{Listed, Setting, attacks};
use serde::Serialize;

const BEGIN: &str = "<!-- settings: written by `cargo xtask attacks` -->\n";
const END: &str = "<!-- settings: end -->\n";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Compares a file with what it should be, or writes it where that is asked for.
fn keep(name: &str, should: &str) {
    if std::env::var_os("BRINELL_WRITE_DOCS").is_some() {
        std::fs::write(path(name), should).unwrap();
    }
    assert!(text(name) == should, "docs/{name} is not what the attacks declare: run `cargo xtask attacks` and look at what changed");
}

/// The same settings, whatever their defaults.
fn alike(a: &Listed, b: &Listed) -> bool {
    let parts = |listed: &Listed| listed.settings.iter().map(|s| (s.name, s.range, s.meaning, s.paper)).collect::<Vec<_>>();
    parts(a) == parts(b)
}

/// The default of one setting of several attacks: once where all have the same, or for each.
fn default(attacks: &[Listed], place: usize) -> String {
    let of = |attack: &Listed| attack.settings[place].default.clone();
    let first = of(&attacks[0]);
    if attacks.iter().all(|attack| of(attack) == first) {
        return first;
    }
    attacks.iter().map(|attack| format!("{} (`{}`)", of(attack), attack.name)).collect::<Vec<_>>().join(", ")
}

/// One table for each attack, or for several that take the same settings.
fn tables() -> String {
    let mut groups: Vec<Vec<Listed>> = Vec::new();
    for attack in attacks().filter(|attack| !attack.settings.is_empty()) {
        match groups.iter_mut().find(|group| alike(&group[0], &attack)) {
            Some(group) => group.push(attack),
            None => groups.push(vec![attack]),
        }
    }
    let mut out = String::new();
    for group in &groups {
        let names: Vec<String> = group.iter().map(|attack| format!("`{}`", attack.name)).collect();
        let settings: &[Setting] = &group[0].settings;
        let papers = settings.iter().any(|setting| setting.paper.is_some());
        writeln!(out, "\n### {}\n", names.join(", ")).unwrap();
        writeln!(out, "| Setting | Default | Allowed | What it does |{}", if papers { " Paper |" } else { "" }).unwrap();
        writeln!(out, "|---|---|---|---|{}", if papers { "---|" } else { "" }).unwrap();
        for (place, setting) in settings.iter().enumerate() {
            let (default, range) = (default(group, place), setting.range);
            let paper = if papers { format!(" {} |", setting.paper.unwrap_or_default()) } else { String::new() };
            writeln!(out, "| `{}` | {default} | {range} | {} |{paper}", setting.name, setting.meaning).unwrap();
        }
    }
    out.push('\n');
    out
}

#[test]
fn every_attack_has_a_row_in_a_table_of_its_kind() {
    let docs = text("attacks.md");
    for attack in attacks() {
        let name = format!("`{}`", attack.name);
        // Several attacks may share a row, but its first cell names them.
        let row =
            docs.lines().find(|line| line.strip_prefix("| ").and_then(|row| row.split(" | ").next()).is_some_and(|c| c.contains(&name)));
        let row = row.unwrap_or_else(|| panic!("docs/attacks.md has no row for {}", attack.name));
        let norms = attack.norms.iter().map(|norm| norm.name());
        let all = row.contains("| all |");
        for norm in norms.filter(|_| !all) {
            assert!(row.contains(norm), "the row of {} in docs/attacks.md does not name {norm}", attack.name);
        }
    }
}

#[test]
fn the_tables_of_settings_are_those_that_are_declared() {
    let docs = text("attacks.md");
    let (before, rest) = docs.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    keep("attacks.md", &format!("{before}{BEGIN}{}{END}{after}", tables()));
}

#[test]
fn what_programs_read_is_what_is_declared() {
    #[derive(Serialize)]
    struct Reference {
        name: &'static str,
        about: &'static str,
        norms: Vec<&'static str>,
        knowledge: &'static str,
        seeks_minimum: bool,
        settings: Vec<Setting>,
    }
    let all: Vec<Reference> = attacks()
        .map(|attack| Reference {
            name: attack.name,
            about: attack.about,
            norms: attack.norms.iter().map(|norm| norm.name()).collect(),
            knowledge: attack.knowledge.name(),
            seeks_minimum: attack.seeks_minimum,
            settings: attack.settings,
        })
        .collect();
    keep("attacks.json", &(serde_json::to_string_pretty(&all).unwrap() + "\n"));
}
