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
        "Input to attack, if the model has several, or some of them as A,B; the others are held at the arrays or columns of their names in --data [default: of a table all]",
        |q, v| one(v).map(|name| q.artefact.input = Some(name)),
    ),
    Setting::new("output", Part::Model, "NAME", "Output that decides, if the model has several [default: the first]", |q, v| {
        one(v).map(|name| q.artefact.output = Some(name))
    }),
    Setting::new(
        "threshold",
        Part::Model,
        "SCORE",
        "Score from which on the class is 1, if the model has one score, or from which on a label applies (task multilabel) [default: 0, or 0.5 of a sigmoid]",
        |q, v| one(v).map(|score| q.artefact.threshold = Some(score)),
    ),
    Setting::new(
        "task",
        Part::Model,
        "TASK",
        "What the outputs mean, and so when an answer is wrong: one class, one of the best classes, labels that each apply or not, numbers, or an embedding that is compared with that of a reference [default: classification]",
        |q, v| one(v).map(|task| q.artefact.task = Some(task)),
    )
    .words(TaskKind::NAMES),
    Setting::new(
        "top-k",
        Part::Model,
        "K",
        "How many of the best classes count as given: the true one has to be among them; makes the task top-k",
        |q, v| count(v, 1, "at least the best class counts").and_then(size).map(|k| q.artefact.top_k = Some(k)),
    ),
    Setting::new(
        "only-labels",
        Part::Model,
        "LABEL,..",
        "Labels that count, by name or number, of the task multilabel: an answer is wrong where one of them is [default: all]",
        |q, v| all(v, "label").map(|labels| q.artefact.only_labels = labels),
    )
    .form(Form::List),
    Setting::new(
        "tolerance",
        Part::Model,
        "T",
        "Largest distance from the label that still counts as right, of the task regression, in units of the output",
        |q, v| one(v).map(|tolerance| q.artefact.tolerance = Some(tolerance)),
    ),
    Setting::new(
        "distance",
        Part::Model,
        "D",
        "Largest cosine distance (0 to 2) of two embeddings that counts as the same, of the task embedding",
        |q, v| one(v).map(|distance| q.artefact.distance = Some(distance)),
    ),
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
        "Sizes of one sample of the attacked input, without the batch, if the model leaves some free [default: those of the data]",
        |q, v| all(v, "size").map(|shape| q.artefact.shape = Some(shape)),
    )
    .form(Form::List),
    Setting::new(
        "data",
        Part::Data,
        "PATH",
        "IDX, .npy, .npz, CIFAR binary, safetensors, a table (.csv, .tsv, .parquet), an image, or a folder of PNG/JPEG images",
        |q, v| one::<PathBuf>(v).map(|path| q.population.data = path),
    )
    .paths(FilePaths::All),
    Setting::new(
        "labels",
        Part::Data,
        "PATH",
        "Labels file, or one class for all samples; for a table, the column by name or number [default: the labels in or beside the data]",
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
        "Pairs of samples for the task embedding, one a line: SAMPLE,REFERENCE[,SAME], with files of an image folder or numbers of samples, and SAME 1 (default) or 0",
        |q, v| one(v).map(|path| q.population.pairs = Some(path)),
    )
    .paths(FilePaths::All),
    Setting::new("drop", Part::Data, "COLUMN", "Column of a table to leave out, by name; may be repeated", |q, v| {
        q.population.drop = v.to_vec();
        Ok(())
    })
    .form(Form::Repeated),
    Setting::new("limit", Part::Data, "N", "Only the first N samples", |q, v| {
        count(v, 1, "give at least 1 sample").and_then(size).map(|n| q.population.n = Some(n))
    }),
    Setting::new(
        "scale",
        Part::Preprocessing,
        "LO..HI",
        "Range of the stored values, in whose units eps and distances are: 0..1, 0..255, any two numbers, or data, which gives each feature its own range in the whole data file [default: 0..1, for tables data]",
        |q, v| one::<Scale>(v).map(|scale| q.artefact.scale = Some(scale)),
    ),
    Setting::new(
        "mean",
        Part::Preprocessing,
        "A,B,C",
        "Mean that is subtracted, one for all channels or one for each, in units of --scale",
        |q, v| all(v, "number").map(|mean| q.artefact.mean = mean),
    )
    .form(Form::List),
    Setting::new("std", Part::Preprocessing, "A,B,C", "Standard deviation to divide by, one for all channels or one for each, in units of --scale", |q, v| {
        all(v, "number").map(|std| q.artefact.std = std)
    })
    .form(Form::List),
    Setting::new(
        "layout",
        Part::Preprocessing,
        "LAYOUT",
        "Order in which the model takes the values of an image [default: from the shapes]",
        |q, v| one(v).map(|layout| q.artefact.layout = Some(layout)),
    )
    .words(Layout::NAMES),
    Setting::new("norm", Part::Threat, "NORM", "How a change is measured", |q, v| one(v).map(|norm| q.threat.norm = norm))
        .words(Norm::NAMES),
    Setting::new(
        "eps",
        Part::Threat,
        "EPS",
        "Largest change, in units of --scale: 8/255 or 0.03; for l0 a number of elements",
        |q, v| one(v).map(|eps| q.threat.eps = Radius::Within(eps)),
    ),
    Setting::new(
        "minimum-norm",
        Part::Threat,
        "",
        "Find the smallest change that fools the model on each sample, instead of one within --eps",
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
        "What a change of 1 means in eps and distances: the range of each feature, its standard deviation in the data, or the number 1 [default: range with --scale data, else absolute]",
        |q, v| one(v).map(|unit| q.threat.unit = Some(unit)),
    )
    .words(Unit::NAMES),
    Setting::new("target", Part::Threat, "CLASS", "Class, by name or index, that the attacker wants; without it, any wrong class counts", |q, v| {
        one(v).map(|class| q.threat.target = Some(class))
    }),
    Setting::new(
        "knowledge",
        Part::Threat,
        "KNOWLEDGE",
        "What the attacker sees of the model: gradients and all else (white), the scores, or only the predicted class; attacks of the suite that need more are left out [default: white, or score where the model has no gradient]",
        |q, v| one(v).map(|knowledge| q.threat.knowledge = Some(knowledge)),
    )
    .words(Knowledge::NAMES),
    Setting::new(
        "suite",
        Part::Attacks,
        "NAME|FILE",
        "Attacks that run one after the other, each on the samples that are left: {suites}, or a TOML file of your own (brinell suites NAME prints a template) [default: quick, with --minimum-norm minimum; score or label where --knowledge says so]",
        |q, v| one(v).map(|suite| q.effort.suite = Some(suite)),
    )
    .excludes(&["attack"])
    .paths(FilePaths::Existing),
    Setting::new(
        "attack",
        Part::Attacks,
        "NAME",
        "One attack instead of a suite, with settings as in pgd:steps=40,restarts=5; may be repeated: {attacks} (brinell attacks describes them)",
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
        "Query budget: the most forward and backward passes for one sample in one stage",
        |q, v| count(v, 2, "a gradient costs a forward and a backward").map(|limit| q.effort.max_queries = Some(limit)),
    ),
    Setting::new(
        "keep-going",
        Part::Attacks,
        "",
        "Run attacks to their end and keep the strongest example of each sample, not the first",
        |q, v| switch(v).map(|keep_going| q.effort.keep_going = keep_going),
    )
    .form(Form::Switch),
    Setting::new(
        "certify",
        Part::Attacks,
        "TIME",
        "Before the attacks, look so long for a proof that no allowed change breaks a sample, such as 30s or 2m for each; proven samples are not attacked",
        |q, v| seconds(v).map(|seconds| q.effort.certify = Some(seconds)),
    )
    .excludes(&["minimum-norm"]),
    Setting::new(
        "sanity",
        Part::Attacks,
        "LEVEL",
        "How thoroughly attacks and model are checked: only by what the attacks show, with a few more queries, or with further attacks on up to 64 samples (unbounded, larger eps, without gradients, noise); changes no result [default: cheap]",
        |q, v| one(v).map(|level| q.effort.sanity = level),
    )
    .words(SanityLevel::NAMES),
    Setting::new("runtime", Part::Running, "RUNTIME", "Software that executes the model [default: auto]", |q, v| {
        one(v).map(|runtime| q.running.runtime = runtime)
    })
    .words(RuntimeChoice::NAMES),
    Setting::new("onnxruntime", Part::Running, "PATH", "ONNX Runtime's shared library, or a folder with it", |q, v| {
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
    Setting::new("threads", Part::Running, "N", "Threads [default: all cores]", |q, v| {
        let threads = count(v, 1, "give at least 1").and_then(size)?;
        q.running.threads = threads.try_into().ok();
        Ok(())
    }),
    Setting::new("batch", Part::Running, "N", "Samples in one call of the model [default: by size]", |q, v| {
        let batch = count(v, 1, "give at least 1").and_then(size)?;
        q.running.batch = batch.try_into().ok();
        Ok(())
    }),
];
