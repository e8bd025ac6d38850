//! Names of classes that a file carries along in its metadata.
//!
//! ONNX has no place for them. Ultralytics writes Python's `{0: 'cat', 1: 'dog'}` under `names`, others JSON, Python or lists with commas under names
//! of their own, from index to name or from name to index.

use std::collections::BTreeMap;

use super::literal::{Literal, literal};
use crate::proto::StringStringEntry;

/// Keys under which such names are found, the most telling first; case and `_` do not count.
const KEYS: [&str; 16] = [
    "names",
    "classnames",
    "id2label",
    "label2id",
    "classtoidx",
    "idxtoclass",
    "classes",
    "labels",
    "labelnames",
    "classlabels",
    "targetnames",
    "categories",
    "vocab",
    "classlist",
    "labelmap",
    "config",
];
/// Keys that lists hide under inside of a value.
const INSIDE: [&str; 4] = ["id2label", "label2id", "names", "classes"];
/// A longer text is something else.
const LONGEST: usize = 4 << 20;

/// Returns every list of names of classes that the metadata hold, in the order of the classes: none empty and no two alike.
pub(super) fn classes(metadata: &[StringStringEntry]) -> Vec<Vec<String>> {
    let plain = |key: &str| key.to_lowercase().replace(['_', '-', ' '], "");
    let values = KEYS.iter().flat_map(|wanted| {
        metadata
            .iter()
            .filter(|entry| entry.key.as_deref().is_some_and(|key| plain(key) == *wanted))
            .filter_map(|entry| entry.value.as_deref())
    });
    let mut found: Vec<Vec<String>> = Vec::new();
    for names in values.filter(|text| text.len() <= LONGEST).filter_map(list) {
        if !found.contains(&names) {
            found.push(names);
        }
    }
    found
}

fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let names = if text.starts_with(['{', '[', '(']) {
        named(&literal(text)?)?
    } else {
        let separator = if text.contains('\n') { '\n' } else { ',' };
        text.split(separator).map(|name| name.trim().to_owned()).collect()
    };
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    let is_twice = sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    (!names.is_empty() && !is_twice && names.iter().all(|name| !name.trim().is_empty())).then_some(names)
}

/// The names in the order of their classes.
fn named(value: &Literal) -> Option<Vec<String>> {
    match value {
        Literal::List(items) => items.iter().map(name).collect(),
        Literal::Map(entries) => {
            let mut by_index: BTreeMap<i64, String> = BTreeMap::new();
            for (key, value) in entries {
                let (index, name) = match (index(key), name(value)) {
                    (Some(index), Some(name)) => (index, name),
                    _ => match (key, value) {
                        (Literal::Text(name), Literal::Whole(index)) => (*index, name.clone()),
                        _ => return inside(entries),
                    },
                };
                if by_index.insert(index, name).is_some() {
                    return None;
                }
            }
            by_index.keys().copied().eq(0..i64::try_from(by_index.len()).ok()?).then(|| by_index.into_values().collect())
        }
        _ => None,
    }
}

/// The names that one of the values of a map has.
fn inside(entries: &[(Literal, Literal)]) -> Option<Vec<String>> {
    let value = |wanted: &&str| entries.iter().find(|(key, _)| matches!(key, Literal::Text(key) if key == wanted)).map(|(_, value)| value);
    INSIDE.iter().filter_map(value).find_map(named)
}

fn index(key: &Literal) -> Option<i64> {
    match key {
        Literal::Whole(index) => Some(*index),
        Literal::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// A name, or the last of several, which is the one that people read.
fn name(value: &Literal) -> Option<String> {
    match value {
        Literal::Text(name) => Some(name.trim().to_owned()),
        Literal::List(names) => match names.last()? {
            Literal::Text(name) => Some(name.trim().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &str) -> StringStringEntry {
        StringStringEntry { key: Some(key.to_owned()), value: Some(value.to_owned()) }
    }

    #[test]
    fn names_are_read_in_the_forms_that_people_write() {
        let expected = ["cat", "dog, hound", "it's"];
        for text in [
            r#"{0: 'cat', 1: 'dog, hound', 2: "it's"}"#,
            r#"{2: "it's", 0: 'cat', 1: 'dog, hound'}"#,
            r#"{"0": "cat", "1": "dog, hound", "2": "it's"}"#,
            r#"{"cat": 0, "dog, hound": 1, "it's": 2}"#,
            r#"['cat', 'dog, hound', 'it\'s']"#,
            r#"("cat", "dog, hound", "it\u0027s",)"#,
            r#"{"0": ["n01", "cat"], "1": ["n02", "dog, hound"], "2": ["n03", "it's"]}"#,
            r#"{"architectures": ["ViT"], "dropout": 0.1, "x": null, "id2label": {"0": "cat", "1": "dog, hound", "2": "it's"}}"#,
            "cat\ndog, hound\nit's",
        ] {
            assert_eq!(list(text).as_deref(), Some(&expected.map(str::to_owned)[..]), "{text}");
        }
        assert_eq!(list("cat,dog").unwrap(), ["cat", "dog"]);
        for text in [
            "",
            "{}",
            "[]",
            "{0: 'cat', 2: 'dog'}",
            "{1: 'cat'}",
            "['cat', 'cat']",
            "cat,,dog",
            "{0: 'cat'",
            "{0: 1}",
            "[1, 2]",
            "{'a': 0, 'b': 0}",
        ] {
            assert_eq!(list(text), None, "{text}");
        }
    }

    #[test]
    fn every_list_of_the_metadata_is_found() {
        let metadata = [
            entry("stride", "32"),
            entry("classes", "10"),
            entry("id2label", "{\"0\": \"a\"}"),
            entry("Class_Names", "a,b"),
            entry("labels", "a,b"),
        ];
        assert_eq!(classes(&metadata), [vec!["a", "b"], vec!["a"], vec!["10"]]);
        assert!(classes(&[entry("names", "{0: 'cat'"), entry("author", "a,b")]).is_empty());
    }
}
