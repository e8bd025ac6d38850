//! A summary in GitHub's Markdown, such as for a comment on a pull request.
//!
//! Names come from outside, and a comment can mention people, close issues and load pictures: names stand in code spans, in which nothing
//! of that works, and sentences have every sign of markup escaped.

use super::{Audit, Check, Document, blocking, words};
use crate::format::size;
use crate::verdict::attack_names;
use brinell_record::Ruling;

/// First line, by which a later run finds the comment that it replaces.
const MARK: &str = "<!-- brinell -->";
/// GitHub refuses a comment of more than 65,536 characters; tables stop well before.
const MOST: usize = 50_000;

pub(super) fn render(document: &Document<'_>) -> String {
    let mut out = format!("{MARK}\n### Brinell: {}\n\n", headline(document));
    if !document.checks.is_empty() {
        let mut checks: Vec<&Check<'_>> = document.checks.iter().collect();
        checks.sort_by_key(|check| gravity(check.verdict.verdict));
        out.push_str("| Verdict | Claim | What was found |\n|---|---|---|\n");
        rows(&mut out, checks.into_iter().map(of_check));
        out.push('\n');
    }
    if !document.audits.is_empty() {
        out.push_str("| Model | Samples | Threat | Clean accuracy | Survived all attacks | Broken |\n|---|---:|---|---|---|---:|\n");
        rows(&mut out, document.audits.iter().map(of_audit));
        out.push_str(&format!("\n{}\n", words::NO_PROOF));
        for audit in &document.audits {
            let flags: Vec<String> = blocking(audit.run).map(code).collect();
            if !flags.is_empty() {
                let model = code(&audit.run.title);
                out.push_str(&format!("\n> [!CAUTION]\n> The figures of {model} must not be used: {}\n", flags.join(", ")));
            }
        }
    }
    out.push_str(&repeat(document));
    out
}

fn headline(document: &Document<'_>) -> String {
    let count = |ruling| document.checks.iter().filter(|check| check.verdict.verdict == ruling).count();
    let mut parts: Vec<String> = [Ruling::Refuted, Ruling::Stale, Ruling::Undecided, Ruling::Supported, Ruling::Proven]
        .into_iter()
        .filter(|ruling| count(*ruling) > 0)
        .map(|ruling| format!("{} {}", count(ruling), words::ruling(ruling)))
        .collect();
    match document.audits.len() {
        0 => {}
        1 => parts.push("1 audit".to_owned()),
        n => parts.push(format!("{n} audits")),
    }
    parts.join(", ")
}

fn gravity(ruling: Ruling) -> usize {
    match ruling {
        Ruling::Refuted => 0,
        Ruling::Stale => 1,
        Ruling::Undecided => 2,
        Ruling::Supported => 3,
        Ruling::Proven => 4,
    }
}

/// Adds rows as long as there is room, and says how many were left out.
fn rows(out: &mut String, rows: impl ExactSizeIterator<Item = String>) {
    let total = rows.len();
    for (at, row) in rows.enumerate() {
        if out.len() + row.len() > MOST {
            out.push_str(&format!("\n{} of {total} are not shown here; the other formats have all.\n", total - at));
            return;
        }
        out.push_str(&row);
    }
}

fn of_check(check: &Check<'_>) -> String {
    let verdict = check.verdict;
    let numbers = verdict.numbers.as_ref().map(|numbers| format!(" ({})", prose(&words::numbers(numbers)))).unwrap_or_default();
    format!(
        "| **{}** | {}: {} | {}{numbers} |\n",
        words::ruling(verdict.verdict),
        code(&verdict.claim.id),
        prose(&verdict.claim.statement),
        prose(&words::explanation(check)),
    )
}

fn of_audit(audit: &Audit<'_>) -> String {
    let summary = &audit.run.summary;
    format!(
        "| {} | {} | {} with {} | {} of them, {} | {} of them, {} | {} |\n",
        code(&audit.run.title),
        size(summary.data.n),
        prose(&words::threat(summary)),
        code(&attack_names(summary)),
        size(summary.clean_correct),
        words::rate(&summary.clean_accuracy),
        size(summary.survived),
        words::rate(&summary.robust_accuracy),
        size(summary.broken),
    )
}

/// The commands, folded away.
fn repeat(document: &Document<'_>) -> String {
    let of_audits = document.audits.iter().map(|audit| audit.run.summary.command.as_str());
    let mut commands: Vec<&str> = of_audits.chain(document.checks.iter().map(|check| check.verdict.command.as_str())).collect();
    commands.dedup();
    let room = MOST / 5;
    let shown: Vec<String> = commands
        .iter()
        .map(|command| words::plain(command))
        .scan(0, |length, command| {
            *length += command.len();
            (*length <= room).then_some(command)
        })
        .collect();
    let text = shown.join("\n");
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("\n<details><summary>Repeat</summary>\n\n{fence}sh\n{text}\n{fence}\n\n</details>\n")
}

/// A code span that shows the text as it is, also in a table.
pub(crate) fn code(text: &str) -> String {
    let text = words::plain(text).replace('|', "\\|");
    if text.trim().is_empty() {
        return "(no name)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space at each end is not shown, and keeps the text's own backticks from the fence.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// A sentence in which nothing is markup, a link, a mention or the number of an issue.
pub(crate) fn prose(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in words::plain(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // Mentions and issues are found in the rendered text, where a backslash is gone; a word joiner stays.
            '@' | '#' => escaped.extend([character, '\u{2060}']),
            other if other.is_ascii_punctuation() && !matches!(other, ',' | '%') => escaped.extend(['\\', other]),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_inert() {
        assert_eq!(code("a|b``c\n<b>@team"), "```a\\|b``c <b>@team```");
        assert_eq!(code(" "), "(no name)");
        assert_eq!(prose("see <b> www.x.org @team #1 *a*"), "see &lt;b&gt; www\\.x\\.org @\u{2060}team #\u{2060}1 \\*a\\*");
    }
}
