//! The only place that writes to the terminal.

use std::io::{IsTerminal, Write};

/// Prints to standard output; a closed pipe ends the program quietly, as `brinell .. | head` expects.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let result = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if result.is_err() {
        std::process::exit(0);
    }
}

/// Prints a line to standard error.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Returns true where standard output may carry colour.
pub(crate) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Width of the terminal's text: 80 columns, whatever the window.
pub(crate) const WIDTH: usize = 80;
