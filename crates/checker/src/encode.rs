//! The bytes of a certificate; `docs/certificates.md` describes them.

use sha2::{Digest, Sha256};

use crate::certificate::{Bounding, Branch, Certificate, Cut, Evidence, Neuron, Tree};
use crate::error::CheckError;

/// The version that is written.
pub const VERSION: u32 = 1;

const MAGIC: &[u8] = b"brinell certificate\n";

impl Certificate {
    /// Returns the certificate as bytes: a name, a version, the digests, the evidence, and the SHA-256 of all that.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.model);
        out.extend(self.statement);
        match &self.evidence {
            Evidence::Inputs(tree) => {
                out.push(0);
                write_tree(
                    &mut out,
                    tree,
                    |_, ()| {},
                    |out, cut| {
                        out.extend(cut.index.to_le_bytes());
                        out.extend(cut.at.to_le_bytes());
                    },
                );
            }
            Evidence::Neurons { slots, clauses } => {
                out.push(1);
                write_count(&mut out, slots.len());
                slots.iter().for_each(|slot| write_neuron(&mut out, slot));
                write_count(&mut out, clauses.len());
                for tree in clauses {
                    write_tree(&mut out, tree, write_bounding, write_neuron);
                }
            }
        }
        let digest = Sha256::digest(&out);
        out.extend(digest);
        out
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// [`CheckError`] for bytes that are no certificate, or not the ones that were written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(CheckError::Foreign)?;
        let (version, _) = rest.split_first_chunk::<4>().ok_or(CheckError::Damaged)?;
        let found = u32::from_le_bytes(*version);
        if found == 0 || found > VERSION {
            return Err(CheckError::Version { found, known: VERSION });
        }
        let (all, digest) = bytes.split_last_chunk::<32>().ok_or(CheckError::Damaged)?;
        if Sha256::digest(all).as_slice() != digest {
            return Err(CheckError::Damaged);
        }
        let mut input = Input(all.get(MAGIC.len() + 4..).ok_or(CheckError::Damaged)?);
        let (model, statement) = (input.array::<32>()?, input.array::<32>()?);
        let evidence =
            match input.byte()? {
                0 => Evidence::Inputs(input.tree(
                    |_| Ok(()),
                    |input| Ok(Cut { index: u32::from_le_bytes(input.array()?), at: f64::from_le_bytes(input.array()?) }),
                )?),
                1 => {
                    let slots = input.list(8, Input::neuron)?;
                    let clauses = input.list(8, |input| input.tree(Input::bounding, Input::neuron))?;
                    Evidence::Neurons { slots, clauses }
                }
                _ => return Err(CheckError::Malformed { problem: "it has a kind of evidence that is not known" }),
            };
        if !input.0.is_empty() {
            return Err(CheckError::Malformed { problem: "something follows the evidence" });
        }
        Ok(Self { model, statement, evidence })
    }
}

fn write_count(out: &mut Vec<u8>, count: usize) {
    out.extend((count as u64).to_le_bytes());
}

fn write_neuron(out: &mut Vec<u8>, neuron: &Neuron) {
    out.extend(neuron.node.to_le_bytes());
    out.extend(neuron.element.to_le_bytes());
}

fn write_bounding(out: &mut Vec<u8>, bounding: &Bounding) {
    out.extend(bounding.atom.to_le_bytes());
    write_count(out, bounding.slopes.len());
    bounding.slopes.iter().for_each(|slope| out.extend(slope.to_le_bytes()));
    write_count(out, bounding.prices.len());
    bounding.prices.iter().for_each(|price| out.extend(price.to_le_bytes()));
}

fn write_tree<L, S>(out: &mut Vec<u8>, tree: &Tree<L, S>, leaf: impl Fn(&mut Vec<u8>, &L), split: impl Fn(&mut Vec<u8>, &S)) {
    write_count(out, tree.0.len());
    for branch in &tree.0 {
        match branch {
            Branch::Leaf(data) => {
                out.push(0);
                leaf(out, data);
            }
            Branch::Split(data) => {
                out.push(1);
                split(out, data);
            }
        }
    }
}

/// Bytes that are read from the front.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckError> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(CheckError::Malformed { problem: "it ends too early" })?;
        self.0 = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<u8, CheckError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A list whose entries take at least `size` bytes each.
    fn list<T>(&mut self, size: usize, mut entry: impl FnMut(&mut Self) -> Result<T, CheckError>) -> Result<Vec<T>, CheckError> {
        let count = usize::try_from(u64::from_le_bytes(self.array()?)).unwrap_or(usize::MAX);
        if count > self.0.len() / size {
            return Err(CheckError::Malformed { problem: "it ends too early" });
        }
        (0..count).map(|_| entry(self)).collect()
    }

    fn neuron(&mut self) -> Result<Neuron, CheckError> {
        Ok(Neuron { node: u32::from_le_bytes(self.array()?), element: u32::from_le_bytes(self.array()?) })
    }

    fn bounding(&mut self) -> Result<Bounding, CheckError> {
        let atom = u32::from_le_bytes(self.array()?);
        let slopes = self.list(2, |input| input.array().map(u16::from_le_bytes))?;
        Ok(Bounding { atom, slopes, prices: self.list(4, |input| input.array().map(f32::from_le_bytes))? })
    }

    fn tree<L, S>(
        &mut self,
        mut leaf: impl FnMut(&mut Self) -> Result<L, CheckError>,
        mut split: impl FnMut(&mut Self) -> Result<S, CheckError>,
    ) -> Result<Tree<L, S>, CheckError> {
        let branches = self.list(1, |input| match input.byte()? {
            0 => leaf(input).map(Branch::Leaf),
            1 => split(input).map(Branch::Split),
            _ => Err(CheckError::Malformed { problem: "a part is of no known kind" }),
        });
        branches.map(Tree)
    }
}
