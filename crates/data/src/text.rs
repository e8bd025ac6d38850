//! Text of any usual encoding.

use std::io::{BufReader, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::error::DataErrorKind;
use super::input::Input;
use super::note::Note;

/// Bytes looked at a time.
const PIECE: usize = 1 << 16;

/// Opens a file of text as UTF-8: a byte order mark says what it is, without one it is UTF-8 where it can be, and otherwise the western European
/// encoding of Windows, which has Latin-1 in it.
pub(super) fn open(path: &Path) -> Result<(Box<dyn Read>, Option<Note>), DataErrorKind> {
    let encoding = encoding_of(path)?;
    let reader =
        DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_override(true).strip_bom(true).build(Input::open(path)?.into_read());
    let note = (encoding != UTF_8).then(|| Note::Encoding { name: encoding.name() });
    Ok((Box::new(BufReader::with_capacity(PIECE, reader)), note))
}

/// Tells the encoding of a file, which is read for it.
fn encoding_of(path: &Path) -> Result<&'static Encoding, DataErrorKind> {
    let mut reader = Input::open(path)?.into_read();
    let mut bytes = Vec::new();
    let mut first = true;
    loop {
        let taken = (&mut reader).take(PIECE as u64).read_to_end(&mut bytes)?;
        if first && let Some((encoding, _)) = Encoding::for_bom(&bytes) {
            return Ok(encoding);
        }
        first = false;
        match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.clear(),
            // A character may be cut in two by the end of a piece, and by that of the file only where it is no UTF-8.
            Err(error) if error.error_len().is_none() && taken > 0 => drop(bytes.drain(..error.valid_up_to())),
            Err(_) => return Ok(WINDOWS_1252),
        }
        if taken == 0 {
            return Ok(UTF_8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, Option<Note>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, bytes).unwrap();
        let (mut reader, note) = open(&path).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        (text, note)
    }

    #[test]
    fn every_usual_encoding_is_read() {
        let wide = |big: bool| -> Vec<u8> {
            "\u{feff}\u{e9}a".encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for (bytes, name) in [
            ("\u{e9}a".as_bytes().to_vec(), None),
            ("\u{feff}\u{e9}a".as_bytes().to_vec(), None),
            (wide(false), Some("UTF-16LE")),
            (wide(true), Some("UTF-16BE")),
            (b"\xe9a".to_vec(), Some("windows-1252")),
        ] {
            let (text, note) = read(&bytes);
            assert_eq!((text.as_str(), note), ("\u{e9}a", name.map(|name| Note::Encoding { name })));
        }
    }

    #[test]
    fn a_character_on_the_border_of_two_pieces_is_no_other_encoding() {
        let text = format!("{}\u{e9}\u{e9}", "a".repeat(PIECE - 1));
        assert_eq!(read(text.as_bytes()), (text, None));
        let cut = [&b"a".repeat(PIECE - 1)[..], b"\xc3"].concat();
        assert_eq!(read(&cut).1, Some(Note::Encoding { name: "windows-1252" }));
    }
}
