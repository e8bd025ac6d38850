//! The random choices of Square, apart from what is done with them.

use rand_chacha::{ChaCha8Rng, rand_core::Rng};

/// Where the choices come from.
pub(super) trait Dice: Send {
    /// A whole number from 0 up to but not including `n`, which is at least 1.
    fn below(&mut self, n: usize) -> usize;

    /// True or false, equally likely.
    fn coin(&mut self) -> bool;
}

impl Dice for ChaCha8Rng {
    fn below(&mut self, n: usize) -> usize {
        // Off by less than n / 2^32 from uniform.
        ((u64::from(self.next_u32()) * n as u64) >> 32) as usize
    }

    fn coin(&mut self) -> bool {
        self.next_u32() & 1 == 1
    }
}
