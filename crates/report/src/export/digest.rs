//! Names that follow from what they name, so that they are the same on every run.

use sha2::{Digest, Sha256};

/// The first 16 hexadecimal digits of the SHA-256 of the parts, each ended by a zero byte.
pub(super) fn short(parts: &[&str]) -> String {
    hex(parts).chars().take(16).collect()
}

/// A UUID of version 8 (RFC 9562) from the SHA-256 of the parts.
pub(super) fn uuid(parts: &[&str]) -> String {
    let digits: Vec<char> = hex(parts).chars().collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().iter().collect::<String>();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn hex(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_of_their_kind_and_tell_parts_apart() {
        let name = uuid(&["a", "b"]);
        assert_eq!(name.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!((name.chars().nth(14), name.chars().nth(19)), (Some('8'), Some('8')));
        assert_ne!(uuid(&["ab", ""]), name);
        assert_eq!(short(&["a", "b"]).len(), 16);
        assert_ne!(short(&["a", "b"]), short(&["ab"]));
    }
}
