//! The book and the pages around it: links lead somewhere, every page is in the contents, and mdBook builds it without a word.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use brinell_testkit::{Need, skip};

use crate::root;

/// Every page of Markdown that users or contributors read, from the root.
fn pages() -> Vec<String> {
    let output =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "*.md"]).current_dir(root()).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    // What exporters say is quoted in the first, and looks like links; the second is the page of the book by another name.
    let others = ["SUPPORTED.md", "crates/report/flags.md"];
    listed.lines().filter(|page| root().join(page).is_file() && !others.contains(page)).map(str::to_owned).collect()
}

/// The text without its blocks of code and what stands between backticks.
fn prose(text: &str) -> String {
    let mut kept = String::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code && !line.starts_with("    ") {
            kept.extend(line.split('`').step_by(2).flat_map(|part| [part, " "]));
            kept.push('\n');
        }
    }
    kept
}

/// The targets of the links and pictures of a page.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let starts = prose.match_indices("](").map(|(at, mark)| at + mark.len());
    starts.filter_map(|start| prose[start..].split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of the headings of a page, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let anchor = |heading: String| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = if target.is_empty() { root().join(&page) } else { root().join(&page).parent().unwrap().join(target) };
            let found = path.exists() && (anchor.is_empty() || anchors(&std::fs::read_to_string(&path).unwrap()).contains(anchor));
            if !found {
                wrong.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(count > 60 && wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_contents() {
    let contents = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&contents).into_iter().collect();
    let there: BTreeSet<String> =
        pages().iter().filter_map(|page| page.strip_prefix("docs/")).filter(|page| *page != "SUMMARY.md").map(str::to_owned).collect();
    assert_eq!(listed, there);
}

#[test]
fn no_link_leads_out_of_the_book() {
    let pages = pages().into_iter().filter(|page| page.starts_with("docs/"));
    let out = pages.flat_map(|page| {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        links(&text).into_iter().filter(|link| link.starts_with("../")).map(|link| format!("{page}: {link}")).collect::<Vec<_>>()
    });
    let out: Vec<String> = out.collect();
    assert!(out.is_empty(), "a built book has no such pages:\n{}", out.join("\n"));
}

/// Where mdBook is, if anywhere.
fn mdbook() -> Option<PathBuf> {
    let places = std::env::var_os("PATH")?;
    std::env::split_paths(&places).map(|place| place.join("mdbook")).find(|path| path.is_file())
}

#[test]
fn the_book_builds_without_a_warning() {
    let Some(mdbook) = mdbook() else {
        skip(Need::Book, "no mdbook in the path");
        return;
    };
    let out = root().join("target/book-of-tests");
    let built = Command::new(mdbook)
        .arg("build")
        .arg(root().join("docs"))
        .arg("--dest-dir")
        .arg(std::path::absolute(&out).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr).into_owned() + &String::from_utf8_lossy(&built.stdout);
    assert!(built.status.success() && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
    assert!(Path::new(&out).join("tutorial.html").is_file());
}

#[test]
fn links_and_anchors_are_found() {
    assert_eq!(links("a [b](c.md#d) `[e](f)` ![g](h.png)\n```\n[i](j)\n```\n"), ["c.md#d", "h.png"]);
    assert!(anchors("## The two, and `more`\n").contains("the-two-and-more"));
}
