//! The only place that writes to the terminal.

use std::io::{IsTerminal, Write};

use crate::exit::Exit;

/// Prints to standard output. A closed pipe is no error, as `brinell .. | head` expects.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            say(&format!("error: cannot write to standard output: {error}"));
            std::process::exit(i32::from(Exit::Input.code()));
        }
        _ => {}
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
