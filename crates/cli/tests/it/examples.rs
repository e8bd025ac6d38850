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

/// Runs the steps of the workflow as a runner of GitHub Actions does; returns the exit code of each.
fn run_workflow(folder: &Folder) -> BTreeMap<String, i32> {
    let text = std::fs::read_to_string(example("github-actions/brinell.yml")).unwrap();
    let bin = folder.path("stand-in");
    std::fs::create_dir_all(&bin).unwrap();
    // Lists the comments that were posted, and keeps what it is asked.
    executable(
        &bin.join("gh"),
        "#!/bin/sh\necho \"$@\" >> gh.log\ncase \"$*\" in *--paginate*) grep -q POST gh.log && echo 17; true;; esac\n",
    );
    let mut path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut outputs = BTreeMap::new();
    let mut codes = BTreeMap::new();
    for (name, script) in steps(&text) {
        let file = |name: &str| folder.path(&format!("runner-{name}"));
        let mut command = Command::new("bash");
        command.args(["-e", "-c", &script]).current_dir(folder.path("")).env("PATH", &path);
        command.env("RUNNER_TEMP", folder.path("runner")).env("BRINELL_BINARY", env!("CARGO_BIN_EXE_brinell"));
        command.env("REPOSITORY", "owner/name").env("NUMBER", "7").env("GH_TOKEN", "none");
        command.env("CODE", outputs.get("code").map_or("", |code: &String| code));
        for variable in ["PATH", "OUTPUT", "STEP_SUMMARY"] {
            command.env(format!("GITHUB_{variable}"), file(variable));
        }
        let output = command.output().unwrap();
        codes.insert(name.clone(), output.status.code().unwrap());
        if let Ok(added) = std::fs::read_to_string(file("PATH")) {
            path = format!("{}:{path}", added.trim());
            std::fs::remove_file(file("PATH")).unwrap();
        }
        let told = std::fs::read_to_string(file("OUTPUT")).unwrap_or_default();
        outputs.extend(told.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    codes
}

#[test]
fn the_steps_of_the_workflow_gate_a_model_by_its_claims() {
    for (property, code, kind) in [("rate>=0.3", 0, None), ("rate>=0.99", 1, Some("fail"))] {
        let folder = repository(property);
        let codes = run_workflow(&folder);
        assert_eq!(
            codes.values().copied().collect::<Vec<_>>().iter().filter(|code| **code != 0).count(),
            usize::from(code != 0),
            "{codes:?}"
        );
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
    for (format, source) in [("workflow", "github-actions/brinell.yml"), ("hook-config", "pre-commit/.pre-commit-config.yaml")] {
        let name = format!("{format}.yaml");
        std::fs::copy(example(source), folder.path(&name)).unwrap();
        valid(format, &folder, &[&name]);
    }
    let text = std::fs::read_to_string(example("github-actions/brinell.yml")).unwrap();
    for (name, script) in steps(&text) {
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
