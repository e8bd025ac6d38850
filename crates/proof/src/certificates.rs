//! Certificates on disk.

use std::path::Path;

use brinell_checker::{Certificate, CheckError, Evidence, Statement};
use brinell_record::{FileError, hash};
use brinell_subject::Case;
use serde::{Deserialize, Serialize};

use crate::ProofError;

/// A certificate in the folder of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its file, from the folder of the run.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Parts that it consists of.
    pub parts: usize,
}

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

/// Writes the certificate of a sample into the folder of a run.
///
/// # Errors
/// [`ProofError::File`].
pub(crate) fn write(out: &Path, sample: usize, about: &[u8; 32], statement: &Statement, evidence: Evidence) -> Result<Written, ProofError> {
    let certificate = Certificate { model: *about, statement: statement.digest(), evidence };
    let bytes = certificate.to_bytes();
    let folder = out.join("certificates");
    std::fs::create_dir_all(&folder).map_err(FileError::on("create", &folder))?;
    let file = format!("certificates/{sample:06}.cert");
    let path = out.join(&file);
    std::fs::write(&path, &bytes).map_err(FileError::on("write", &path))?;
    Ok(Written { file, sha256: hash::sha256_bytes(&bytes), parts: certificate.evidence.parts() })
}

/// Reads a certificate of a run; the bytes must be those that its record says.
///
/// # Errors
/// [`ProofError::File`]; what the bytes lack comes as the inner error.
pub(crate) fn read(out: &Path, written: &Written) -> Result<Result<Certificate, CheckError>, ProofError> {
    let path = out.join(&written.file);
    let bytes = std::fs::read(&path).map_err(FileError::on("read", &path))?;
    if hash::sha256_bytes(&bytes) != written.sha256 {
        // Bytes that are whole all the same are those of another certificate.
        return Ok(Certificate::from_bytes(&bytes).and(Err(CheckError::Damaged)));
    }
    Ok(Certificate::from_bytes(&bytes))
}
