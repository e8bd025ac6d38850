//! Hints for errors of audits.

use std::error::Error;

use brinell::errors::AuditError;

use super::as_a;

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let hint = match as_a(error)? {
        AuditError::RadiusOfAttack { .. } => "give --eps instead of --minimum-norm, or another --attack",
        AuditError::KnowledgeOfAttack { .. } => "choose another --attack, or give the attacker more access with --knowledge",
        AuditError::NoGradient { .. } => "use attacks without gradients: --knowledge score or --knowledge label",
        AuditError::NormOfAttack { .. } => "choose another --attack or another --norm",
        AuditError::MixedMachines { .. } => "merge them all the same with --mixed, which raises a flag, or audit on machines of one kind",
        AuditError::ShardExample { .. } | AuditError::ShardSample { .. } => {
            "merge on a machine like those of the shards, with the same runtime; --mixed goes on from what is found here, and raises a flag if machines differ"
        }
        AuditError::NoTrees { .. } => "use attacks on scores or labels instead: --suite score or --suite label",
        AuditError::OneModel => "name the models one after the other: brinell rank a.onnx b.onnx",
        AuditError::SameName { .. } => "give them names in a list of models (--models)",
        AuditError::OtherSize { .. } => {
            "add the resizing to the model files, or use `brinell transfer`, which resizes the images for each model"
        }
        AuditError::OtherScale { .. } => "give --scale, or the same scale for all models",
        AuditError::RankRadius => "give --eps",
        _ => return None,
    };
    Some(hint.to_owned())
}
