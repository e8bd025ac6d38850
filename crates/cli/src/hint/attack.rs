//! Hints for errors of attacks and suites.

use std::error::Error;

use brinell::errors::AttackError;

use super::{as_a, meant};

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a(error)? {
        AttackError::UnknownAttack { name, nearest, .. } => elsewhere(name)
            .or_else(|| meant(*nearest))
            .or_else(|| Some("`brinell attacks` lists all attacks with their settings".to_owned())),
        AttackError::UnknownSuite { name, nearest, .. } => elsewhere(name)
            .or_else(|| meant(*nearest))
            .or_else(|| Some("give one of these names, or a file; `brinell suites NAME` prints a template".to_owned())),
        AttackError::UnknownSetting { nearest, .. } => {
            meant(*nearest).or_else(|| Some("`brinell attacks` explains all settings".to_owned()))
        }
        AttackError::NotASetting { attack, .. } => {
            Some(format!("write settings as {attack}:NAME=VALUE,NAME=VALUE; `brinell attacks` lists them"))
        }
        _ => None,
    }
}

/// Says what has another name here than elsewhere, or is a suite and no attack, or the reverse.
fn elsewhere(name: &str) -> Option<String> {
    let lower: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let known = match lower.as_str() {
        "autoattack" | "aa" | "autoattackstandard" => "AutoAttack is the suite `standard`: --suite standard",
        "autoattackplus" => "the `plus` version of AutoAttack is the suite `plus`: --suite plus",
        "apgd" | "autopgd" => "Auto-PGD is named after its loss here: `apgd-ce`, `apgd-dlr` or `apgd-margin`",
        "ifgsm" | "bimlinf" | "basiciterativemethod" => "for PGD without a random start use `pgd:random-start=false`",
        "carliniwagner" | "carlini" | "cwl2" | "cw2" => "this attack is named `cw` here",
        "hsja" => "this attack is named `hopskipjump` here",
        _ if brinell::suites().any(|suite| suite == name) => return Some(format!("`{name}` is a suite: --suite {name}")),
        _ if brinell::attacks().any(|attack| attack.name == name) => return Some(format!("`{name}` is an attack: --attack {name}")),
        _ => return None,
    };
    Some(known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn names_of_others_are_known() {
        for (name, words) in [("AutoAttack", "--suite standard"), ("standard", "is a suite"), ("pgd", "is an attack"), ("CW-L2", "`cw`")] {
            assert!(elsewhere(name).is_some_and(|hint| hint.contains(words)), "{name}");
        }
        assert_eq!(elsewhere("pdg"), None);
    }
}
