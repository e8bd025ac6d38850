//! The table of settings: flags of the command line, and keys of `brinell.toml`.

use std::path::PathBuf;

use brinell_threat::Norm;

use super::read::{all, count, one, seconds, size, switch};
use super::{FilePaths, Form, Part, Setting};
use crate::question::{Device, Knowledge, Layout, Radius, RuntimeChoice, Scale, TaskKind};
use crate::{SanityLevel, Unit};

/// All settings, in the order of help.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "model",
        Part::Model,
        "MODEL",
        "ONNX file to audit, or the address of a model on a server (Open Inference Protocol): http://HOST/v2/models/NAME",
        |q, v| one::<String>(v).map(|path| q.artefact.model = path.into()),
    )
    .form(Form::Positional)
    .paths(FilePaths::All),
    Setting::new(
        "input",
        Part::Model,
        "NAME",
        "Input to attack, or several as A,B. Every other input takes its values from the array or column of the same name in the data, and is not changed [default: the only input; for a table, all inputs]",
        |q, v| one(v).map(|name| q.artefact.input = Some(name)),
    ),
    Setting::new("output", Part::Model, "NAME", "Output that gives the answer [default: the first]", |q, v| {
        one(v).map(|name| q.artefact.output = Some(name))
    }),
    Setting::new(
        "threshold",
        Part::Model,
        "SCORE",
        "For a model with one score: the class is 1 if the score is at least this. For task multilabel: a label applies if its score is at least this [default: 0, or 0.5 after a sigmoid]",
        |q, v| one(v).map(|score| q.artefact.threshold = Some(score)),
    ),
    Setting::new(
        "task",
        Part::Model,
        "TASK",
        "What the outputs mean: scores of classes (the best one counts, or the best K), labels that each apply or not, numbers, or an embedding that is compared with the embedding of a reference [default: classification]",
        |q, v| one(v).map(|task| q.artefact.task = Some(task)),
    )
    .words(TaskKind::NAMES),
    Setting::new(
        "top-k",
        Part::Model,
        "K",
        "The answer is right if the true class is among the K best; this sets the task to top-k",
        |q, v| count(v, 1, "it must be at least 1").and_then(size).map(|k| q.artefact.top_k = Some(k)),
    ),
    Setting::new(
        "only-labels",
        Part::Model,
        "LABEL,..",
        "For task multilabel: labels that count, by name or number. The answer is wrong if one of them is wrong [default: all]",
        |q, v| all(v, "label").map(|labels| q.artefact.only_labels = labels),
    )
    .form(Form::List),
    Setting::new(
        "tolerance",
        Part::Model,
        "T",
        "For task regression: how far the output may be from the label and still be right, in units of the output",
        |q, v| one(v).map(|tolerance| q.artefact.tolerance = Some(tolerance)),
    ),
    Setting::new(
        "distance",
        Part::Model,
        "D",
        "For task embedding: two inputs count as the same if the cosine distance of their embeddings is at most this (0 to 2)",
        |q, v| one(v).map(|distance| q.artefact.distance = Some(distance)),
    ),
    Setting::new(
        "suspicion",
        Part::Model,
        "OUTPUT",
        "Output with the suspicion of a sample, for a model that refuses suspicious samples: an adversarial example must be accepted as well as wrong [default: as a file of brinell defend says]",
        |q, v| one(v).map(|name| q.artefact.suspicion = Some(name)),
    ),
    Setting::new("max-suspicion", Part::Model, "S", "Largest suspicion that is accepted [default: as a file of brinell defend says]", |q, v| {
        one(v).map(|value| q.artefact.max_suspicion = Some(value))
    }),
    Setting::new(
        "defence-end",
        Part::Model,
        "VALUE",
        "Value of the graph at which a defence in front of the model ends: gradients go straight through its rounding [default: as a file of brinell defend says]",
        |q, v| one(v).map(|value| q.artefact.defence_end = Some(value)),
    ),
    Setting::new(
        "shape",
        Part::Model,
        "N,N,..",
        "Shape of one sample of the attacked input, without the batch dimension, if the model does not fix it [default: from the data]",
        |q, v| all(v, "size").map(|shape| q.artefact.shape = Some(shape)),
    )
    .form(Form::List),
    Setting::new(
        "data",
        Part::Data,
        "PATH",
        "Labelled samples: IDX, .npy, .npz, CIFAR binary, safetensors, a table (.csv, .tsv, .parquet), an image, or a folder of PNG/JPEG images",
        |q, v| one::<PathBuf>(v).map(|path| q.population.data = path),
    )
    .paths(FilePaths::All),
    Setting::new(
        "labels",
        Part::Data,
        "PATH",
        "File of labels, or one class for all samples; for a table, the name or number of a column [default: the labels in or beside the data]",
        |q, v| one(v).map(|labels| q.population.labels = Some(labels)),
    )
    .paths(FilePaths::Existing),
    Setting::new("classes", Part::Data, "FILE", "Names of the classes: one per line, or JSON", |q, v| {
        one(v).map(|path| q.population.classes = Some(path))
    })
    .paths(FilePaths::All),
    Setting::new(
        "pairs",
        Part::Data,
        "FILE",
        "For task embedding: pairs of samples, one per line: SAMPLE,REFERENCE[,SAME]. Samples are files of an image folder, or numbers; SAME is 1 (default) or 0",
        |q, v| one(v).map(|path| q.population.pairs = Some(path)),
    )
    .paths(FilePaths::All),
    Setting::new("drop", Part::Data, "COLUMN", "Name of a table column to ignore; may be repeated", |q, v| {
        q.population.drop = v.to_vec();
        Ok(())
    })
    .form(Form::Repeated),
    Setting::new("limit", Part::Data, "N", "Use only N samples, spread evenly over the classes (without classes, the first N)", |q, v| {
        count(v, 1, "give at least 1 sample").and_then(size).map(|n| q.population.n = Some(n))
    }),
    Setting::new(
        "scale",
        Part::Preprocessing,
        "LO..HI",
        "Range of the stored values: 0..1, 0..255, any two numbers, or `data`, the range of each feature in the data file. Eps and distances are in these units [default: 0..1; for tables, data]",
        |q, v| one::<Scale>(v).map(|scale| q.artefact.scale = Some(scale)),
    ),
    Setting::new(
        "mean",
        Part::Preprocessing,
        "A,B,C",
        "Mean to subtract: one for all channels, or one for each, in units of --scale",
        |q, v| all(v, "number").map(|mean| q.artefact.mean = mean),
    )
    .form(Form::List),
    Setting::new("std", Part::Preprocessing, "A,B,C", "Standard deviation to divide by: one for all channels, or one for each, in units of --scale", |q, v| {
        all(v, "number").map(|std| q.artefact.std = std)
    })
    .form(Form::List),
    Setting::new(
        "layout",
        Part::Preprocessing,
        "LAYOUT",
        "Order of the values of an image in the model's input [default: derived from the shapes]",
        |q, v| one(v).map(|layout| q.artefact.layout = Some(layout)),
    )
    .words(Layout::NAMES),
    Setting::new("norm", Part::Threat, "NORM", "How the size of a change is measured", |q, v| one(v).map(|norm| q.threat.norm = norm))
        .words(Norm::NAMES),
    Setting::new(
        "eps",
        Part::Threat,
        "EPS",
        "Largest allowed change, in units of --scale, such as 8/255 or 0.03; for l0, how many values may change",
        |q, v| one(v).map(|eps| q.threat.eps = Radius::Within(eps)),
    ),
    Setting::new(
        "minimum-norm",
        Part::Threat,
        "",
        "For each sample, find the smallest change that fools the model, instead of one within --eps",
        |q, v| {
            if switch(v)? {
                q.threat.eps = Radius::Nearest;
            }
            Ok(())
        },
    )
    .form(Form::Switch)
    .excludes(&["eps", "keep-going"]),
    Setting::new(
        "unit",
        Part::Threat,
        "UNIT",
        "Unit in which changes of a feature are measured: its range, its standard deviation in the data, or its own unit (absolute) [default: range with --scale data, else absolute]",
        |q, v| one(v).map(|unit| q.threat.unit = Some(unit)),
    )
    .words(Unit::NAMES),
    Setting::new("target", Part::Threat, "CLASS", "Class that the attacker wants, by name or index [default: any wrong class]", |q, v| {
        one(v).map(|class| q.threat.target = Some(class))
    }),
    Setting::new(
        "knowledge",
        Part::Threat,
        "KNOWLEDGE",
        "What the attacker sees: everything including gradients (white), the scores, or only the predicted class (label). Attacks of the suite that need to see more are skipped [default: white, or score if the model has no gradient]",
        |q, v| one(v).map(|knowledge| q.threat.knowledge = Some(knowledge)),
    )
    .words(Knowledge::NAMES),
    Setting::new(
        "suite",
        Part::Attacks,
        "NAME|FILE",
        "List of attacks to run one after the other, each on the samples that survived so far: {suites}, or your own TOML file (`brinell suites NAME` prints a template) [default: quick; standard for task regression; trees for tree ensembles; minimum with --minimum-norm; score or label with that --knowledge]",
        |q, v| one(v).map(|suite| q.effort.suite = Some(suite)),
    )
    .excludes(&["attack"])
    .paths(FilePaths::Existing),
    Setting::new(
        "attack",
        Part::Attacks,
        "NAME",
        "One attack instead of a suite, with settings as in pgd:steps=40,restarts=5; may be repeated: {attacks} (`brinell attacks` describes them)",
        |q, v| {
            q.effort.attacks = v.to_vec();
            Ok(())
        },
    )
    .form(Form::Repeated),
    Setting::new("seed", Part::Attacks, "SEED", "Seed of all random numbers [default: 0]", |q, v| {
        count(v, 0, "").map(|seed| q.effort.seed = seed)
    }),
    Setting::new(
        "max-queries",
        Part::Attacks,
        "N",
        "Query budget: the largest number of forward and backward passes for one sample in one stage",
        |q, v| count(v, 2, "it must be at least 2, because a gradient costs one forward and one backward pass").map(|limit| q.effort.max_queries = Some(limit)),
    ),
    Setting::new(
        "keep-going",
        Part::Attacks,
        "",
        "Do not stop at the first adversarial example of a sample: run every attack to its end and keep the strongest example",
        |q, v| switch(v).map(|keep_going| q.effort.keep_going = keep_going),
    )
    .form(Form::Switch),
    Setting::new(
        "certify",
        Part::Attacks,
        "TIME",
        "Before the attacks, look for a proof that no allowed change breaks the sample, for at most this time per sample, such as 30s or 2m. Proven samples are not attacked",
        |q, v| seconds(v).map(|seconds| q.effort.certify = Some(seconds)),
    )
    .excludes(&["minimum-norm"]),
    Setting::new(
        "sanity",
        Part::Attacks,
        "LEVEL",
        "How thoroughly to check the attacks and the model: without additional queries (off), with a few (cheap), or with further attacks on up to 64 samples (full: unbounded, larger eps, without gradients, noise). Results do not change, only flags [default: cheap]",
        |q, v| one(v).map(|level| q.effort.sanity = level),
    )
    .words(SanityLevel::NAMES),
    Setting::new("runtime", Part::Running, "RUNTIME", "Software that executes the model [default: auto]", |q, v| {
        one(v).map(|runtime| q.running.runtime = runtime)
    })
    .words(RuntimeChoice::NAMES),
    Setting::new("onnxruntime", Part::Running, "PATH", "Shared library of ONNX Runtime, or a folder that contains it", |q, v| {
        one(v).map(|path| q.running.onnxruntime = Some(path))
    })
    .paths(FilePaths::All),
    Setting::new(
        "device",
        Part::Running,
        "DEVICE",
        "cpu, cuda, cuda:1, tensorrt, rocm, migraphx, directml, coreml or openvino [default: cpu]",
        |q, v| one::<Device>(v).map(|device| q.running.device = device),
    ),
    Setting::new("threads", Part::Running, "N", "Number of threads [default: all cores]", |q, v| {
        let threads = count(v, 1, "give at least 1").and_then(size)?;
        q.running.threads = threads.try_into().ok();
        Ok(())
    }),
    Setting::new("batch", Part::Running, "N", "Number of samples in one call of the model [default: depends on the size of model and samples]", |q, v| {
        let batch = count(v, 1, "give at least 1").and_then(size)?;
        q.running.batch = batch.try_into().ok();
        Ok(())
    }),
];
