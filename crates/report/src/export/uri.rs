//! Paths as URIs.

use std::fmt::Write as _;

/// A path, with `/` between its parts, as a URI reference: relative where the path is.
pub(super) fn of_path(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut uri = match path.as_bytes() {
        [b'/', ..] => "file://".to_owned(),
        [drive, b':', b'/', ..] if drive.is_ascii_alphabetic() => "file:///".to_owned(),
        _ => String::new(),
    };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'+' | b',' | b'=' | b'@' => {
                uri.push(char::from(byte))
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::of_path;

    #[test]
    fn paths_become_uris_that_stand_for_themselves() {
        for (path, uri) in [
            ("models/a.onnx", "models/a.onnx"),
            ("./a b.onnx", "a%20b.onnx"),
            ("/srv/a.onnx", "file:///srv/a.onnx"),
            ("C:/models/a.onnx", "file:///C%3A/models/a.onnx"),
            ("</script>#?%.onnx", "%3C/script%3E%23%3F%25.onnx"),
            ("http://x", "http%3A//x"),
            ("modèle.onnx", "mod%C3%A8le.onnx"),
        ] {
            assert_eq!(of_path(path), uri);
        }
    }
}
