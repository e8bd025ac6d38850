//! Model and data as they lie on disk, compared with what a claim says of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use brinell_record::{Claim, FileHash, Property, Reason};

use super::evidence::Outside;
use super::plan::{interface, is_built_in, labels_path};
use super::read::Source;
use super::reason::{id, reason};
use crate::data::{self, LoadOptions};
use crate::subject::{digests, known, read_model};
use crate::{ProtocolError, hash};

/// Digests of files, each computed once per check.
#[derive(Debug, Default)]
pub(super) struct Digests {
    files: HashMap<PathBuf, String>,
    data: HashMap<String, String>,
}

impl Digests {
    /// Returns the digests of everything that a claim rests on, and where they are not those that it names.
    ///
    /// # Errors
    /// [`ProtocolError::Io`], [`ProtocolError::Data`] and [`ProtocolError::Model`] where a file is missing or cannot be read.
    pub(super) fn of(&mut self, source: &Source, claim: &Claim) -> Result<(Outside, Vec<Reason>), ProtocolError> {
        let name = source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (folder, subject) = (source.folder(), &claim.subject);
        let mut wrong = Vec::new();
        let mut models = self.model(folder, claim, &subject.model, &subject.sha256, subject.weights_sha256.as_ref(), &mut wrong)?;
        if let Property::Equal { other, sha256, weights_sha256, .. } = &claim.property {
            models.extend(self.model(folder, claim, other, sha256, weights_sha256.as_ref(), &mut wrong)?);
        }
        let data = self.data(folder, claim, &mut wrong)?;
        let suite = claim.threat.as_ref().and_then(|threat| threat.suite.as_ref()).filter(|name| !is_built_in(name));
        let suite = suite.map(|name| Ok::<_, ProtocolError>(FileHash { path: name.clone(), sha256: self.file(&folder.join(name))? }));
        let claim = FileHash { path: name, sha256: source.sha256.clone() };
        Ok((Outside { claim, models, data, suite: suite.transpose()? }, wrong))
    }

    fn model(
        &mut self,
        folder: &Path,
        claim: &Claim,
        model: &str,
        sha256: &str,
        weights: Option<&String>,
        wrong: &mut Vec<Reason>,
    ) -> Result<Vec<FileHash>, ProtocolError> {
        let path = folder.join(model);
        let mut found = vec![FileHash { path: model.to_owned(), sha256: self.file(&path)? }];
        wrong.extend(found.iter().filter_map(|file| differs(id::MODEL_CHANGED, file, sha256)));
        if let Some(weights) = weights {
            // What other files the weights lie in stands in the model alone.
            let read = read_model(&path, &known(&interface(claim)))?;
            let (_, now) = digests(&path, &read)?;
            let now = FileHash { path: format!("external weights of {model}"), sha256: now.unwrap_or_default() };
            wrong.extend(differs(id::MODEL_CHANGED, &now, weights));
            found.push(now);
        }
        Ok(found)
    }

    fn data(&mut self, folder: &Path, claim: &Claim, wrong: &mut Vec<Reason>) -> Result<Vec<FileHash>, ProtocolError> {
        let population = &claim.population;
        let path = folder.join(&population.data);
        let labels = population.labels.as_ref().map(|labels| labels_path(folder, labels));
        let classes = population.classes.as_ref().map(|classes| folder.join(classes));
        let key = format!("{} {labels:?} {classes:?} {}", path.display(), population.n);
        let digest = match self.data.get(&key) {
            Some(digest) => digest.clone(),
            None => {
                let class_names = classes.as_ref().map(|path| data::class_names(path)).transpose()?;
                let options = LoadOptions {
                    labels: labels.map(Into::into),
                    class_names,
                    limit: Some(population.n),
                    input: claim.subject.input.clone(),
                    ..LoadOptions::default()
                };
                let digest = data::digest(&path, &options)?;
                self.data.insert(key, digest.clone());
                digest
            }
        };
        let mut found = vec![FileHash { path: population.data.clone(), sha256: digest }];
        wrong.extend(found.iter().filter_map(|file| differs(id::DATA_CHANGED, file, &population.sha256)));
        if let (Some(path), Some(name)) = (classes, &population.classes) {
            found.push(FileHash { path: name.clone(), sha256: self.file(&path)? });
        }
        Ok(found)
    }

    fn file(&mut self, path: &Path) -> Result<String, ProtocolError> {
        if let Some(digest) = self.files.get(path) {
            return Ok(digest.clone());
        }
        let digest = hash::sha256_file(path).map_err(ProtocolError::io("read", path))?;
        self.files.insert(path.to_path_buf(), digest.clone());
        Ok(digest)
    }
}

fn differs(id: &str, now: &FileHash, claimed: &str) -> Option<Reason> {
    let FileHash { path, sha256 } = now;
    (sha256 != claimed).then(|| {
        reason(
            id,
            format!(
                "{path} has SHA-256 {sha256}, the claim is about {claimed}; put the old file back, or write the new digest into the claim"
            ),
        )
    })
}
