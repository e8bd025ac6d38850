//! The table for the terminal.

use crate::common;
use brinell_report::terminal::table;

#[test]
fn the_table_reads_as_intended() {
    let expected = "\
412 of 892 images (46.2 %, 95 % interval 42.9-49.5 %) survive every attack that
was run at eps = 2/255 (L-inf).

stage     attacked  broken  left  forwards  backwards        time
apgd-ce        766     340   426    77,366     76,600  1 min 32 s
apgd-dlr       426      14   412    43,026     42,600      48.1 s

clean accuracy   85.9 %   766 of 892, 95 % interval 83.6-88.2 %
robust accuracy  46.2 %   412 of 892, 95 % interval 42.9-49.5 %

warning: the model ends in a softmax; the attacks took the logits in front of
  it [softmax-output]
note: the model keeps its batch of 1; export it with a free batch for more
  speed [fixed-batch]
";
    let shown = table(&common::audit().summary, 80, false);
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut summary = common::audit().summary;
    summary.classes[9] = "a class with a name that goes on and on and on and on and on and on".into();
    summary.allowed.target = Some(9);
    summary.flags[0].message = "x".repeat(300);
    for stage in &mut summary.stages {
        stage.name = "an-attack-with-a-name-that-is-far-too-long-for-a-column".into();
        stage.attacked = 1_000_000;
        stage.broken = 999_999;
        stage.forwards = 1_234_567_890;
        stage.backwards = 1_234_567_890;
        stage.seconds = 123_456.0;
    }
    for width in [80, 100] {
        let shown = table(&summary, width, false);
        for line in shown.lines() {
            assert!(line.chars().count() <= width, "{}: {line}", line.chars().count());
        }
    }
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let summary = common::audit().summary;
    let coloured = table(&summary, 80, true);
    assert!(coloured.contains("\u{1b}[1m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, table(&summary, 80, false));
}

#[test]
fn what_was_searched_exhaustively_is_said_with_what_it_rests_on() {
    let mut summary = common::audit().summary;
    summary.exhaustive = Some(brinell_record::Exhaustive { none_exists: 400, nearest: None });
    let shown = table(&summary, 80, false).replace('\n', " ");
    assert!(
        shown.contains("For 400 of 412 surviving images, the search was exhaustive: no adversarial example exists within the radius."),
        "{shown}"
    );
    assert!(shown.contains("depends on the trees being read correctly"), "{shown}");
    let mut nearest = common::nearest().summary;
    nearest.exhaustive = Some(brinell_record::Exhaustive { none_exists: 1, nearest: Some(nearest.broken - 1) });
    let shown = table(&nearest, 80, false).replace('\n', " ");
    let found = format!("{} of {} examples found are the smallest possible, to within 1 %.", nearest.broken - 1, nearest.broken);
    assert!(shown.contains(&found), "{shown}");
    let none = if nearest.survived == 0 { "" } else { "the search was exhaustive: no adversarial example exists at any distance." };
    assert!(shown.contains(none), "{shown}");
}
