//! What the documentation says about a flag, so that the page can say it too.

use serde::Serialize;

/// The page on flags that the documentation has.
const FLAGS: &str = include_str!("../../flags.md");

// Where links of the repository are checked out as text, the path would be embedded instead of the page.
const _: () = assert!(FLAGS.len() > 1000, "crates/report/flags.md is a link: set core.symlinks to true in git, and check out again");

/// A paragraph as pieces of one style.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Paragraph {
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Piece {
    style: Style,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Style {
    Plain,
    Strong,
    Code,
}

/// The section of the documentation that is headed by a flag's id; empty where there is none.
pub(super) fn section(id: &str) -> Vec<Paragraph> {
    let body = FLAGS.lines().skip_while(|line| line.strip_prefix("### ") != Some(id)).skip(1).take_while(|line| !line.starts_with('#'));
    let mut paragraphs = Vec::new();
    let mut text = String::new();
    for line in body.chain([""]) {
        if !line.trim().is_empty() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.trim());
        } else if !text.is_empty() {
            paragraphs.push(Paragraph { pieces: pieces(&text) });
            text.clear();
        }
    }
    paragraphs
}

/// Splits `plain **strong** plain` and `` `code` ``; an opening mark without its end is text.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let mark = [("**", Style::Strong), ("`", Style::Code)]
            .into_iter()
            .filter_map(|(mark, style)| {
                let from = rest.find(mark)?;
                let (before, opened) = rest.split_at(from);
                let (inside, after) = opened.get(mark.len()..)?.split_once(mark)?;
                Some((from, style, before, inside, after))
            })
            .min_by_key(|(from, ..)| *from);
        let Some((_, style, before, inside, after)) = mark else {
            pieces.extend((!rest.is_empty()).then(|| Piece { style: Style::Plain, text: rest.to_owned() }));
            return pieces;
        };
        pieces.extend((!before.is_empty()).then(|| Piece { style: Style::Plain, text: before.to_owned() }));
        pieces.push(Piece { style, text: inside.to_owned() });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_of_the_documentation_becomes_paragraphs_without_marks() {
        let ids: Vec<&str> = FLAGS.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        assert!(ids.len() > 10);
        for id in ids {
            let paragraphs = section(id);
            assert!(paragraphs.len() >= 3, "{id}: raised if, why it matters, what to do");
            for piece in paragraphs.iter().flat_map(|paragraph| &paragraph.pieces) {
                assert!(!piece.text.contains("**") && !piece.text.contains('`') && !piece.text.contains("]("), "{id}: {piece:?}");
            }
        }
    }

    #[test]
    fn marks_split_a_text_into_pieces() {
        let piece = |style, text: &str| Piece { style, text: text.to_owned() };
        assert_eq!(
            pieces("**Do.** Use `a*b` or **not"),
            [piece(Style::Strong, "Do."), piece(Style::Plain, " Use "), piece(Style::Code, "a*b"), piece(Style::Plain, " or **not")]
        );
    }

    #[test]
    fn an_unknown_flag_has_no_section() {
        assert!(section("no-such-flag").is_empty());
    }
}
