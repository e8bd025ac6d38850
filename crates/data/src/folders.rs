//! Which class folder is which class.

use super::classes::by_name;
use super::error::DataErrorKind;

/// Returns the class of every folder, in their order, where the names of the classes are known.
///
/// Every folder has the name of a class, and no two that of the same. Where none has, numbers are classes, unless classes have numbers for names, and a complete set of
/// WordNet's identifiers stands in their order, as in every model of `ImageNet`.
///
/// # Errors
/// [`DataErrorKind::FolderNames`] lists folders and classes that have no partner, [`DataErrorKind::FolderTwice`].
pub(super) fn matched(folders: &[String], names: &[String]) -> Result<Vec<usize>, DataErrorKind> {
    let found: Vec<Option<usize>> = folders.iter().map(|folder| by_name(names, folder)).collect();
    if found.iter().all(Option::is_none) {
        let is_other_number =
            |(class, name): (usize, &String)| name.parse::<i64>().is_ok_and(|number| usize::try_from(number) != Ok(class));
        let numbers: Option<Vec<usize>> = folders.iter().map(|folder| folder.parse().ok().filter(|class| *class < names.len())).collect();
        let distinct = |classes: &Vec<usize>| classes.iter().enumerate().all(|(place, class)| !classes[..place].contains(class));
        if let Some(classes) = numbers.filter(distinct).filter(|_| !names.iter().enumerate().any(is_other_number)) {
            return Ok(classes);
        }
        if folders.len() == names.len() && are_identifiers(folders) {
            return Ok((0..folders.len()).collect());
        }
    }
    let mut taken: Vec<Option<&String>> = vec![None; names.len()];
    for (folder, class) in folders.iter().zip(&found) {
        let Some(place) = class.and_then(|class| taken.get_mut(class)) else { continue };
        if let Some(other) = place.replace(folder) {
            return Err(DataErrorKind::FolderTwice {
                folders: [other.clone(), folder.clone()],
                class: class.map_or_else(String::new, |class| names[class].clone()),
            });
        }
    }
    let unknown: Vec<String> = folders.iter().zip(&found).filter(|(_, class)| class.is_none()).map(|(folder, _)| folder.clone()).collect();
    if unknown.is_empty() {
        return Ok(found.into_iter().flatten().collect());
    }
    let free = names.iter().zip(&taken).filter(|(_, folder)| folder.is_none()).map(|(name, _)| name.clone()).collect();
    Err(DataErrorKind::FolderNames { folders: unknown, names: free, classes: names.len() })
}

/// True where all names are identifiers of `WordNet`, such as `n01440764`.
#[must_use]
pub fn are_identifiers(names: &[String]) -> bool {
    let is_one =
        |name: &String| name.strip_prefix('n').is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    !names.is_empty() && names.iter().all(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folders: &[&str], names: &[&str]) -> Result<Vec<usize>, DataErrorKind> {
        let owned = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        matched(&owned(folders), &owned(names))
    }

    #[test]
    fn folders_are_matched_by_name() {
        assert_eq!(of(&["cat", "dog"], &["dog", "bird", "cat"]).unwrap(), [2, 0]);
        assert_eq!(of(&["Great_White-Shark", "tench"], &["tench", "great white shark, white shark"]).unwrap(), [1, 0]);
        // Digits are names of classes, or else their numbers.
        assert_eq!(of(&["0", "1", "10", "2"], &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]).unwrap(), [0, 1, 10, 2]);
        assert_eq!(of(&["1", "10", "2"], &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]).unwrap(), [0, 9, 1]);
        assert_eq!(of(&["0", "2"], &["cat", "dog", "bird"]).unwrap(), [0, 2]);
        assert_eq!(of(&["n01440764", "n01443537"], &["tench", "goldfish"]).unwrap(), [0, 1]);
    }

    #[test]
    fn what_has_no_partner_is_listed() {
        let error = of(&["cat", "cow", "dogs"], &["dog", "cat", "owl"]).unwrap_err();
        assert!(
            matches!(&error, DataErrorKind::FolderNames { folders, names, classes: 3 } if folders == &["cow", "dogs"] && names == &["dog", "owl"]),
            "{error}"
        );
        for (folders, names) in [
            // The folders count from 0 and the names from 1.
            (&["0", "1"][..], &["1", "2"][..]),
            (&["0", "1"], &["2", "3"]),
            (&["0", "cat"], &["cat", "dog"]),
            (&["chat", "chien"], &["cat", "dog"]),
            (&["n01440764"], &["tench", "goldfish"]),
            (&["0", "00"], &["cat", "dog"]),
            (&["7"], &["cat", "dog"]),
        ] {
            assert!(matches!(of(folders, names), Err(DataErrorKind::FolderNames { .. })), "{folders:?}");
        }
        assert!(matches!(of(&["Cat", "cat"], &["cat", "dog"]), Err(DataErrorKind::FolderTwice { .. })));
    }
}
