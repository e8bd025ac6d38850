//! The minimum-norm attacks.

use super::{COUNT, Entry, SWITCH};
use crate::{
    AttackError, Bim, BimConfig, Cw, CwConfig, Ddn, DdnConfig, DeepFool, DeepFoolConfig, Ead, EadConfig, Fmn, FmnConfig, Pdpgd,
    PdpgdConfig, Recipe, SigmaZero, SigmaZeroConfig, settings::Settings,
};

const ABOVE_ZERO: &str = "a finite number above 0";
const NOT_NEGATIVE: &str = "a finite number of at least 0";
const SHARE: &str = "above 0 and below 1";
const QUERIES: &str = "a whole number";

type Built = Result<Box<dyn Recipe>, AttackError>;

pub(super) const ATTACKS: &[Entry] = &[
    Entry {
        name: Bim::NAME,
        about: "steps of fixed length from the clean input; without a radius, at the smallest that works",
        settings: &["steps", "step", "searches", "polish"],
        build: bim,
    },
    Entry {
        name: DeepFool::NAME,
        about: "steps onto the nearest plane between two classes",
        settings: &["steps", "classes", "overshoot", "polish"],
        build: deepfool,
    },
    Entry {
        name: Cw::NAME,
        about: "Carlini and Wagner: distance and misclassification in one objective",
        settings: &["steps", "searches", "lr", "c", "confidence", "abort-early", "polish"],
        build: cw,
    },
    Entry {
        name: Ddn::NAME,
        about: "decoupled direction and norm: a sphere that shrinks inside the wrong class",
        settings: &["steps", "gamma", "radius", "polish"],
        build: ddn,
    },
    Entry {
        name: Fmn::NAME,
        about: "fast minimum norm: a ball whose radius follows the boundary",
        settings: &["steps", "step", "gamma", "warm", "polish"],
        build: fmn,
    },
    Entry {
        name: Ead::NAME,
        about: "elastic net: sparse examples by shrinkage",
        settings: &["steps", "searches", "lr", "c", "beta", "abort-early", "polish"],
        build: ead,
    },
    Entry {
        name: Pdpgd::NAME,
        about: "primal-dual proximal gradient descent",
        settings: &["steps", "lr", "dual-lr", "ratio", "polish"],
        build: pdpgd,
    },
    Entry {
        name: SigmaZero::NAME,
        about: "descent on a smooth stand-in for the number of changes",
        settings: &["steps", "lr", "sigma", "threshold", "adapt", "polish"],
        build: sigma_zero,
    },
];

fn bim(given: &Settings<'_>) -> Built {
    let default = BimConfig::default();
    Ok(Box::new(Bim::new(BimConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        step: given.get("step", ABOVE_ZERO)?.unwrap_or(default.step),
        searches: given.get("searches", COUNT)?.unwrap_or(default.searches),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn deepfool(given: &Settings<'_>) -> Built {
    let default = DeepFoolConfig::default();
    Ok(Box::new(DeepFool::new(DeepFoolConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        classes: given.get("classes", "a whole number of at least 2")?.unwrap_or(default.classes),
        overshoot: given.get("overshoot", NOT_NEGATIVE)?.unwrap_or(default.overshoot),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn cw(given: &Settings<'_>) -> Built {
    let default = CwConfig::default();
    Ok(Box::new(Cw::new(CwConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        searches: given.get("searches", COUNT)?.unwrap_or(default.searches),
        lr: given.get("lr", ABOVE_ZERO)?.unwrap_or(default.lr),
        c: given.get("c", ABOVE_ZERO)?.unwrap_or(default.c),
        confidence: given.get("confidence", NOT_NEGATIVE)?.unwrap_or(default.confidence),
        abort_early: given.get("abort-early", SWITCH)?.unwrap_or(default.abort_early),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn ddn(given: &Settings<'_>) -> Built {
    let default = DdnConfig::default();
    Ok(Box::new(Ddn::new(DdnConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        gamma: given.get("gamma", SHARE)?.unwrap_or(default.gamma),
        radius: given.get("radius", ABOVE_ZERO)?.unwrap_or(default.radius),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn fmn(given: &Settings<'_>) -> Built {
    let default = FmnConfig::default();
    Ok(Box::new(Fmn::new(FmnConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        step: given.get("step", ABOVE_ZERO)?.unwrap_or(default.step),
        gamma: given.get("gamma", SHARE)?.unwrap_or(default.gamma),
        warm: given.get("warm", SWITCH)?.unwrap_or(default.warm),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn ead(given: &Settings<'_>) -> Built {
    let default = EadConfig::default();
    Ok(Box::new(Ead::new(EadConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        searches: given.get("searches", COUNT)?.unwrap_or(default.searches),
        lr: given.get("lr", ABOVE_ZERO)?.unwrap_or(default.lr),
        c: given.get("c", ABOVE_ZERO)?.unwrap_or(default.c),
        beta: given.get("beta", ABOVE_ZERO)?.unwrap_or(default.beta),
        abort_early: given.get("abort-early", SWITCH)?.unwrap_or(default.abort_early),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn pdpgd(given: &Settings<'_>) -> Built {
    let default = PdpgdConfig::default();
    Ok(Box::new(Pdpgd::new(PdpgdConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        lr: given.get("lr", ABOVE_ZERO)?.unwrap_or(default.lr),
        dual_lr: given.get("dual-lr", ABOVE_ZERO)?.unwrap_or(default.dual_lr),
        ratio: given.get("ratio", ABOVE_ZERO)?.unwrap_or(default.ratio),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}

fn sigma_zero(given: &Settings<'_>) -> Built {
    let default = SigmaZeroConfig::default();
    Ok(Box::new(SigmaZero::new(SigmaZeroConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        lr: given.get("lr", ABOVE_ZERO)?.unwrap_or(default.lr),
        sigma: given.get("sigma", ABOVE_ZERO)?.unwrap_or(default.sigma),
        threshold: given.get("threshold", "from 0 to 1")?.unwrap_or(default.threshold),
        adapt: given.get("adapt", NOT_NEGATIVE)?.unwrap_or(default.adapt),
        polish: given.get("polish", QUERIES)?.unwrap_or(default.polish),
    })?))
}
