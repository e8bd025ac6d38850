use sha2::{Digest, Sha256};

use crate::error::CheckError;

/// What a certificate proves: for no input in the region do all atoms of any clause hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Lower ends of the inputs.
    pub lo: Vec<f64>,
    /// Upper ends of the inputs.
    pub hi: Vec<f64>,
    /// A ball that the inputs lie in too.
    pub ball: Option<Ball>,
    /// What must not happen, as alternatives.
    pub clauses: Vec<Vec<Atom>>,
    /// It holds for any way to compute the network in f32, too, in which each operation is rounded on its own.
    pub deployed: bool,
}

/// A ball that is no box.
#[derive(Debug, Clone, PartialEq)]
pub struct Ball {
    /// Its norm.
    pub power: Power,
    /// Its centre.
    pub centre: Vec<f64>,
    /// Its radius.
    pub eps: f64,
}

/// Norms of balls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Sum of magnitudes.
    One,
    /// Euclidean.
    Two,
}

/// `row y + shift <= 0` for outputs `y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// One factor for each output.
    pub row: Vec<f64>,
    /// The constant.
    pub shift: f64,
}

impl Statement {
    /// Returns the SHA-256 of everything that is stated.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let numbers = |hash: &mut Sha256, numbers: &[f64]| {
            hash.update((numbers.len() as u64).to_le_bytes());
            numbers.iter().for_each(|x| hash.update(x.to_bits().to_le_bytes()));
        };
        hash.update(b"brinell statement 1");
        numbers(&mut hash, &self.lo);
        numbers(&mut hash, &self.hi);
        match &self.ball {
            None => hash.update([0]),
            Some(ball) => {
                hash.update([if ball.power == Power::One { 1 } else { 2 }]);
                numbers(&mut hash, &ball.centre);
                numbers(&mut hash, &[ball.eps]);
            }
        }
        hash.update((self.clauses.len() as u64).to_le_bytes());
        for clause in &self.clauses {
            hash.update((clause.len() as u64).to_le_bytes());
            for atom in clause {
                numbers(&mut hash, &atom.row);
                numbers(&mut hash, &[atom.shift]);
            }
        }
        hash.update([u8::from(self.deployed)]);
        hash.finalize().into()
    }

    pub(crate) fn fits(&self, inputs: usize, outputs: usize) -> Result<(), CheckError> {
        let centre = self.ball.as_ref().map_or(inputs, |ball| ball.centre.len());
        let ends = [("the lower end", self.lo.len()), ("the upper end", self.hi.len()), ("the centre", centre)];
        if let Some((what, found)) = ends.into_iter().find(|(_, found)| *found != inputs) {
            return Err(CheckError::Length { what, expected: inputs, found });
        }
        let finite = |x: &f64| x.is_finite();
        let is_box = self.lo.iter().zip(&self.hi).all(|(lo, hi)| finite(lo) && finite(hi) && lo <= hi);
        let is_ball = self.ball.as_ref().is_none_or(|ball| ball.centre.iter().all(finite) && finite(&ball.eps) && ball.eps >= 0.0);
        let is_property = self.clauses.iter().flatten().all(|atom| atom.row.iter().all(finite) && finite(&atom.shift));
        if !(is_box && is_ball && is_property) {
            return Err(CheckError::Numbers);
        }
        match self.clauses.iter().flatten().find(|atom| atom.row.len() != outputs) {
            Some(atom) => Err(CheckError::Length { what: "an atom of the property", expected: outputs, found: atom.row.len() }),
            None => Ok(()),
        }
    }
}
