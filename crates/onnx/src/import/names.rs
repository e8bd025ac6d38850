//! Names of features that a file carries along in its metadata.
//!
//! ONNX has no place for them. Whoever keeps them writes a list in JSON, in Python's form or with commas under a name of their own.

use crate::proto::StringStringEntry;

/// Keys under which such lists are found.
const KEYS: [&str; 6] = ["feature_names", "feature_names_in", "feature_names_in_", "features", "input_features", "columns"];

/// Returns the names of the features, where the metadata have a list of them: at least one, none empty and no two alike.
pub(super) fn features(metadata: &[StringStringEntry]) -> Option<Vec<String>> {
    let value = |key: &str| metadata.iter().find(|entry| entry.key.as_deref() == Some(key)).and_then(|entry| entry.value.as_deref());
    KEYS.iter().filter_map(|key| value(key)).find_map(list)
}

fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let inner = match text.chars().next() {
        Some('[') => text.strip_prefix('[')?.strip_suffix(']')?,
        Some('(') => text.strip_prefix('(')?.strip_suffix(')')?,
        _ => text,
    };
    let mut names = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let (name, after) = match rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            Some(quote) => {
                let (name, after) = rest.strip_prefix(quote)?.split_once(quote)?;
                (name, after.trim_start())
            }
            None => rest.find(',').map_or((rest, ""), |comma| rest.split_at(comma)),
        };
        // What a backslash stands for is not followed.
        if name.trim().is_empty() || name.contains('\\') {
            return None;
        }
        names.push(name.trim().to_owned());
        rest = if after.is_empty() { after } else { after.strip_prefix(',')?.trim_start() };
    }
    let is_twice = names.iter().enumerate().any(|(place, name)| names.iter().skip(place + 1).any(|other| other == name));
    (!names.is_empty() && !is_twice).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_are_read_in_the_forms_that_people_write() {
        let expected = ["age", "pay, net", "it's"].map(str::to_owned).to_vec();
        for text in [r#"["age", "pay, net", "it's"]"#, r#"['age', 'pay, net', "it's"]"#, r#"("age","pay, net","it's",)"#] {
            assert_eq!(list(text).as_ref(), Some(&expected), "{text}");
        }
        assert_eq!(list("age,pay").unwrap(), ["age", "pay"]);
        for text in ["", "[]", "[\"age\", \"age\"]", "[\"age", "a,,b", r#"["a\n"]"#] {
            assert_eq!(list(text), None, "{text}");
        }
        let entry = |key: &str, value: &str| StringStringEntry { key: Some(key.to_owned()), value: Some(value.to_owned()) };
        assert_eq!(features(&[entry("author", "a,b"), entry("features", "a,b")]).unwrap(), ["a", "b"]);
        assert_eq!(features(&[entry("author", "a,b")]), None);
    }
}
