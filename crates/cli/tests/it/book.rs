//! The commands of README and book, run as they stand there.

use std::path::PathBuf;
use std::process::Command;

use brinell_testkit::{Need, skip};

use crate::support::{Folder, demo};

/// The pages, from the root; blocks of the language `sh` hold commands that a reader can paste.
const PAGES: [&str; 4] = ["README.md", "docs/install.md", "docs/tutorial.md", "docs/ci.md"];

/// What the pages assume to be there: an image model with its data, and a forest with its table.
fn files(folder: &Folder) {
    let images = std::fs::read(folder.path("images.idx3-ubyte")).unwrap();
    let labels = std::fs::read(folder.path("labels.idx1-ubyte")).unwrap();
    const N: usize = 40;
    let values: Vec<f32> = images[16..16 + N * 784].iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    let classes: Vec<f32> = labels[8..8 + N].iter().map(|&class| f32::from(class)).collect();
    folder.write("test.safetensors", crate::support::safetensors(&[("x", vec![N, 1, 28, 28], values), ("y", vec![N], classes)]));
    std::fs::rename(folder.path("robust.onnx"), folder.path("model.onnx")).unwrap();
    for (from, to) in [("forest.onnx", "forest.onnx"), ("three.csv", "test.csv")] {
        std::fs::copy(demo().join("../tests/golden/classic").join(from), folder.path(to)).unwrap();
    }
    for place in [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions", ".local/share/man/man1"] {
        std::fs::create_dir_all(folder.path(place)).unwrap();
    }
}

/// The commands of a page.
fn commands(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(demo().join("..").join(page)).unwrap();
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| line.starts_with("brinell ")).collect()
}

#[test]
fn the_commands_of_readme_and_book_work() {
    // Forests need ONNX Runtime.
    if Folder::new().run("--version").stdout.contains("ONNX Runtime not found") {
        skip(Need::OnnxRuntime, "the commands of README and book");
        return;
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_brinell"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for page in PAGES {
        let folder = Folder::new();
        files(&folder);
        let mut commands = commands(page);
        if page == "docs/ci.md" {
            let before =
                ["brinell audit model.onnx --data test.npz --norm linf --eps 8/255 --out run", "brinell claim new run --sampling iid"];
            commands.splice(0..0, before.map(str::to_owned));
        }
        assert!(!commands.is_empty(), "{page}");
        for command in commands {
            // The demo is tested elsewhere, and takes longer than all of these.
            if command == "brinell demo" {
                continue;
            }
            // Claims about the forest's few rows may be left undecided.
            let allowed: &[i32] = if command.starts_with("brinell check") { &[0, 2] } else { &[0] };
            let command = command.replace("test.npz", "test.safetensors");
            let mut shell = Command::new("bash");
            shell.args(["-e", "-c", &command]).current_dir(folder.path("")).env("PATH", &path).env("HOME", folder.path(""));
            let output = shell.output().unwrap();
            let code = output.status.code().unwrap();
            let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(allowed.contains(&code), "{page}: `{command}` ends with {code}\n{said}");
        }
    }
}
