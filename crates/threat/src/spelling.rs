//! Misspelt names.

/// Returns the known name that `given` is probably a misspelling of: the one that takes the fewest letters added, left out, changed or swapped with
/// their neighbours, where these are at most a third of the letters given (at least one). Of several as near it is the only one that is as long as what
/// was given, or none. Case does not count.
#[must_use]
pub fn nearest_name<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let given = given.to_lowercase();
    let most = (given.chars().count() / 3).max(1);
    let apart = |name: &str| {
        let distance = strsim::damerau_levenshtein(&given, &name.to_lowercase());
        (distance, name.chars().count() != given.chars().count())
    };
    let apart = known.iter().map(|&name| (apart(name), name));
    let mut near: Vec<_> = apart.filter(|((distance, _), _)| *distance <= most).collect();
    near.sort_by_key(|(apart, _)| *apart);
    match near.as_slice() {
        [(_, name)] => Some(name),
        [(first, name), (second, _), ..] if first < second => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_suggested_where_it_is_near_and_alone_in_that() {
        let known = ["fgsm", "pgd", "fab", "fab-t", "apgd-ce", "apgd-dlr", "restarts", "random-start"];
        for (given, nearest) in [
            ("pdg", Some("pgd")),
            ("PGD", Some("pgd")),
            ("fabb", Some("fab")),
            ("restart", Some("restarts")),
            ("random_start", Some("random-start")),
            ("apgd-de", Some("apgd-ce")),
            ("", None),
            ("deepfool", None),
        ] {
            assert_eq!(nearest_name(given, &known), nearest, "{given}");
        }
        assert_eq!(nearest_name("stepz", &["step", "steps"]), Some("steps"));
        assert_eq!(nearest_name("l3", &["l2", "l1", "l0"]), None);
        assert_eq!(nearest_name("pgd", &[]), None);
    }
}
