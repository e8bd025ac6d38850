//! The HTML page: what it says, that it is well formed, inert and small.

use crate::common;
use brinell_record::{Gallery, Reason, Ruling, Severity};
use brinell_report::{ReportError, render, render_claim, render_comparison};

/// Fails on a tag that is closed out of turn or never; returns all element names in order.
fn elements(page: &str) -> Vec<String> {
    const VOID: [&str; 3] = ["meta", "img", "br"];
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap_or(rest.len());
        let tag = &rest[..end];
        assert!(!tag.contains('<'), "a tag in a tag: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of turn");
        } else if !tag.starts_with('!') {
            let name = tag.split([' ', '/']).next().unwrap_or_default().to_owned();
            all.push(name.clone());
            if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
                open.push(name);
            }
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

/// The text between tags, white space collapsed and no-break spaces made plain.
fn text(page: &str) -> String {
    let body = page.split_once("</style>").map_or(page, |(_, body)| body);
    let mut text = String::new();
    let mut inside = false;
    for character in body.chars() {
        match character {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            '\u{2060}' => {}
            other if !inside => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\u{a0}', " ").replace("&#x2f;", "/").replace("&quot;", "\"")
}

fn count(page: &str, needle: &str) -> usize {
    page.matches(needle).count()
}

#[test]
fn the_verdict_is_the_first_heading() {
    let page = render(&common::audit()).unwrap();
    let start = page.find("<h1>").unwrap();
    let heading = text(&page[start..page.find("</h1>").unwrap()]);
    assert_eq!(heading, "412 of 892 images (46.2 %, 95 % interval 42.9–49.5 %) survive every attack that was run at eps = 2/255 (L-inf).");
    assert_eq!(count(&page, "<h1"), 1);
    assert!(!page[..start].contains("<h2"));
}

#[test]
fn every_section_is_there_in_order() {
    let page = render(&common::audit()).unwrap();
    let headings: Vec<String> = page.split("<h2>").skip(1).map(|part| text(part.split("</h2>").next().unwrap())).collect();
    assert_eq!(
        headings,
        [
            "What was tried",
            "What broke it",
            "Accuracy over eps",
            "Accuracy per class",
            "Flags",
            "What this shows, and what was not examined",
            "Repeat this run",
            "The samples"
        ]
    );
    let names = elements(&page);
    let of = |name: &str| names.iter().filter(|element| *element == name).count();
    assert_eq!(of("img"), 6 * 3);
    assert_eq!(count(&page, r#"class="mark s0""#), 9, "one mark per radius");
    let text = text(&page);
    for said in [
        "Asked Does resnet_4b.onnx still give the right answer on these 892 images after any change of at most 2/255 (L-inf)?",
        "Doubts Warning: softmax-output",
        "Proven to be robust 0 0 % not attempted",
        "Survived every attack, not proven 412 46.2 % 42.9–49.5 %",
        "Broken by an attack 354 39.7 % –",
        "Right without an attack 766 85.9 % 83.6–88.2 %",
        "Wrong without an attack 126 14.1 % 11.8–16.4 %",
        "On these 892 images the true robust accuracy lies between 0 %, because no proof was attempted, and 46.2 %",
        "the value for all such images is at most 49.5 %, with 95 % confidence",
        "the change, 50 times as strong",
        "apgd-ce 426 47.8 % 766 340 38.1 77,366 76,600 1 min 32 s",
        "all together 412 46.2 % – 354 39.7 120,392 119,200 2 min 21 s",
        "truck 85.4 % 64.0 % 89",
        "100 of 382 broken Smallest change first. The other 282 are in record.jsonl",
        "100 of 382 survived Smallest margin first",
        "100 of 128 wrong without an attack",
        "A failed attack proves nothing: the 412 images that survived are not broken, which does not mean safe.",
        "Only apgd-ce, apgd-dlr ran, with the settings and the seed below. Attacks for this norm that were not run: fgsm, pgd.",
        "126 images were misclassified without any attack, and were not attacked.",
        "892 images were tested. Only the first 892 of the data were used.",
        "at most 46.2 %",
        "only an upper bound",
        "Warning softmax-output The model ends in a softmax; the attacks took the logits in front of it. \
         Measured: 4 samples of 4; raised above 0. The figures may be too good or too bad",
        "What this means : softmax-output Severity:",
        "1 check without a finding",
        "no-progress blocking 0.012 above 0.05 share of survivors",
        "Checks ran at sanity level cheap, with 80 additional forward and 0 backward passes.",
        "Sanity level full tests this",
        "onnxruntime 1.32.0 (requested: auto)",
        "2/255 = 0.0078431373",
        "412.3 MB",
        "2026-11-22 23:50 UTC",
    ] {
        assert!(text.contains(said), "missing: {said}\n{text}");
    }
    assert!(text.find("Warning softmax-output").unwrap() < text.find("Note fixed-batch").unwrap(), "the graver flag comes first");
}

#[test]
fn drawings_that_stand_alone_have_a_text_alternative() {
    let page = render(&common::audit()).unwrap();
    for svg in page.split("<svg").skip(1).map(|part| part.split('>').next().unwrap()) {
        let nested = svg.contains("overflow=\"visible\"") && svg.contains(" y=");
        assert!(nested || svg.contains("aria-hidden=\"true\"") || svg.contains("role=\"img\" aria-label=\""), "{svg}");
    }
    for image in page.split("<img").skip(1).map(|part| part.split('>').next().unwrap()) {
        assert!(image.contains("alt=\""), "{image}");
    }
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = render(&common::audit()).unwrap();
    assert!(page.contains("default-src 'none'"));
    for word in ["<script", "<link", "@import", "http:", "https:", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
    assert_eq!(count(&page, "src=\""), count(&page, "src=\"data:image/png;base64,"));
}

#[test]
fn names_with_markup_come_out_inert() {
    let mut run = common::audit();
    run.title = common::EVIL.into();
    let summary = &mut run.summary;
    summary.model.name = common::EVIL.into();
    summary.question.artefact.model = common::EVIL.into();
    summary.model.sha256 = common::EVIL.into();
    summary.question.population.data = common::EVIL.into();
    summary.command = common::EVIL.into();
    summary.created = common::EVIL.into();
    summary.brinell_version = common::EVIL.into();
    summary.suite = common::EVIL.into();
    summary.machine.cpu = common::EVIL.into();
    summary.runtime.device = common::EVIL.into();
    summary.attacks = vec![common::EVIL.into()];
    summary.classes = vec![common::EVIL.into(); 10];
    for stage in &mut summary.stages {
        stage.name = common::EVIL.into();
    }
    for flag in &mut summary.flags {
        flag.id = common::EVIL.into();
        flag.message = common::EVIL.into();
    }
    for sample in &mut run.samples {
        sample.attack = Some(common::EVIL.into());
    }
    for item in &mut run.gallery.items {
        item.attack = common::EVIL.into();
    }
    let plain = {
        let mut run = common::audit();
        for flag in &mut run.summary.flags {
            // Not in the documentation either.
            flag.id = "unknown".into();
        }
        render(&run).unwrap()
    };
    let targeted = {
        let mut run = run.clone();
        run.summary.allowed.target = Some(1);
        run
    };
    for page in [render(&run).unwrap(), render(&targeted).unwrap(), render_comparison(&[run.clone(), targeted]).unwrap()] {
        elements(&page);
        for word in ["<script", "<b ", "onclick=\"", "<img src=x", "</script"] {
            assert!(!page.contains(word), "{word}");
        }
        assert_eq!(count(&page, "<style"), 1);
        assert_eq!(count(&page, "</style"), 1);
    }
    // The grid of a chart follows the way the radius was typed.
    let markup = |page: &str| elements(page).into_iter().filter(|name| !matches!(name.as_str(), "line" | "text")).collect::<Vec<_>>();
    assert!(markup(&render(&run).unwrap()) == markup(&plain), "the markup depends on the names");
}

#[test]
fn samples_that_are_no_pictures_are_listed() {
    let mut run = common::audit();
    run.summary.data.shape = vec![83];
    run.gallery = common::gallery(&[83], 50);
    let page = render(&run).unwrap();
    elements(&page);
    assert_eq!(count(&page, "<img"), 0);
    let text = text(&page);
    assert!(text.contains("412 of 892 samples"), "{text}");
    assert!(text.contains("80 more"));
    assert!(text.contains("10 more examples are in gallery.json"));
}

#[test]
fn a_picture_whose_values_do_not_fit_its_shape_is_listed_instead() {
    let mut run = common::audit();
    run.gallery.items[0].x.pop();
    run.gallery.items[1].x_adv.clear();
    let page = render(&run).unwrap();
    assert_eq!(count(&page, "<img"), 4 * 3);
}

#[test]
fn a_targeted_audit_says_what_became_of_the_images() {
    let mut run = common::audit();
    run.summary.allowed.target = Some(9);
    let said = text(&render(&run).unwrap());
    assert!(said.contains(
        "354 of 766 correctly classified images were turned into “truck” by a change of at most 2/255 (L-inf); \
         412 of all 892 (46.2 %, 95 % interval 42.9–49.5 %) survived every attack that was run."
    ));
    assert!(said.contains("Turned into “truck” by an attack 354 39.7 %"), "{said}");
}

#[test]
fn the_nearest_examples_are_told_by_their_distances() {
    let run = common::nearest();
    let page = render(&run).unwrap();
    elements(&page);
    let said = text(&page);
    for expected in [
        "How small a change (L2) makes resnet_4b.onnx misclassify each of these 892 images?",
        "Half of the 766 images that are classified correctly are misclassified after a change of at most 1 (L2): \
         the median of the smallest changes found (95 % interval 0.9–1.1).",
        "50 % (median) 1 0.9–1.1 0.8",
        "95 % 1.9 1.71 or more 1.52",
        "An example was found for 760 of the 766 images that are classified correctly; for the other 6, the distance counts as infinite.",
        "126 that are wrong unchanged count as misclassified after a change of 0",
        "no lower bound was proven",
        "apgd-ce 426 47.8 % 766 340 360 77,366",
        "Threat smallest change, L2",
        "Changes measured in other norms (L-inf, L1, L0)",
        "no limit: the smallest change was searched for",
    ] {
        assert!(said.contains(expected), "missing: {expected}\n{said}");
    }
    assert!(!said.contains("any (L2)") && !page.contains("class=\"sandwich\""), "there is no radius");
    assert_eq!(count(&page, r#"class="mark s0""#), 0, "a line of many points has no marks");

    let mut few = run.clone();
    few.summary.minimum_norm.as_mut().unwrap().of_right[3].value = f64::INFINITY;
    assert!(text(&render(&few).unwrap()).contains(
        "760 of 766 images that are classified correctly were misclassified; for the others, no example was found at any distance."
    ));
    let mut one = common::single();
    one.summary.minimum_norm = run.summary.minimum_norm;
    assert!(
        text(&render(&one).unwrap()).contains("The image is turned into “truck” after a change of 255/255 (L-inf), the smallest found.")
    );
}

#[test]
fn a_single_image_gets_no_rates() {
    let run = common::single();
    let said = text(&render(&run).unwrap());
    assert!(said.contains("The image was turned into “truck” by a change of at most 2/255 (L-inf)."), "{said}");
    assert!(said.contains("Size of the change 2/255 of 2/255 allowed"));
    assert!(!said.contains("Accuracy per class"));
}

#[test]
fn a_blocking_flag_stands_beside_the_verdict() {
    let mut run = common::audit();
    assert!(!render(&run).unwrap().contains("Do not use these figures"));
    run.summary.flags[0].severity = Severity::Blocking;
    let said = text(&render(&run).unwrap());
    assert!(said.contains("Do not use these figures: a blocking flag makes them unreliable."));
}

#[test]
fn an_audit_that_found_nothing_is_still_a_page() {
    let mut run = common::audit();
    run.gallery = Gallery::default();
    run.samples.clear();
    let summary = &mut run.summary;
    summary.flags.clear();
    summary.curve.clear();
    summary.per_class.clear();
    summary.stages.clear();
    summary.attacks.clear();
    summary.classes.clear();
    summary.peak_rss_bytes = None;
    let page = render(&run).unwrap();
    elements(&page);
    let said = text(&page);
    assert!(said.contains("are classified correctly; no attack was run."), "{said}");
    assert!(said.contains("The checks found nothing that makes these figures doubtful"));
}

#[test]
fn two_audits_stand_side_by_side() {
    let mut hardened = common::audit();
    hardened.title = "hardened".into();
    hardened.summary.survived = 600;
    let page = render_comparison(&[common::audit(), hardened.clone()]).unwrap();
    elements(&page);
    let said = text(&page);
    let headline = "Under every attack that was run at eps = 2/255 (L-inf), 412 of 892 images survive with resnet_4b.onnx, \
                    600 of 892 images with hardened.";
    assert!(said.contains(headline), "{said}");
    assert_eq!(count(&page, r#"class="line s0" d="#), 1, "one chart for both");
    assert_eq!(count(&page, r#"class="line s1" d="#), 1);
    assert!(!said.contains("The audits used different data"));

    hardened.summary.data.sha256 = "00".into();
    hardened.summary.question.threat.eps = "0.1".parse().unwrap();
    hardened.summary.attacks.pop();
    let said = text(&render_comparison(&[common::audit(), hardened]).unwrap());
    for difference in ["The audits used different data", "The audits allow different changes", "The audits ran different attacks"] {
        assert!(said.contains(difference), "{difference}");
    }
    assert!(matches!(render_comparison(&[]), Err(ReportError::NothingToCompare)));
}

#[test]
fn a_claim_opens_with_statement_verdict_and_what_decided() {
    let page = render_claim(&common::verdict(60), Some(&common::audit())).unwrap();
    elements(&page);
    let said = text(&page);
    for expected in [
        "Claimed Nine in ten keep their label. Refuted. At most 57.1 % are answered right and stay right, less than the 90 % claimed.",
        "Counted Right, and right under every attack: 6 of 16 (37.5 %)",
        "Bounds 12.0 % to 57.1 %, each with 95 % confidence",
        "Claimed at least 90 %",
        "Examined 16 of 100 samples",
        "Survived every attack, not proven 412 46.2 % –",
        "only those bounds say something about other samples",
        "0 automobile confirmed yes: bird, margin 0.4 yes: bird, margin 0.5 7.91/255 apgd-ce run/adversarial.npz row 0",
        "1 automobile boundary yes: bird, margin 0.4 no: bird, margin 0.5",
        "The first 40 of 60; verdict.json has all.",
        "Assumed, and not examined Images arrive as they were recorded.",
        "Sampling drawn independently and at random",
        "brinell check robust.toml",
        "What was not examined",
    ] {
        assert!(said.to_lowercase().contains(&expected.to_lowercase()), "missing: {expected}\n{said}");
    }
    assert!(page.contains("aria-label=\"claimed: at least 90\u{a0}%; observed: 37.5\u{a0}%; bounds from 12.0\u{a0}% to 57.1\u{a0}%\""));
    let parts = ["<h1>", "class=\"decision\"", "class=\"sandwich\"", "id=\"tried\"", "id=\"flags\"", "id=\"witnesses\"", "id=\"rests-on\""];
    let order = parts.map(|part| page.find(part).unwrap());
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn a_claim_without_audit_is_still_a_page() {
    let mut verdict = common::verdict(0);
    verdict.numbers = None;
    verdict.verdict = Ruling::Stale;
    verdict.finding = "the model is another one".into();
    verdict.reasons = vec![Reason { id: "model".into(), text: "its SHA-256 differs".into() }];
    let page = render_claim(&verdict, None).unwrap();
    elements(&page);
    let said = text(&page);
    assert!(said.contains("Stale. The model is another one. model Its SHA-256 differs."), "{said}");
    assert!(!said.contains("What was tried"));
}

#[test]
fn texts_of_a_claim_come_out_inert() {
    let mut verdict = common::verdict(1);
    for text in [
        &mut verdict.claim.id,
        &mut verdict.claim.statement,
        &mut verdict.claim_file.path,
        &mut verdict.finding,
        &mut verdict.evidence,
        &mut verdict.command,
        &mut verdict.witnesses[0].file,
        &mut verdict.judges[0].runtime,
    ] {
        *text = common::EVIL.into();
    }
    verdict.claim.subject.model = common::EVIL.into();
    verdict.claim.population.selection = Some(common::EVIL.into());
    verdict.witnesses[0].opinions[0].runtime = common::EVIL.into();
    verdict.claim.assumptions = vec![common::EVIL.into()];
    verdict.reasons = vec![Reason { id: common::EVIL.into(), text: common::EVIL.into() }];
    let page = render_claim(&verdict, None).unwrap();
    elements(&page);
    for word in ["<script", "<b ", "onclick=\"", "<img", "</script"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn pages_stay_under_five_megabytes() {
    let mut run = common::audit();
    run.samples = common::samples(1000);
    run.gallery = common::gallery(&[3, 224, 224], 12);
    run.summary.data.shape = vec![3, 224, 224];
    for page in [render(&run).unwrap(), render_comparison(&[run.clone(), run]).unwrap()] {
        assert!(page.len() < 5_000_000, "{}", page.len());
        assert!(text(&page).contains("in gallery.json are not shown here"));
    }
}

#[test]
fn the_same_record_gives_the_same_page() {
    assert_eq!(render(&common::audit()).unwrap(), render(&common::audit()).unwrap());
}
