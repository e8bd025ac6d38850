//! Expectation over a model's own randomness: every point is asked about several times.

use crate::{Attack, Need, Next, Reply};

/// Hands the mean of `n` answers to another attack.
///
/// Loss and gradient are means; verdict, margin and rivals are those of the last answer. Memory: 2 d floats more than the other attack.
///
/// # Source
/// Athalye et al., "Obfuscated gradients give a false sense of security", ICML 2018, section 4; as in auto-attack, which takes the loss of the
/// last answer.
struct Averaged {
    inner: Box<dyn Attack>,
    n: u32,
    seen: u32,
    need: Need,
    x: Box<[f32]>,
    gradient: Box<[f32]>,
    loss: f64,
}

/// Returns the attack itself for `n` = 1, else one that asks about every point `n` times. `d` is the number of elements.
pub(crate) fn averaged(inner: Box<dyn Attack>, n: u32, d: usize) -> Box<dyn Attack> {
    if n <= 1 {
        return inner;
    }
    let zeros = || vec![0.0; d].into_boxed_slice();
    Box::new(Averaged { inner, n, seen: 0, need: Need::Gradient, x: zeros(), gradient: zeros(), loss: 0.0 })
}

impl Attack for Averaged {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        if self.seen == 0 {
            self.need = self.inner.ask(&mut self.x);
        }
        x.copy_from_slice(&self.x);
        self.need
    }

    fn rival(&self) -> Option<usize> {
        self.inner.rival()
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        let share = 1.0 / self.n as f32;
        if self.seen == 0 {
            self.gradient.fill(0.0);
            self.loss = 0.0;
        }
        // Divided one by one, so that no sum passes what f32 holds. A mean with a NaN in it is NaN, which the attack knows how to take.
        for (mean, &g) in self.gradient.iter_mut().zip(reply.gradient) {
            *mean += share * g;
        }
        self.loss += f64::from(reply.loss) / f64::from(self.n);
        self.seen += 1;
        if self.seen < self.n {
            return Next::Continue;
        }
        self.seen = 0;
        let gradient = if self.need == Need::Gradient { &*self.gradient } else { &[] };
        self.inner.tell(&Reply { loss: self.loss as f32, gradient, ..*reply })
    }
}
