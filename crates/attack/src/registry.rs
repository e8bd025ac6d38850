//! All attacks by name.

use brinell_threat::{Norm, nearest_name};

use crate::settings::Declared;
use crate::{
    AttackError, Knowledge, Recipe, Setting, apgd, apgd_t, bim, boundary, fab, fgsm, hopskipjump, minimum, nes, pgd, sparse_rs, spsa,
    square, surfree, trees,
};

/// One line per attack: a new attack is added here.
static ATTACKS: &[&dyn Registered] = &[
    &fgsm::ENTRY,
    &pgd::ENTRY,
    &apgd::CE,
    &apgd::DLR,
    &apgd::MARGIN,
    &apgd_t::ENTRY,
    &fab::NEAREST,
    &fab::EACH_CLASS,
    &square::ENTRY,
    &trees::ENTRY,
    &bim::ENTRY,
    &minimum::deepfool::ENTRY,
    &minimum::cw::ENTRY,
    &minimum::ddn::ENTRY,
    &minimum::fmn::ENTRY,
    &minimum::ead::ENTRY,
    &minimum::pdpgd::ENTRY,
    &minimum::sigma_zero::ENTRY,
    &sparse_rs::ENTRY,
    &nes::ENTRY,
    &spsa::ENTRY,
    &hopskipjump::ENTRY,
    &surfree::ENTRY,
    &boundary::ENTRY,
];

/// What an attack is called, what it does and how it is made.
pub(crate) struct Entry<C> {
    /// Name on the command line.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) about: &'static str,
    /// Its configuration where nothing is given.
    pub(crate) default: fn() -> C,
    /// Checks a configuration and makes the attack.
    pub(crate) make: fn(C) -> Result<Box<dyn Recipe>, AttackError>,
}

/// An entry, whatever the attack's configuration is.
trait Registered: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn settings(&self) -> Vec<Setting>;
    /// The attack with these settings.
    fn recipe(&self, settings: &str) -> Result<Box<dyn Recipe>, AttackError>;
}

impl<C: Declared> Registered for Entry<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn settings(&self) -> Vec<Setting> {
        (self.default)().settings()
    }

    fn recipe(&self, settings: &str) -> Result<Box<dyn Recipe>, AttackError> {
        (self.make)((self.default)().with(self.name, settings)?)
    }
}

/// What is known of an attack before it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Name on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Norms that it works in.
    pub norms: &'static [Norm],
    /// What it must see of the model.
    pub knowledge: Knowledge,
    /// Settings that it takes, with their defaults and ranges.
    pub settings: Vec<Setting>,
    /// True where it looks for the nearest example, at any distance.
    pub seeks_minimum: bool,
    /// True where it reads the trees of a model, and so works on nothing else.
    pub reads_trees: bool,
}

/// Every attack.
pub fn attacks() -> impl Iterator<Item = Listed> {
    ATTACKS.iter().filter_map(|entry| {
        let recipe = entry.recipe("").ok()?;
        Some(Listed {
            name: entry.name(),
            about: entry.about(),
            norms: recipe.norms(),
            knowledge: recipe.knowledge(),
            settings: entry.settings(),
            seeks_minimum: recipe.seeks_minimum(),
            reads_trees: recipe.reads_trees(),
        })
    })
}

/// Builds an attack from its name and settings, such as `pgd` or `pgd:steps=40,restarts=5`.
///
/// # Errors
/// `UnknownAttack` and `UnknownSetting`, which list what is known and name the nearest; `NotASetting`; `BadValue`.
pub fn recipe(spec: &str) -> Result<Box<dyn Recipe>, AttackError> {
    let (name, settings) = spec.split_once(':').unwrap_or((spec, ""));
    let name = name.trim();
    let Some(entry) = ATTACKS.iter().find(|entry| entry.name() == name) else {
        let known: Vec<_> = ATTACKS.iter().map(|entry| entry.name()).collect();
        let nearest = nearest_name(name, &known);
        return Err(AttackError::UnknownAttack { name: name.to_owned(), known, nearest });
    };
    entry.recipe(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_is_built_from_its_name_and_from_its_own_description() {
        assert_eq!(attacks().count(), ATTACKS.len());
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
