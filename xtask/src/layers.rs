//! Which crate may use which: the arrows of ARCHITECTURE.md.

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A crate and the crates of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("graph", &[]),
    ("threat", &[]),
    ("record", &[]),
    ("onnx", &["graph"]),
    ("task", &["threat", "record"]),
    ("autodiff", &["graph", "task"]),
    ("report", &["record"]),
    ("engine", &["graph", "autodiff", "onnx", "task"]),
    ("attack", &["engine", "threat", "task"]),
    ("contract", &["attack", "engine", "threat", "task"]),
    ("protocol", &["contract", "attack", "engine", "autodiff", "onnx", "threat", "task", "graph", "record"]),
    ("cli", &["protocol", "report"]),
    ("testkit", &["graph"]),
];

/// Fails on any dependency between our crates that is not in the table. Test dependencies are free.
pub(crate) fn check() -> Result<(), String> {
    let metadata = MetadataCommand::new()
        .manifest_path(crate::root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|error| format!("layers: {error}"))?;
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let Some(name) = package.name.strip_prefix("brinell-") else { continue };
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} is in no layer; add it to the table"));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = dependency.name.strip_prefix("brinell-");
            if let Some(other) = ours.filter(|other| dependency.kind != DependencyKind::Development && !allowed.contains(other)) {
                wrong.push(format!("{name} -> {other}"));
            }
        }
    }
    if wrong.is_empty() {
        println!("layers: every arrow goes down");
        Ok(())
    } else {
        Err(format!("layers: not allowed (see ARCHITECTURE.md):\n  {}", wrong.join("\n  ")))
    }
}
