//! Reading, comparing and reporting finished runs links no runtime, no Parquet and no TLS.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};

use crate::root;

/// Crates that look at what is finished.
const READERS: [&str; 2] = ["ledger", "report"];

/// Libraries that they must do without, by the beginning of their names.
const HEAVY: [&str; 7] = ["ort", "rten", "parquet", "rustls", "ring", "ureq", "libloading"];

#[test]
fn reading_finished_runs_links_no_runtime_parquet_or_tls() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap();
    let names: BTreeMap<&PackageId, &str> = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let nodes: BTreeMap<&PackageId, _> = metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let closure = |of: &str| {
        let start = metadata.packages.iter().find(|package| package.name.as_str() == format!("brinell-{of}")).unwrap();
        let (mut seen, mut open) = (BTreeSet::new(), vec![&start.id]);
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                let linked = |dep: &&cargo_metadata::NodeDep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
                open.extend(nodes[id].deps.iter().filter(linked).map(|dep| &dep.pkg));
            }
        }
        seen.into_iter().map(|id| names[id]).collect::<BTreeSet<_>>()
    };
    // The engine links them all, so that a wrong name in the list would show.
    let engine = closure("engine");
    for heavy in ["ort", "rten", "rustls", "ureq", "libloading"] {
        assert!(engine.contains(heavy), "the engine without {heavy}?");
    }
    for reader in READERS {
        let linked = closure(reader);
        let heavy: Vec<&&str> =
            linked.iter().filter(|name| HEAVY.iter().any(|heavy| **name == *heavy || name.starts_with(&format!("{heavy}-")))).collect();
        assert!(heavy.is_empty(), "{reader} links {heavy:?}");
    }
}
