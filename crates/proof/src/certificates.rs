//! Certificates on disk.

use std::path::Path;

use brinell_checker::{Certificate, Evidence};
use brinell_record::{FileError, hash};
use brinell_subject::Case;

use crate::statement::statement;
use crate::{ProofError, Prover};

/// The digest of what certificates are about: the model with its weights, and what is done to a sample before.
pub(crate) fn about(case: &Case) -> [u8; 32] {
    let (subject, artefact) = (&case.subject, &case.subject.artefact);
    let output = &subject.model.graph.value(subject.signature.logits).name;
    let before = (artefact.scale(), &artefact.mean, &artefact.std, &artefact.layout, &artefact.shape);
    let digest = hash::sha256_json(&(&subject.sha256, &subject.weights_sha256, output, before, artefact.threshold));
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(digest.as_bytes().chunks_exact(2)) {
        let text = std::str::from_utf8(digits).unwrap_or_default();
        *byte = u8::from_str_radix(text, 16).unwrap_or(0);
    }
    bytes
}

/// The file of a sample's certificate, from the folder of the run.
pub(crate) fn name(sample: usize) -> String {
    format!("certificates/{sample:06}.cert")
}

/// Writes the certificate of a sample, which a search for its proof left, into the folder of a run.
///
/// # Errors
/// [`ProofError::File`]; [`ProofError::Kind`] for what is not certified.
pub fn write_certificate(out: &Path, case: &Case, prover: &Prover, sample: usize, evidence: Evidence) -> Result<(), ProofError> {
    let label = case.data.label(sample).unwrap_or(usize::MAX);
    let statement = statement(&case.sample(sample), label, case.target, prover.network().outputs(), &case.ball)?;
    let certificate = Certificate { model: about(case), statement: statement.digest(), evidence };
    let path = out.join(name(sample));
    let folder = out.join("certificates");
    std::fs::create_dir_all(&folder).map_err(FileError::on("create", &folder))?;
    std::fs::write(&path, certificate.to_bytes()).map_err(FileError::on("write", &path))?;
    Ok(())
}

/// Reads the certificate of a sample; none where it is not there.
///
/// # Errors
/// [`ProofError::File`].
pub(crate) fn read(out: &Path, sample: usize) -> Result<Option<Vec<u8>>, ProofError> {
    let path = out.join(name(sample));
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        bytes => Ok(Some(bytes.map_err(FileError::on("read", &path))?)),
    }
}
