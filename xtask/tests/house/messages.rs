//! Libraries say what is the case; flags and commands are the front end's to name, as others have none or other ones.

use crate::literals::literals;
use crate::{crates, root, rust_files};

/// Where the settings that are flags are declared, with their help.
const FLAGS: &str = "crates/record/src/question/settings/table.rs";

/// Returns what of the command line a literal names: a flag, or a command of the program.
fn command_line(literal: &str, commands: &[String]) -> Option<String> {
    let flag = literal.match_indices("--").find_map(|(at, _)| {
        let before = literal[..at].chars().next_back();
        let after = literal[at + 2..].chars().next();
        // A custom property of CSS begins so too.
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !"-<!".contains(c)) && !literal[..at].ends_with("var(");
        (begins && after.is_some_and(|c| c.is_ascii_lowercase())).then(|| literal[at..].chars().take(30).collect())
    });
    flag.or_else(|| {
        commands.iter().find(|command| literal.contains(&format!("brinell {command}"))).map(|command| format!("brinell {command}"))
    })
}

/// Returns the names of the subcommands: those of the files that implement them.
fn commands() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("crates/cli/src/command")).unwrap();
    let names = folder.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name != "mod").collect()
}

#[test]
fn no_library_names_a_flag_or_a_command() {
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    let mut wrong = Vec::new();
    for name in crates().iter().filter(|name| !["cli", "testkit"].contains(&name.as_str())) {
        for file in rust_files(&root().join("crates").join(name).join("src")) {
            // A module of tests in a file of its own, and the one place where flags are declared.
            if file.file_stem().is_some_and(|stem| stem == "tests") || file.ends_with(FLAGS) {
                continue;
            }
            let source = std::fs::read_to_string(&file).unwrap();
            for literal in literals(&source) {
                if let Some(found) = command_line(&literal, &commands) {
                    wrong.push(format!("{}: {found}", file.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "what to do is said by crates/cli/src/hint:\n{}", wrong.join("\n"));
}

/// True where an error wraps another one that does not stand in its chain of causes: as transparent, or in its message only.
fn hides(source: &str) -> bool {
    let wraps = source.split("#[error(\"{0}\")]").skip(1).filter_map(|rest| rest.trim_start().lines().next());
    source.contains("#[error(transparent)]") || wraps.into_iter().any(|line| line.contains("Error") && !line.contains("#["))
}

/// A transparent error has the causes of what it wraps, but is not the cause itself: a hint for what it wraps would not be found.
#[test]
fn no_error_hides_what_it_wraps() {
    let mut wrong = Vec::new();
    for name in crates().iter() {
        for file in rust_files(&root().join("crates").join(name).join("src")) {
            let source = std::fs::read_to_string(&file).unwrap();
            if hides(&source) {
                wrong.push(file.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "write #[error(\"{{0}}\")] with #[from] or #[source] in {}", wrong.join(", "));
}

#[test]
fn what_hides_a_cause_is_told_from_what_names_it() {
    assert!(hides("#[error(transparent)]\nIo(#[from] IoError),") && hides("#[error(\"{0}\")]\n    Io(IoError),"));
    assert!(!hides("#[error(\"{0}\")]\n    Io(#[from] IoError),") && !hides("#[error(\"{0}\")]\n    Words(String),"));
}

#[test]
fn flags_and_commands_are_told_from_other_dashes() {
    let commands = ["audit".to_owned()];
    let names = |literal: &str| command_line(literal, &commands).is_some();
    assert!(names("use --eps 8/255") && names("(--shape)") && names("`brinell audit` decides"));
    assert!(!names("a -- b") && !names("<!--comment-->"));
    assert!(!names("brinell version") && !names("----") && !names("3--x"));
}
