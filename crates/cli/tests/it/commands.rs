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
        assert!(said.contains("compared on rten") && said.contains("cosine with differences of the loss "), "{said}");
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
