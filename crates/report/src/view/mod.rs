//! What the templates are given: texts ready to be shown, drawings ready to be placed.

mod claim;
mod classes;
mod flags;
mod gallery;
mod manual;
mod repeat;
mod samples;
mod scope;
mod stages;
mod tiles;

use crate::chart::{CurveView, DistancesView, QueriesView, SandwichView, Series};
use crate::exhaustive;
use crate::format::radius;
use crate::question::question;
use crate::refusals;
use crate::verdict::{Verdict, at_radius, survivors};
use crate::{ReportError, Run};
use brinell_record::Summary;
use serde::Serialize;

/// The page of one audit.
#[derive(Serialize)]
pub(crate) struct ReportView {
    title: String,
    created: String,
    version: String,
    run: RunView,
}

/// The page of one claim, with the audit that decided it where there was one.
#[derive(Serialize)]
pub(crate) struct ClaimPage {
    title: String,
    created: String,
    version: String,
    claim: claim::ClaimView,
    flags: flags::FlagsView,
    run: Option<RunView>,
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
    question: String,
    lead: String,
    rest: String,
    caveat: Option<String>,
    /// What searches that looked at everything show.
    exhaustive: Option<String>,
    refusals: Option<String>,
    facts: Vec<repeat::Fact>,
    tiles: Vec<tiles::Tile>,
    sandwich: Option<SandwichView>,
    distances: Option<DistancesView>,
    /// True where the nearest examples were looked for, and not examples within a radius.
    nearest: bool,
    gallery: gallery::GalleryView,
    stages: stages::StagesView,
    curve: Option<CurveView>,
    queries: Option<QueriesView>,
    radius: String,
    classes: classes::ClassesView,
    flags: flags::FlagsView,
    scope: scope::ScopeView,
    command: String,
    repeat: Vec<repeat::Group>,
    samples: samples::SamplesView,
}

impl ReportView {
    pub(crate) fn of(run: &Run) -> Result<Self, ReportError> {
        Ok(Self {
            title: run.title.clone(),
            created: repeat::when(&run.summary.created),
            version: run.summary.brinell_version.clone(),
            run: RunView::of(run, 0, 1)?,
        })
    }
}

impl ClaimPage {
    pub(crate) fn of(verdict: &brinell_record::Verdict, run: Option<&Run>) -> Result<Self, ReportError> {
        // A check ends as soon as its bounds decide, and then ordinary intervals do not hold.
        let fixed = verdict.numbers.as_ref().is_none_or(|numbers| numbers.n >= numbers.population);
        Ok(Self {
            title: verdict.claim.id.clone(),
            created: repeat::when(&verdict.created),
            version: verdict.brinell_version.clone(),
            claim: claim::ClaimView::of(verdict, run.map(|run| &run.summary)),
            flags: flags::FlagsView::of(
                &verdict.flags,
                run.map(|run| run.summary.indicators.as_slice()).unwrap_or_default(),
                run.and_then(|run| run.summary.sanity.as_ref()),
                "",
            ),
            run: run
                .map(|run| {
                    let sandwich = SandwichView::of(&run.summary, fixed);
                    RunView::of(run, 0, 1).map(|view| RunView { sandwich, ..view })
                })
                .transpose()?,
        })
    }
}

impl ComparisonView {
    pub(crate) fn of(runs: &[Run]) -> Result<Self, ReportError> {
        let series: Vec<Series<'_>> = runs.iter().map(series).collect();
        let title = runs.iter().map(|run| run.title.as_str()).collect::<Vec<_>>().join(" and ");
        Ok(Self {
            title,
            created: runs.first().map(|run| repeat::when(&run.summary.created)).unwrap_or_default(),
            version: runs.first().map(|run| run.summary.brinell_version.clone()).unwrap_or_default(),
            headline: Headline::of(runs),
            curve: CurveView::of(&series),
            differences: differences(runs),
            runs: runs.iter().enumerate().map(|(at, run)| RunView::of(run, at, runs.len())).collect::<Result<_, _>>()?,
        })
    }
}

impl RunView {
    /// Describes the run `at` this place among `n_runs` on the page.
    fn of(run: &Run, at: usize, n_runs: usize) -> Result<Self, ReportError> {
        let summary = &run.summary;
        let verdict = Verdict::of(summary);
        let prefix = if n_runs > 1 { format!("run-{}-", at + 1) } else { String::new() };
        Ok(Self {
            title: run.title.clone(),
            question: question(&run.title, summary),
            lead: verdict.lead,
            rest: verdict.rest,
            caveat: verdict.caveat,
            exhaustive: exhaustive::sentences(summary),
            refusals: refusals::sentences(summary),
            facts: repeat::facts(summary),
            tiles: tiles::tiles(run),
            sandwich: SandwichView::of(summary, true),
            distances: DistancesView::of(summary),
            nearest: summary.minimum_norm.is_some(),
            gallery: gallery::GalleryView::of(run, n_runs)?,
            stages: stages::StagesView::of(summary),
            curve: if summary.data.n > 1 { CurveView::of(&[series(run)]) } else { None },
            queries: QueriesView::of(summary),
            radius: radius(&summary.question.threat),
            classes: classes::ClassesView::of(summary),
            flags: flags::FlagsView::of(&summary.flags, &summary.indicators, summary.sanity.as_ref(), &prefix),
            scope: scope::ScopeView::of(summary),
            command: summary.command.clone(),
            repeat: repeat::groups(summary),
            samples: samples::SamplesView::of(run),
        })
    }
}

impl Headline {
    fn of(runs: &[Run]) -> Self {
        let title = |run: &Run| run.title.clone();
        let alike = match runs {
            [first, others @ ..] => {
                let comparable = |run: &Run| same_threat(&run.summary, &first.summary) && !run.summary.stages.is_empty();
                first.summary.allowed.target.is_none() && comparable(first) && others.iter().all(comparable)
            }
            [] => false,
        };
        match runs.first() {
            Some(first) if alike => Self {
                opening: format!("Under every attack that was run at {},", at_radius(&first.summary)),
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
    Series { name: &run.title, points: &run.summary.curve, threat: &run.summary.question.threat }
}

/// True where two audits allow the same changes.
fn same_threat(a: &Summary, b: &Summary) -> bool {
    let of = |summary: &Summary| (summary.question.threat.norm, summary.question.threat.eps.clone(), summary.allowed.input_box);
    let found = |summary: &Summary| (summary.allowed.target, summary.allowed.features.clone());
    of(a) == of(b) && found(a) == found(b)
}

/// Settings in which the audits differ from the first, apart from the model.
fn differences(runs: &[Run]) -> Vec<String> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let differs = |question: fn(&Summary, &Summary) -> bool| others.iter().any(|other| question(&first.summary, &other.summary));
    let mut found = Vec::new();
    if differs(|a, b| a.data.sha256 != b.data.sha256 || a.data.n != b.data.n) {
        found.push("The audits used different data, so their accuracies cannot be compared.".to_owned());
    }
    if differs(|a, b| !same_threat(a, b)) {
        found.push("The audits allow different changes, so their robust accuracies cannot be compared.".to_owned());
    }
    if differs(|a, b| a.attacks != b.attacks) {
        found.push("The audits ran different attacks; with weaker attacks, a model looks better.".to_owned());
    }
    found
}

/// A part of a whole in `[0, 1]`, 0 for an empty whole.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
