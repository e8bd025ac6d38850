//! What the templates are given: texts ready to be shown, drawings ready to be placed.

use crate::chart::{CurveView, DotsView, Series, accuracy_bar, stage_bar};
use crate::format::{confidence, count, distance, duration, percent, radius, significant, size};
use crate::gallery::GalleryView;
use crate::repeat::{self, Fact};
use crate::tiles::{Tile, tiles};
use crate::verdict::{Verdict, at_radius, class_name, noun, plural, survivors};
use crate::{ReportError, Run};
use brinell_record::{Outcome, SampleRecord, Severity, Summary};
use serde::Serialize;

/// Rows of the per-sample table.
const SAMPLE_ROWS: usize = 200;
/// Classes shown; above this the ones that lost most.
const CLASS_ROWS: usize = 40;

/// The page of one audit.
#[derive(Serialize)]
pub(crate) struct ReportView {
    title: String,
    created: String,
    version: String,
    run: RunView,
}

/// The page of several audits.
#[derive(Serialize)]
pub(crate) struct ComparisonView {
    title: String,
    created: String,
    version: String,
    headline: Headline,
    runs: Vec<RunView>,
    curve: Option<CurveView>,
    /// What makes the audits hard to compare.
    differences: Vec<String>,
}

/// What the audits found, in one sentence; only the names where they are not of one kind.
#[derive(Serialize)]
struct Headline {
    opening: String,
    parts: Vec<HeadlinePart>,
}

#[derive(Serialize)]
struct HeadlinePart {
    count: String,
    title: String,
}

/// One audit, section by section.
#[derive(Serialize)]
struct RunView {
    title: String,
    lead: String,
    rest: String,
    caveat: Option<String>,
    facts: Vec<Fact>,
    tiles: Vec<Tile>,
    dots: Option<DotsView>,
    gallery: GalleryView,
    stages: StagesView,
    curve: Option<CurveView>,
    radius: String,
    classes: ClassesView,
    flags: Vec<FlagView>,
    /// True where a flag is more than a note.
    urgent: bool,
    meaning: Meaning,
    command: String,
    repeat: Vec<repeat::Group>,
    samples: SamplesView,
}

#[derive(Serialize)]
struct StagesView {
    rows: Vec<StageRow>,
}

#[derive(Serialize)]
struct StageRow {
    name: String,
    attacked: String,
    broken: String,
    left: String,
    share: String,
    forwards: String,
    backwards: String,
    time: String,
    bar: String,
}

#[derive(Serialize)]
struct ClassesView {
    rows: Vec<ClassRow>,
    note: String,
}

#[derive(Serialize)]
struct ClassRow {
    name: String,
    n: String,
    clean: String,
    robust: String,
    bar: String,
}

#[derive(Serialize)]
struct FlagView {
    id: String,
    message: String,
    severity: &'static str,
    advice: &'static str,
}

/// Figures that the section on what is proven speaks of.
#[derive(Serialize)]
struct Meaning {
    noun: &'static str,
    nouns: String,
    n: String,
    broken: String,
    broken_is_one: bool,
    survived: String,
    robust: String,
    confidence: String,
    radius: String,
    attacks: String,
    target: Option<String>,
}

#[derive(Serialize)]
struct SamplesView {
    rows: Vec<SampleRow>,
    total: String,
    shown: String,
    all: bool,
}

#[derive(Serialize)]
struct SampleRow {
    sample: usize,
    label: String,
    prediction: String,
    outcome: &'static str,
    attack: String,
    adv: String,
    norm: String,
    margin: String,
    passes: String,
}

impl ReportView {
    pub(crate) fn of(run: &Run) -> Result<Self, ReportError> {
        Ok(Self {
            title: run.title.clone(),
            created: repeat::created(&run.summary),
            version: run.summary.brinell_version.clone(),
            run: RunView::of(run, 1)?,
        })
    }
}

impl ComparisonView {
    pub(crate) fn of(runs: &[Run]) -> Result<Self, ReportError> {
        let series: Vec<Series<'_>> = runs.iter().map(series).collect();
        let title = runs.iter().map(|run| run.title.as_str()).collect::<Vec<_>>().join(" and ");
        Ok(Self {
            title,
            created: runs.first().map(|run| repeat::created(&run.summary)).unwrap_or_default(),
            version: runs.first().map(|run| run.summary.brinell_version.clone()).unwrap_or_default(),
            headline: Headline::of(runs),
            curve: CurveView::of(&series),
            differences: differences(runs),
            runs: runs.iter().map(|run| RunView::of(run, runs.len())).collect::<Result<_, _>>()?,
        })
    }
}

impl RunView {
    fn of(run: &Run, n_runs: usize) -> Result<Self, ReportError> {
        let summary = &run.summary;
        let verdict = Verdict::of(summary);
        Ok(Self {
            title: run.title.clone(),
            lead: verdict.lead,
            rest: verdict.rest,
            caveat: verdict.caveat,
            facts: repeat::facts(summary),
            tiles: tiles(run),
            dots: DotsView::of(summary),
            gallery: GalleryView::of(run, n_runs)?,
            stages: StagesView::of(summary),
            curve: if summary.data.n > 1 { CurveView::of(&[series(run)]) } else { None },
            radius: radius(&summary.threat),
            classes: ClassesView::of(summary),
            flags: flags(summary),
            urgent: summary.flags.iter().any(|flag| flag.severity > Severity::Note),
            meaning: Meaning::of(summary),
            command: summary.command.clone(),
            repeat: repeat::groups(summary),
            samples: SamplesView::of(run),
        })
    }
}

impl Headline {
    fn of(runs: &[Run]) -> Self {
        let title = |run: &Run| run.title.clone();
        let alike = match runs {
            [first, others @ ..] => {
                let comparable = |run: &Run| run.summary.threat == first.summary.threat && !run.summary.stages.is_empty();
                first.summary.threat.target.is_none() && comparable(first) && others.iter().all(comparable)
            }
            [] => false,
        };
        match runs.first() {
            Some(first) if alike => Self {
                opening: format!("Under every attack tried at {},", at_radius(&first.summary)),
                parts: runs.iter().map(|run| HeadlinePart { count: survivors(&run.summary), title: title(run) }).collect(),
            },
            _ => Self {
                opening: String::new(),
                parts: runs.iter().map(|run| HeadlinePart { count: String::new(), title: title(run) }).collect(),
            },
        }
    }
}

fn series(run: &Run) -> Series<'_> {
    Series { name: &run.title, points: &run.summary.curve, threat: &run.summary.threat }
}

/// Settings in which the audits differ from the first, apart from the model.
fn differences(runs: &[Run]) -> Vec<String> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let differs = |question: fn(&Summary, &Summary) -> bool| others.iter().any(|other| question(&first.summary, &other.summary));
    let mut found = Vec::new();
    if differs(|a, b| a.data.sha256 != b.data.sha256 || a.data.n != b.data.n) {
        found.push("The audits used different data, so their accuracies are not of the same samples.".to_owned());
    }
    if differs(|a, b| a.threat != b.threat) {
        found.push("The audits allow different changes, so their robust accuracies answer different questions.".to_owned());
    }
    if differs(|a, b| a.attacks != b.attacks) {
        found.push("The audits ran different attacks; the weaker suite flatters its model.".to_owned());
    }
    found
}

impl StagesView {
    fn of(summary: &Summary) -> Self {
        let n = summary.data.n;
        let wrong = n.saturating_sub(summary.clean_correct);
        let mut left = summary.clean_correct;
        let dash = || "–".to_owned();
        let mut rows = vec![StageRow {
            name: "no attack".to_owned(),
            attacked: dash(),
            broken: format!("{} wrong", size(wrong)),
            left: size(left),
            share: percent(share(left, n)),
            forwards: dash(),
            backwards: dash(),
            time: dash(),
            bar: stage_bar(left, 0, n),
        }];
        for stage in &summary.stages {
            left = left.saturating_sub(stage.broken);
            rows.push(StageRow {
                name: stage.name.clone(),
                attacked: size(stage.attacked),
                broken: size(stage.broken),
                left: size(left),
                share: percent(share(left, n)),
                forwards: count(stage.forwards),
                backwards: count(stage.backwards),
                time: duration(stage.seconds),
                bar: stage_bar(left, stage.broken, n),
            });
        }
        Self { rows }
    }
}

impl ClassesView {
    fn of(summary: &Summary) -> Self {
        if summary.data.n < 2 {
            return Self { rows: Vec::new(), note: String::new() };
        }
        let mut classes: Vec<_> = summary.per_class.iter().filter(|class| class.n > 0).collect();
        let total = classes.len();
        let note = if total > CLASS_ROWS {
            classes.sort_by(|a, b| {
                let lost = |class: &brinell_record::ClassCounts| share(class.clean_correct.saturating_sub(class.survived), class.n);
                lost(b).total_cmp(&lost(a)).then(b.n.cmp(&a.n)).then(a.class.cmp(&b.class))
            });
            classes.truncate(CLASS_ROWS);
            format!("The {CLASS_ROWS} of {total} classes that lost most are shown; summary.json has all.")
        } else {
            String::new()
        };
        let rows = classes
            .into_iter()
            .map(|class| ClassRow {
                name: class_name(&summary.classes, class.class),
                n: size(class.n),
                clean: percent(share(class.clean_correct, class.n)),
                robust: percent(share(class.survived, class.n)),
                bar: accuracy_bar(class.clean_correct, class.survived, class.n),
            })
            .collect();
        Self { rows, note }
    }
}

/// Flags, the gravest first.
fn flags(summary: &Summary) -> Vec<FlagView> {
    let mut flags: Vec<_> = summary.flags.iter().collect();
    flags.sort_by_key(|flag| std::cmp::Reverse(flag.severity));
    flags
        .into_iter()
        .map(|flag| {
            let (severity, advice) = match flag.severity {
                Severity::Blocking => ("blocking", "Do not quote these figures until this is resolved."),
                Severity::Warning => ("warning", "The figures may be too good or too bad: check this before you rely on them."),
                Severity::Note => ("note", "Nothing to do; the figures stand."),
            };
            FlagView { id: flag.id.clone(), message: flag.message.clone(), severity, advice }
        })
        .collect()
}

impl Meaning {
    fn of(summary: &Summary) -> Self {
        let noun = noun(summary);
        Self {
            noun,
            nouns: plural(summary.data.n, noun),
            n: size(summary.data.n),
            broken: size(summary.broken),
            broken_is_one: summary.broken == 1,
            survived: size(summary.survived),
            robust: percent(summary.robust_accuracy.value),
            confidence: confidence(&summary.robust_accuracy),
            radius: radius(&summary.threat),
            attacks: summary.attacks.join(", "),
            target: summary.threat.target.map(|target| class_name(&summary.classes, target)),
        }
    }
}

impl SamplesView {
    fn of(run: &Run) -> Self {
        let mut samples: Vec<&SampleRecord> = run.samples.iter().collect();
        samples.sort_by_key(|record| record.sample);
        let total = samples.len();
        samples.truncate(SAMPLE_ROWS);
        let name = |class| class_name(&run.summary.classes, class);
        let rows: Vec<SampleRow> = samples
            .into_iter()
            .map(|record| SampleRow {
                sample: record.sample,
                label: name(record.label),
                prediction: record.prediction.map_or_else(|| "none (not finite)".to_owned(), name),
                outcome: outcome(record.outcome),
                attack: match (&record.attack, record.restart) {
                    (Some(attack), Some(restart)) if restart > 0 => format!("{attack}, restart {restart}"),
                    (Some(attack), _) => attack.clone(),
                    (None, _) => String::new(),
                },
                adv: record.adv_prediction.map(name).unwrap_or_default(),
                norm: record.norm.map(|norm| distance(norm, &run.summary.threat)).unwrap_or_default(),
                margin: significant(record.margin, 3),
                passes: format!("{} + {}", count(record.forwards), count(record.backwards)),
            })
            .collect();
        Self { total: size(total), shown: size(rows.len()), all: rows.len() == total, rows }
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Misclassified => "wrong before",
        Outcome::Broken => "broken",
        Outcome::Survived => "survived",
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
