//! What every command says, word for word: its help, a success and an error, on 80 columns, piped and without colour.
//!
//! After a change that is meant, `INSTA_UPDATE=always cargo test -p brinell-cli --test it snapshots` writes the files anew; read what
//! changed.

use std::process::Stdio;

use crate::support::{Finished, Folder};

/// What differs from machine to machine, from run to run and from version to version: a name for it, and a pattern.
const FILTERS: [(&str, &str); 8] = [
    ("[TIME]", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ)?"),
    ("[DIGEST]", r"\b[0-9a-f]{64}\b"),
    ("[SECONDS]", r"\b\d+(\.\d+)? (ms|s)\b"),
    ("brinell [VERSION]", r"brinell \d+\.\d+\.\d+"),
    ("rten [VERSION]", r"rten \d+\.\d+\.\d+"),
    ("([MARGIN])", r"\([+-]\d+(\.\d+)?(e-\d+)?\)"),
    ("[FOLDER]", r"/[^ \n]*/\.tmp[A-Za-z0-9]+"),
    ("[SYSTEM'S WORDS]", r"No such file or directory \(os error 2\)"),
];

/// Runs a command where there is nothing but the program: no terminal, no ONNX Runtime, 80 columns.
fn run(folder: &Folder, arguments: &[&str]) -> Finished {
    let mut command = folder.command("");
    command.args(arguments).stdin(Stdio::null()).env("COLUMNS", "80").env("PATH", "");
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX", "ORT_DYLIB_PATH", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    Finished::of(command.output().unwrap())
}

/// Compares what a command says with the file of that name.
#[track_caller]
pub(crate) fn compare(name: &str, arguments: &[&str], finished: &Finished, more: &[(&str, &str)]) {
    let Finished { code, stdout, stderr } = finished;
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "{name}: no colour where nobody looks");
    let text = format!("$ brinell {}\nexit code {code}\n--- stdout\n{stdout}--- stderr\n{stderr}", arguments.join(" "));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (named, pattern) in FILTERS.iter().chain(more) {
        settings.add_filter(pattern, *named);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Runs a command and compares what it says.
#[track_caller]
fn snapshot(folder: &Folder, name: &str, code: i32, arguments: &str) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let finished = run(folder, &arguments);
    compare(name, &arguments, &finished, &[]);
    assert_eq!(finished.code, code, "{}", finished.stderr);
}

/// The subcommands, as the help of the program lists them.
fn commands(folder: &Folder, of: &[&str]) -> Vec<String> {
    let help = run(folder, &[of, &["--help"]].concat()).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn help() {
    let folder = Folder::new();
    let all = commands(&folder, &[]);
    assert!(all.len() >= 15, "{all:?}");
    let of_claims = commands(&folder, &["claim"]);
    let nested = of_claims.iter().map(|name| vec!["claim", name]);
    let mut lists: Vec<Vec<&str>> = vec![Vec::new()];
    lists.extend(all.iter().map(|name| vec![name.as_str()]).chain(nested));
    for list in lists {
        let arguments = [&list[..], &["--help"]].concat();
        let finished = run(&folder, &arguments).expect(0);
        assert!(finished.stderr.is_empty(), "{list:?}: {}", finished.stderr);
        for line in finished.stdout.lines() {
            assert!(line.chars().count() <= 80, "{list:?}: {line}");
        }
        let name = if list.is_empty() { "help".to_owned() } else { format!("help-{}", list.join("-")) };
        compare(&name, &arguments, &finished, &[]);
    }
}

#[test]
fn the_program_itself() {
    let folder = Folder::new();
    snapshot(&folder, "version", 0, "--version");
    snapshot(&folder, "no-command", 4, "");
    snapshot(&folder, "unknown-command", 4, "adit");
}

const AUDIT: &str = "--data images.idx3-ubyte --norm linf --eps 0.1 --runtime rten --limit 20 --attack pgd:steps=5 --sanity off";

/// An audit, and everything that reads it.
#[test]
fn audits_and_what_reads_them() {
    let folder = Folder::new();
    snapshot(&folder, "audit", 0, &format!("audit robust.onnx {AUDIT} --out a"));
    snapshot(&folder, "audit-json-error", 4, &format!("audit robust.onnx {AUDIT} --json --out a"));
    snapshot(&folder, "audit-error", 4, "audit robust.onnx --data images.idx3-ubyte --norm linf --eps 2 --runtime rten --out c");
    run(&folder, &format!("audit ordinary.onnx {AUDIT} --out b").split_whitespace().collect::<Vec<_>>()).expect(0);

    snapshot(&folder, "audit-shard", 0, &format!("audit robust.onnx {AUDIT} --shard 0/2 --out s0"));
    run(&folder, &format!("audit robust.onnx {AUDIT} --shard 1/2 --out s1").split_whitespace().collect::<Vec<_>>()).expect(0);
    snapshot(&folder, "merge", 0, "merge s0 s1 --out m");
    snapshot(&folder, "merge-error", 4, "merge s0 --out n");

    snapshot(&folder, "replay", 0, "replay a");
    snapshot(&folder, "replay-error", 4, "replay nothing");
    snapshot(&folder, "report", 0, "report a --format badge --out badge.svg");
    snapshot(&folder, "report-error", 4, "report a b");
    snapshot(&folder, "compare", 0, "compare a b");
    snapshot(&folder, "compare-error", 4, "compare a nothing");
    snapshot(&folder, "history", 0, "history a b");
    snapshot(&folder, "history-error", 4, "history nothing");

    snapshot(&folder, "claim-new", 0, "claim new a");
    snapshot(&folder, "claim-new-error", 4, "claim new a");
    snapshot(&folder, "check", 2, "check claims --runtime rten");
    snapshot(&folder, "check-error", 4, "check nothing.toml");
    snapshot(&folder, "check-budget-error", 4, "check claims --budget soon");
}

#[test]
fn examples_that_carry_over() {
    let folder = Folder::new();
    let transfer = "transfer --from ordinary.onnx robust.onnx --data images.idx3-ubyte --runtime rten --limit 30 --classes classes.txt";
    snapshot(&folder, "transfer", 0, &format!("{transfer} --eps 0.1 --attack mi:steps=5+ni --out t"));
    snapshot(&folder, "transfer-error", 4, &format!("{transfer} --eps 0.1 --attack mi+apgd-ce --out u"));
}

#[test]
fn models() {
    let folder = Folder::new();
    folder.write("text.onnx", "no model");
    snapshot(&folder, "inspect", 0, "inspect robust.onnx");
    snapshot(&folder, "inspect-error", 4, "inspect text.onnx");
    snapshot(&folder, "grad", 0, "grad robust.onnx --out gradient.onnx");
    snapshot(&folder, "grad-error", 4, "grad robust.onnx --loss hinge --out other.onnx");
    snapshot(&folder, "init", 0, "init robust.onnx");
    snapshot(&folder, "init-error", 4, "init robust.onnx");
}

#[test]
fn lists() {
    let folder = Folder::new();
    snapshot(&folder, "attacks", 0, "attacks");
    snapshot(&folder, "attacks-error", 4, "attacks pgd");
    snapshot(&folder, "suites", 0, "suites");
    snapshot(&folder, "suites-error", 4, "suites fastest");
}

#[test]
fn the_self_test() {
    let folder = Folder::new();
    snapshot(&folder, "selftest", 0, "selftest --attack fgsm --runtime rten");
    snapshot(&folder, "selftest-error", 4, "selftest --attack none --runtime rten");
}

#[test]
fn the_demo() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("taken")).unwrap();
    folder.write("taken/robust.onnx", "");
    snapshot(&folder, "demo-error", 4, "demo --out taken --runtime rten");
}

/// Everything that the doctor finds is the machine's; what it says about nothing is its own.
#[test]
fn the_doctor() {
    let folder = Folder::new();
    let finished = run(&folder, &["doctor"]).expect(0);
    let text = &finished.stdout;
    assert!(text.contains("compiled in") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let headings: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    let finished = Finished { stdout: headings.join("\n") + "\n", ..finished };
    compare("doctor", &["doctor"], &finished, &[]);
    snapshot(&folder, "doctor-error", 4, "doctor --quick");
}
