//! String literals of a Rust file, without its comments and its own tests.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Returns the string literals as they are written, in order. Documentation is none, and what stands under `#[cfg(test)]` is left out.
pub(crate) fn literals(source: &str) -> Vec<String> {
    let tokens: TokenStream = source.parse().unwrap();
    let mut found = Vec::new();
    collect(tokens, &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    // True behind `#[cfg(test)]`, up to the end of the item that it is about.
    let mut of_tests = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                while tokens.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!')).is_some() {}
                let Some(TokenTree::Group(attribute)) = tokens.next_if(is_brackets) else { continue };
                let text = attribute.stream().to_string();
                of_tests |= text.split_whitespace().collect::<String>() == "cfg(test)";
                if !text.starts_with("doc") {
                    collect(attribute.stream(), found);
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => of_tests = false,
            TokenTree::Group(group) => {
                if !of_tests {
                    collect(group.stream(), found);
                }
                of_tests &= group.delimiter() != Delimiter::Brace;
            }
            TokenTree::Literal(literal) if !of_tests => {
                let text = literal.to_string();
                if text.contains('"') {
                    found.push(text);
                }
            }
            _ => {}
        }
    }
}

fn is_brackets(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
}

#[test]
fn documentation_and_tests_are_left_out() {
    let source = r##"
        //! "module"
        /// "documentation"
        #[error("attribute {0}")]
        struct Error(u8);
        fn f() -> String { format!("in a {} macro", r"raw") }
        // "comment"
        #[cfg(test)]
        mod tests { fn g() { h("test"); } }
        const LAST: &str = "last";
    "##;
    assert_eq!(literals(source), [r#""attribute {0}""#, r#""in a {} macro""#, r#"r"raw""#, r#""last""#]);
}
