//! Model and data as they lie on disk, compared with what a claim says of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use brinell_record::{Claim, FileError, FileHash, Property};

use super::plan::{artefact, is_built_in, population};
use super::read::Source;
use super::update::{Difference, Differs};
use brinell_data::{self as data, LoadOptions};
use brinell_ledger::evidence::Outside;
use brinell_onnx::ClassLabels;
use brinell_record::hash;
use brinell_subject::{digests, known, read_model, truth_kind};

use crate::ClaimError;

/// Digests of files, each computed once per check.
#[derive(Debug, Default)]
pub(super) struct Digests {
    files: HashMap<PathBuf, String>,
    data: HashMap<String, String>,
}

/// The digest of data whose labels are names that only the model knows. Which classes these are does not change it.
fn by_names_of_the_model(claim: &Claim, folder: &Path, path: &Path, options: &LoadOptions) -> Option<String> {
    let artefact = artefact(claim, folder);
    if options.class_names.is_some() || artefact.is_address() {
        return None;
    }
    let model = read_model(&artefact.model, &known(&artefact)).ok()?;
    let own = model.class_labels.as_ref().map(ClassLabels::names);
    let with = |names| data::digest(path, &LoadOptions { class_names: Some(names), ..options.clone() }).ok();
    own.into_iter().chain(model.class_lists).find_map(with)
}

impl Digests {
    /// Returns the digests of everything that a claim rests on, and where they are not those that it names.
    ///
    /// # Errors
    /// [`ClaimError::File`] and [`ClaimError::Audit`] where a file is missing or cannot be read.
    pub(super) fn of(&mut self, source: &Source, claim: &Claim) -> Result<(Outside, Vec<Difference>), ClaimError> {
        let name = source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (folder, subject) = (source.folder(), &claim.subject);
        let mut wrong = Vec::new();
        let (model, sha256) = (subject.model.to_string_lossy(), subject.sha256.as_deref().unwrap_or_default());
        let mut models = self.model(folder, claim, &model, sha256, subject.weights_sha256.as_ref(), &mut wrong)?;
        if let Property::Equal { other, sha256, weights_sha256, .. } = &claim.property {
            models.extend(self.model(folder, claim, other, sha256, weights_sha256.as_ref(), &mut wrong)?);
        }
        let data = self.data(folder, claim, &mut wrong)?;
        let suite = claim.threat.as_ref().and_then(|threat| threat.effort.suite.as_ref()).filter(|name| !is_built_in(name));
        let suite = suite.map(|name| Ok::<_, ClaimError>(FileHash { path: name.clone(), sha256: self.file(&folder.join(name))? }));
        let claim = FileHash { path: name, sha256: source.meaning(claim) };
        Ok((Outside { claim, models, data, suite: suite.transpose()? }, wrong))
    }

    fn model(
        &mut self,
        folder: &Path,
        claim: &Claim,
        model: &str,
        sha256: &str,
        weights: Option<&String>,
        wrong: &mut Vec<Difference>,
    ) -> Result<Vec<FileHash>, ClaimError> {
        let path = folder.join(model);
        let mut found = vec![FileHash { path: model.to_owned(), sha256: self.file(&path)? }];
        wrong.extend(found.iter().filter_map(|file| differs(Differs::Model, file, sha256)));
        if let Some(weights) = weights {
            // What other files the weights lie in stands in the model alone.
            let read = read_model(&path, &known(&artefact(claim, folder)))?;
            let (_, now) = digests(&path, &read)?;
            let now = FileHash { path: format!("external weights of {model}"), sha256: now.unwrap_or_default() };
            wrong.extend(differs(Differs::Model, &now, weights));
            found.push(now);
        }
        Ok(found)
    }

    fn data(&mut self, folder: &Path, claim: &Claim, wrong: &mut Vec<Difference>) -> Result<Vec<FileHash>, ClaimError> {
        let named = &claim.population;
        let asked = population(named, folder);
        let key = hash::sha256_json(&asked);
        let digest = match self.data.get(&key) {
            Some(digest) => digest.clone(),
            None => {
                let class_names = asked.classes.as_ref().map(|path| data::class_names(path)).transpose()?;
                let options = LoadOptions {
                    labels: asked.labels.as_ref().map(Into::into),
                    class_names,
                    limit: asked.n,
                    input: claim.subject.input.clone(),
                    truth: truth_kind(claim.subject.task()),
                    pairs: asked.pairs.clone(),
                    ..LoadOptions::default()
                };
                let digest = data::digest(&asked.data, &options);
                let digest = digest.or_else(|error| by_names_of_the_model(claim, folder, &asked.data, &options).ok_or(error))?;
                self.data.insert(key, digest.clone());
                digest
            }
        };
        let mut found = vec![FileHash { path: named.data.display().to_string(), sha256: digest }];
        wrong.extend(found.iter().filter_map(|file| differs(Differs::Data, file, named.sha256.as_deref().unwrap_or_default())));
        if let (Some(path), Some(name)) = (asked.classes, &named.classes) {
            found.push(FileHash { path: name.display().to_string(), sha256: self.file(&path)? });
        }
        Ok(found)
    }

    fn file(&mut self, path: &Path) -> Result<String, ClaimError> {
        if let Some(digest) = self.files.get(path) {
            return Ok(digest.clone());
        }
        let digest = hash::sha256_file(path).map_err(FileError::on("read", path))?;
        self.files.insert(path.to_path_buf(), digest.clone());
        Ok(digest)
    }
}

fn differs(what: Differs, now: &FileHash, claimed: &str) -> Option<Difference> {
    let FileHash { path, sha256 } = now;
    (sha256 != claimed).then(|| Difference { what, path: path.clone(), claimed: claimed.to_owned(), found: sha256.clone() })
}
