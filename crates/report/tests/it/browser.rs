//! The pages in a headless Chromium: quiet, without network, readable at every width, by keyboard and in both colour schemes.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::chromium::Chromium;
use crate::common;
use crate::over_time;
use brinell_report::{history, paired, render, render_claim, render_comparison};
use serde_json::{Value, json};

const WIDTHS: [u32; 4] = [320, 400, 800, 1600];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Every kind of page, by name; drawn once for all tests.
static PAGES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let mut large = common::audit();
    large.samples = common::samples(1000);
    large.gallery = common::gallery(&[3, 224, 224], 8);
    let mut long = common::audit();
    long.title = common::EVIL.repeat(3);
    long.summary.model.name = long.title.clone();
    long.summary.classes = vec!["a_class_name_without_a_single_space_in_it_such_as_long_taxonomic_ones_have".to_owned(); 10];
    let mut rows = common::audit();
    rows.summary.data.shape = vec![83];
    rows.gallery = common::gallery(&[83], 12);
    [
        ("audit", render(&common::audit())),
        ("large", render(&large)),
        ("long", render(&long)),
        ("rows", render(&rows)),
        ("one", render(&common::single())),
        ("nearest", render(&common::nearest())),
        ("paired", paired::page(&over_time::comparison())),
        ("history", history::page(&over_time::two_groups())),
        ("claim", render_claim(&common::verdict(60), Some(&common::audit()))),
        ("comparison", render_comparison(&[common::audit(), long.clone()])),
    ]
    .into_iter()
    .map(|(name, page)| (name, page.unwrap()))
    .collect()
});

/// Writes every page into the browser's own folder.
fn pages(browser: &Chromium) -> Vec<PathBuf> {
    let write = |(name, page): &(&str, String)| {
        let path = browser.folder().join(format!("{name}.html"));
        std::fs::write(&path, page).unwrap();
        path
    };
    PAGES.iter().map(write).collect()
}

/// Opens what is folded.
const UNFOLD: &str = "document.querySelectorAll('details').forEach(one => one.open = true)";

#[test]
fn no_page_complains_or_asks_the_network() {
    let Some(mut browser) = Chromium::start() else { return };
    let pages = pages(&browser);
    for path in &pages {
        let own = format!("file://{}", path.display());
        for event in browser.open(path) {
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded" => panic!("{own}: {event}"),
                "Network.requestWillBeSent" => {
                    let url = event["params"]["request"]["url"].as_str().unwrap();
                    assert!(url == own || url.starts_with("data:image/png;base64,"), "{own} asked for {url}");
                }
                _ => {}
            }
        }
    }
    // A page that does ask shows that the log would tell.
    let control = browser.folder().join("control.html");
    std::fs::write(&control, format!(r#"<!DOCTYPE html><title>control</title><img src="{CONTROL}" alt="">"#)).unwrap();
    browser.open(&control);
    let log: Value = serde_json::from_str(&browser.net_log()).unwrap();
    let asked: Vec<&str> = log["events"]
        .as_array()
        .unwrap()
        .iter()
        // Requests of a page carry its origin; those of the browser itself have none.
        .filter(|event| event["params"]["initiator"].as_str().is_some_and(|initiator| initiator != "not an origin"))
        .filter_map(|event| event["params"]["url"].as_str())
        .filter(|url| !url.starts_with("file:") && !url.starts_with("data:"))
        .collect();
    assert_eq!(asked, [CONTROL]);
}

/// What the control page asks for; the name belongs to nobody (RFC 6761).
const CONTROL: &str = "http://brinell.invalid/picture.png";

#[test]
fn pages_fit_every_width_and_print() {
    let Some(mut browser) = Chromium::start() else { return };
    for path in pages(&browser) {
        browser.open(&path);
        for unfold in [false, true] {
            if unfold {
                browser.evaluate(UNFOLD);
            }
            for width in WIDTHS {
                browser.look(width, "light");
                assert_eq!(browser.evaluate(OVERFLOW), json!([]), "{} at {width}", path.display());
                assert_eq!(browser.evaluate(SQUEEZED), json!([]), "{} at {width}", path.display());
            }
        }
        let pdf = browser.call("Page.printToPDF", json!({}));
        assert!(pdf["data"].as_str().unwrap().starts_with("JVBERi"), "a PDF begins with %PDF");
    }
}

/// Running text in a column too narrow to read.
const SQUEEZED: &str = r"[...document.querySelectorAll('p, li, dd, figcaption')]
    .filter(one => one.checkVisibility() && !one.closest('.triptych') && one.innerText.length > 60 && one.getBoundingClientRect().width < 150)
    .map(one => one.outerHTML.slice(0, 120))";

/// What sticks out to the right of the page, apart from what scrolls in a box of its own.
const OVERFLOW: &str = r"(() => {
    const width = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll('body *')]
        .filter(one => !one.parentElement.closest('.scroll, svg') && !one.closest('.sr, .skip') && one.getBoundingClientRect().right > width + 0.5)
        .map(one => one.outerHTML.slice(0, 120));
    return document.documentElement.scrollWidth > width ? ['scrolls to ' + document.documentElement.scrollWidth, ...out] : out;
})()";

#[test]
fn every_control_is_reached_and_seen_by_keyboard() {
    let Some(mut browser) = Chromium::start() else { return };
    for path in pages(&browser) {
        browser.open(&path);
        browser.look(800, "light");
        let controls = browser.evaluate(
            "[...document.querySelectorAll('a, button, input, select, summary, [tabindex]')].filter(one => one.checkVisibility()).length",
        );
        let strange = "[...document.querySelectorAll('[onclick], [role=button], [tabindex]:not([tabindex=\"0\"])')].length";
        assert_eq!(browser.evaluate(strange), 0);
        let controls = controls.as_u64().unwrap();
        assert!(controls > 2, "{}: {controls}", path.display());
        browser.evaluate("window.seen = new Set()");
        for at in 0..controls {
            browser.press("Tab", 9);
            let focus = browser.evaluate(FOCUS);
            assert_eq!(focus["visible"], true, "control {at} of {controls} in {}: {focus}", path.display());
        }
        assert_eq!(browser.evaluate("window.seen.size"), controls, "{}", path.display());
    }
}

/// The focused element, whether it was new, and whether its focus can be seen.
const FOCUS: &str = r"(() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    window.seen.add(one);
    return {
        what: one.outerHTML.slice(0, 120),
        visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    };
})()";

#[test]
fn all_text_has_contrast_in_both_schemes() {
    let Some(mut browser) = Chromium::start() else { return };
    for path in pages(&browser) {
        browser.open(&path);
        browser.evaluate(UNFOLD);
        for scheme in SCHEMES {
            browser.look(800, scheme);
            let result = browser.evaluate(CONTRAST);
            assert!(result["texts"].as_u64().unwrap() > 40, "{}: {result}", path.display());
            assert_eq!(result["faint"], json!([]), "{} in {scheme}", path.display());
        }
    }
}

/// Texts whose contrast with what is behind them is below WCAG 2.2 AA.
const CONTRAST: &str = r"(() => {
    const parse = text => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return {r, g, b, a}; };
    const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const luminance = c => 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
    const behind = one => {
        for (; one; one = one.parentElement) {
            const colour = parse(getComputedStyle(one).backgroundColor);
            if (colour.a > 0) return colour;
        }
        return parse('rgb(255, 255, 255)');
    };
    const faint = [];
    let texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode, one = text.parentElement;
        if (!text.data.trim() || !one.checkVisibility() || one.closest('style')) continue;
        texts += 1;
        const style = getComputedStyle(one);
        const front = parse(one.closest('svg') ? style.fill : style.color), back = behind(one);
        const [light, dark] = [luminance(front), luminance(back)].sort((a, b) => b - a);
        const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
        const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < least) faint.push(text.data.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
    }
    return {texts, faint};
})()";

#[test]
fn structure_is_told_without_sight() {
    let Some(mut browser) = Chromium::start() else { return };
    for path in pages(&browser) {
        browser.open(&path);
        browser.evaluate(UNFOLD);
        let name = path.display().to_string();
        assert_eq!(browser.evaluate("document.documentElement.lang"), "en");
        for landmark in ["header", "main", "footer", "h1"] {
            assert_eq!(browser.evaluate(&format!("document.querySelectorAll('{landmark}').length")), 1, "{landmark} in {name}");
        }
        let levels = browser.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(one => Number(one.tagName[1]))");
        let levels: Vec<i64> = levels.as_array().unwrap().iter().map(|level| level.as_i64().unwrap()).collect();
        assert_eq!(levels.first(), Some(&1), "{name}");
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: a level is left out in {levels:?}");
        for (what, script) in [
            ("tables without caption", "[...document.querySelectorAll('table')].filter(one => !one.caption?.textContent.trim())"),
            ("column heads without scope", "[...document.querySelectorAll('th:not([scope])')]"),
            ("scrolled boxes without name", "[...document.querySelectorAll('[role=region]')].filter(one => !one.ariaLabel)"),
            ("links to nowhere", "[...document.querySelectorAll('a')].filter(one => !document.getElementById(one.hash.slice(1)))"),
            ("pictures without text", "[...document.querySelectorAll('img')].filter(one => !one.alt.trim())"),
            (
                "ids used twice",
                "[...document.querySelectorAll('[id]')].filter(one => document.querySelectorAll('#' + CSS.escape(one.id)).length > 1)",
            ),
        ] {
            let found = browser.evaluate(&format!("{script}.map(one => one.outerHTML.slice(0, 160))"));
            assert_eq!(found, json!([]), "{what} in {name}");
        }
        let tree = browser.call("Accessibility.getFullAXTree", json!({}));
        for node in tree["nodes"].as_array().unwrap() {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            if node["ignored"] == false && matches!(role, "image" | "img" | "link" | "region" | "navigation" | "table") {
                assert!(
                    node["name"]["value"].as_str().is_some_and(|name| !name.trim().is_empty()),
                    "{role} without a name in {name}: {node}"
                );
            }
        }
    }
}

#[test]
fn a_name_with_markup_stays_a_name() {
    let Some(mut browser) = Chromium::start() else { return };
    let mut run = common::audit();
    run.title = "</script><b>".to_owned();
    run.summary.model.name.clone_from(&run.title);
    let path = browser.folder().join("evil.html");
    std::fs::write(&path, render(&run).unwrap()).unwrap();
    browser.open(&path);
    assert_eq!(browser.evaluate("document.title"), "</script><b> · Brinell");
    assert_eq!(browser.evaluate("document.querySelectorAll('b, script').length"), 0);
    assert_eq!(browser.evaluate("document.querySelector('.asked').textContent.includes('</script><b>')"), true);
}
