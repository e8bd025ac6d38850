//! Examples made on one model and tried on others.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Finished, Folder};

const RUN: &str = "transfer --from ordinary.onnx robust.onnx --data images.idx3-ubyte --classes classes.txt --eps 0.1 --runtime rten";

fn matrix(folder: &Folder, out: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(out).join("matrix.json")).unwrap()).unwrap()
}

/// Every file that a run left, by name.
fn files(folder: &Folder, out: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder.path(out)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// The numbers of the images that a limit drew.
fn drawn(folder: &Folder, out: &str) -> Vec<usize> {
    matrix(folder, out)["data"]["samples"].as_array().unwrap().iter().map(|sample| sample.as_u64().unwrap() as usize).collect()
}

#[test]
fn a_matrix_has_a_cell_for_each_source_and_target_and_its_figures_agree() {
    let folder = Folder::new();
    let run = folder.run(&format!("{RUN} --limit 40 --attack mi --out t")).expect(0);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let matrix = matrix(&folder, "t");
    let cells = matrix["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 4);
    for cell in cells {
        let count = |key: &str| cell[key].as_u64().unwrap();
        assert!(count("same") <= count("fooled") && count("fooled") <= count("both") && count("both") <= count("right"), "{cell}");
        assert!(count("right_fooled") <= count("right") && count("right_fooled") <= count("wrong") && count("n") == 40, "{cell}");
        assert!(count("shuffled") <= count("both"));
        assert_eq!(cell["white_box"].as_bool().unwrap(), cell["source"] == cell["target"]);
        let rate = |key: &str| cell["rate"][key].as_f64().unwrap();
        assert!(rate("low") <= rate("value") && rate("value") <= rate("high"));
    }
    // The ordinary model falls to its own examples more often than the robust one falls to them.
    let fooled = |k: usize| cells[k]["rate"]["value"].as_f64().unwrap();
    assert!(fooled(0) > 0.9 && fooled(1) < 0.5, "{} {}", fooled(0), fooled(1));
    let page = std::fs::read_to_string(folder.path("t/report.html")).unwrap();
    let csv = std::fs::read_to_string(folder.path("t/matrix.csv")).unwrap();
    assert!(page.contains("ordinary") && page.contains("Content-Security-Policy") && !page.contains("<script"));
    assert_eq!(csv.lines().count(), 5);
    // The clean predictions are those of an audit.
    folder.audit("robust", "--limit 40 --attack fgsm --sanity off --out a").expect(0);
    assert_eq!(matrix["models"][1]["right"], folder.summary("a")["clean_correct"]);
}

#[test]
fn results_depend_on_neither_batch_nor_threads_and_a_killed_run_leaves_the_same_bytes() {
    let folder = Folder::new();
    let run = format!("{RUN} --limit 25 --ensemble norm --attack mi:steps=5+di+si:copies=2 --bytes");
    folder.run(&format!("{run} --batch 64 --threads 2 --out whole")).expect(0);
    folder.run(&format!("{run} --batch 1 --threads 1 --out alone")).expect(0);
    assert_eq!(files(&folder, "whole"), files(&folder, "alone"));

    let mut child = folder
        .command(&format!("{run} --out killed"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120)
        && std::fs::read_to_string(folder.path("killed/made.jsonl")).unwrap_or_default().lines().count() < 10
    {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("killed/matrix.json").exists(), "the run was over before it could be killed");
    folder.run(&format!("{run} --out killed --resume")).expect(0);
    assert_eq!(files(&folder, "killed"), files(&folder, "whole"));
    // With another seed it is another run.
    folder.run(&format!("{run} --seed 1 --out killed --resume")).expect(3);
}

#[test]
fn no_stored_byte_is_outside_the_ball() {
    let folder = Folder::new();
    let run = RUN.replace("0.1", "8/255");
    folder.run(&format!("{run} --limit 25 --attack mi+dem --bytes --out t")).expect(0);
    let images = std::fs::read(folder.path("images.idx3-ubyte")).unwrap();
    let clean: Vec<u8> = drawn(&folder, "t").iter().flat_map(|sample| images[16 + sample * 784..][..784].to_vec()).collect();
    for source in 0..2 {
        let stored = std::fs::read(folder.path(&format!("t/examples-{source}-u8.npy"))).unwrap();
        let values = &stored[stored.len() - 25 * 784..];
        let most = values.iter().zip(&clean).map(|(a, b)| a.abs_diff(*b)).max();
        assert_eq!(most, Some(8));
    }
}

#[test]
fn a_list_of_models_gives_each_its_own_preprocessing_and_classes() {
    let folder = Folder::new();
    let classes = std::fs::read_to_string(folder.path("classes.txt")).unwrap();
    let names: Vec<&str> = classes.lines().collect();
    // A map by name, with two classes that the data do not have.
    folder.write("map.txt", names.iter().take(8).map(|name| format!("{name} -> {name}\n")).collect::<String>());
    folder.write(
        "models.toml",
        "[[model]]\nfile = \"ordinary.onnx\"\nname = \"plain\"\n[[model]]\nfile = \"robust.onnx\"\nname = \"some\"\nclasses = \"classes.txt\"\nmap = \"map.txt\"\n",
    );
    let run = "transfer --models models.toml --data images.idx3-ubyte --classes classes.txt --eps 0.1 --runtime rten --limit 30 --attack mi:steps=3";
    folder.run(&format!("{run} --out t")).expect(0);
    let matrix = matrix(&folder, "t");
    let n = |model: usize| matrix["models"][model]["n"].as_u64().unwrap();
    let labels = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap();
    let known = drawn(&folder, "t").iter().filter(|sample| labels[8 + **sample] < 8).count() as u64;
    assert_eq!((n(0), n(1)), (30, known));
    assert_eq!((matrix["models"][0]["name"].as_str(), matrix["models"][1]["classes"].as_u64()), (Some("plain"), Some(8)));
    assert_eq!(matrix["cells"][1]["n"].as_u64(), Some(known));
}

#[test]
fn what_cannot_be_compared_is_an_error_that_says_why() {
    let folder = Folder::new();
    folder.write("pets.txt", "cat\ndog\nhorse\nsheep\ncow\npig\nhen\nduck\ngoat\nmule\n");
    folder.write("five.txt", "a\nb\nc\nd\ne\n");
    folder.write("bad.txt", "Bag -> Coat\nnothing at all\n");
    let list = |line: &str| folder.write("models.toml", format!("[[model]]\nfile = \"ordinary.onnx\"\n{line}\n"));
    let run = "transfer --models models.toml --data images.idx3-ubyte --classes classes.txt --eps 0.1 --runtime rten --limit 20";
    for (line, words) in [
        ("classes = \"pets.txt\"", "have no class in common"),
        ("classes = \"five.txt\"", "has 10 classes, but 5 class names were given"),
        ("map = \"bad.txt\"", "line 1 of"),
        ("meen = 3", "meen"),
    ] {
        list(line);
        let Finished { stderr, .. } = folder.run(&format!("{run} --out t")).expect(4);
        assert!(stderr.contains(words), "{stderr}");
    }
    for (arguments, words) in [
        ("--from none.onnx", "there is no model `none.onnx`"),
        ("--eps 8", "larger than the range"),
        ("--attack deepfool:steps=1+mi", "attack deepfool cannot be combined"),
        ("--attack cw", "linf with a radius"),
        ("--attack apgd-t", "one class after another"),
        ("--ensemble mean", "the rules are norm, loss, logits, prob"),
    ] {
        list("");
        let run = if arguments.contains("--eps") { run.replace("--eps 0.1", "") } else { run.to_owned() };
        let Finished { stderr, .. } = folder.run(&format!("{run} {arguments} --out t")).expect(4);
        assert!(stderr.contains(words), "{arguments}: {stderr}");
    }
    // A mean and a deviation that no model was trained with: nobody gets anything right.
    list("mean = [200]\nstd = 0.001\nscale = \"0..255\"");
    let finished = folder.run(&format!("{run} --limit 8 --out u"));
    assert!(finished.code == 4 || finished.code == 2, "{}", finished.stderr);
}

#[test]
fn a_universal_change_is_tested_on_images_that_it_was_not_fitted_to() {
    let folder = Folder::new();
    let run = "universal --from ordinary.onnx --to ordinary.onnx robust.onnx --data images.idx3-ubyte --classes classes.txt --eps 0.1 --runtime rten --limit 80 --epochs 4";
    let finished = folder.run(&format!("{run} --out u")).expect(0);
    assert!(finished.stdout.lines().all(|line| line.chars().count() <= 80), "{}", finished.stdout);
    let found: Value = serde_json::from_slice(&std::fs::read(folder.path("u/universal.json")).unwrap()).unwrap();
    assert_eq!(found["n_fit"].as_u64().unwrap() + found["n_test"].as_u64().unwrap(), 80);
    let count = |target: usize, what: &str| found["targets"][target][what]["fooled"].as_u64().unwrap();
    // It fools more than random signs of the same size, on images that it has not seen.
    assert!(count(0, "test") > count(0, "noise") + 4, "{found}");
    folder.run(&format!("{run} --out again")).expect(0);
    assert_eq!(files(&folder, "u"), files(&folder, "again"));
    let none = folder.run(&format!("{run} --fit 0 --out v")).expect(4);
    assert!(none.stderr.contains("must be at least 1"), "{}", none.stderr);
}

#[test]
fn softer_gradients_change_examples_and_no_answer() {
    let folder = Folder::new();
    let run = format!("{RUN} --limit 20 --attack mi:steps=4");
    folder.run(&format!("{run} --out exact")).expect(0);
    folder.run(&format!("{run} --soft-backward --out soft")).expect(0);
    let (exact, soft) = (matrix(&folder, "exact"), matrix(&folder, "soft"));
    assert_eq!(exact["models"], soft["models"]);
    assert_eq!(exact["noise"], soft["noise"]);
    assert_eq!(soft["made"]["soft_backward"].as_f64(), Some(0.5));
    let npz = |out: &str| std::fs::read(folder.path(out).join("examples-0.npz")).unwrap();
    assert_ne!(npz("exact"), npz("soft"));
    folder.run(&format!("{run} --soft-backward 1.5 --out none")).expect(4);
}
