//! Several models on the same samples, in order.

use std::path::{Path, PathBuf};

use brinell_record::{
    ClassDistance, CurvePoint, Norm, Outcome, PairedDistances, Quantile, RANKING_SCHEMA, RankInterval, Ranked, RankedDistances, RankedPair,
    Ranking, SampleRecord,
};
use brinell_stats::{Decided, Duel, duels, paired, quantile, rank_intervals};

use crate::compare::check_same_samples;
use crate::{Completed, LedgerError, run};

/// Largest probability that any of the tests names a difference that is none.
const LEVEL: f64 = 0.05;
/// Most radii of a curve beside 0.
const RADII: usize = 128;

/// The finished runs of a model.
#[derive(Debug, Clone)]
pub struct RankEntry {
    /// Name in tables.
    pub name: String,
    /// Folder of the audit at the radius, in the folder of the ranking.
    pub run: PathBuf,
    /// Folder of the audit for the nearest examples.
    pub nearest: Option<PathBuf>,
}

/// What is known of the samples of one model.
struct Known {
    run: Completed,
    nearest: Option<Completed>,
    survived: Vec<bool>,
    /// Distance of the nearest known example: 0 where the sample is wrong as it is, infinite where there is none.
    distances: Option<Vec<f64>>,
}

/// Puts models in order by the samples that survive at the radius, and says which ranks each can have.
///
/// # Guarantees
/// All runs took the same samples with the same labels under the same threat. A sample survives where neither run of the model has an example within the radius. The probability
/// that any rank is outside of its interval is at most 5 % over both kinds of ranks together, of the population that the samples were drawn from.
///
/// # Errors
/// [`LedgerError::NotPaired`], and those of [`run::read`].
pub fn rank(folder: &Path, entries: &[RankEntry], class_distance: Option<ClassDistance>) -> Result<Ranking, LedgerError> {
    let read = |entry: &RankEntry| -> Result<Known, LedgerError> {
        let run = run::read(&folder.join(&entry.run))?;
        let nearest = entry.nearest.as_ref().map(|nearest| run::read(&folder.join(nearest))).transpose()?;
        Ok(known(run, nearest))
    };
    let mut all: Vec<(&RankEntry, Known)> = Vec::new();
    for entry in entries {
        let known = read(entry)?;
        let first = all.first().map_or((&entry.run, &known), |(entry, known)| (&entry.run, known));
        check(folder, (first.0, &first.1.run), (&entry.run, &known.run))?;
        if let Some((nearest, path)) = known.nearest.as_ref().zip(entry.nearest.as_ref()) {
            check_same_samples(&folder.join(&entry.run), &folder.join(path), &known.run, nearest)?;
            check_same_model(folder, entry, path, &known.run, nearest)?;
        }
        all.push((entry, known));
    }
    let count = |known: &Known| known.survived.iter().filter(|survived| **survived).count();
    all.sort_by(|(a, x), (b, y)| {
        let far = |known: &Known| median(known).map_or(0.0, |median| median.value);
        count(y).cmp(&count(x)).then_with(|| far(y).total_cmp(&far(x))).then_with(|| a.name.cmp(&b.name))
    });
    let Some((_, first)) = all.first() else { return Err(LedgerError::NoRun { path: folder.to_path_buf(), stopped: false }) };
    let (threat, allowed) = (first.run.summary.question.threat.clone(), first.run.summary.allowed.clone());
    let (data, data_path) = (first.run.summary.data.clone(), first.run.summary.question.population.data.display().to_string());
    let with_distances = all.iter().all(|(_, known)| known.distances.is_some());
    let (pairs, by_survival, by_distance) = compare_all(&all, with_distances);
    let multiples = class_distance.filter(|distance| distance.median > 0.0 && matches!(threat.norm, Norm::L2 | Norm::L1));
    let models = all.iter().enumerate().map(|(number, (entry, known))| {
        let interval = |ranks: &[(usize, usize)]| {
            let (best, worst) = ranks.get(number).copied().unwrap_or((1, all.len()));
            RankInterval { best, worst }
        };
        let distances = median(known).filter(|_| with_distances).map(|median| RankedDistances {
            median,
            not_found: known.distances.iter().flatten().filter(|distance| distance.is_infinite()).count(),
            rank: interval(&by_distance),
            multiple: multiples.map(|distance| Quantile {
                value: median.value / distance.median,
                low: median.low / distance.median,
                high: median.high / distance.median,
                ..median
            }),
        });
        ranked(entry, known, interval(&by_survival), distances, count(known))
    });
    Ok(Ranking {
        schema: RANKING_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        eps: allowed.eps,
        data,
        data_path,
        level: LEVEL,
        models: models.collect(),
        pairs,
        class_distance,
        notes: notes(&all),
        threat,
    })
}

fn known(run: Completed, nearest: Option<Completed>) -> Known {
    let eps = run.summary.allowed.eps;
    let found = |record: &SampleRecord| match record.outcome {
        Outcome::Misclassified => 0.0,
        Outcome::Broken => record.norm.unwrap_or(f64::INFINITY),
        Outcome::Survived => f64::INFINITY,
    };
    let distances = nearest.as_ref().map(|nearest| {
        let both = run.samples.iter().zip(&nearest.samples);
        both.map(|(at, near)| if at.outcome == Outcome::Misclassified { 0.0 } else { found(at).min(found(near)) }).collect::<Vec<f64>>()
    });
    let survives = |(place, record): (usize, &SampleRecord)| {
        let near = distances.as_ref().and_then(|distances| distances.get(place)).is_some_and(|distance| *distance <= eps);
        record.outcome == Outcome::Survived && !near
    };
    let survived = run.samples.iter().enumerate().map(survives).collect();
    Known { run, nearest, survived, distances }
}

fn median(known: &Known) -> Option<Quantile> {
    let mut sorted = known.distances.clone()?;
    sorted.sort_by(f64::total_cmp);
    Some(quantile(&sorted, 0.5))
}

fn check(folder: &Path, (name_a, a): (&PathBuf, &Completed), (name_b, b): (&PathBuf, &Completed)) -> Result<(), LedgerError> {
    check_same_samples(&folder.join(name_a), &folder.join(name_b), a, b)?;
    let threat = |run: &Completed| {
        let (threat, allowed) = (&run.summary.question.threat, &run.summary.allowed);
        let target = allowed.target.map_or(String::new(), |class| format!(", target {class}"));
        format!("{} in {} of {}..{}{target}", allowed.eps, threat.norm.name(), allowed.input_box[0], allowed.input_box[1])
    };
    let values = |run: &Completed| run.summary.data.shape.iter().product::<usize>();
    let facts = [
        (
            "the sizes of a sample differ",
            format!("{:?}", a.summary.data.shape),
            format!("{:?}", b.summary.data.shape),
            values(a) == values(b),
        ),
        ("what may be changed differs", threat(a), threat(b), threat(a) == threat(b)),
    ];
    for (what, a, b, same) in facts {
        if !same {
            return Err(LedgerError::NotPaired { run_a: folder.join(name_a), run_b: folder.join(name_b), what, a, b });
        }
    }
    Ok(())
}

fn check_same_model(folder: &Path, entry: &RankEntry, nearest: &Path, a: &Completed, b: &Completed) -> Result<(), LedgerError> {
    let digests = |run: &Completed| (run.summary.model.sha256.clone(), run.summary.model.weights_sha256.clone());
    if digests(a) == digests(b) {
        return Ok(());
    }
    let what = "the models (SHA-256) differ";
    let (a, b) = (digests(a).0, digests(b).0);
    Err(LedgerError::NotPaired { run_a: folder.join(&entry.run), run_b: folder.join(nearest), what, a, b })
}

/// Tests of every two models, and the ranks that follow, by survivors and by distances.
type Compared = (Vec<RankedPair>, Vec<(usize, usize)>, Vec<(usize, usize)>);

fn compare_all(all: &[(&RankEntry, Known)], with_distances: bool) -> Compared {
    let mut pairs = Vec::new();
    let mut tests = Vec::new();
    for (a, (_, x)) in all.iter().enumerate() {
        for (b, (_, y)) in all.iter().enumerate().skip(a + 1) {
            let robust = paired(x.survived.iter().copied().zip(y.survived.iter().copied()));
            tests.push(Duel { a, b, ahead_a: robust.only_a as u64, ahead_b: robust.only_b as u64 });
            pairs.push(RankedPair { a, b, robust, robust_adjusted: 1.0, more_robust: None, distances: None });
        }
    }
    let n = pairs.len();
    if with_distances {
        for pair in &mut pairs {
            let of = |number: usize| all.get(number).and_then(|(_, known)| known.distances.as_deref()).unwrap_or_default();
            let farther = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| a > b).count();
            let (x, y) = (of(pair.a), of(pair.b));
            let (farther_a, farther_b) = (farther(x, y), farther(y, x));
            tests.push(Duel { a: pair.a, b: pair.b, ahead_a: farther_a as u64, ahead_b: farther_b as u64 });
            let equal = x.len() - farther_a - farther_b;
            pair.distances = Some(PairedDistances { farther_a, farther_b, equal, p_value: 1.0, adjusted: 1.0, farther: None });
        }
    }
    // One family: whoever reads the page reads all of them.
    let decided = duels(&tests, LEVEL);
    let (robust, far) = decided.split_at(n);
    for (pair, one) in pairs.iter_mut().zip(robust) {
        (pair.robust_adjusted, pair.more_robust) = (one.adjusted, one.ahead);
    }
    for (pair, one) in pairs.iter_mut().zip(far) {
        if let Some(distances) = &mut pair.distances {
            *distances = PairedDistances { p_value: one.p_value, adjusted: one.adjusted, farther: one.ahead, ..*distances };
        }
    }
    let ahead = |decided: &[Decided]| {
        let of = |(test, one): (&Duel, &Decided)| one.ahead.map(|first| (first, test.a + test.b - first));
        rank_intervals(all.len(), &tests.iter().zip(decided).filter_map(of).collect::<Vec<_>>())
    };
    let ranks = (ahead(robust), ahead(far));
    (pairs, ranks.0, ranks.1)
}

fn ranked(entry: &RankEntry, known: &Known, rank: RankInterval, distances: Option<RankedDistances>, survived: usize) -> Ranked {
    let summary = &known.run.summary;
    let n = summary.data.n;
    let curve = match &known.distances {
        Some(distances) => steps(distances, &known.survived, summary.allowed.eps),
        None => summary.curve.clone(),
    };
    let mut spent: Vec<u64> = known
        .run
        .samples
        .iter()
        .filter(|record| record.outcome == Outcome::Broken)
        .map(|record| record.forwards + record.backwards)
        .collect();
    spent.sort_unstable();
    let half = summary.clean_correct.div_ceil(2);
    let queries_to_half = half.checked_sub(1).and_then(|place| spent.get(place)).copied().filter(|_| !summary.question.effort.keep_going);
    let mut blocking: Vec<String> = summary.blocking().map(|flag| flag.id.clone()).collect();
    for flag in known.nearest.iter().flat_map(|run| run.summary.blocking()) {
        if !blocking.contains(&flag.id) {
            blocking.push(flag.id.clone());
        }
    }
    Ranked {
        name: entry.name.clone(),
        path: summary.question.artefact.model.display().to_string(),
        model: summary.model.clone(),
        run: entry.run.display().to_string(),
        nearest_run: entry.nearest.as_ref().map(|path| path.display().to_string()),
        rank,
        clean_correct: summary.clean_correct,
        clean_accuracy: summary.clean_accuracy,
        survived,
        robust_accuracy: brinell_stats::rate(survived, n),
        broken_by_nearest_only: summary.survived - survived,
        distances,
        curve,
        queries: summary.stages.iter().map(|stage| stage.forwards + stage.backwards).sum(),
        queries_to_half,
        attacks: summary.attacks.clone(),
        blocking,
    }
}

/// Share of samples without an example within a radius: at 0, at the radius of the question, and at distances that were found.
fn steps(distances: &[f64], survived: &[bool], eps: f64) -> Vec<CurvePoint> {
    let n = distances.len();
    let mut sorted = distances.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut radii: Vec<f64> = sorted.iter().copied().filter(|distance| distance.is_finite() && *distance > 0.0).collect();
    radii.dedup();
    let every = radii.len().div_ceil(RADII).max(1);
    let mut radii: Vec<f64> = radii.into_iter().rev().step_by(every).chain([0.0, eps]).collect();
    radii.sort_by(f64::total_cmp);
    radii.dedup();
    let at_eps = survived.iter().filter(|survived| **survived).count();
    let point = |eps_here: f64| {
        let left = n - sorted.partition_point(|distance| *distance <= eps_here);
        // What broke without a known distance is broken at the radius all the same.
        let left = if eps_here >= eps { left.min(at_eps) } else { left };
        CurvePoint { eps: eps_here, survived: left, robust_accuracy: brinell_stats::rate(left, n) }
    };
    radii.into_iter().map(point).collect()
}

/// What makes ranks doubtful.
fn notes(all: &[(&RankEntry, Known)]) -> Vec<String> {
    let mut notes = Vec::new();
    for (entry, known) in all {
        let runs = [Some(&known.run), known.nearest.as_ref()];
        let mut flags: Vec<&str> = runs.iter().flatten().flat_map(|run| run.summary.blocking()).map(|flag| flag.id.as_str()).collect();
        flags.dedup();
        if !flags.is_empty() {
            notes.push(format!(
                "the figures of {} are not reliable ({}), and neither are the ranks that depend on them",
                entry.name,
                flags.join(", ")
            ));
        }
    }
    let mut groups: Vec<(&[String], Vec<&str>)> = Vec::new();
    for (entry, known) in all {
        let attacks = known.run.summary.attacks.as_slice();
        match groups.iter_mut().find(|(of, _)| *of == attacks) {
            Some((_, names)) => names.push(&entry.name),
            None => groups.push((attacks, vec![&entry.name])),
        }
    }
    if groups.len() > 1 {
        let text = |(attacks, names): &(&[String], Vec<&str>)| {
            let short = attacks.iter().map(|attack| attack.split(':').next().unwrap_or(attack)).collect::<Vec<_>>().join(", ");
            format!("{} by {short}", names.join(", "))
        };
        let list = groups.iter().map(text).collect::<Vec<_>>().join("; ");
        notes.push(format!("different attacks ran on the models, which may explain a difference: {list}"));
    }
    let nearer: usize = all.iter().map(|(_, known)| known.run.summary.survived - known.survived.iter().filter(|one| **one).count()).sum();
    if nearer > 0 {
        notes.push(format!("{nearer} samples survive the attacks at the radius, but the search for the nearest example breaks them within it; they count as broken"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_starts_at_clean_accuracy_and_holds_at_the_radius_what_the_audit_says() {
        let distances = [0.0, 0.2, 0.5, f64::INFINITY, 0.3];
        // The last one was broken within 0.25 by an example whose distance is not known.
        let points = steps(&distances, &[false, false, true, true, false], 0.25);
        let found: Vec<(f64, usize)> = points.iter().map(|point| (point.eps, point.survived)).collect();
        assert_eq!(found, [(0.0, 4), (0.2, 3), (0.25, 2), (0.3, 2), (0.5, 1)]);
    }
}
