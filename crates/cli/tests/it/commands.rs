use serde_json::Value;

use crate::snapshots::compare;
use crate::support::Folder;

#[test]
fn the_demo_audits_both_models_and_writes_a_report() {
    let folder = Folder::new();
    let run = folder.run("demo --out demo --runtime rten").expect(0);
    compare("demo", &["demo", "--out", "demo", "--runtime", "rten"], &run, &[("[N]", r"\d+(\.\d+)?")]);
    let survived = |name: &str| folder.summary(&format!("demo/{name}"))["survived"].as_u64().unwrap();
    assert!(survived("ordinary") < 10 && survived("robust") > 350);
    let html = std::fs::read_to_string(folder.path("demo/report.html")).unwrap();
    assert!(html.contains("ordinary") && html.contains("robust"));
    assert!(folder.run("demo --out demo").expect(4).stderr.contains("demo"));
}

#[test]
fn inspect_says_what_a_model_is() {
    let folder = Folder::new();
    let text = folder.run("inspect robust.onnx").expect(0).stdout;
    for part in ["Conv 2", "[B, 1, 28, 28]", "differentiable  yes", "opset           17"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let json: Value = serde_json::from_str(&folder.run("inspect robust.onnx --json").expect(0).stdout).unwrap();
    assert_eq!(json["classes"], 10);
    assert_eq!(json["parameters"], 109_562);
}

#[test]
fn the_gradient_graph_is_a_model_of_its_own() {
    let folder = Folder::new();
    for loss in ["ce", "margin", "dlr", "ce-targeted", "margin-targeted", "dlr-targeted"] {
        let said = folder.run(&format!("grad robust.onnx --out {loss}.onnx --loss {loss}")).expect(0).stdout;
        assert!(said.contains("compared on rten") && said.contains("cosine with finite differences of the loss: "), "{said}");
        let text = folder.run(&format!("inspect {loss}.onnx")).expect(0).stdout;
        for output in ["logits f32 [B, 10]", "loss f32 [B]", "gradient f32 [B, 1, 28, 28]", "label_one_hot f32 [B, 10]"] {
            assert!(text.contains(output), "{output} is not in:\n{text}");
        }
        assert_eq!(text.contains("target_one_hot"), loss.ends_with("targeted"), "{text}");
    }
}

#[test]
fn settings_come_from_the_file_and_flags_win() {
    let folder = Folder::new();
    folder.run("init ordinary.onnx").expect(0);
    let text = std::fs::read_to_string(folder.path("brinell.toml")).unwrap();
    let text = text.replace("data = \"\"", "data = \"images.idx3-ubyte\"\nlimit = 15\nruntime = \"rten\"").replace("8/255", "0.05");
    folder.write("brinell.toml", text);
    let summary: Value = serde_json::from_str(&folder.run("audit --seed 7 --limit 11 --json --out run").expect(0).stdout).unwrap();
    assert_eq!(summary["data"]["n"], 11);
    assert_eq!(summary["allowed"]["eps"], 0.05);
    assert_eq!(summary["question"]["effort"]["seed"], 7);
    assert_eq!(summary, folder.summary("run"));
}

/// Runs a script in a shell; `None` where there is no such shell.
fn shell(folder: &Folder, shell: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = std::process::Command::new(shell).args(arguments).current_dir(folder.path("")).output() else {
        brinell_testkit::skip(brinell_testkit::Need::Shell, &format!("no {shell} to load completions in"));
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shell}: {said}");
    Some(said)
}

#[test]
fn completions_load_in_their_shells() {
    let folder = Folder::new();
    for (name, file) in [("bash", "a.bash"), ("zsh", "_brinell"), ("fish", "a.fish")] {
        folder.write(file, folder.run(&format!("completions {name}")).expect(0).stdout);
    }
    let bash = "source ./a.bash; COMP_WORDS=(brinell au); COMP_CWORD=1; _brinell brinell au brinell; echo \"${COMPREPLY[@]}\"";
    if let Some(said) = shell(&folder, "bash", &["--norc", "-c", bash]) {
        assert_eq!(said.trim(), "audit");
    }
    let zsh = "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; print $_comps[brinell]";
    if let Some(said) = shell(&folder, "zsh", &["-f", "-c", zsh]) {
        assert_eq!(said.trim(), "_brinell");
    }
    if let Some(said) = shell(&folder, "fish", &["--no-config", "-c", "source ./a.fish; complete --do-complete 'brinell au'"]) {
        assert!(said.starts_with("audit\t"), "{said}");
    }
    assert!(folder.run("completions elvish-like").expect(4).stderr.contains("possible values"));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    assert!(folder.run("man").expect(0).stdout.contains(".TH"));
    folder.run("man --out pages").expect(0);
    for name in ["brinell", "brinell-audit", "brinell-claim", "brinell-claim-update", "brinell-check"] {
        let page = std::fs::read_to_string(folder.path(&format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS") || name == "brinell-claim", "{name}: {page}");
    }
}

#[test]
fn quiet_leaves_results_and_errors_and_verbose_adds_settings() {
    let folder = Folder::new();
    let run = "audit robust.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --runtime rten --limit 5 --attack fgsm";
    let quiet = folder.run(&format!("-q {run} --out a")).expect(0);
    assert!(quiet.stderr.is_empty() && quiet.stdout.contains("robust accuracy"), "{}", quiet.stderr);
    let verbose = folder.run(&format!("{run} --out b --verbose")).expect(0);
    assert!(verbose.stderr.contains("\"runtime\": \"rten\""), "{}", verbose.stderr);
    assert!(folder.run(&format!("--quiet {run} --out a")).expect(4).stderr.contains("already contains a run"));
    let versions = folder.run("--version").expect(0).stdout;
    for line in ["brinell ", "ONNX Runtime ", "rten "] {
        assert!(versions.lines().any(|text| text.starts_with(line)), "{versions}");
    }
}
