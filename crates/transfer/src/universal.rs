//! One change for all images.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use brinell_attack::driver::Model;
use brinell_attack::rng::keyed;
use brinell_data::Dataset;
use brinell_data::npz::write_adversarial;
use brinell_engine::{Answer as Gradients, OracleError};
use brinell_ledger::LedgerError;
use brinell_ledger::run::write_json;
use brinell_record::{Control, FileError, Scale, UNIVERSAL_SCHEMA, Universal, UniversalTarget};
use brinell_task::{Loss, Objective};
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use crate::contender::{Answer, Contender};
use crate::matrix::rate;
use crate::open::open;
use crate::run::model_of;
use crate::sources::{Source, Sources};
use crate::{TransferError, TransferEvent, TransferQuestion};

/// How a universal change is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UniversalSettings {
    /// Passes over the images that it is fitted to.
    pub epochs: u32,
    /// Share of the images that it is fitted to; it is tested on the others.
    pub fit: f64,
    /// Length of a step relative to eps.
    pub step: f64,
    /// Log-odds of another answer from which on an image counts no more.
    pub cap: f64,
    /// Share of the former direction in the next.
    pub momentum: f64,
    /// Images of one step.
    pub batch: usize,
}

impl UniversalSettings {
    /// Those of Shafahi et al., but for the momentum, and a part of the images that is kept for the test.
    pub const DEFAULT: Self = Self { epochs: 10, fit: 0.5, step: 0.8, cap: 12.0, momentum: 0.9, batch: 32 };
}

impl Default for UniversalSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Fits one change to a part of the images on all sources together, and asks every target about it on these and on the others.
///
/// `v <- clip(v + step eps sign m)`, `m <- momentum m + g / mean|g|`, g the sum over a batch of the gradients of `min(log-odds, cap)` at `clip(x + v)`.
///
/// # Guarantees
/// Images are fitted or tested, never both; which, and the order, hang on the seed alone.
///
/// # Errors
/// [`TransferError`].
///
/// # Source
/// Shafahi et al., "Universal Adversarial Training", AAAI 2020, algorithm 2; momentum over batches and log-odds in place of cross-entropy are ours.
pub fn universal(
    question: &TransferQuestion,
    settings: &UniversalSettings,
    out: &PathBuf,
    stop: &AtomicBool,
    observer: &mut dyn FnMut(TransferEvent<'_>),
) -> Result<Universal, TransferError> {
    if question.eps.value() > 1.0 {
        return Err(TransferError::Radius { eps: question.eps.text().to_owned() });
    }
    if out.join(RESULT).exists() {
        return Err(LedgerError::OutExists { path: out.clone() }.into());
    }
    let (data, numbers, names, mut contenders) = open(question, observer)?;
    let (fit, test) = split(&data, settings.fit, question.seed);
    if fit.is_empty() || test.is_empty() {
        return Err(TransferError::Split { fit: fit.len(), test: test.len() });
    }
    let source = question
        .from
        .iter()
        .filter_map(|model| contenders.get(*model))
        .map(|contender| contender.name.as_str())
        .collect::<Vec<_>>()
        .join(" + ");
    observer(TransferEvent::Making { source: &source, n: fit.len() });
    let change = fitted(question, settings, &data, &fit, &mut contenders, stop)?;
    observer(TransferEvent::Asking);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(question.running.thread_count().get()).build()?;
    let runtime = crate::judge::runtime_of_one(&question.running)?;
    for contender in &mut contenders {
        contender.judge_on(&runtime)?;
    }
    let noise = signs(question.eps.value() as f32, data.sample_len(), question.seed);
    let judged: Vec<_> = pool.install(|| {
        contenders.par_iter_mut().map(|contender| judge(contender, &data, [&change, &noise], stop)).collect::<Result<_, TransferError>>()
    })?;
    let mut targets = Vec::new();
    for &target in &question.to {
        let (Some(contender), Some(answers)) = (contenders.get(target), judged.get(target)) else { continue };
        let count = |samples: &[usize], which: usize| control(target, contender, &data, answers, samples, which);
        let white_box = question.from.contains(&target);
        targets.push(UniversalTarget { target, white_box, fit: count(&fit, 1), test: count(&test, 1), noise: count(&test, 2) });
    }
    let models = contenders.iter().zip(&judged).map(|(contender, answers)| {
        let known: Vec<usize> = (0..data.n).filter(|sample| !own(contender, &data, *sample).is_empty()).collect();
        let right = known.iter().filter(|sample| right(contender, &data, answers, **sample)).count();
        let silent = known.iter().filter(|sample| said(answers, 0, **sample) == Answer::None).count();
        model_of(contender, known.len(), right, silent)
    });
    let l2 = change.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let universal = Universal {
        schema: UNIVERSAL_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        eps: question.eps.text().to_owned(),
        radius: question.eps.value(),
        seed: question.seed,
        ensemble: question.ensemble.unwrap_or_default().name().to_owned(),
        epochs: settings.epochs,
        l2,
        n_fit: fit.len(),
        n_test: test.len(),
        data: crate::run::data_of(&data, &numbers, &names),
        models: models.collect(),
        sources: question.from.clone(),
        targets,
    };
    std::fs::create_dir_all(out).map_err(FileError::on("create the folder", out))?;
    write_adversarial(&out.join("change.npz"), &[0], &[], &data.shape, |_| Ok::<_, TransferError>(change.clone()))?;
    write_json(&out.join(RESULT), &universal)?;
    Ok(universal)
}

/// What a run leaves.
const RESULT: &str = "universal.json";

/// Divides the images, by draws of each.
fn split(data: &Dataset, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let draw = |sample: usize| (keyed("split", seed, sample as u64, 0).next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (0..data.n).partition(|sample| draw(*sample) < share)
}

/// Uniform signs of this size: a change that was fitted to nothing.
fn signs(eps: f32, d: usize, seed: u64) -> Vec<f32> {
    let mut rng = keyed("universal noise", seed, 0, 0);
    (0..d).map(|_| if rng.next_u32() & 1 == 0 { eps } else { -eps }).collect()
}

/// The image with the change, in the range.
fn changed(x: &mut [f32], change: &[f32]) {
    x.iter_mut().zip(change).for_each(|(x, v)| *x = (*x + v).clamp(0.0, 1.0));
}

fn fitted(
    question: &TransferQuestion,
    settings: &UniversalSettings,
    data: &Dataset,
    fit: &[usize],
    contenders: &mut [Contender],
    stop: &AtomicBool,
) -> Result<Vec<f32>, TransferError> {
    let mut oracles = Vec::new();
    for model in &question.from {
        let Some(contender) = contenders.get_mut(*model) else { continue };
        let opened = contender.case.oracle(&question.running);
        let (mut oracle, _) = opened.map_err(|source| TransferError::Model { model: contender.name.clone(), source: Box::new(source) })?;
        if !oracle.is_white() {
            return Err(TransferError::NoGradient { model: contender.name.clone(), attack: "universal".to_owned() });
        }
        oracle.soften(question.soft);
        oracles.push(oracle);
    }
    let sources = question.from.iter().filter_map(|model| contenders.get(*model)).zip(oracles);
    let sources: Vec<Source<'_>> = sources.map(|(contender, oracle)| Source::new(oracle, &contender.fit, &contender.map)).collect();
    let largest = question.from.iter().filter_map(|model| contenders.get(*model)).map(|contender| contender.case.batch).min().unwrap_or(1);
    let mut models = Sources::new(sources, question.ensemble.unwrap_or_default(), Objective::LogOdds, true, &data.labels)?;
    let d = data.sample_len();
    let eps = question.eps.value() as f32;
    let (mut change, mut momentum) = (vec![0.0f32; d], vec![0.0f32; d]);
    for epoch in 0..settings.epochs {
        for samples in shuffled(fit, question.seed, epoch).chunks(settings.batch.max(1)) {
            let mut sum = vec![0.0f32; d];
            // A step is of so many images, however many the models take at once.
            for samples in samples.chunks(largest.max(1)) {
                if stop.load(Ordering::Relaxed) {
                    return Err(TransferError::Interrupted);
                }
                add_gradients(&mut models, data, samples, &change, settings.cap as f32, &mut sum)?;
            }
            let mean = sum.iter().map(|g| f64::from(g.abs())).sum::<f64>() / d.max(1) as f64;
            if !(mean > 0.0 && mean.is_finite()) {
                continue;
            }
            let step = settings.step as f32 * eps;
            for ((v, m), g) in change.iter_mut().zip(&mut momentum).zip(&sum) {
                *m = settings.momentum as f32 * *m + (f64::from(*g) / mean) as f32;
                let sign = f32::from(i8::from(*m > 0.0) - i8::from(*m < 0.0));
                *v = (*v + step * sign).clamp(-eps, eps);
            }
        }
    }
    Ok(change)
}

/// Adds the gradients of images that are not fooled by far, where the range does not cut the change off.
fn add_gradients(
    models: &mut Sources<'_>,
    data: &Dataset,
    samples: &[usize],
    change: &[f32],
    cap: f32,
    sum: &mut [f32],
) -> Result<(), OracleError> {
    let d = sum.len();
    let mut x = vec![0.0; d * samples.len()];
    for (x, &sample) in x.chunks_exact_mut(d.max(1)).zip(samples) {
        data.sample(sample, Scale::Unit, x);
        changed(x, change);
    }
    let mut answer = Gradients::default();
    models.about(&mut samples.iter().copied());
    models.fused(Loss::LogOdds, &x, &[], &mut answer)?;
    for ((x, g), loss) in x.chunks_exact(d.max(1)).zip(answer.gradient.chunks_exact(d.max(1))).zip(&answer.loss) {
        if *loss < cap {
            let free = |x: f32| x > 0.0 && x < 1.0;
            sum.iter_mut().zip(x.iter().zip(g)).for_each(|(sum, (x, g))| *sum += if free(*x) && g.is_finite() { *g } else { 0.0 });
        }
    }
    Ok(())
}

/// The images in the order of an epoch.
fn shuffled(samples: &[usize], seed: u64, epoch: u32) -> Vec<usize> {
    let mut rng = keyed("universal order", seed, 0, epoch);
    let mut order = samples.to_vec();
    for last in (1..order.len()).rev() {
        order.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
    }
    order
}

/// Answers about all images: as they are, with the change, and with the noise.
type Answers = [Vec<Answer>; 3];

fn judge(contender: &mut Contender, data: &Dataset, changes: [&[f32]; 2], stop: &AtomicBool) -> Result<Answers, TransferError> {
    let mut answers = [Vec::new(), Vec::new(), Vec::new()];
    let mut buffer = Vec::new();
    let mut x = vec![0.0; data.sample_len()];
    for sample in 0..data.n {
        for (which, answers) in answers.iter_mut().enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Err(TransferError::Interrupted);
            }
            data.sample(sample, Scale::Unit, &mut x);
            if let Some(change) = which.checked_sub(1).and_then(|which| changes.get(which)) {
                changed(&mut x, change);
            }
            let answer = match contender.ask(&x, &mut buffer, sample) {
                Ok(answer) => answer,
                Err(error) => crate::judge::no_answer(contender, error, which == 0, answers)?,
            };
            answers.push(answer);
        }
    }
    Ok(answers)
}

fn own<'a>(contender: &'a Contender, data: &Dataset, sample: usize) -> &'a [usize] {
    data.labels.get(sample).map_or(&[], |label| contender.map.own(*label))
}

fn said(answers: &Answers, which: usize, sample: usize) -> Answer {
    answers.get(which).and_then(|answers| answers.get(sample)).copied().unwrap_or(Answer::None)
}

/// True where the model gives the image its class, as far as it was asked about the image itself.
fn right(contender: &Contender, data: &Dataset, answers: &Answers, sample: usize) -> bool {
    matches!(said(answers, 0, sample), Answer::Class(class) if own(contender, data, sample).contains(&class))
}

fn control(target: usize, contender: &Contender, data: &Dataset, answers: &Answers, samples: &[usize], which: usize) -> Control {
    let counted =
        samples.iter().filter(|sample| right(contender, data, answers, **sample) && said(answers, which, **sample) != Answer::None);
    let counted: Vec<usize> = counted.copied().collect();
    let kept =
        |sample: usize| matches!(said(answers, which, sample), Answer::Class(class) if own(contender, data, sample).contains(&class));
    let fooled = counted.iter().filter(|sample| !kept(**sample)).count();
    Control { target, right: counted.len(), fooled, rate: rate(fooled, counted.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation_that_hangs_on_seed_and_epoch() {
        let samples: Vec<usize> = (10..60).collect();
        let one = shuffled(&samples, 1, 0);
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, samples);
        assert!(one == shuffled(&samples, 1, 0) && one != shuffled(&samples, 1, 1) && one != shuffled(&samples, 2, 0));
    }

    #[test]
    fn a_change_stays_in_the_range() {
        let mut x = [0.0, 0.5, 1.0];
        changed(&mut x, &[-0.1, 0.1, 0.1]);
        assert_eq!(x, [0.0, 0.6, 1.0]);
    }
}
