//! All attacks by name.

use brinell_threat::{Norm, nearest_name};

use crate::settings::Declared;
use crate::transfer::{Piece, Rule, join};
use crate::{
    AttackError, Knowledge, Recipe, Setting, apgd, apgd_t, bim, boundary, fab, fgsm, hopskipjump, minimum, nes, pgd, sparse_rs, spsa,
    square, surfree, transfer, trees,
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
    &transfer::MI,
    &transfer::NI,
    &transfer::PI,
    &transfer::EMI,
    &transfer::VT,
    &transfer::GRA,
    &transfer::PGN,
    &transfer::MEF,
    &transfer::DI,
    &transfer::DEM,
    &transfer::TI,
    &transfer::SI,
    &transfer::ADMIX,
    &transfer::SSA,
    &transfer::BSR,
    &transfer::SIA,
    &transfer::DECOWA,
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
    /// The same as a part of a combination, where it can be one.
    fn piece(&self, _settings: &str) -> Option<Result<Piece, AttackError>> {
        None
    }
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

impl<C: Declared> Registered for Rule<C> {
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
        join(vec![Rule::piece(self, settings)?])
    }

    fn piece(&self, settings: &str) -> Option<Result<Piece, AttackError>> {
        Some(Rule::piece(self, settings))
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

/// Builds an attack from its name and settings, such as `pgd` or `pgd:steps=40,restarts=5`, or from rules of transfer with a `+` between them, such as
/// `mi:steps=20+di+si`.
///
/// # Errors
/// `UnknownAttack` and `UnknownSetting`, which list what is known and name the nearest; `NotASetting`; `BadValue`. Of combinations too `NotARule` for
/// an attack that is no rule, `RuleTwice`, `TwoLooks`.
pub fn recipe(spec: &str) -> Result<Box<dyn Recipe>, AttackError> {
    let parts = parts(spec);
    if let [only] = parts.as_slice() {
        let (entry, settings) = entry(only)?;
        return entry.recipe(settings);
    }
    let piece = |part: &&str| {
        let (entry, settings) = entry(part)?;
        entry.piece(settings).unwrap_or_else(|| {
            let known = ATTACKS.iter().filter(|entry| entry.piece("").is_some()).map(|entry| entry.name()).collect();
            Err(AttackError::NotARule { attack: entry.name(), known })
        })
    };
    join(parts.iter().map(piece).collect::<Result<_, _>>()?)
}

/// Cuts a combination at each `+` before a letter; one before a digit belongs to a number.
fn parts(spec: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = spec;
    let cut = |text: &str| {
        let at = |(at, _): (usize, &str)| text[at + 1..].trim_start().starts_with(|c: char| !c.is_ascii_digit()).then_some(at);
        text.match_indices('+').find_map(at)
    };
    while let Some(at) = cut(rest) {
        parts.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    parts.push(rest);
    parts
}

/// Returns the attack of that name, and the settings behind it.
fn entry(spec: &str) -> Result<(&'static dyn Registered, &str), AttackError> {
    let (name, settings) = spec.split_once(':').unwrap_or((spec, ""));
    let name = name.trim();
    match ATTACKS.iter().find(|entry| entry.name() == name) {
        Some(entry) => Ok((*entry, settings)),
        None => {
            let known: Vec<_> = ATTACKS.iter().map(|entry| entry.name()).collect();
            let nearest = nearest_name(name, &known);
            Err(AttackError::UnknownAttack { name: name.to_owned(), known, nearest })
        }
    }
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
                "unknown attack 'fabb'; the attacks are fgsm, pgd, apgd-ce, apgd-dlr, apgd-margin, apgd-t, fab, fab-t, square, trees, bim, ",
            ),
            ("", "unknown attack ''"),
            ("pgd:stepz=3", "no setting 'stepz'; its settings are steps, restarts, step, random-start"),
            ("fgsm:steps=3", "no setting 'steps'; its settings are none"),
            ("mi+apgd-ce", "attack apgd-ce cannot be combined with others; the attacks that can are mi, ni, pi, emi, vt, "),
            ("mi+vt+emi", "vt and emi cannot be combined, because both choose where gradients are computed"),
            ("di+mi+di", "di is given twice"),
            ("mi+", "unknown attack 'mi+'"),
            ("mi:steps=3+di:steps=3", "attack di has no setting 'steps'"),
            ("pgd:steps", "does not have the form name=value"),
            ("pgd:steps=0", "setting steps of attack pgd is '0'"),
            ("pgd:steps=-1", "setting steps of attack pgd is '-1'"),
            ("pgd:step=nan", "setting step of attack pgd is 'NaN'"),
            ("pgd:step=inf", "setting step"),
            ("pgd:restarts=0", "setting restarts"),
            ("apgd-ce:rho=nan", "setting rho of attack apgd-ce is 'NaN', but it must be from 0 to 1"),
            ("apgd-ce:steps=0", "setting steps of attack apgd-ce"),
            ("apgd-ce:reference-quirk=yes", "true or false"),
        ] {
            let error = recipe(spec).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.contains(words), "{spec}: {error}");
        }
    }
}
