//! CONTRIBUTING.md's lists of places are held against the sources: every place exists, every file that names a sample is listed, and
//! every listed file names one.

use std::collections::BTreeSet;
use std::path::Path;

use crate::root;

/// A list, and samples of what it is about.
struct List {
    section: &'static str,
    /// Words that stand for one in the sources.
    samples: &'static [&'static str],
    /// Where files that name a sample are looked for: whatever stands elsewhere is not the list's business.
    scope: &'static [&'static str],
}

const LISTS: [List; 5] = [
    List {
        section: "Add an operator",
        // One without attributes, one that nothing else is made of, one with attributes.
        samples: &["HardSwish", "Softsign", "Elu"],
        scope: &["crates/*/src/**.rs", "tests/golden/**.py"],
    },
    List {
        section: "Add an attack",
        samples: &["Bim", "Fgsm", "bim", "fgsm"],
        scope: &["crates/attack/src/**.rs", "crates/contract/src/**.rs", "docs/attacks.md"],
    },
    List {
        section: "Add a setting of audits",
        samples: &["max_queries", "max-queries"],
        scope: &["crates/cli/src/**.rs", "crates/record/src/question/**.rs", "docs/*.md"],
    },
    List {
        section: "Add a flag",
        // One of each place where flags are measured.
        samples: &["HIDDEN_SOFTMAX", "FIRST_OUTPUT", "LARGER_EPS", "hidden-softmax"],
        scope: &["crates/*/src/**.rs", "docs/flags.md"],
    },
    List { section: "Add an output format", samples: &["Junit", "junit"], scope: &["crates/report/src/**.rs", "docs/outputs.md"] },
];

/// True where a path is what a pattern says: `**` any part of a path, `*` and words in capitals any part of a name.
fn fits(pattern: &str, path: &str) -> bool {
    fn parts(pattern: &[char], path: &[char]) -> bool {
        match pattern {
            [] => path.is_empty(),
            ['*', '*', rest @ ..] => (0..=path.len()).any(|at| parts(rest, &path[at..])),
            ['*', rest @ ..] => (0..=path.len()).take_while(|&at| !path[..at].contains(&'/')).any(|at| parts(rest, &path[at..])),
            [first, rest @ ..] => path.first() == Some(first) && parts(rest, &path[1..]),
        }
    }
    let mut plain = String::new();
    for word in pattern.split_inclusive(['/', '.', '_']) {
        let name = word.trim_end_matches(['/', '.', '_']);
        let stands_for_others = !pattern.ends_with(".md") && name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase());
        plain += &if stands_for_others { word.replace(name, "*") } else { word.to_owned() };
    }
    if plain.ends_with('/') {
        plain += "**";
    }
    parts(&plain.chars().collect::<Vec<_>>(), &path.chars().collect::<Vec<_>>())
}

/// The files that git knows or would know, from the root.
fn files() -> Vec<String> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).filter(|path| root().join(path).is_file()).collect()
}

/// True where a file's code or text has one of the words, a Rust file's comments aside.
fn names_one(path: &Path, words: &[&str]) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| path.extension().is_none_or(|e| e != "rs") || !line.trim_start().starts_with("//"));
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    lines.flat_map(|line| line.split(|c: char| !is_word(c) && c != '-')).any(|word| words.contains(&word))
}

/// The section of that heading.
fn section(text: &str, heading: &str) -> String {
    let start = text.find(&format!("## {heading}\n")).unwrap_or_else(|| panic!("CONTRIBUTING.md has no section `{heading}`"));
    let rest = &text[start + 3..];
    rest[..rest.find("\n## ").unwrap_or(rest.len())].to_owned()
}

/// The steps of a section, without what stands after them.
fn steps(section: &str) -> String {
    let lines = section.lines().skip(1).take_while(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// The places that a section names: what stands between backticks and has a slash, or is a file in the root; nothing outside of it.
fn places(section: &str) -> Vec<String> {
    let quoted = section.split('`').skip(1).step_by(2);
    let is_place = |word: &&str| !word.contains([' ', '(']) && !word.starts_with("..") && (word.contains('/') || word.ends_with(".md"));
    quoted.filter(is_place).map(str::to_owned).collect()
}

#[test]
fn every_place_that_contributing_names_exists() {
    let (text, files) = (std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap(), files());
    let missing: Vec<String> =
        places(&text).into_iter().filter(|place| !files.iter().any(|file| fits(place, file) || fits(&format!("{place}/"), file))).collect();
    assert!(places(&text).len() > 20 && missing.is_empty(), "not there: {missing:?}");
}

#[test]
fn the_lists_of_places_are_whole_and_hold_nothing_else() {
    let (text, files) = (std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap(), files());
    let mut wrong = Vec::new();
    for list in LISTS {
        let places = places(&steps(&section(&text, list.section)));
        let scoped: Vec<&String> = files.iter().filter(|file| list.scope.iter().any(|scope| fits(scope, file))).collect();
        assert!(!scoped.is_empty(), "{}: nothing to look at", list.section);
        let naming: BTreeSet<&String> = scoped.iter().copied().filter(|file| names_one(&root().join(file), list.samples)).collect();
        let unlisted = naming.iter().filter(|file| !places.iter().any(|place| fits(place, file)));
        wrong.extend(unlisted.map(|file| format!("{}: {file} is not listed", list.section)));
        for place in &places {
            let of_place: Vec<&String> = scoped.iter().copied().filter(|file| fits(place, file)).collect();
            if !of_place.is_empty() && !of_place.iter().any(|file| naming.contains(file)) {
                wrong.push(format!("{}: nothing in {place} names one of {:?}", list.section, list.samples));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn patterns_stand_for_paths() {
    assert!(fits("crates/*/src/**.rs", "crates/a/src/b/c.rs") && !fits("crates/*/src/**.rs", "crates/a/b/src/c.rs"));
    assert!(fits("src/FAMILY.rs", "src/pool.rs") && !fits("src/FAMILY.rs", "src/a/pool.rs"));
    assert!(fits("tests/it/", "tests/it/a/b.rs") && !fits("README.md", "docs/README.md") && !fits("README.md", "X.md"));
}
