//! What the template of a patch is given.

use super::words;
use crate::ReportError;
use crate::format::{percent, size};
use crate::picture::{Layout, data_uri};
use brinell_record::{Patch, PatchScore};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct PatchView {
    title: &'static str,
    created: String,
    version: String,
    headline: String,
    scope: String,
    grid: String,
    picture: Option<String>,
    targets: Vec<Target>,
    models: Vec<[String; 4]>,
    facts: Vec<[String; 2]>,
}

#[derive(Serialize)]
struct Target {
    name: String,
    white_box: bool,
    fit: String,
    rows: Vec<[String; 5]>,
    /// Mean success of the patch at each of nine places.
    places: Vec<Vec<Cell>>,
    axes: Vec<[String; 2]>,
}

#[derive(Serialize)]
struct Cell {
    /// Share of the colour, in per cent.
    shade: u32,
    figure: String,
}

/// Largest share of the colour: text stays readable on it.
const DARKEST: f64 = 45.0;

impl PatchView {
    pub(super) fn of(patch: &Patch, values: &[f32]) -> Result<Self, ReportError> {
        let layout = Layout::of(&[patch.channels, patch.side, patch.side]);
        let value = |at: usize| values.get(at).copied().map_or(0.0, f64::from);
        let picture = layout.map(|layout| data_uri(value, values.len(), layout, 0.0, 1.0)).transpose()?.flatten();
        Ok(Self {
            title: "Patch",
            created: String::new(),
            version: patch.brinell_version.clone(),
            headline: words::headline(patch),
            scope: words::scope(),
            grid: words::grid(patch),
            picture,
            targets: patch.targets.iter().map(|one| target(patch, one)).collect(),
            models: patch
                .models
                .iter()
                .map(|model| {
                    let right = format!("{} of {}", size(model.right), size(model.n));
                    [model.name.clone(), right, model.preprocessing.clone(), model.sha256.get(..16).unwrap_or(&model.sha256).to_owned()]
                })
                .collect(),
            facts: vec![
                ["Steps".to_owned(), size(usize::try_from(patch.steps).unwrap_or(usize::MAX))],
                ["Images per step".to_owned(), size(patch.views)],
                ["Ensemble".to_owned(), patch.ensemble.clone()],
                ["Seed".to_owned(), patch.seed.to_string()],
                ["Images".to_owned(), patch.data.path.clone()],
            ],
        })
    }
}

fn target(patch: &Patch, target: &brinell_record::PatchTarget) -> Target {
    let score = &target.patch;
    let at = |down: f64, across: f64| {
        let share = words::over(patch, score, |one| one.down == down && one.across == across && one.brightness == 0.0);
        Cell { shade: (share * DARKEST).round() as u32, figure: percent(share) }
    };
    let shares = [0.0, 0.5, 1.0];
    let row = |name: &str, score: &PatchScore| {
        [name.to_owned(), words::share(&score.plain, score.n), words::share(&score.half, score.n), percent(score.mean), words::range(score)]
    };
    Target {
        name: words::name(patch, target.target),
        white_box: target.white_box,
        fit: words::control(&target.fit),
        rows: vec![row("Patch", score), row("Grey square", &target.grey), row("Random square", &target.noise)],
        places: shares.map(|down| shares.map(|across| at(down, across)).into()).into(),
        axes: axes(patch, score),
    }
}

/// Mean success over all conditions of one size, turn or brightness.
fn axes(patch: &Patch, score: &PatchScore) -> Vec<[String; 2]> {
    type Value = fn(&brinell_record::PatchCondition) -> f64;
    let kinds: [(&str, Value, bool); 3] = [
        ("relative size", |one| one.scale, false),
        ("rotation in degrees", |one| one.angle, false),
        ("brightness", |one| one.brightness, true),
    ];
    let mut rows = Vec::new();
    for (name, value, in_the_middle) in kinds {
        let mut values: Vec<f64> = patch.conditions.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        for at in values {
            // Brightness changes under the plain condition alone.
            let plain = |one: &brinell_record::PatchCondition| one.down == 0.5 && one.across == 0.5 && one.scale == 1.0 && one.angle == 0.0;
            let pick =
                |one: &brinell_record::PatchCondition| value(one) == at && if in_the_middle { plain(one) } else { one.brightness == 0.0 };
            rows.push([format!("{name} {at}"), percent(words::over(patch, score, pick))]);
        }
    }
    rows
}
