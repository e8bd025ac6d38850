//! The attacks that ask for no gradient.

use super::{COUNT, Entry, SWITCH};
use crate::{
    AttackError, Boundary, BoundaryConfig, Estimate, Flavour, HopSkipJump, HopSkipJumpConfig, NES, Recipe, SPSA, SparseRs, SparseRsConfig,
    SurFree, SurFreeConfig, estimate, settings::Settings,
};

const NUMBER: &str = "a finite number above 0";

pub(super) const ATTACKS: &[Entry] = &[
    Entry {
        name: SparseRs::NAME,
        about: "random search over which few elements are changed and to what, from logits alone",
        settings: &["queries", "restarts", "p", "ends"],
        build: sparse_rs,
    },
    Entry {
        name: NES.name,
        about: "steps along gradients estimated from the logits at normal probes",
        settings: estimate::SETTINGS,
        build: |given| estimated(&NES, given),
    },
    Entry {
        name: SPSA.name,
        about: "steps along gradients estimated from the logits at probes of random signs",
        settings: estimate::SETTINGS,
        build: |given| estimated(&SPSA, given),
    },
    Entry {
        name: HopSkipJump::NAME,
        about: "the edge's normal estimated from labels",
        settings: &["steps", "evaluations", "gamma", "restarts"],
        build: hopskipjump,
    },
    Entry {
        name: SurFree::NAME,
        about: "arcs towards the clean input, from labels",
        settings: &["steps", "theta", "rho", "kept", "smooth", "restarts"],
        build: surfree,
    },
    Entry {
        name: Boundary::NAME,
        about: "a random walk along the edge, from labels",
        settings: &["steps", "spherical-step", "source-step", "adaptation"],
        build: boundary,
    },
];

fn estimated(flavour: &'static Flavour, given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    Ok(Box::new(Estimate::new(flavour, flavour.default.clone().with(given)?)?))
}

fn sparse_rs(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = SparseRsConfig::default();
    Ok(Box::new(SparseRs::new(SparseRsConfig {
        queries: given.get("queries", COUNT)?.unwrap_or(default.queries),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
        p: given.get("p", "above 0 and at most 1")?.unwrap_or(default.p),
        ends: given.get("ends", "from 0 to 1")?.unwrap_or(default.ends),
    })?))
}

fn hopskipjump(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = HopSkipJumpConfig::default();
    Ok(Box::new(HopSkipJump::new(HopSkipJumpConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        evaluations: given.get("evaluations", COUNT)?.unwrap_or(default.evaluations),
        gamma: given.get("gamma", NUMBER)?.unwrap_or(default.gamma),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
    })?))
}

fn surfree(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = SurFreeConfig::default();
    Ok(Box::new(SurFree::new(SurFreeConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        theta: given.get("theta", "above 0 and at most 90, in degrees")?.unwrap_or(default.theta),
        rho: given.get("rho", "above 0 and at most 1")?.unwrap_or(default.rho),
        kept: given.get("kept", "a whole number")?.unwrap_or(default.kept),
        smooth: given.get("smooth", SWITCH)?.unwrap_or(default.smooth),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
    })?))
}

fn boundary(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = BoundaryConfig::default();
    Ok(Box::new(Boundary::new(BoundaryConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        spherical_step: given.get("spherical-step", NUMBER)?.unwrap_or(default.spherical_step),
        source_step: given.get("source-step", NUMBER)?.unwrap_or(default.source_step),
        adaptation: given.get("adaptation", "a finite number above 1")?.unwrap_or(default.adaptation),
    })?))
}
