//! Every setting takes its default and the ends of its range, and refuses what lies beyond.

use brinell_attack::{AttackError, Bound, SettingRange, attacks, recipe};

/// Values at the ends of a range, and values beyond it.
fn probes(range: SettingRange) -> (Vec<String>, Vec<String>) {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    match range {
        SettingRange::Whole { least } => {
            let mut refused = texts(&["-1", "1.5", "many", "", "4294967296"]);
            refused.extend(least.checked_sub(1).map(|value| value.to_string()));
            (vec![least.to_string(), u32::MAX.to_string()], refused)
        }
        SettingRange::Number { low, high, .. } => {
            let (mut taken, mut refused) = (Vec::new(), texts(&["nan", "inf", "-inf", "few", ""]));
            let mut end = |bound: Bound, inside: f64| match bound {
                Bound::Including(value) => {
                    taken.push(value.to_string());
                    refused.push((value - inside).to_string());
                }
                Bound::Excluding(value) => {
                    refused.push(value.to_string());
                    taken.push((value + inside).to_string());
                }
            };
            end(low, 1e-6);
            if let Some(high) = high {
                end(high, -1e-6);
            }
            (taken, refused)
        }
        SettingRange::Switch => (texts(&["true", "false"]), texts(&["yes", "1", ""])),
        SettingRange::OneOf(words) => (texts(words), texts(&["another", ""])),
        other => panic!("no probes for {other}"),
    }
}

#[test]
fn every_setting_takes_the_ends_of_its_range_and_refuses_what_lies_beyond() {
    let mut tried = 0;
    for attack in attacks() {
        for setting in &attack.settings {
            let (taken, refused) = probes(setting.range);
            for value in taken {
                let spec = format!("{}:{}={value}", attack.name, setting.name);
                let made = recipe(&spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
                assert_eq!(recipe(&made.describe()).unwrap().describe(), made.describe(), "{spec}");
                assert!(made.describe().contains(&format!("{}={value}", setting.name)), "{spec}: {}", made.describe());
                tried += 1;
            }
            for value in refused {
                let spec = format!("{}:{}={value}", attack.name, setting.name);
                let Some(AttackError::BadValue { attack: of, setting: named, expected, .. }) = recipe(&spec).err() else {
                    panic!("{spec} is not refused as a bad value")
                };
                assert_eq!((of, named, expected), (attack.name, setting.name, setting.range), "{spec}");
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn every_setting_takes_its_default_and_that_changes_nothing() {
    let mut in_words = Vec::new();
    for attack in attacks() {
        let plain = recipe(attack.name).unwrap().describe();
        for setting in &attack.settings {
            match recipe(&format!("{}:{}={}", attack.name, setting.name, setting.default)) {
                Ok(made) => assert_eq!(made.describe(), plain, "{} {}", attack.name, setting.name),
                Err(_) => in_words.push((attack.name, setting.name, setting.default.as_str().to_owned())),
            }
        }
    }
    let words = [
        ("pgd", "step", "2.5 / steps"),
        ("square", "patience", "none"),
        ("mi", "steps", "10; 20 with `mef`"),
        ("mi", "step", "0.1, or 1 / steps where that is more; 1 with `dem`"),
        ("mi", "momentum", "1; 0 with `pi`, 0.5 with `mef`"),
        ("ti", "kernel", "1/16 of the shorter side; 1 below 64 pixels"),
    ];
    assert_eq!(in_words, words.map(|(attack, setting, words)| (attack, setting, words.to_owned())));
}

#[test]
fn misspelt_names_come_with_the_one_that_is_meant() {
    let nearest = |spec: &str| match recipe(spec).err() {
        Some(AttackError::UnknownAttack { nearest, .. } | AttackError::UnknownSetting { nearest, .. }) => nearest,
        other => panic!("{spec}: {other:?}"),
    };
    for (spec, meant) in [
        ("pdg", Some("pgd")),
        ("apgd_t", Some("apgd-t")),
        ("deepfol", Some("deepfool")),
        ("mine", None),
        ("pgd:stepz=3", Some("steps")),
        ("pgd:random_start=true", Some("random-start")),
        ("fgsm:steps=3", None),
    ] {
        assert_eq!(nearest(spec), meant, "{spec}");
    }
    let suite = |name: &str| match brinell_attack::Suite::named(name).unwrap_err() {
        AttackError::UnknownSuite { nearest, .. } => nearest,
        other => panic!("{name}: {other}"),
    };
    assert_eq!((suite("standart"), suite("slow")), (Some("standard"), None));
}
