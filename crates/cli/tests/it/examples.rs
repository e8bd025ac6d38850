//! The examples of gates, run on the demo as they stand.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::outputs::valid;
use crate::support::{Finished, Folder, demo};

fn example(path: &str) -> PathBuf {
    demo().join("../examples").join(path)
}

/// The scripts of a workflow's steps, by the name of their step, in order.
fn steps(workflow: &str) -> Vec<(String, String)> {
    let (mut steps, mut name) = (Vec::new(), String::new());
    let mut lines = workflow.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        if let Some(named) = text.strip_prefix("- name: ") {
            name = named.to_owned();
        } else if let Some(script) = text.strip_prefix("run: ") {
            let indent = line.len() - text.len();
            let mut block = script.to_owned();
            if script == "|" {
                block.clear();
                while let Some(next) = lines.next_if(|next| next.trim().is_empty() || next.len() - next.trim_start().len() > indent) {
                    block += next.get(indent + 2..).unwrap_or_default();
                    block += "\n";
                }
            }
            steps.push((name.clone(), block));
        }
    }
    steps
}

/// Runs git in a folder, without the settings of whoever runs the test.
fn git(folder: &Folder, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]).args(arguments);
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").current_dir(folder.path("")).output();
    assert!(output.unwrap().status.success(), "git {arguments:?}");
}

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A repository with a claim on the robust model that holds or does not.
fn repository(property: &str) -> Folder {
    let folder = Folder::new();
    folder.audit("robust", "--limit 40 --attack fgsm --out run").expect(0);
    let mut command = folder.command("claim new run --out claims/robust.toml --sampling iid --property");
    Finished::of(command.arg(property).output().unwrap()).expect(0);
    git(&folder, &["init", "--quiet"]);
    git(&folder, &["add", "robust.onnx", "claims"]);
    git(&folder, &["commit", "--quiet", "--message", "A model and a claim"]);
    folder
}

/// The value of `key` in the text, such as an input of an action.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{key}: "))).unwrap();
    line.trim_matches('"')
}

/// A runner of GitHub Actions, as far as the steps notice.
struct Runner<'f> {
    folder: &'f Folder,
    path: String,
    outputs: BTreeMap<String, String>,
    codes: BTreeMap<String, i32>,
}

impl<'f> Runner<'f> {
    fn new(folder: &'f Folder) -> Self {
        let path = std::env::var("PATH").unwrap();
        Self { folder, path, outputs: BTreeMap::new(), codes: BTreeMap::new() }
    }

    /// Runs one step as the runner does.
    fn step(&mut self, name: &str, script: &str, variables: &[(&str, &str)]) {
        let file = |name: &str| self.folder.path(&format!("runner-{name}"));
        let mut command = Command::new("bash");
        command.args(["-e", "-c", script]).current_dir(self.folder.path("")).env("PATH", &self.path);
        command.env("RUNNER_TEMP", self.folder.path("runner")).envs(variables.iter().copied());
        for variable in ["PATH", "OUTPUT", "STEP_SUMMARY"] {
            command.env(format!("GITHUB_{variable}"), file(variable));
        }
        let code = command.output().unwrap().status.code().unwrap();
        self.codes.insert(name.to_owned(), code);
        if let Ok(added) = std::fs::read_to_string(file("PATH")) {
            self.path = format!("{}:{}", added.trim(), self.path);
            std::fs::remove_file(file("PATH")).unwrap();
        }
        let told = std::fs::read_to_string(file("OUTPUT")).unwrap_or_default();
        self.outputs.extend(told.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    /// Runs the steps of the action, with the inputs that a workflow gives it and its defaults for the others.
    fn action(&mut self, workflow: &str, variables: &[(&str, &str)]) {
        let action = demo().join("../action");
        let text = std::fs::read_to_string(action.join("action.yml")).unwrap();
        let (place, update) = (action.to_str().unwrap().to_owned(), value(&text[text.find("  update:").unwrap()..], "default"));
        let inputs = [
            ("BRINELL_ACTION", place.as_str()),
            ("BRINELL_CLAIMS", value(workflow, "claims")),
            ("BRINELL_BUDGET", value(workflow, "budget")),
            ("BRINELL_UPDATE", update),
            ("BRINELL_ONNXRUNTIME", "false"),
        ];
        for (name, script) in steps(&text) {
            self.step(&name, &script, &[&inputs, variables].concat());
        }
    }
}

/// Runs the workflow on what lies in the folder; returns the exit code of each step.
fn run_workflow(folder: &Folder) -> BTreeMap<String, i32> {
    let text = std::fs::read_to_string(example("github-actions/brinell.yml")).unwrap();
    assert!(text.contains("uses: ./vendor/brinell/action"));
    let bin = folder.path("stand-in");
    std::fs::create_dir_all(&bin).unwrap();
    // Lists the comments that were posted, and keeps what it is asked.
    executable(
        &bin.join("gh"),
        "#!/bin/sh\necho \"$@\" >> gh.log\ncase \"$*\" in *--paginate*) grep -q POST gh.log && echo 17; true;; esac\n",
    );
    let mut runner = Runner::new(folder);
    runner.path = format!("{}:{}", bin.display(), runner.path);
    runner.action(&text[text.find("jobs:").unwrap()..], &[("BRINELL_BINARY", env!("CARGO_BIN_EXE_brinell"))]);
    let code = runner.outputs["code"].clone();
    for (name, script) in steps(&text) {
        runner.step(&name, &script, &[("REPOSITORY", "owner/name"), ("NUMBER", "7"), ("GH_TOKEN", "none"), ("CODE", &code)]);
    }
    runner.codes
}

/// Writes a model as another training may leave it: every bias of the first layer is a little other than before.
fn retrain(folder: &Folder, name: &str) {
    const NAMED: &[u8] = b"\x08\x10\x10\x01\x42\x0aconv1.bias";
    let mut model = std::fs::read(folder.path(name)).unwrap();
    let start = NAMED.len() + model.windows(NAMED.len()).position(|window| window == NAMED).unwrap();
    // A tag and a length stand before the numbers.
    for number in model[start + 2..start + 66].chunks_exact_mut(4) {
        let value = f32::from_le_bytes(number.try_into().unwrap());
        number.copy_from_slice(&(value * 1.01).to_le_bytes());
    }
    folder.write(name, model);
}

#[test]
fn the_workflow_gates_every_version_of_a_model() {
    let folder = repository("rate>=0.3");
    let claim = || std::fs::read_to_string(folder.path("claims/robust.toml")).unwrap();
    let verdict =
        || -> Value { serde_json::from_slice(&std::fs::read(folder.path("claims/robust.evidence/robust/verdict.json")).unwrap()).unwrap() };
    let first = claim();
    let end = |codes: BTreeMap<String, i32>| codes["Fail as the claims say"];
    assert_eq!(end(run_workflow(&folder)), 0);
    assert_eq!(claim(), first);
    let created = verdict()["created"].clone();
    // The same commit again is answered from its evidence.
    assert_eq!(end(run_workflow(&folder)), 0);
    assert_eq!(verdict()["created"], created);
    // A retrained version of the same strength passes, and is what the claim is then about.
    retrain(&folder, "robust.onnx");
    assert_eq!(end(run_workflow(&folder)), 0);
    let second = claim();
    assert_ne!(second, first);
    let now = brinell::record::hash::sha256_file(&folder.path("robust.onnx")).unwrap();
    assert_eq!((&verdict()["verdict"], &verdict()["claim"]["subject"]["sha256"]), (&"supported".into(), &now.into()));
    assert_eq!(first.lines().zip(second.lines()).filter(|(before, after)| before != after).count(), 1);
    // A weaker one is stopped.
    std::fs::copy(folder.path("ordinary.onnx"), folder.path("robust.onnx")).unwrap();
    assert_eq!(end(run_workflow(&folder)), 1);
    assert_eq!(verdict()["verdict"], "refuted");
    // Other test data are not accepted with the model.
    std::fs::copy(demo().join("robust.onnx"), folder.path("robust.onnx")).unwrap();
    let mut labels = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap();
    labels[9] ^= 1;
    folder.write("labels.idx1-ubyte", labels);
    assert_eq!(end(run_workflow(&folder)), 3);
}

#[test]
fn the_action_installs_a_release_archive_whose_sum_is_right() {
    let folder = Folder::new();
    let script = demo().join("../release/archive.sh");
    let archive = |target: &str| {
        let mut command = Command::new("bash");
        command.arg(&script).args([target, env!("CARGO_BIN_EXE_brinell"), "dist"]).current_dir(folder.path(""));
        Finished::of(command.output().unwrap()).expect(0);
    };
    archive("test-target");
    let name = format!("brinell-{}-test-target", env!("CARGO_PKG_VERSION"));
    let list = Command::new("tar").args(["-tzf", &format!("dist/{name}.tar.gz")]).current_dir(folder.path("")).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    for file in [
        "brinell",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "completions/brinell.bash",
        "completions/_brinell",
        "completions/brinell.fish",
        "man/brinell-audit.1",
    ] {
        assert!(list.lines().any(|line| line == format!("{name}/{file}")), "{file}: {list}");
    }
    let workflow = "claims: claims/\nbudget: 1m\n";
    let place = format!("file://{}", folder.path(&format!("dist/{name}.tar.gz")).display());
    for (source, code) in [(place.as_str(), 0), (&format!("dist/{name}.tar.gz"), 0), ("dist/none.tar.gz", 1)] {
        let mut runner = Runner::new(&folder);
        runner.action(workflow, &[("BRINELL_ARCHIVE", source)]);
        assert_eq!(runner.codes["Install Brinell"], code, "{source}");
        if code == 0 {
            // There are no claims here.
            assert_eq!(runner.outputs["code"], "4", "{source}");
            std::fs::remove_dir_all(folder.path("runner")).unwrap();
        }
    }
    // An archive that is not the one whose sum is listed is refused.
    folder.write(&format!("dist/{name}.tar.gz"), b"something else");
    let mut runner = Runner::new(&folder);
    runner.action(workflow, &[("BRINELL_ARCHIVE", &place)]);
    assert_ne!(runner.codes["Install Brinell"], 0);
}

#[test]
fn the_steps_of_the_workflow_show_what_the_claims_say() {
    for (property, code, kind) in [("rate>=0.3", 0, None), ("rate>=0.99", 1, Some("fail"))] {
        let folder = repository(property);
        let codes = run_workflow(&folder);
        assert_eq!(codes.values().filter(|code| **code != 0).count(), usize::from(code != 0), "{codes:?}");
        assert_eq!(codes["Fail as the claims say"], code);
        let log: Value = serde_json::from_slice(&std::fs::read(folder.path("brinell.sarif")).unwrap()).unwrap();
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["kind"].as_str(), kind);
        if kind.is_some() {
            assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "robust.onnx");
            assert_eq!(result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"], "claims/robust.toml");
        }
        let comment = std::fs::read_to_string(folder.path("brinell.md")).unwrap();
        assert!(comment.starts_with("<!-- brinell -->"));
        assert_eq!(std::fs::read_to_string(folder.path("runner-STEP_SUMMARY")).unwrap(), comment);
        for (format, file) in [("sarif", "brinell.sarif"), ("markdown", "brinell.md"), ("junit", "brinell.xml")] {
            valid(format, &folder, &[file]);
        }
        // A second run replaces the comment, and takes the verdict from its evidence.
        assert_eq!(run_workflow(&folder)["Fail as the claims say"], code);
        let asked = std::fs::read_to_string(folder.path("gh.log")).unwrap();
        let methods: Vec<&str> =
            ["POST", "PATCH"].into_iter().filter(|method| asked.matches(&format!("--method {method}")).count() == 1).collect();
        assert_eq!(methods, ["POST", "PATCH"], "{asked}");
        assert!(asked.contains("repos/owner/name/issues/comments/17"), "{asked}");
    }
}

#[test]
fn the_workflow_and_the_hooks_are_what_their_readers_expect() {
    let folder = Folder::new();
    for (format, source) in [
        ("workflow", "github-actions/brinell.yml"),
        ("workflow", "../.github/workflows/release.yml"),
        ("action", "../action/action.yml"),
        ("hook-config", "pre-commit/.pre-commit-config.yaml"),
    ] {
        let name = format!("{format}.yaml");
        std::fs::copy(example(source), folder.path(&name)).unwrap();
        valid(format, &folder, &[&name]);
    }
    let workflows =
        [example("github-actions/brinell.yml"), demo().join("../action/action.yml"), demo().join("../.github/workflows/release.yml")];
    for (name, script) in workflows.iter().flat_map(|path| steps(&std::fs::read_to_string(path).unwrap())) {
        assert!(!script.contains("${{"), "{name}: what others typed must not become part of a script");
    }
}

/// Tries to commit a change of the model; returns whether the commit went through.
fn commit(folder: &Folder, path: &str) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--message", "Another model"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("PATH", path).current_dir(folder.path("")).status().unwrap().success()
}

#[test]
fn the_git_hook_lets_a_model_through_that_keeps_its_claims() {
    for (property, kept) in [("rate>=0.3", true), ("rate>=0.99", false)] {
        let folder = repository(property);
        std::fs::copy(example("pre-commit/pre-commit"), folder.path(".git/hooks/pre-commit")).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_brinell")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        // What touches neither model nor claim is let through.
        folder.write("notes.txt", "nothing");
        git(&folder, &["add", "notes.txt"]);
        assert!(commit(&folder, &path));
        folder.write("claims/robust.toml", std::fs::read_to_string(folder.path("claims/robust.toml")).unwrap() + "# another remark\n");
        git(&folder, &["add", "claims/robust.toml"]);
        assert_eq!(commit(&folder, &path), kept, "{property}");
    }
}
