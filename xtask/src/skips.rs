//! Tests that were skipped: collected while they run, shown at the end.

use std::collections::BTreeSet;
use std::path::PathBuf;

use brinell_testkit::{LIST, Need, skip_entry};

/// The list of one run of the checks.
pub(crate) struct Skips {
    file: PathBuf,
    /// Checks of this program itself that were skipped.
    own: Vec<String>,
}

impl Skips {
    /// Begins an empty list.
    pub(crate) fn begin() -> Result<Self, String> {
        let file = crate::root().join("target/skips.txt");
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("skips: {}: {error}", file.display())),
            _ => Ok(Self { file, own: Vec::new() }),
        }
    }

    /// The environment variable under which tests find the list.
    pub(crate) fn variable(&self) -> (&'static str, &PathBuf) {
        (LIST, &self.file)
    }

    /// Puts a check of this program on the list; an error where what it needs should be installed.
    pub(crate) fn add(&mut self, check: &str, need: Need, reason: &str) -> Result<(), String> {
        self.own.push(skip_entry("xtask", check, need, reason)?);
        Ok(())
    }

    /// Shows the list and how long it is.
    pub(crate) fn show(&self) -> Result<(), String> {
        let tests = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("skips: {}: {error}", self.file.display())),
        };
        print!("{}", page(&(tests + &self.own.concat())));
        Ok(())
    }
}

/// The list in words, in order, each skip once.
fn page(list: &str) -> String {
    let lines: BTreeSet<String> = list
        .lines()
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [package, test, need, reason] => format!("  {package} {test}: no {need} ({reason})\n"),
            _ => format!("  {line}\n"),
        })
        .collect();
    let count = lines.len();
    if count == 0 {
        "== no test was skipped\n".to_owned()
    } else {
        format!("== {count} skipped\n{}", lines.into_iter().collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn skips_are_counted_once_each_and_in_order() {
        assert_eq!(page(""), "== no test was skipped\n");
        let line = "brinell-b\tx::y\tbrowser\tnone in PATH\n";
        let list = format!("{line}brinell-a\tz\tshared-data\tabsent\n{line}");
        assert_eq!(page(&list), "== 2 skipped\n  brinell-a z: no shared-data (absent)\n  brinell-b x::y: no browser (none in PATH)\n");
    }
}
