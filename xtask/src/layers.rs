//! Which crate may use which: the arrows of ARCHITECTURE.md.

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A crate and the crates of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("graph", &[]),
    ("threat", &[]),
    ("record", &["threat"]),
    ("task", &["threat", "record"]),
    ("onnx", &["graph"]),
    ("autodiff", &["graph", "task"]),
    ("checker", &["graph"]),
    ("certify", &["checker", "graph", "threat"]),
    ("stats", &["record"]),
    ("report", &["record"]),
    ("data", &["record"]),
    ("engine", &["graph", "autodiff", "onnx", "record", "task"]),
    ("attack", &["engine", "threat", "record", "task"]),
    ("ledger", &["record", "stats"]),
    ("contract", &["attack", "engine", "threat", "task"]),
    ("subject", &["attack", "data", "engine", "autodiff", "onnx", "graph", "threat", "record", "task"]),
    (
        "proof",
        &["attack", "certify", "checker", "data", "engine", "graph", "ledger", "onnx", "record", "stats", "subject", "task", "threat"],
    ),
    (
        "audit",
        &[
            "attack", "autodiff", "certify", "contract", "data", "engine", "graph", "ledger", "onnx", "proof", "record", "stats",
            "subject", "task", "threat",
        ],
    ),
    (
        "claim",
        &["attack", "audit", "autodiff", "data", "engine", "ledger", "onnx", "proof", "record", "stats", "subject", "task", "threat"],
    ),
    ("harden", &["attack", "audit", "autodiff", "data", "engine", "graph", "ledger", "onnx", "record", "subject", "threat"]),
    ("defend", &["attack", "engine", "graph", "ledger", "onnx", "record", "stats", "subject", "task", "threat"]),
    ("transfer", &["attack", "data", "engine", "ledger", "onnx", "record", "stats", "subject", "task", "threat"]),
    (
        "brinell",
        &[
            "attack", "audit", "autodiff", "certify", "claim", "contract", "data", "defend", "engine", "graph", "harden", "ledger", "onnx",
            "proof", "record", "report", "stats", "subject", "task", "threat", "transfer",
        ],
    ),
    ("cli", &["brinell"]),
    ("py", &["brinell", "cli"]),
    ("testkit", &["graph"]),
];

/// The name of a crate of ours without what they have in common.
fn ours(name: &str) -> Option<&str> {
    if name == "brinell" { Some(name) } else { name.strip_prefix("brinell-") }
}

/// Fails on any dependency between our crates that is not in the table. Test dependencies are free.
pub(crate) fn check() -> Result<(), String> {
    let metadata = MetadataCommand::new()
        .manifest_path(crate::root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|error| format!("layers: {error}"))?;
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let Some(name) = ours(&package.name) else { continue };
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} is in no layer; add it to the table"));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = ours(&dependency.name);
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
