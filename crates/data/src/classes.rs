//! Names of classes: reading a list of them, and finding one by what a user typed.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::error::{At, DataError, DataErrorKind, UnknownClass};

/// A list of class names is a small file; anything longer is something else.
const MAX_FILE: u64 = 16 << 20;
/// Suggestions offered for a mistyped name.
const MAX_SUGGESTIONS: usize = 3;

/// Reads a list of class names.
///
/// Accepted are a text file with one name a line (line 1 is class 0; blank lines at the end are ignored), a JSON list of names,
/// and a JSON map from index to name (`{"0": "tench"}`) or to a list of names of which the last is the readable one
/// (`{"0": ["n01440764", "tench"]}`, Keras's `imagenet_class_index.json`), and a JSON map from name to index (`{"tench": 0}`, torchvision's
/// `class_to_idx`). A map must name every class from 0 upwards, once.
///
/// # Errors
///
/// The file is missing, empty, or none of these.
pub fn class_names(path: &Path) -> Result<Vec<String>, DataError> {
    read(path).at(path)
}

fn read(path: &Path) -> Result<Vec<String>, DataErrorKind> {
    let metadata = fs::metadata(path)
        .map_err(|error| if error.kind() == std::io::ErrorKind::NotFound { DataErrorKind::NotFound } else { error.into() })?;
    if !metadata.is_file() {
        return Err(DataErrorKind::NotAFile);
    }
    if metadata.len() > MAX_FILE {
        return Err(malformed("it is too long to be a list of class names"));
    }
    let text = String::from_utf8(fs::read(path)?).map_err(|_| malformed("it is not UTF-8 text"))?;
    let text = text.trim_start_matches('\u{feff}');
    let names = if matches!(text.trim_start().chars().next(), Some('[' | '{')) { json(text)? } else { lines(text)? };
    if names.is_empty() { Err(malformed("it contains no class name")) } else { Ok(names) }
}

fn malformed(reason: &str) -> DataErrorKind {
    DataErrorKind::Malformed { format: "class list", reason: reason.to_owned() }
}

fn lines(text: &str) -> Result<Vec<String>, DataErrorKind> {
    let names: Vec<&str> = text.trim_end().lines().map(str::trim).collect();
    if let Some(blank) = names.iter().position(|name| name.is_empty()).filter(|_| names.len() > 1) {
        return Err(DataErrorKind::Line { line: blank + 1, reason: "blank line inside a list of class names".to_owned() });
    }
    Ok(names.into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn json(text: &str) -> Result<Vec<String>, DataErrorKind> {
    match serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))? {
        Value::Array(names) => names.iter().map(json_name).collect(),
        Value::Object(map) if map.values().all(Value::is_u64) => (0..map.len())
            .map(|index| {
                let name = map.iter().find(|(_, value)| value.as_u64() == Some(index as u64));
                name.map(|(name, _)| name.clone())
                    .ok_or_else(|| malformed(&format!("its map of {} classes has no index {index}", map.len())))
            })
            .collect(),
        Value::Object(map) => (0..map.len())
            .map(|index| {
                let name = map
                    .get(&index.to_string())
                    .ok_or_else(|| malformed(&format!("its map of {} classes has no key \"{index}\"", map.len())))?;
                json_name(name)
            })
            .collect(),
        _ => Err(malformed("it is neither a list nor a map")),
    }
}

fn json_name(value: &Value) -> Result<String, DataErrorKind> {
    let name = match value {
        Value::String(name) => Some(name),
        Value::Array(names) => match names.last() {
            Some(Value::String(name)) => Some(name),
            _ => None,
        },
        _ => None,
    };
    name.cloned().ok_or_else(|| malformed("a class is neither a name nor a list of names"))
}

/// Finds the class that `text` means: a class index, a name, or one of the comma-separated synonyms of a name, letter case and `_` or `-` for blanks aside.
///
/// An exact name wins over an index, so that the digit classes of MNIST can be named `0` to `9`; a whole name wins over a synonym.
/// With no names known, any index is accepted.
///
/// # Errors
///
/// [`UnknownClass`] lists the names closest to `text`. An index beyond a non-empty list and a synonym shared by several classes are unknown too.
pub fn lookup(names: &[String], text: &str) -> Result<usize, UnknownClass> {
    let text = text.trim();
    if let Some(index) = names.iter().position(|name| name == text) {
        return Ok(index);
    }
    if let Ok(index) = text.parse::<usize>()
        && (names.is_empty() || index < names.len())
    {
        return Ok(index);
    }
    by_name(names, text).ok_or_else(|| UnknownClass {
        text: text.to_owned(),
        count: names.len(),
        close: close(names, &text.to_lowercase()),
    })
}

/// Finds the class of that name: the exact one, or else the only one that has it apart from letter case, as one of several synonyms, or written with `_` or `-` for blanks.
pub(super) fn by_name(names: &[String], text: &str) -> Option<usize> {
    let text = text.trim();
    let unique = |matches: &dyn Fn(&str) -> bool| {
        let mut found = names.iter().enumerate().filter(|(_, name)| matches(name)).map(|(index, _)| index);
        found.next().filter(|_| found.next().is_none())
    };
    let wanted = text.to_lowercase();
    let whole = |name: &str| name.to_lowercase() == wanted;
    let synonym = |name: &str| name.split(',').any(|part| part.trim().to_lowercase() == wanted);
    let blank = |text: &str| text.trim().to_lowercase().replace(['_', '-'], " ");
    let spelled = blank(text);
    let alike = |name: &str| blank(name) == spelled || name.split(',').any(|part| blank(part) == spelled);
    names.iter().position(|name| name == text).or_else(|| unique(&whole)).or_else(|| unique(&synonym)).or_else(|| unique(&alike))
}

/// Returns the names most like `wanted`, which is in lower case, closest first.
fn close(names: &[String], wanted: &str) -> Vec<String> {
    let limit = (wanted.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &String)> = names
        .iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let parts = std::iter::once(lower.as_str()).chain(lower.split(',').map(str::trim));
            let best = parts.map(|part| if wanted.len() > 2 && part.contains(wanted) { 0 } else { distance(part, wanted) }).min()?;
            (best <= limit).then_some((best, name))
        })
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name.clone()).collect()
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn file(text: &str) -> Result<Vec<String>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes");
        fs::write(&path, text).unwrap();
        class_names(&path)
    }

    #[test]
    fn every_kind_of_list_is_read() {
        let expected = names(&["tench", "great white shark, white shark"]);
        assert_eq!(file("tench\r\ngreat white shark, white shark\n\n").unwrap(), expected);
        assert_eq!(file("\u{feff}tench\ngreat white shark, white shark").unwrap(), expected);
        assert_eq!(file("[\"tench\", \"great white shark, white shark\"]").unwrap(), expected);
        assert_eq!(file("{\"1\": \"great white shark, white shark\", \"0\": \"tench\"}").unwrap(), expected);
        assert_eq!(file("{\"great white shark, white shark\": 1, \"tench\": 0}").unwrap(), expected);
        assert_eq!(file("{\"0\": [\"n01440764\", \"tench\"], \"1\": [\"n2\", \"great white shark, white shark\"]}").unwrap(), expected);
    }

    #[test]
    fn lists_with_holes_are_refused() {
        for text in ["", "\n\n", "[]", "{}", "{\"1\": \"a\"}", "{\"a\": 1}", "{\"a\": 0, \"b\": 0}", "[1, 2]", "[[]]", "[\"a\"", "a\n\nb\n"]
        {
            assert!(file(text).is_err(), "{text:?}");
        }
        assert!(matches!(class_names(Path::new("no/such/file")).unwrap_err().kind, DataErrorKind::NotFound));
    }

    #[test]
    fn classes_are_found_by_index_name_and_synonym() {
        let list = names(&["tench", "tiger shark, Galeocerdo cuvieri", "Toaster", "crane", "crane", "7"]);
        for (text, class) in
            [("0", 0), ("tench", 0), ("galeocerdo cuvieri", 1), ("toaster", 2), (" TOASTER ", 2), ("crane", 3), ("7", 5), ("5", 5)]
        {
            assert_eq!(lookup(&list, text), Ok(class), "{text}");
        }
        assert_eq!(lookup(&[], "281"), Ok(281));
        for text in ["6", "-1", "CRANE", "shark", ""] {
            assert!(lookup(&list, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mistyped_name_gets_suggestions() {
        let list = names(&["toaster", "toilet tissue, toilet paper", "boaster", "zebra"]);
        assert_eq!(lookup(&list, "toster").unwrap_err().close, ["toaster", "boaster"]);
        assert_eq!(lookup(&list, "tissue").unwrap_err().close, ["toilet tissue, toilet paper"]);
        let unknown = lookup(&list, "xylophone").unwrap_err();
        assert!(unknown.close.is_empty() && unknown.to_string().contains("4 classes are known"), "{unknown}");
        assert_eq!((distance("kitten", "sitting"), distance("", "ab"), distance("ab", "")), (3, 2, 2));
    }
}
