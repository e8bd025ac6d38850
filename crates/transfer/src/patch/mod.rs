//! A patch that is put into images: fitted to some, tested on others.

mod grid;
mod place;
mod train;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use brinell_attack::rng::keyed;
use brinell_data::Dataset;
use brinell_data::npz::write_adversarial;
use brinell_ledger::LedgerError;
use brinell_ledger::run::write_json;
use brinell_record::{FileError, PATCH_SCHEMA, Patch, PatchTarget, Scale, hash};
use brinell_task::Objective;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::contender::{Answer, Contender};
use crate::open::open;
use crate::run::{data_of, model_of};
use crate::sources::{Source, Sources};
use crate::{TransferError, TransferEvent, TransferQuestion};
use grid::{Count, ask, conditions};
use place::{Cut, Picture};
use train::{Course, fitted, uniform};

/// What a patch is, and how it is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchSettings {
    /// Share of the image that it covers at its own scale.
    pub area: f64,
    /// The class that it is to be seen as, by name or number; any mistake counts without it.
    pub target: Option<String>,
    /// Share of the images that it is fitted to; it is tested on the others.
    pub fit: f64,
    /// Steps of the fit.
    pub steps: u32,
    /// Images of one step, each under a condition of its own.
    pub views: usize,
    /// Rate of Adam.
    pub rate: f64,
    /// Largest change of its size, as a share of it.
    pub scale: f64,
    /// Largest turn to either side, in degrees.
    pub angle: f64,
    /// Largest change of its brightness.
    pub brightness: f64,
}

impl PatchSettings {
    /// A twentieth of the image, any mistake.
    pub const DEFAULT: Self =
        Self { area: 0.05, target: None, fit: 0.5, steps: 500, views: 16, rate: 0.05, scale: 0.3, angle: 22.5, brightness: 0.15 };
}

impl Default for PatchSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a patch run leaves.
const RESULT: &str = "patch.json";

/// Fits a patch to a part of the images on all sources together, and asks every target about it on the others, under a grid of conditions and beside squares that were fitted to nothing.
/// Returns what was found, and the values of the patch: channels, rows and columns, in 0..1.
///
/// The radius of the question does not count: what a patch covers may have any value.
///
/// # Guarantees
/// Images are fitted or tested, never both: equal images are on the same side, whatever the seed. What a target does not answer is no success.
///
/// # Errors
/// [`TransferError`].
pub fn patch(
    question: &TransferQuestion,
    settings: &PatchSettings,
    out: &Path,
    stop: &AtomicBool,
    observer: &mut dyn FnMut(TransferEvent<'_>),
) -> Result<(Patch, Vec<f32>), TransferError> {
    if out.join(RESULT).exists() {
        return Err(LedgerError::OutExists { path: out.to_path_buf() }.into());
    }
    let (data, numbers, names, mut contenders) = open(question, observer)?;
    let cut = cut(&data, settings.area)?;
    let target = settings.target.as_deref().map(|name| class_of(name, &names.names)).transpose()?;
    let (fit, test) = split(&data, settings.fit, question.seed);
    // Images of the class to reach cannot show success.
    let of_use =
        |samples: &[usize]| samples.iter().filter(|sample| target.is_none() || data.labels.get(**sample) != target.as_ref()).count();
    if of_use(&fit) == 0 || of_use(&test) == 0 {
        return Err(TransferError::Split { fit: of_use(&fit), test: of_use(&test) });
    }
    let used: Vec<usize> = fit.iter().copied().filter(|sample| target.is_none() || data.labels.get(*sample) != target.as_ref()).collect();
    let sources = question.from.iter().filter_map(|model| contenders.get(*model)).map(|contender| contender.name.as_str());
    observer(TransferEvent::Making { source: &sources.collect::<Vec<_>>().join(" + "), n: used.len() });
    let patch = made(question, settings, &data, &used, &mut contenders, &cut, target, stop)?;
    observer(TransferEvent::Asking);
    let grey = vec![0.5f32; cut.len()];
    let mut rng = keyed("patch noise", question.seed, 0, 0);
    let noise: Vec<f32> = (0..cut.len()).map(|_| uniform(&mut rng) as f32).collect();
    let conditions = conditions(settings.scale, settings.angle, settings.brightness);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(question.running.thread_count().get()).build()?;
    let runtime = crate::judge::runtime_of_one(&question.running)?;
    for contender in &mut contenders {
        contender.judge_on(&runtime)?;
    }
    let mut tested = vec![false; data.n];
    test.iter().for_each(|sample| tested[*sample] = true);
    let squares = [patch.as_slice(), &grey, &noise];
    let said: Vec<_> = pool.install(|| {
        let each = contenders.par_iter_mut();
        each.map(|contender| ask(contender, &data, &cut, &squares, &conditions, &tested, stop)).collect::<Result<_, TransferError>>()
    })?;
    let mut targets = Vec::new();
    for &number in &question.to {
        let (Some(contender), Some(said)) = (contenders.get(number), said.get(number)) else { continue };
        let count = Count { contender, data: &data, said, target };
        targets.push(PatchTarget {
            target: number,
            white_box: question.from.contains(&number),
            fit: count.plain(number, &fit),
            patch: count.score(&test, 0),
            grey: count.score(&test, 1),
            noise: count.score(&test, 2),
        });
    }
    let models = contenders.iter().zip(&said).map(|(contender, said)| {
        let known: Vec<usize> =
            (0..data.n).filter(|sample| data.labels.get(*sample).is_some_and(|label| !contender.map.own(*label).is_empty())).collect();
        let answer = |sample: usize| said.get(sample).map_or(Answer::None, |said| said.clean);
        let right = known.iter().filter(|sample| grid::is_right(contender, &data, **sample, answer(**sample))).count();
        let silent = known.iter().filter(|sample| answer(**sample) == Answer::None).count();
        model_of(contender, known.len(), right, silent)
    });
    let found = Patch {
        schema: PATCH_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: question.seed,
        side: cut.side,
        channels: cut.picture.channels,
        area: (cut.side * cut.side) as f64 / (cut.picture.height * cut.picture.width) as f64,
        steps: settings.steps,
        views: settings.views,
        ensemble: question.ensemble.unwrap_or_default().name().to_owned(),
        target,
        n_fit: used.len(),
        n_test: test.len(),
        models: models.collect(),
        data: data_of(&data, &numbers, &names),
        sources: question.from.clone(),
        conditions,
        targets,
    };
    std::fs::create_dir_all(out).map_err(FileError::on("create the folder", out))?;
    let shape = [cut.picture.channels, cut.side, cut.side];
    write_adversarial(&out.join("patch.npz"), &[0], &[], &shape, |_| Ok::<_, TransferError>(patch.clone()))?;
    write_json(&out.join(RESULT), &found)?;
    Ok((found, patch))
}

/// The square of this share of the image.
fn cut(data: &Dataset, area: f64) -> Result<Cut, TransferError> {
    let picture = Picture::of(&data.shape).ok_or_else(|| TransferError::NoPatch { shape: data.shape.clone() })?;
    square(picture, area)
}

fn square(picture: Picture, area: f64) -> Result<Cut, TransferError> {
    let Picture { height, width, .. } = picture;
    let side = ((height * width) as f64 * area).sqrt().round().max(1.0) as usize;
    if side > height.min(width) {
        return Err(TransferError::LargePatch { side, height, width });
    }
    Ok(Cut { picture, side })
}

/// A class of the data, by name or number.
fn class_of(name: &str, names: &[String]) -> Result<usize, TransferError> {
    let by_name = names.iter().position(|known| known.eq_ignore_ascii_case(name));
    let by_number = || name.parse().ok().filter(|number| *number < names.len());
    by_name.or_else(by_number).ok_or_else(|| TransferError::NoClass { class: name.to_owned(), n: names.len() })
}

/// Divides the images by draws that hang on seed and content, so that equal images are not parted.
fn split(data: &Dataset, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut x = vec![0.0f32; data.sample_len()];
    (0..data.n).partition(|sample| {
        data.sample(*sample, Scale::Unit, &mut x);
        let bytes: Vec<u8> = x.iter().flat_map(|v| v.to_le_bytes()).collect();
        let digest = hash::sha256_bytes(&[&seed.to_le_bytes()[..], &bytes].concat());
        let key = u64::from_str_radix(digest.get(..16).unwrap_or_default(), 16).unwrap_or_default();
        uniform(&mut rand_chacha::ChaCha8Rng::seed_from_u64(key)) < share
    })
}

#[expect(clippy::too_many_arguments, reason = "the parts of one fit")]
fn made(
    question: &TransferQuestion,
    settings: &PatchSettings,
    data: &Dataset,
    fit: &[usize],
    contenders: &mut [Contender],
    cut: &Cut,
    target: Option<usize>,
    stop: &AtomicBool,
) -> Result<Vec<f32>, TransferError> {
    let mut oracles = Vec::new();
    for model in &question.from {
        let Some(contender) = contenders.get_mut(*model) else { continue };
        if let Some(target) = target.filter(|target| contender.map.own(*target).is_empty()) {
            return Err(TransferError::NoClassOfModel { model: contender.name.clone(), class: target });
        }
        let opened = contender.case.oracle(&question.running);
        let (mut oracle, _) = opened.map_err(|source| TransferError::Model { model: contender.name.clone(), source: Box::new(source) })?;
        if !oracle.is_white() {
            return Err(TransferError::NoGradient { model: contender.name.clone(), attack: "patch".to_owned() });
        }
        oracle.soften(question.soft);
        oracles.push(oracle);
    }
    let own = || question.from.iter().filter_map(|model| contenders.get(*model));
    let largest = own().map(|contender| contender.case.batch).min().unwrap_or(1);
    let sources: Vec<Source<'_>> =
        own().zip(oracles).map(|(contender, oracle)| Source::new(oracle, &contender.fit, &contender.map)).collect();
    // What the models take for right is the class to reach, and the patch goes down its loss.
    let labels = target.map_or_else(|| data.labels.clone(), |target| vec![target; data.n]);
    let mut models = Sources::new(sources, question.ensemble.unwrap_or_default(), Objective::LogOdds, true, &labels)?;
    let course = Course { seed: question.seed, largest, towards: target.is_some() };
    fitted(settings, &mut models, data, fit, cut, course, stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_that_is_larger_than_the_image_is_an_error() {
        let wide = Picture::of(&[3, 20, 80]).unwrap();
        assert_eq!(square(wide, 0.25).unwrap().side, 20);
        let error = square(wide, 0.36).unwrap_err();
        assert_eq!(error.to_string(), "a patch of 24 x 24 pixels is larger than the images of 20 x 80");
    }

    #[test]
    fn classes_go_by_name_before_number() {
        let names = ["1".to_owned(), "Cat".to_owned()];
        assert_eq!((class_of("cat", &names).unwrap(), class_of("1", &names).unwrap(), class_of("0", &names).unwrap()), (1, 0, 0));
        assert!(class_of("2", &names).is_err());
    }
}
