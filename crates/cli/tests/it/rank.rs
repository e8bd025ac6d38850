//! Several models on the same samples.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Folder;

const RUN: &str = "rank ordinary.onnx robust.onnx twin.onnx --data images.idx3-ubyte --classes classes.txt --norm linf --eps 0.1 --runtime rten --sanity off";

fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::copy(folder.path("robust.onnx"), folder.path("twin.onnx")).unwrap();
    folder
}

fn ranking(folder: &Folder, out: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(out).join("rank.json")).unwrap()).unwrap()
}

fn model<'a>(ranking: &'a Value, name: &str) -> &'a Value {
    ranking["models"].as_array().unwrap().iter().find(|model| model["name"] == name).unwrap()
}

fn ranks(model: &Value) -> (u64, u64) {
    (model["rank"]["best"].as_u64().unwrap(), model["rank"]["worst"].as_u64().unwrap())
}

#[test]
fn models_that_cannot_be_told_apart_share_their_ranks_and_every_audit_can_be_replayed() {
    let folder = folder();
    let run = folder.run(&format!("{RUN} --limit 16 --max-queries 100 --out r")).expect(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let found = ranking(&folder, "r");
    assert_eq!(["robust", "twin", "ordinary"].map(|name| ranks(model(&found, name))), [(1, 2), (1, 2), (3, 3)]);
    assert_eq!(model(&found, "ordinary")["distances"]["rank"], serde_json::json!({"best": 3, "worst": 3}));
    for name in ["robust", "ordinary"] {
        // What counts is what the audits left: a sample survives both.
        let (at_radius, nearest) = (folder.record(&format!("r/{name}")), folder.record(&format!("r/{name}/minimum-norm")));
        let norm = |line: &Value| line["norm"].as_f64().unwrap_or(f64::INFINITY);
        let survives = |(a, b): &(&Value, &Value)| a["outcome"] == "survived" && norm(b) > 0.1;
        let survived = at_radius.iter().zip(&nearest).filter(survives).count() as u64;
        assert_eq!(model(&found, name)["survived"].as_u64(), Some(survived));
        assert_eq!(model(&found, name)["clean_correct"], folder.summary(&format!("r/{name}"))["clean_correct"]);
        let mut distances: Vec<f64> =
            at_radius.iter().zip(&nearest).map(|(a, b)| if a["outcome"] == "misclassified" { 0.0 } else { norm(a).min(norm(b)) }).collect();
        distances.sort_by(f64::total_cmp);
        assert_eq!(model(&found, name)["distances"]["median"]["value"].as_f64(), Some(f64::midpoint(distances[7], distances[8])));
    }
    for file in ["report.html", "rank.csv", "rank.md", "robust/report.html", "robust/rank.svg", "robust/minimum-norm/report.html"] {
        assert!(folder.path("r").join(file).is_file(), "{file}");
    }
    let page = std::fs::read_to_string(folder.path("r/report.html")).unwrap();
    assert!(page.contains("Content-Security-Policy") && !page.contains("<script"));
    let badge = std::fs::read_to_string(folder.path("r/robust/rank.svg")).unwrap();
    assert!(badge.contains("1–2 of 3 |") || badge.contains("1-2 of 3 |"), "{badge}");
    assert_eq!(std::fs::read_to_string(folder.path("r/rank.csv")).unwrap().lines().count(), 4);
    // Each folder is that of a normal run.
    folder.run("replay r/ordinary --runtime rten").expect(0);
    folder.run("compare r/ordinary r/robust").expect(0);
}

#[test]
fn a_killed_ranking_goes_on_to_the_same_bytes_and_refuses_another_question() {
    let folder = folder();
    let run = format!("{RUN} --limit 20 --no-distances --attack pgd:steps=30,restarts=2");
    folder.run(&format!("{run} --out whole")).expect(0);
    let mut child = folder
        .command(&format!("{run} --out killed"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120) && !folder.path("killed/robust/run.json").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("killed/rank.json").exists(), "the run was over before it could be killed");
    folder.run(&format!("{run} --out killed")).expect(4);
    let before = std::fs::read(folder.path("killed/ordinary/summary.json")).unwrap();
    folder.run(&format!("{run} --out killed --resume")).expect(0);
    // What was finished is not done again.
    assert_eq!(std::fs::read(folder.path("killed/ordinary/summary.json")).unwrap(), before);
    for file in ["rank.json", "rank.csv", "rank.md", "report.html"] {
        assert_eq!(
            std::fs::read(folder.path("killed").join(file)).unwrap(),
            std::fs::read(folder.path("whole").join(file)).unwrap(),
            "{file}"
        );
    }
    let other = folder.run(&format!("{run} --seed 1 --out killed --resume")).expect(3);
    assert!(other.stderr.contains("seed changed from 0 to 1"), "{}", other.stderr);
    std::fs::copy(folder.path("robust.onnx"), folder.path("ordinary.onnx")).unwrap();
    let other = folder.run(&format!("{run} --out killed --resume")).expect(3);
    assert!(other.stderr.contains("the model (SHA-256) changed"), "{}", other.stderr);
}

#[test]
fn a_model_of_another_range_sees_the_same_images() {
    let folder = folder();
    folder.write(
        "models.toml",
        "[[model]]\nfile = \"robust.onnx\"\nname = \"plain\"\n[[model]]\nfile = \"robust.onnx\"\nname = \"bytes\"\nscale = \"0..255\"\nstd = [255]\n",
    );
    let run = "rank --models models.toml --data images.idx3-ubyte --classes classes.txt --norm l2 --eps 1 --runtime rten --sanity off --limit 8 --max-queries 60 --attack pgd:steps=10";
    folder.run(&format!("{run} --out r")).expect(0);
    let found = ranking(&folder, "r");
    let (plain, bytes) = (model(&found, "plain"), model(&found, "bytes"));
    assert_eq!(plain["clean_correct"], bytes["clean_correct"]);
    assert_eq!(plain["survived"], bytes["survived"]);
    // The class distance, by hand.
    let drawn: Vec<usize> = folder.record("r/plain").iter().map(|line| line["sample"].as_u64().unwrap() as usize).collect();
    let (images, labels) =
        (std::fs::read(folder.path("images.idx3-ubyte")).unwrap(), std::fs::read(folder.path("labels.idx1-ubyte")).unwrap());
    let image = |k: usize| &images[16 + 784 * k..16 + 784 * (k + 1)];
    let distance = |a: usize, b: usize| {
        image(a).iter().zip(image(b)).map(|(a, b)| ((f64::from(*a) - f64::from(*b)) / 255.0).powi(2)).sum::<f64>().sqrt()
    };
    let mut nearest: Vec<f64> = drawn
        .iter()
        .map(|&a| drawn.iter().filter(|&&b| labels[8 + a] != labels[8 + b]).map(|&b| distance(a, b)).min_by(f64::total_cmp).unwrap())
        .collect();
    nearest.sort_by(f64::total_cmp);
    let said = &found["class_distance"];
    let close = |said: &Value, wanted: f64| (said.as_f64().unwrap() - wanted).abs() < 1e-5;
    assert_eq!(said["n"], 8);
    assert!(close(&said["median"], f64::midpoint(nearest[3], nearest[4])) && close(&said["least"], nearest[0]), "{said}");
    let multiple = plain["distances"]["multiple"]["value"].as_f64().unwrap();
    assert!((multiple - plain["distances"]["median"]["value"].as_f64().unwrap() / said["median"].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn what_cannot_be_ranked_is_an_error_that_says_why() {
    let folder = folder();
    std::fs::create_dir_all(folder.path("a b/c")).unwrap();
    std::fs::copy(folder.path("robust.onnx"), folder.path("a b/c/robust.onnx")).unwrap();
    folder.write("models.toml", "[[model]]\nfile = \"ordinary.onnx\"\nname = \"x/y\"\n[[model]]\nfile = \"robust.onnx\"\nname = \"x:y\"\n");
    folder.write("none.toml", "[[model]]\nfile = \"ordinary.onnx\"\nmeen = 3\n[[model]]\nfile = \"robust.onnx\"\n");
    let rest = "--data images.idx3-ubyte --classes classes.txt --norm linf --eps 0.1 --runtime rten --limit 5 --out r";
    for (models, words) in [
        ("", "missing: the models"),
        ("robust.onnx", "at least two models"),
        ("robust.onnx robust.onnx", "at least two models"),
        ("robust.onnx no.onnx", "the model no"),
        ("--models models.toml", "two models are called x:y"),
        ("--models none.toml", "meen"),
        ("robust.onnx twin.onnx --resume", "no run to continue"),
        ("robust.onnx twin.onnx --attack nothing", "nothing"),
    ] {
        let finished = folder.run(&format!("rank {models} {rest}")).expect(4);
        assert!(finished.stderr.contains(words), "{models}: {}", finished.stderr);
        assert!(!folder.path("r").join("rank.json").exists());
    }
    let finished = folder.run("rank robust.onnx twin.onnx --data images.idx3-ubyte --norm linf --runtime rten").expect(4);
    assert!(finished.stderr.contains("eps"), "{}", finished.stderr);
}
