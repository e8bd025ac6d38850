use crate::error::CertifyError;
use crate::matrix::Matrix;

/// A half-space of outputs: `row y + shift <= 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// One factor for each output.
    pub row: Vec<f64>,
    /// The constant.
    pub shift: f64,
}

impl Atom {
    /// Returns `row y + shift` in f64; a witness has a value of at most 0 for every atom of a clause.
    #[must_use]
    pub fn value(&self, y: &[f64]) -> f64 {
        self.row.iter().zip(y).filter(|(r, _)| **r != 0.0).map(|(r, y)| r * y).sum::<f64>() + self.shift
    }
}

/// What must not happen: the outputs lie in all half-spaces of some clause.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    clauses: Vec<Vec<Atom>>,
}

impl Property {
    /// A property of `outputs` numbers.
    ///
    /// # Errors
    /// [`CertifyError::Length`] where an atom has another number of factors.
    pub fn new(clauses: Vec<Vec<Atom>>, outputs: usize) -> Result<Self, CertifyError> {
        match clauses.iter().flatten().find(|atom| atom.row.len() != outputs) {
            Some(atom) => Err(CertifyError::Length { what: "an atom of the property", expected: outputs, found: atom.row.len() }),
            None => Ok(Self { clauses }),
        }
    }

    /// Another class than `label` is the largest of `classes` outputs, or as large.
    ///
    /// # Errors
    /// [`CertifyError::Length`] where there is no such class.
    pub fn misclassified(label: usize, classes: usize) -> Result<Self, CertifyError> {
        if label >= classes {
            return Err(CertifyError::Length { what: "the label", expected: classes, found: label });
        }
        let against = |rival: usize| {
            let mut row = vec![0.0; classes];
            (row[label], row[rival]) = (1.0, -1.0);
            vec![Atom { row, shift: 0.0 }]
        };
        Ok(Self { clauses: (0..classes).filter(|&rival| rival != label).map(against).collect() })
    }

    /// The class `target` is the largest of `classes` outputs, or as large as the largest.
    ///
    /// # Errors
    /// [`CertifyError::Length`] where there is no such class.
    pub fn chosen(target: usize, classes: usize) -> Result<Self, CertifyError> {
        if target >= classes {
            return Err(CertifyError::Length { what: "the target", expected: classes, found: target });
        }
        let above = |rival: usize| {
            let mut row = vec![0.0; classes];
            (row[rival], row[target]) = (1.0, -1.0);
            Atom { row, shift: 0.0 }
        };
        Ok(Self { clauses: vec![(0..classes).filter(|&rival| rival != target).map(above).collect()] })
    }

    /// The same property, which counts as happening from `by` above on already.
    pub(crate) fn widened(&self, by: f64) -> Self {
        let atom = |atom: &Atom| {
            let size: f64 = atom.row.iter().map(|r| r.abs()).sum();
            Atom { row: atom.row.clone(), shift: atom.shift - size * by }
        };
        Self { clauses: self.clauses.iter().map(|clause| clause.iter().map(atom).collect()).collect() }
    }

    /// Returns the clauses.
    #[must_use]
    pub fn clauses(&self) -> &[Vec<Atom>] {
        &self.clauses
    }

    /// Returns true where the outputs are what must not happen, with zero tolerance.
    #[must_use]
    pub fn is_violated(&self, y: &[f64]) -> bool {
        y.iter().all(|y| y.is_finite()) && self.clauses.iter().any(|clause| clause.iter().all(|atom| atom.value(y) <= 0.0))
    }

    /// How far the outputs are from what must not happen: the least over clauses of the largest atom; at most 0 where it happens.
    #[must_use]
    pub fn margin(&self, y: &[f64]) -> f64 {
        let clause = |clause: &Vec<Atom>| clause.iter().map(|atom| atom.value(y)).fold(f64::NEG_INFINITY, f64::max);
        self.clauses.iter().map(clause).fold(f64::INFINITY, f64::min)
    }

    /// All atoms as coefficients and constants, and the clause of each.
    pub(crate) fn stacked(&self) -> (Matrix, Vec<f64>, Vec<usize>) {
        stack(
            self.clauses.iter().flatten().collect(),
            self.clauses.iter().enumerate().flat_map(|(k, c)| std::iter::repeat_n(k, c.len())).collect(),
        )
    }
}

fn stack(atoms: Vec<&Atom>, clauses: Vec<usize>) -> (Matrix, Vec<f64>, Vec<usize>) {
    let outputs = atoms.first().map_or(0, |atom| atom.row.len());
    let mut a = Matrix::zeros(outputs, atoms.len());
    for (col, atom) in atoms.iter().enumerate() {
        atom.row.iter().enumerate().for_each(|(i, &x)| a.row_mut(i)[col] = x);
    }
    (a, atoms.iter().map(|atom| atom.shift).collect(), clauses)
}
