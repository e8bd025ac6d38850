//! Names of fields as they are written on the command line.

/// The name of a field with `-` in place of `_`.
pub(crate) const fn kebab<const N: usize>(field: &str) -> [u8; N] {
    let mut name = [0; N];
    let bytes = field.as_bytes();
    let mut i = 0;
    while i < N {
        name[i] = if bytes[i] == b'_' { b'-' } else { bytes[i] };
        i += 1;
    }
    name
}
