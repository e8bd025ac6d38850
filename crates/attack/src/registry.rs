//! All attacks by name.

mod blackbox;

mod minimum;

use brinell_threat::Norm;

use crate::{
    Apgd, ApgdConfig, ApgdLoss, ApgdT, ApgdTConfig, AttackError, Fab, FabConfig, FabPlanes, Fgsm, Knowledge, Pgd, PgdConfig, Recipe,
    Square, SquareConfig, Trees, TreesConfig, settings::Settings,
};

/// What an attack is called, what it takes and how it is made.
struct Entry {
    name: &'static str,
    about: &'static str,
    settings: &'static [&'static str],
    build: fn(&Settings<'_>) -> Result<Box<dyn Recipe>, AttackError>,
}

const APGD_SETTINGS: &[&str] = &["steps", "restarts", "rho", "eot", "larger-radii", "reference-quirk"];
const APGD_T_SETTINGS: &[&str] = &["targets", "order", "loss", "steps", "restarts", "rho", "eot", "larger-radii", "reference-quirk"];
const FAB_SETTINGS: &[&str] = &["steps", "restarts", "targets", "alpha-max", "eta", "beta"];

/// One line per attack: a new attack is added here.
const ATTACKS: &[Entry] = &[
    Entry { name: Fgsm::NAME, about: "one step of the full radius", settings: &[], build: |_| Ok(Box::new(Fgsm)) },
    Entry {
        name: Pgd::NAME,
        about: "steps of fixed length from random starts",
        settings: &["steps", "restarts", "step", "random-start"],
        build: pgd,
    },
    Entry {
        name: ApgdLoss::CrossEntropy.attack_name(),
        about: "Auto-PGD on the cross-entropy",
        settings: APGD_SETTINGS,
        build: |given| apgd(ApgdLoss::CrossEntropy, given),
    },
    Entry {
        name: ApgdLoss::Dlr.attack_name(),
        about: "Auto-PGD on the difference of logits ratio",
        settings: APGD_SETTINGS,
        build: |given| apgd(ApgdLoss::Dlr, given),
    },
    Entry {
        name: ApgdLoss::Margin.attack_name(),
        about: "Auto-PGD on the difference of two logits",
        settings: APGD_SETTINGS,
        build: |given| apgd(ApgdLoss::Margin, given),
    },
    Entry { name: ApgdT::NAME, about: "Auto-PGD towards one class after the other", settings: APGD_T_SETTINGS, build: apgd_t },
    Entry {
        name: FabPlanes::Nearest.attack_name(),
        about: "steps onto the nearest decision plane and back towards the clean input",
        settings: FAB_SETTINGS,
        build: |given| fab(FabPlanes::Nearest, given),
    },
    Entry {
        name: FabPlanes::EachClass.attack_name(),
        about: "the same towards one class after the other",
        settings: FAB_SETTINGS,
        build: |given| fab(FabPlanes::EachClass, given),
    },
    Entry {
        name: Square::NAME,
        about: "random search over square patches, from logits alone",
        settings: &["queries", "restarts", "p", "rescale", "patience"],
        build: square,
    },
    Entry {
        name: Trees::NAME,
        about: "the nearest input that other leaves of a tree ensemble decide, by branch and bound; exact where it ends",
        settings: &["nodes", "precision"],
        build: trees,
    },
];

fn entries() -> impl Iterator<Item = &'static Entry> {
    ATTACKS.iter().chain(minimum::ATTACKS).chain(blackbox::ATTACKS)
}

const COUNT: &str = "a whole number above 0";
const SWITCH: &str = "true or false";
const UNIT: &str = "from 0 to 1";

fn pgd(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = PgdConfig::default();
    Ok(Box::new(Pgd::new(PgdConfig {
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
        step: given.get("step", "a finite number above 0, relative to eps")?,
        random_start: given.get("random-start", SWITCH)?.unwrap_or(default.random_start),
    })?))
}

fn apgd(loss: ApgdLoss, given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    Ok(Box::new(Apgd::new(apgd_config(loss, given)?)?))
}

/// What all forms of APGD share.
fn apgd_config(loss: ApgdLoss, given: &Settings<'_>) -> Result<ApgdConfig, AttackError> {
    let default = ApgdConfig::new(loss);
    Ok(ApgdConfig {
        loss,
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
        rho: given.get("rho", UNIT)?.unwrap_or(default.rho),
        eot: given.get("eot", COUNT)?.unwrap_or(default.eot),
        larger_radii: given.get("larger-radii", SWITCH)?.unwrap_or(default.larger_radii),
        reference_quirk: given.get("reference-quirk", SWITCH)?.unwrap_or(default.reference_quirk),
    })
}

fn apgd_t(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = ApgdTConfig::default();
    Ok(Box::new(ApgdT::new(ApgdTConfig {
        apgd: apgd_config(given.get("loss", "dlr or margin")?.unwrap_or(default.apgd.loss), given)?,
        targets: given.get("targets", COUNT)?.unwrap_or(default.targets),
        order: given.get("order", "logits or malt")?.unwrap_or(default.order),
    })?))
}

fn fab(planes: FabPlanes, given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = FabConfig::new(planes);
    Ok(Box::new(Fab::new(FabConfig {
        planes,
        steps: given.get("steps", COUNT)?.unwrap_or(default.steps),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
        targets: given.get("targets", COUNT)?.unwrap_or(default.targets),
        alpha_max: given.get("alpha-max", UNIT)?.unwrap_or(default.alpha_max),
        eta: given.get("eta", "a finite number of at least 1")?.unwrap_or(default.eta),
        beta: given.get("beta", UNIT)?.unwrap_or(default.beta),
    })?))
}

fn square(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = SquareConfig::default();
    Ok(Box::new(Square::new(SquareConfig {
        queries: given.get("queries", COUNT)?.unwrap_or(default.queries),
        restarts: given.get("restarts", COUNT)?.unwrap_or(default.restarts),
        p: given.get("p", "above 0 and at most 1")?.unwrap_or(default.p),
        rescale: given.get("rescale", SWITCH)?.unwrap_or(default.rescale),
        patience: given.get("patience", "a finite number above 0")?,
    })?))
}

fn trees(given: &Settings<'_>) -> Result<Box<dyn Recipe>, AttackError> {
    let default = TreesConfig::default();
    Ok(Box::new(Trees::new(TreesConfig {
        nodes: given.get("nodes", COUNT)?.unwrap_or(default.nodes),
        precision: given.get("precision", "above 0 and below 1")?.unwrap_or(default.precision),
    })?))
}

/// What is known of an attack before it is configured.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Name on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Norms that it works in.
    pub norms: &'static [Norm],
    /// What it must see of the model.
    pub knowledge: Knowledge,
    /// Settings that it takes.
    pub settings: &'static [&'static str],
    /// True where it looks for the nearest example, at any distance.
    pub seeks_minimum: bool,
    /// True where it reads the trees of a model, and so works on nothing else.
    pub reads_trees: bool,
}

/// Every attack.
pub fn attacks() -> impl Iterator<Item = Listed> {
    entries().filter_map(|entry| {
        let recipe = (entry.build)(&Settings::none(entry.name)).ok()?;
        Some(Listed {
            name: entry.name,
            about: entry.about,
            norms: recipe.norms(),
            knowledge: recipe.knowledge(),
            settings: entry.settings,
            seeks_minimum: recipe.seeks_minimum(),
            reads_trees: recipe.reads_trees(),
        })
    })
}

/// Builds an attack from its name and settings, such as `pgd` or `pgd:steps=40,restarts=5`.
///
/// # Errors
/// `UnknownAttack` and `UnknownSetting`, which list what is known; `NotASetting`; `BadValue`.
pub fn recipe(spec: &str) -> Result<Box<dyn Recipe>, AttackError> {
    let (name, settings) = spec.split_once(':').unwrap_or((spec, ""));
    let name = name.trim();
    let Some(entry) = entries().find(|entry| entry.name == name) else {
        let known: Vec<_> = entries().map(|entry| entry.name).collect();
        return Err(AttackError::UnknownAttack { name: name.to_owned(), known: known.join(", ") });
    };
    (entry.build)(&Settings::parse(entry.name, settings, entry.settings)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_is_built_from_its_name_and_from_its_own_description() {
        assert_eq!(attacks().count(), entries().count());
        for Listed { name, .. } in attacks() {
            let made = recipe(name).unwrap();
            assert_eq!(made.name(), name);
            assert_eq!(recipe(&made.describe()).unwrap().describe(), made.describe());
        }
    }

    #[test]
    fn settings_reach_the_attack() {
        let pgd = recipe("pgd:steps=7, restarts=5,step=0.25,random-start=false").unwrap();
        assert_eq!(pgd.describe(), "pgd:steps=7,restarts=5,step=0.25,random-start=false");
        assert_eq!((pgd.steps(), pgd.runs(9)), (7, 5));
        assert_eq!(
            recipe("apgd-dlr:rho=0.5").unwrap().describe(),
            "apgd-dlr:steps=100,restarts=1,rho=0.5,eot=1,larger-radii=true,reference-quirk=false"
        );
    }

    #[test]
    fn mistakes_are_named_with_what_is_known() {
        for (spec, words) in [
            (
                "fabb",
                "unknown attack 'fabb': known are fgsm, pgd, apgd-ce, apgd-dlr, apgd-margin, apgd-t, fab, fab-t, square, trees, bim, ",
            ),
            ("", "unknown attack ''"),
            ("pgd:stepz=3", "no setting 'stepz': known are steps, restarts, step, random-start"),
            ("fgsm:steps=3", "no setting 'steps': known are none"),
            ("pgd:steps", "not of the form name=value"),
            ("pgd:steps=0", "setting steps of attack pgd is '0'"),
            ("pgd:steps=-1", "setting steps of attack pgd is '-1'"),
            ("pgd:step=nan", "setting step of attack pgd is 'NaN'"),
            ("pgd:step=inf", "setting step"),
            ("pgd:restarts=0", "setting restarts"),
            ("apgd-ce:rho=nan", "setting rho of attack apgd-ce is 'NaN': it must be from 0 to 1"),
            ("apgd-ce:steps=0", "setting steps of attack apgd-ce"),
            ("apgd-ce:reference-quirk=yes", "true or false"),
        ] {
            let error = recipe(spec).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.contains(words), "{spec}: {error}");
        }
    }
}
