//! Runs the program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A temporary folder with the demo's models and data in it.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

/// What a run left behind.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ordinary.onnx", "robust.onnx", "images.idx3-ubyte", "labels.idx1-ubyte", "classes.txt"] {
            std::fs::copy(demo().join(name), folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Prepares `brinell ARGUMENTS` in this folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brinell"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        command
    }

    /// Runs `brinell ARGUMENTS` in this folder.
    pub(crate) fn run(&self, arguments: &str) -> Finished {
        Finished::of(self.command(arguments).output().unwrap())
    }

    /// Runs `brinell audit` on a demo model with its data, a radius of 0.1 and rten, unless `more` says otherwise.
    pub(crate) fn audit(&self, model: &str, more: &str) -> Finished {
        let runtime = if more.contains("--runtime") { "" } else { "--runtime rten" };
        self.run(&format!("audit {model}.onnx --data images.idx3-ubyte --norm linf --eps 0.1 {runtime} {more}"))
    }

    /// Reads the summary of a run.
    pub(crate) fn summary(&self, out: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(out).join("summary.json")).unwrap()).unwrap()
    }

    /// Reads the lines of a run, by sample.
    pub(crate) fn record(&self, out: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(out).join("record.jsonl")).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line["sample"].as_u64());
        lines
    }
}

impl Finished {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Panics unless the program ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// The folder of the demo's files.
pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo")
}

/// The parts of a line that must not depend on batch or threads. Margins and confidences may, in their last bits.
pub(crate) fn verdicts(lines: &[Value]) -> Vec<Vec<Value>> {
    let keys = ["sample", "label", "prediction", "outcome", "attack", "restart", "forwards", "backwards", "adv_prediction"];
    lines.iter().map(|line| keys.iter().map(|key| line[key].clone()).collect()).collect()
}

/// A .safetensors file of float32 arrays.
pub(crate) fn safetensors(arrays: &[(&str, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let (mut header, mut values) = (Vec::new(), Vec::new());
    for (name, shape, data) in arrays {
        let start = values.len();
        values.extend(data.iter().flat_map(|v| v.to_le_bytes()));
        header.push(format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{start},{}]}}", values.len()));
    }
    let header = format!("{{{}}}", header.join(","));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat()
}
