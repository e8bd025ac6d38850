//! Which class of a model is which class of the data.

use std::path::{Path, PathBuf};

use brinell_record::FileError;

use crate::TransferError;

/// Classes of a model by what they are in the data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassMap {
    /// Class of the data for each of the model's; none for what the data do not know.
    shared: Vec<Option<usize>>,
    /// Classes of the model for each of the data's.
    own: Vec<Vec<usize>>,
}

impl ClassMap {
    fn new(shared: Vec<Option<usize>>, n: usize) -> Self {
        let mut own = vec![Vec::new(); n];
        for (class, to) in shared.iter().enumerate() {
            if let Some(classes) = to.and_then(|to| own.get_mut(to)) {
                classes.push(class);
            }
        }
        Self { shared, own }
    }

    /// The same classes in the same order.
    pub(crate) fn identity(n: usize) -> Self {
        Self::new((0..n).map(Some).collect(), n)
    }

    /// Finds classes by name: case does not count, and a name may hold several, set apart by commas.
    pub(crate) fn by_name(own: &[String], shared: &[String]) -> Self {
        let find = |name: &String| shared.iter().position(|other| alike(name, other));
        Self::new(own.iter().map(find).collect(), shared.len())
    }

    /// Reads lines `from -> to`; classes are names or numbers, several may go to one.
    ///
    /// # Errors
    /// [`TransferError::BadMap`], [`TransferError::File`].
    pub(crate) fn read(path: &Path, own: &[String], shared: &[String]) -> Result<Self, TransferError> {
        let text = std::fs::read_to_string(path).map_err(FileError::on("read", path))?;
        let mut map = vec![None; own.len()];
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let entry = line.split_once("->").and_then(|(from, to)| Some((find(own, from)?, find(shared, to)?)));
            let Some((from, to)) = entry else {
                return Err(TransferError::BadMap { path: PathBuf::from(path), line: number + 1 });
            };
            if let Some(place) = map.get_mut(from) {
                *place = Some(to);
            }
        }
        Ok(Self::new(map, shared.len()))
    }

    /// The class of the data that an answer of the model means.
    pub(crate) fn shared(&self, class: usize) -> Option<usize> {
        self.shared.get(class).copied().flatten()
    }

    /// The model's classes that mean a class of the data.
    pub(crate) fn own(&self, class: usize) -> &[usize] {
        self.own.get(class).map_or(&[], Vec::as_slice)
    }

    /// True where no class of the data has several of the model's.
    pub(crate) fn one_to_one(&self) -> bool {
        self.own.iter().all(|own| own.len() <= 1)
    }

    /// How many classes of the data the model has.
    pub(crate) fn known(&self) -> usize {
        self.own.iter().filter(|own| !own.is_empty()).count()
    }

    /// True where both have the same classes in the same order.
    pub(crate) fn is_identity(&self) -> bool {
        self.shared.len() == self.own.len() && self.shared.iter().enumerate().all(|(class, to)| *to == Some(class))
    }
}

fn find(names: &[String], text: &str) -> Option<usize> {
    let text = text.trim();
    names.iter().position(|name| alike(name, text)).or_else(|| text.parse().ok().filter(|class| *class < names.len()))
}

/// True where the names share a synonym.
fn alike(a: &str, b: &str) -> bool {
    let synonyms = |text: &str| text.split(',').map(|name| name.trim().to_lowercase().replace(['_', '-'], " ")).collect::<Vec<_>>();
    let b = synonyms(b);
    synonyms(a).iter().any(|name| !name.is_empty() && b.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn classes_are_found_by_any_of_their_names() {
        let map = ClassMap::by_name(
            &names(&["tabby, tabby cat", "Goldfish", "sports_car"]),
            &names(&["goldfish, Carassius", "tabby cat", "tree"]),
        );
        assert_eq!([0, 1, 2].map(|class| map.shared(class)), [Some(1), Some(0), None]);
        assert_eq!((map.own(1), map.own(2), map.known()), (&[0][..], &[][..], 2));
        assert!(!map.is_identity() && ClassMap::identity(3).is_identity());
    }

    #[test]
    fn a_map_may_send_several_classes_to_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.txt");
        std::fs::write(&path, "tabby -> cat\n\n1 -> cat\n").unwrap();
        let map = ClassMap::read(&path, &names(&["tabby", "siamese", "pug"]), &names(&["dog", "cat"])).unwrap();
        assert_eq!((map.own(1), map.shared(2)), (&[0, 1][..], None));
        std::fs::write(&path, "tabby -> cat\npug -> wolf\n").unwrap();
        let error = ClassMap::read(&path, &names(&["tabby", "pug"]), &names(&["dog", "cat"])).unwrap_err();
        assert!(matches!(error, TransferError::BadMap { line: 2, .. }));
    }
}
