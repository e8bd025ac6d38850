//! The defended file: built, compared with what it is made of, and put in its place.

use std::path::{Path, PathBuf};

use brinell_engine::{Elements, Runtime, Session, View};
use brinell_onnx::{Patch, Wrap, wrap};
use brinell_record::{Defence, FileError};
use brinell_subject::Case;

use crate::prefix::{Prefix, SCOPE};
use crate::{Chain, DefendError};

/// Samples on which the file is compared.
const COMPARED: usize = 16;

/// Returns the bytes of the model with transforms in front of it, and the transforms alone.
///
/// # Errors
/// [`DefendError`] where the model has a defence or cannot have one.
pub(crate) fn defended(case: &Case, chain: &Chain) -> Result<(Vec<u8>, Prefix), DefendError> {
    let subject = &case.subject;
    let model = subject.path();
    let prefix = Prefix::new(case, chain)?;
    let original = std::fs::read(model).map_err(FileError::on("read", model))?;
    // What is read here is what was hashed there.
    subject.check_unchanged()?;
    let failed = |source| DefendError::Prefix { path: model.to_path_buf(), source: Box::new(source) };
    let around = Wrap { input: &subject.signature.input_name, prefix: Some(&prefix.graph), suffix: None, scope: SCOPE, reshaped: false };
    let bytes = wrap(&original, &around).map_err(failed)?;
    let said = serde_json::to_string(&prefix.defence).unwrap_or_default();
    let metadata = vec![(Defence::PARENT.to_owned(), subject.sha256.clone()), (Defence::KEY.to_owned(), said)];
    let bytes = Patch { metadata, ..Patch::default() }.apply(&bytes).unwrap_or(bytes);
    Ok((bytes, prefix))
}

/// Refuses models that have a defence, or that nothing can be put in front of.
///
/// # Errors
/// [`DefendError`].
pub(crate) fn refuse_kinds(case: &Case) -> Result<(), DefendError> {
    let subject = &case.subject;
    let model = subject.path().to_path_buf();
    if let Some(defence) = &subject.defence {
        return Err(DefendError::Already { model, defence: defence.name() });
    }
    if let Some(batch) = subject.signature.fixed_batch {
        return Err(DefendError::Batch { model, batch });
    }
    let dtype = subject.signature.dtype;
    let what = if !subject.signature.parts.is_empty() || !subject.held.inputs().is_empty() || !subject.signature.held.is_empty() {
        "has several inputs".to_owned()
    } else if dtype != brinell_graph::DType::F32 {
        format!("takes {dtype:?}")
    } else if case.scale == brinell_record::Scale::Data {
        "takes a table".to_owned()
    } else {
        return Ok(());
    };
    Err(DefendError::Unsupported { model, what })
}

/// A file that is not yet in its place; it is removed unless it is kept.
pub(crate) struct Fresh {
    place: PathBuf,
    output: PathBuf,
    /// Files of weights that were copied for it.
    copied: Vec<PathBuf>,
    kept: bool,
}

impl Fresh {
    /// Checks that a model can be written to `output`, and writes it beside it. Files of weights are copied where they would not be found from there.
    ///
    /// # Errors
    /// [`DefendError::Exists`], [`DefendError::File`].
    pub(crate) fn write(case: &Case, bytes: &[u8], output: &Path) -> Result<Self, DefendError> {
        if output.exists() {
            return Err(DefendError::Exists { path: output.to_path_buf() });
        }
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        std::fs::create_dir_all(&folder).map_err(FileError::on("create", &folder))?;
        let stem = output.file_stem().unwrap_or_default().to_string_lossy();
        let place = folder.join(format!(".{stem}.part.onnx"));
        let mut fresh = Self { place, output: output.to_path_buf(), copied: Vec::new(), kept: false };
        let model = case.subject.path();
        let own = model.parent().unwrap_or(Path::new("")).to_path_buf();
        for location in &case.subject.model.external {
            let (from, to) = (own.join(location), folder.join(location));
            if from.canonicalize().ok().zip(to.canonicalize().ok()).is_some_and(|(from, to)| from == to) {
                continue;
            }
            if to.exists() {
                return Err(DefendError::Exists { path: to });
            }
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent).map_err(FileError::on("create", parent))?;
            }
            fresh.copied.push(to.clone());
            std::fs::copy(&from, &to).map_err(FileError::on("write", &to))?;
        }
        std::fs::write(&fresh.place, bytes).map_err(FileError::on("write", &fresh.place))?;
        Ok(fresh)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`DefendError::File`].
    pub(crate) fn keep(mut self) -> Result<(), DefendError> {
        std::fs::rename(&self.place, &self.output).map_err(FileError::on("write", &self.output))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.kept {
            // What is left over does no harm, and the error that led here says more.
            for path in self.copied.iter().chain([&self.place]) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// Checks that the file computes what the transforms and the model compute one after the other, on the first samples and one by one.
///
/// # Errors
/// [`DefendError::NotEquivalent`].
pub(crate) fn check(case: &Case, prefix: &Prefix, runtime: &dyn Runtime, file: &Path) -> Result<(), DefendError> {
    let signature = &case.subject.signature;
    let mut front = runtime.compile(&brinell_onnx::write(&prefix.graph)?.into())?;
    let [mut parent, mut child] = [runtime.compile_file(case.subject.path())?, runtime.compile_file(file)?];
    let shape: Vec<usize> = std::iter::once(1).chain(signature.sample.iter().copied()).collect();
    let mut ready = Vec::new();
    let mut gap = 0.0f64;
    for sample in case.data.samples().take(COMPARED) {
        case.preprocess.apply(&case.sample(sample), &mut ready);
        let run = |session: &mut dyn Session, x: &[f32], wanted: usize| -> Result<Vec<f32>, DefendError> {
            let mut output = Vec::new();
            session.run(&[(signature.input_name.as_str(), View::f32(&shape, x))], &mut |index, view| {
                if let (true, Elements::F32(data)) = (index == wanted, view.data) {
                    output.extend_from_slice(data);
                }
            })?;
            Ok(output)
        };
        let transformed = run(front.as_mut(), &ready, 0)?;
        let expected = run(parent.as_mut(), &transformed, signature.output_index)?;
        let found = run(child.as_mut(), &ready, signature.output_index)?;
        let size = expected.iter().fold(1.0f64, |most, value| most.max(f64::from(value.abs())));
        let far = expected.iter().zip(&found).map(|(a, b)| f64::from((a - b).abs()) / size);
        gap = far.fold(if expected.len() == found.len() && !expected.is_empty() { gap } else { f64::INFINITY }, |most, far| {
            if far.is_nan() { f64::INFINITY } else { most.max(far) }
        });
    }
    if gap <= f64::from(case.subject.rounding()) { Ok(()) } else { Err(DefendError::NotEquivalent { gap }) }
}

/// Samples that calls are timed on.
pub(crate) const TIMED: usize = 32;

/// The first samples of a case, at most so many, in the form that its file takes.
pub(crate) fn timed_inputs(case: &Case, most: usize) -> Vec<f32> {
    let (mut ready, mut all) = (Vec::new(), Vec::new());
    for sample in case.data.samples().take(most) {
        case.preprocess.apply(&case.sample(sample), &mut ready);
        all.extend_from_slice(&ready);
    }
    all
}
