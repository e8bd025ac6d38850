//! Hints for errors of attacks and suites.

use std::error::Error;

use brinell::errors::AttackError;

use super::{as_a, meant};

pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    match as_a(error)? {
        AttackError::UnknownAttack { name, nearest, .. } => {
            elsewhere(name).or_else(|| meant(*nearest)).or_else(|| Some("`brinell attacks` lists them with their settings".to_owned()))
        }
        AttackError::UnknownSuite { name, nearest, .. } => elsewhere(name)
            .or_else(|| meant(*nearest))
            .or_else(|| Some("name one of these, or a file; `brinell suites NAME` prints one as a template".to_owned())),
        AttackError::UnknownSetting { nearest, .. } => {
            meant(*nearest).or_else(|| Some("`brinell attacks` says what each setting means".to_owned()))
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
        "autoattackplus" => "AutoAttack's plus is the suite `plus`: --suite plus",
        "apgd" | "autopgd" => "Auto-PGD is `apgd-ce`, `apgd-dlr` or `apgd-margin`, after its loss",
        "ifgsm" | "bimlinf" | "basiciterativemethod" => "fixed steps without a random start are `pgd:random-start=false`",
        "carliniwagner" | "carlini" | "cwl2" | "cw2" => "it is `cw` here",
        "hsja" => "it is `hopskipjump` here",
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
