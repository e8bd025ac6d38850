//! The printed form of a [`Doctor`].

use std::fmt;

use super::{Doctor, Finding};

const WIDTH: usize = 80;
const INDENT: usize = 12;

impl fmt::Display for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ONNX Runtime")?;
        for finding in &self.candidates {
            self.finding(f, finding)?;
        }
        writeln!(f, "rten")?;
        entry(f, self.rten, &["compiled in"])?;
        writeln!(f, "processor")?;
        let memory =
            self.processor.memory_bytes.map_or_else(String::new, |bytes| format!(", {:.1} GiB memory", bytes as f64 / f64::from(1 << 30)));
        let cores = if self.processor.cores == 1 { "1 core".to_owned() } else { format!("{} cores", self.processor.cores) };
        entry(f, "", &[&self.processor.model, &format!("{cores}{memory}"), &self.processor.features.join(" ")])?;
        writeln!(f, "advice")?;
        if self.advice.is_empty() {
            entry(f, "", &["none: this is as fast as it gets here"])?;
        }
        self.advice.iter().try_for_each(|advice| entry(f, "-", &[advice]))
    }
}

impl Doctor {
    fn finding(&self, f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
        let path = finding.path.display().to_string();
        let origin = format!("from {}", finding.origin);
        match &finding.version {
            Ok(version) if self.chosen.as_deref() == Some(&finding.path) => {
                entry(f, version, &[&path, &format!("{origin}; in use"), &self.providers.join(", ")])
            }
            Ok(version) => entry(f, version, &[&path, &origin]),
            Err(reason) => entry(f, "unusable", &[&path, &origin, reason]),
        }
    }
}

/// Writes a label in the margin and paragraphs beside it.
fn entry(f: &mut fmt::Formatter<'_>, label: &str, paragraphs: &[&str]) -> fmt::Result {
    let mut margin = format!("  {label}");
    for line in paragraphs.iter().flat_map(|text| wrap(text, WIDTH - INDENT)) {
        writeln!(f, "{margin:<INDENT$}{line}")?;
        margin.clear();
    }
    Ok(())
}

/// Breaks a text into lines, at spaces where it can, after a slash or anywhere where it must.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if line.chars().count() + gap + word.chars().count() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while line.chars().count() > width {
            let limit = line.char_indices().nth(width).map_or(line.len(), |(at, _)| at);
            let (head, _) = line.split_at(limit);
            let cut = head.rfind(['/', '\\']).map_or(limit, |slash| slash + 1);
            let rest = line.split_off(cut);
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn long_words_break_after_slashes() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("/usr/local/lib", 8), ["/usr/", "local/", "lib"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert!(wrap("", 10).is_empty());
    }
}
