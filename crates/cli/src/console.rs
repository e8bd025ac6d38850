//! The only place that writes to the terminal.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::exit::Exit;

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors.
    Quiet,
    /// Progress and notes too.
    Normal,
    /// Details too.
    Verbose,
}

static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Normal as u8);

/// Sets how much is said from here on.
pub(crate) fn set_verbosity(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Ordering::Relaxed);
}

/// Returns true where this much is to be said.
pub(crate) fn says(verbosity: Verbosity) -> bool {
    VERBOSITY.load(Ordering::Relaxed) >= verbosity as u8
}

/// Prints a line of progress, or a note, to standard error.
pub(crate) fn note(line: &str) {
    if says(Verbosity::Normal) {
        say(line);
    }
}

/// Prints a detail to standard error.
pub(crate) fn detail(line: &str) {
    if says(Verbosity::Verbose) {
        say(line);
    }
}

/// Prints to standard output, with what a name could do to a terminal escaped.
pub(crate) fn print(text: &str) {
    write(&visible(text));
}

/// Prints a table of the report, in whose names nothing is left that controls a terminal, to standard output with its colours.
pub(crate) fn print_coloured(text: &str) {
    if colour() { write(text) } else { print(text) }
}

/// A closed pipe is no error, as `brinell .. | head` expects.
fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            say(&format!("error: cannot write to standard output: {error}"));
            std::process::exit(i32::from(Exit::Input.code()));
        }
        _ => {}
    }
}

/// Prints a line to standard error, with what a name could do to a terminal escaped.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(line));
}

/// Asks a question on standard error; true where the answer is yes.
pub(crate) fn ask(question: &str) -> bool {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(visible(question).as_bytes()).and_then(|()| err.flush());
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Escapes characters that control a terminal or turn the direction of text, as JSON does, so that JSON stays what it is.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let controls = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(controls) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // Alone it would write over the line.
        let ends_line = c == '\r' && rest.peek() == Some(&'\n');
        if controls(c) && !ends_line {
            shown += &format!("\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Returns true where standard output may carry colour.
pub(crate) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Width of the terminal's text: 80 columns, whatever the window.
pub(crate) const WIDTH: usize = 80;

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_controls_a_terminal_is_escaped_and_letters_stay() {
        assert_eq!(visible("a\u{1b}[2J\u{7}b\u{9b}\u{202e}\r \r\n\tc"), "a\\u001b[2J\\u0007b\\u009b\\u202e\\u000d \r\n\tc");
        assert_eq!(visible("größe 中 –\n"), "größe 中 –\n");
    }

    #[test]
    fn json_says_the_same_once_it_is_escaped() {
        let name = "x\u{9b}31m\u{7f}\u{202e}";
        let shown = visible(&serde_json::to_string(name).unwrap()).into_owned();
        assert!(!shown.contains(char::is_control));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), name);
    }
}
