//! SHA-256 of files, streaming, so that a large file costs no memory; and the form of JSON in which values are hashed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of a file's bytes as 64 lower-case hexadecimal digits, the same as `sha256sum PATH` prints.
///
/// # Errors
///
/// The file cannot be opened or read.
pub fn sha256_file(path: &Path) -> io::Result<String> {
    sha256_files([path])
}

/// Returns the SHA-256 of the bytes of several files, one after the other, the same as `cat PATHS | sha256sum` prints.
///
/// # Errors
///
/// A file cannot be opened or read.
pub fn sha256_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    for path in paths {
        let mut file = File::open(path)?;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Returns a JSON value without blanks and with the keys of every object in order, so that equal values have equal text.
#[must_use]
pub fn canonical(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(entries) => {
            let sorted: std::collections::BTreeMap<&String, &Value> = entries.iter().collect();
            let entries = sorted.into_iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// Returns the SHA-256 of a value's canonical JSON.
#[must_use]
pub fn sha256_json(value: &impl serde::Serialize) -> String {
    sha256_bytes(canonical(&serde_json::to_value(value).unwrap_or_default()).as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn published_digests_are_reproduced() {
        assert_eq!(sha256_bytes(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256_bytes(b"abc"), ABC);
    }

    #[test]
    fn canonical_json_does_not_hang_on_the_order_of_keys() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b": [1, {"y": null, "x": "\""}], "a": 0.5}"#).unwrap();
        let b: serde_json::Value = serde_json::from_str(r#"{"a": 0.5, "b": [1, {"x": "\"", "y": null}]}"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":0.5,"b":[1,{"x":"\"","y":null}]}"#);
        assert_eq!(canonical(&a), canonical(&b));
    }

    #[test]
    fn a_file_longer_than_the_buffer_hashes_as_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes: Vec<u8> = (0..200_001_u32).map(|i| (i % 251) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        assert_eq!(sha256_file(&path).unwrap(), sha256_bytes(&bytes));
    }

    #[test]
    fn several_files_hash_as_their_concatenation() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, b"a").unwrap();
        fs::write(&b, b"bc").unwrap();
        assert_eq!(sha256_files([a.as_path(), b.as_path()]).unwrap(), ABC);
        assert!(sha256_file(&folder.path().join("none")).is_err());
    }
}
