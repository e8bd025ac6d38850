//! The matrix of a transfer run as page, text and table.

use brinell_record::{
    Cell, Control, Made, Mean, Rate, SourceTest, TRANSFER_SCHEMA, Together, Transfer, TransferData, TransferModel, TransferSource,
};
use brinell_report::transfer::{csv, page, table};

const NAMES: [&str; 3] =
    ["</style><script>alert(1)</script>", "=sum(a)", "a model with a name that is far too long for a column of a table"];

fn rate(k: usize, n: usize) -> Rate {
    let value = k as f64 / n as f64;
    Rate { value, low: value / 2.0, high: f64::midpoint(1.0, value), confidence: 0.95 }
}

fn sample() -> Transfer {
    let model = |name: &&str| TransferModel {
        name: (*name).to_owned(),
        path: "m.onnx".into(),
        sha256: "0123456789abcdef0123".into(),
        input: vec![3, 8, 8],
        resized: false,
        preprocessing: "0..1".into(),
        classes: 10,
        n: 100,
        right: 90,
        accuracy: rate(90, 100),
        unobserved: 0,
    };
    let source = |(number, name): (usize, &&str)| TransferSource {
        name: (*name).to_owned(),
        models: vec![number],
        without: None,
        n: 100,
        forwards: 1100,
        backwards: 1000,
        zero_gradients: 0,
        unchanged: 0,
        linf: 0.03,
        l2: 1.0,
    };
    let cell = |k: usize| {
        let (source, target) = (k / 3, k % 3);
        let (both, fooled) = (80 - k, 10 * k);
        Cell {
            source,
            target,
            white_box: source == target,
            both,
            fooled,
            rate: rate(fooled, both.max(1)),
            same: fooled / 2,
            right: 90,
            right_fooled: fooled,
            right_rate: rate(fooled, 90),
            wrong: fooled + 5,
            n: 100,
            unobserved: 0,
            shuffled: 1,
        }
    };
    let mean = |number| Mean { number, cells: 2, rate: rate(30, 100) };
    Transfer {
        schema: TRANSFER_SCHEMA.into(),
        brinell_version: "0.0.0".into(),
        made: Made {
            attack: "mi:steps=10+di:p=0.5".into(),
            eps: "8/255".into(),
            radius: 8.0 / 255.0,
            seed: 0,
            ensemble: None,
            soft_backward: 0.0,
            bytes: false,
        },
        data: TransferData {
            path: "x.npy".into(),
            sha256: String::new(),
            n: 100,
            shape: vec![3, 8, 8],
            classes: Vec::new(),
            samples: Vec::new(),
        },
        models: NAMES.iter().map(model).collect(),
        sources: NAMES.iter().enumerate().map(source).collect(),
        targets: vec![0, 1, 2],
        cells: (0..9).map(cell).collect(),
        noise: (0..3).map(|target| Control { target, right: 90, fooled: 2, rate: rate(2, 90) }).collect(),
        outward: (0..3).map(mean).collect(),
        inward: (0..3).map(mean).collect(),
        tests: vec![SourceTest { target: 0, a: 1, b: 2, only_a: 20, only_b: 2, p_value: 1e-4, differs: true }],
        together: vec![
            Together { a: 0, b: 1, n: 80, phi: 0.5 },
            Together { a: 0, b: 2, n: 80, phi: -0.25 },
            Together { a: 1, b: 2, n: 80, phi: f64::NAN },
        ],
        notes: vec!["a note".into()],
    }
}

#[test]
fn the_page_holds_every_cell_and_no_name_gets_out_of_its_place() {
    let html = page(&sample()).unwrap();
    assert!(!html.contains("<script") && html.contains("&lt;script"), "names are escaped");
    assert!(html.contains("class=\"tree\"") && html.matches("--share:").count() >= 9);
    assert!(html.contains("mi:steps=10+di:p=0.5") && html.contains("a note"));
}

#[test]
fn the_text_fits_a_terminal() {
    for width in [60, 80, 120] {
        let text = table(&sample(), width, false);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        assert!(text.contains("[0]") && text.contains("1 of 1 pairs of sources differ"), "{text}");
    }
}

#[test]
fn the_table_has_a_line_for_each_cell_and_no_formula() {
    let text = csv(&sample());
    assert_eq!(text.lines().count(), 10);
    assert!(text.contains("'=sum(a)") && !text.contains("\r\n=sum"));
}

#[test]
fn a_matrix_is_read_as_it_was_written() {
    let written = serde_json::to_string(&sample()).unwrap();
    let read: Transfer = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), written);
}
