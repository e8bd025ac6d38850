//! A synthetic audit with plausible figures, the same every time.

use brinell_record::{
    Allowed, Artefact, ClassCounts, CurvePoint, DataInfo, Flag, Gallery, GalleryItem, Indicator, Layout, Machine, Measurement, MinimumNorm,
    ModelInfo, Norm, Outcome, Population, Quantile, Question, Radius, Rate, RuntimeInfo, SUMMARY_SCHEMA, SampleRecord, Sanity, SanityLevel,
    Severity, Side, Stage, Summary, Threat, Verdict,
};
use brinell_report::Run;
use serde_json::Value;

/// An audit of 892 images in ten classes at 2/255 (L-inf).
pub(crate) fn audit() -> Run {
    Run { title: "resnet_4b.onnx".into(), summary: summary(), samples: samples(892), gallery: gallery(&[3, 32, 32], 6) }
}

/// A name that wants to be more than a text.
pub(crate) const EVIL: &str = "</script><b onclick=\"x()\">&'</style><img src=x onerror=alert(1)>";

/// The audit of one image, broken towards a target.
pub(crate) fn single() -> Run {
    let mut run = audit();
    let summary = &mut run.summary;
    summary.allowed.target = Some(9);
    summary.data.n = 1;
    (summary.clean_correct, summary.survived, summary.broken) = (1, 0, 1);
    (summary.clean_accuracy, summary.robust_accuracy) = (rate(1, 1), rate(0, 1));
    run.samples = samples(3).into_iter().take(1).collect();
    run
}

/// An audit for the nearest examples in the L2 norm.
pub(crate) fn nearest() -> Run {
    let mut run = audit();
    let summary = &mut run.summary;
    summary.question.threat = Threat { norm: Norm::L2, eps: Radius::Nearest, ..Threat::default() };
    summary.allowed.eps = 55.4;
    (summary.survived, summary.broken) = (6, 760);
    summary.robust_accuracy = rate(6, 892);
    let quantiles = |scale: f64| {
        [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95].map(|share| {
            let value = scale * share;
            Quantile { share, value, low: 0.9 * value, high: if share > 0.9 { f64::INFINITY } else { 1.1 * value }, confidence: 0.95 }
        })
    };
    let of_right = quantiles(2.0).into();
    let of_all = quantiles(1.6).into();
    summary.minimum_norm = Some(MinimumNorm { found: 760, not_found: 6, of_all, of_right });
    for stage in &mut summary.stages {
        stage.improved = Some(stage.broken + 20);
    }
    summary.curve = (0..=120)
        .map(|at| {
            let survived = 766 - at * 760 / 120;
            CurvePoint { eps: at as f64 / 60.0, survived, robust_accuracy: rate(survived, 892) }
        })
        .collect();
    run
}

/// A refuted claim of a rate, with `n` counterexamples judged by two runtimes.
pub(crate) fn verdict(n: usize) -> Verdict {
    let mut value: Value = serde_json::from_str(include_str!("../../../record/tests/verdict.json")).unwrap();
    let witness = value["witnesses"][0].clone();
    value["witnesses"] = (0..n)
        .map(|at| {
            let mut witness = witness.clone();
            witness["sample"] = at.into();
            if at == 1 {
                witness["standing"] = "boundary".into();
                witness["opinions"][1]["confirmed"] = false.into();
            }
            witness
        })
        .collect();
    value["claim"]["assumptions"] = vec!["images arrive as they were recorded"].into();
    serde_json::from_value(value).unwrap()
}

/// A rate whose interval is near enough to the exact one for a test of layout.
pub(crate) fn rate(k: usize, n: usize) -> Rate {
    let value = k as f64 / n as f64;
    let half = 1.96 * (value * (1.0 - value) / n as f64).sqrt();
    Rate { value, low: (value - half).max(0.0), high: (value + half).min(1.0), confidence: 0.95 }
}

fn summary() -> Summary {
    let stage = |name: &str, attacked, broken, seconds| Stage {
        name: name.into(),
        attacked,
        broken,
        improved: None,
        forwards: attacked as u64 * 101,
        backwards: attacked as u64 * 100,
        seconds,
        model_seconds: 0.9 * seconds,
        reference_forwards: None,
        reference_backwards: None,
    };
    Summary {
        schema: SUMMARY_SCHEMA.into(),
        brinell_version: "0.1.0".into(),
        created: "2026-11-22T23:50:12Z".into(),
        command: "brinell audit resnet_4b.onnx --data cifar10.bin --norm linf --eps 2/255".into(),
        question: Question {
            artefact: Artefact {
                mean: vec![0.4914, 0.4822, 0.4465],
                std: vec![0.25; 3],
                layout: Some(Layout::Nchw),
                ..Artefact::of("models/resnet_4b.onnx")
            },
            population: Population { data: "cifar10.bin".into(), n: Some(892), ..Population::default() },
            threat: Threat { norm: Norm::Linf, eps: "2/255".parse().unwrap(), ..Threat::default() },
            ..Question::default()
        },
        model: ModelInfo { name: "resnet_4b.onnx".into(), sha256: "3f2a9c1e".repeat(8), weights_sha256: None, interface: None },
        data: DataInfo { sha256: "b7e14d02".repeat(8), n: 892, shape: vec![3, 32, 32], samples: Vec::new() },
        allowed: Allowed {
            eps: 2.0 / 255.0,
            input_box: [0.0, 1.0],
            target: None,
            features: None,
            knowledge: Some(brinell_record::Knowledge::White),
        },
        suite: "quick".into(),
        attacks: vec!["apgd-ce".into(), "apgd-dlr".into()],
        attacks_not_run: vec!["fgsm".into(), "pgd".into()],
        runtime: RuntimeInfo { name: "onnxruntime".into(), version: "1.32.0".into(), device: "cpu".into(), threads: 2, batch: 32 },
        clean_correct: 766,
        survived: 412,
        broken: 354,
        clean_accuracy: rate(766, 892),
        robust_accuracy: rate(412, 892),
        stages: vec![stage("apgd-ce", 766, 340, 92.4), stage("apgd-dlr", 426, 14, 48.1)],
        flags: vec![
            Flag {
                id: "fixed-batch".into(),
                message: "the model keeps its batch of 1; export it with a free batch for more speed".into(),
                severity: Severity::Note,
                measurement: None,
                docs: "docs/flags.md#fixed-batch".into(),
            },
            Flag {
                id: "softmax-output".into(),
                message: "the model ends in a softmax; the attacks took the logits in front of it".into(),
                severity: Severity::Warning,
                measurement: Some(Measurement { value: 4.0, threshold: 0.0, raised_if: Side::Above, unit: "samples of 4".into() }),
                docs: "docs/flags.md#softmax-output".into(),
            },
        ],
        indicators: vec![Indicator {
            id: "no-progress".into(),
            severity: Severity::Blocking,
            raised: false,
            measurement: Measurement { value: 0.012, threshold: 0.05, raised_if: Side::Above, unit: "share of survivors".into() },
            docs: "docs/flags.md#no-progress".into(),
        }],
        sanity: Some(Sanity { level: SanityLevel::Cheap, samples: 0, forwards: 80, backwards: 0, seconds: 0.1 }),
        classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"].map(String::from).into(),
        per_label: Vec::new(),
        per_class: (0..10).map(|class| ClassCounts { class, n: 89, clean_correct: 76, survived: 30 + 3 * class }).collect(),
        queries_curve: Vec::new(),
        minimum_norm: None,
        exhaustive: None,
        refusals: None,
        certified: None,
        curve: (0..=8)
            .map(|at| {
                let survived = 766 - at * 354 / 8;
                CurvePoint { eps: at as f64 / 8.0 * 2.0 / 255.0, survived, robust_accuracy: rate(survived, 892) }
            })
            .collect(),
        seconds: 143.2,
        peak_rss_bytes: Some(412_345_678),
        shards: Vec::new(),
        machine: Machine { os: "linux".into(), arch: "x86_64".into(), cpu: "Example 9000".into(), cores: 2 },
    }
}

/// Records of `n` samples; every second one is broken, every seventh wrong from the start.
pub(crate) fn samples(n: usize) -> Vec<SampleRecord> {
    (0..n)
        .rev()
        .map(|sample| {
            let outcome = match sample {
                _ if sample % 7 == 0 => Outcome::Misclassified,
                _ if sample % 2 == 0 => Outcome::Broken,
                _ => Outcome::Survived,
            };
            let broken = outcome == Outcome::Broken;
            SampleRecord {
                sample,
                label: (sample % 10).into(),
                prediction: Some(if outcome == Outcome::Misclassified { (sample + 1) % 10 } else { sample % 10 }.into()),
                outcome,
                attack: broken.then(|| "apgd-ce".into()),
                restart: broken.then_some(0),
                norm: broken.then_some(2.0 / 255.0),
                margin: if broken { -0.25 } else { 1.5 },
                forwards: 101,
                backwards: 100,
                adv_prediction: broken.then_some(((sample + 3) % 10).into()),
                target: None,
                confidence: Some(0.9),
                adv_confidence: broken.then_some(0.6),
                none_within: None,
                certified: false,
            }
        })
        .collect()
}

/// Examples whose values hardly compress, as adversarial noise does not.
pub(crate) fn gallery(shape: &[usize], n: usize) -> Gallery {
    let len: usize = shape.iter().product();
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let items = (0..n)
        .map(|sample| {
            let x: Vec<f32> = (0..len).map(|_| noise()).collect();
            let x_adv = x.iter().map(|value| if *value > 0.5 { value - 2.0 / 255.0 } else { value + 2.0 / 255.0 }).collect();
            GalleryItem {
                sample,
                label: 3.into(),
                shape: shape.to_vec(),
                x,
                x_adv,
                clean_prediction: 3.into(),
                clean_confidence: 0.98,
                adv_prediction: 5.into(),
                adv_confidence: 0.77,
                norm: 2.0 / 255.0,
                attack: "apgd-ce".into(),
            }
        })
        .collect();
    Gallery { items }
}
