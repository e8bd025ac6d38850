//! Patches that are put into images.

use serde_json::Value;

use crate::support::Folder;

const RUN: &str = "patch --from ordinary.onnx --to ordinary.onnx robust.onnx --data images.idx3-ubyte --classes classes.txt --runtime rten";

fn found(folder: &Folder, out: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.path(out).join("patch.json")).unwrap()).unwrap()
}

#[test]
fn a_patch_fools_images_that_it_has_not_seen_more_often_than_squares_that_were_fitted_to_nothing() {
    let folder = Folder::new();
    let run = format!("{RUN} --limit 40 --steps 80 --area 0.2 --width 5cm");
    let finished = folder.run(&format!("{run} --batch 3 --out p")).expect(0);
    assert!(finished.stdout.lines().all(|line| line.chars().count() <= 80), "{}", finished.stdout);
    let patch = found(&folder, "p");
    assert_eq!(patch["n_fit"].as_u64().unwrap() + patch["n_test"].as_u64().unwrap(), 40);
    assert_eq!((patch["side"].as_u64(), patch["conditions"].as_array().map(Vec::len)), (Some(13), Some(83)));
    let target = &patch["targets"][0];
    let mean = |square: &str| target[square]["mean"].as_f64().unwrap();
    // Any mistake is what covering alone causes as well; the patch causes about a quarter more.
    assert!(mean("patch") > 1.2 * mean("grey") && mean("patch") > 1.2 * mean("noise"), "{target}");
    for square in ["patch", "grey", "noise"] {
        let score = &target[square];
        let n = score["n"].as_u64().unwrap();
        let successes: Vec<u64> = score["successes"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
        assert!(successes.len() == 83 && successes.iter().all(|count| *count <= n));
        let share = successes.iter().sum::<u64>() as f64 / (83 * n) as f64;
        assert!((share - mean(square)).abs() < 1e-12);
        assert!((score["plain"]["value"].as_f64().unwrap() - successes[0] as f64 / n as f64).abs() < 1e-12);
    }
    let page = std::fs::read_to_string(folder.path("p/report.html")).unwrap();
    assert!(page.contains("digital simulation") && page.contains("Content-Security-Policy") && !page.contains("<script"));
    // Neither batch nor threads change it.
    folder.run(&format!("{run} --batch 64 --threads 1 --out again")).expect(0);
    for file in ["patch.json", "patch.png", "patch.npz"] {
        assert_eq!(std::fs::read(folder.path("p").join(file)).unwrap(), std::fs::read(folder.path("again").join(file)).unwrap(), "{file}");
    }
    // 13 times 47 pixels on 5 cm: the chunk pHYs says 12,220 pixels per metre.
    let png = std::fs::read(folder.path("p/patch.png")).unwrap();
    let at = png.windows(4).position(|name| name == b"pHYs").unwrap() + 4;
    assert_eq!(png[at..at + 9], [0, 0, 0x2f, 0xbc, 0, 0, 0x2f, 0xbc, 1]);
    assert_eq!(png[16..24], [0, 0, 2, 0x63, 0, 0, 2, 0x63]);
}

#[test]
fn a_patch_with_a_class_to_reach_counts_that_class_only() {
    let folder = Folder::new();
    let classes = std::fs::read_to_string(folder.path("classes.txt")).unwrap();
    let name = classes.lines().nth(8).unwrap();
    folder.run(&format!("{RUN} --limit 40 --steps 100 --area 0.25 --target 8 --out p")).expect(0);
    let patch = found(&folder, "p");
    assert_eq!(patch["target"], 8);
    let target = &patch["targets"][0];
    let mean = |square: &str| target[square]["mean"].as_f64().unwrap();
    assert!(mean("patch") > mean("grey") + 0.1 && mean("patch") > mean("noise") + 0.1, "{target}");
    let labels = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap();
    let others = labels[8..48].iter().filter(|label| **label != 8).count() as u64;
    assert!(target["patch"]["n"].as_u64().unwrap() < others);
    assert!(std::fs::read_to_string(folder.path("p/report.html")).unwrap().contains(name));
}

#[test]
fn equal_images_are_never_on_both_sides() {
    let folder = Folder::new();
    // Every image twice.
    let (images, labels) =
        (std::fs::read(folder.path("images.idx3-ubyte")).unwrap(), std::fs::read(folder.path("labels.idx1-ubyte")).unwrap());
    let count = 60u32.to_be_bytes();
    let pixels = &images[16..16 + 30 * 784];
    folder.write("twice.idx3-ubyte", [&images[..4], &count, &images[8..16], pixels, pixels].concat());
    folder.write("twice.idx1-ubyte", [&labels[..4], &count, &labels[8..38], &labels[8..38]].concat());
    let run = RUN.replace("images.idx3-ubyte", "twice.idx3-ubyte --labels twice.idx1-ubyte");
    folder.run(&format!("{run} --steps 1 --out p")).expect(0);
    let patch = found(&folder, "p");
    let even = |key: &str| patch[key].as_u64().unwrap().is_multiple_of(2);
    assert!(even("n_fit") && even("n_test") && even_fit(&patch), "{patch}");
}

/// Counts of images that come in pairs are even.
fn even_fit(patch: &Value) -> bool {
    let target = &patch["targets"][1];
    [&target["fit"]["right"], &target["patch"]["n"]].iter().all(|count| count.as_u64().unwrap().is_multiple_of(2))
}

#[test]
fn what_cannot_be_patched_is_an_error_that_says_why() {
    let folder = Folder::new();
    let values = vec![0.5f32; 2 * 784];
    folder.write("flat.safetensors", crate::support::safetensors(&[("x", vec![2, 784], values)]));
    for (arguments, words) in [
        ("--area 1.2", "between 0 and 1"),
        ("--fit 0", "both numbers must be at least 1"),
        ("--target cow", "there is no class cow among the 10 classes"),
        ("--target 10", "there is no class 10"),
        ("--width 3", "write it as 10cm"),
        ("--width 0cm", "write it as 10cm"),
        ("--to none.onnx", "none"),
    ] {
        let finished = folder.run(&format!("{RUN} --limit 10 {arguments} --out p")).expect(4);
        assert!(finished.stderr.contains(words), "{arguments}: {}", finished.stderr);
    }
    let flat = RUN.replace("images.idx3-ubyte", "flat.safetensors --labels 0");
    let finished = folder.run(&format!("{flat} --out p")).expect(4);
    assert!(finished.stderr.contains("samples of shape [784] are not images"), "{}", finished.stderr);
}
