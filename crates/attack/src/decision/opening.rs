//! From a clean input to a first adversarial point.

use brinell_threat::{InputBox, fill_uniform};
use rand_chacha::ChaCha8Rng;

use crate::Start;

/// Points of noise that are tried before the goal counts as out of reach.
const NOISES: u32 = 100;

/// Tries of noise before simple images and the guide get their turn.
const NOISES_FIRST: u32 = 8;

/// Kinds of noise, tried in turn: a model often gives noise of one kind one and the same class.
const KINDS: [Try; 5] = [Try::Noise(1.0), Try::Noise(0.5), Try::Corner, Try::Noise(0.75), Try::Noise(0.25)];

/// How the search for a first adversarial point stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// There are more points to try.
    NotYet,
    /// The point last asked about is adversarial.
    Found,
    /// No point that was tried is adversarial.
    Never,
}

/// A point that may be adversarial.
#[derive(Debug, Clone, Copy)]
enum Try {
    /// The example known so far.
    Known,
    /// Another input of the data, by its number among those that are offered.
    Guide(usize),
    /// Uniform noise, with this share in the blend with the clean input.
    Noise(f64),
    /// A random corner of the box.
    Corner,
    /// The clean input with its values turned round in the box.
    Inverse,
    /// The same value everywhere, at this place of the box.
    Flat(f64),
}

/// Points to start from, the most promising first.
#[derive(Debug)]
pub(crate) struct Opening {
    known: Option<Box<[f32]>>,
    guide: Option<Box<[f32]>>,
    bounds: InputBox,
    rng: ChaCha8Rng,
    plan: std::vec::IntoIter<Try>,
}

impl Opening {
    /// `rng` gives the noise.
    pub(crate) fn new(start: &Start<'_>, rng: ChaCha8Rng) -> Self {
        // Later runs are to find other ends than the first.
        let known: Option<Box<[f32]>> = start.found.filter(|_| start.run == 0).map(Box::from);
        let guide: Option<Box<[f32]>> = start.guide.map(Box::from);
        let noise = KINDS.into_iter().cycle().take(NOISES as usize);
        let first = if start.rivals.named().is_some() { 0 } else { NOISES_FIRST };
        let mut plan: Vec<Try> = known.iter().map(|_| Try::Known).chain(noise).collect();
        let at = known.iter().len() + first as usize;
        let simple = [Try::Inverse, Try::Flat(0.0), Try::Flat(1.0), Try::Flat(0.5)];
        let guides = guide.as_ref().map_or(0, |points| points.len() / start.x.len().max(1));
        plan.splice(at..at, (0..guides).map(Try::Guide).chain(simple));
        Self { known, guide, bounds: start.ball.bounds, rng, plan: plan.into_iter() }
    }

    /// Writes the next point to ask about.
    pub(crate) fn ask(&mut self, clean: &[f32], x: &mut [f32]) {
        let (lo, hi) = (self.bounds.lo(), self.bounds.hi());
        let inside = |v: f32| brinell_threat::clamp(v, lo, hi);
        let copy = |from: &Option<Box<[f32]>>, number: usize, x: &mut [f32]| {
            let skipped = number * x.len();
            for (x, &v) in x.iter_mut().zip(from.iter().flat_map(|points| points.iter().skip(skipped))) {
                *x = inside(v);
            }
        };
        x.copy_from_slice(clean);
        match self.plan.next() {
            None => {}
            Some(Try::Known) => copy(&self.known, 0, x),
            Some(Try::Guide(number)) => copy(&self.guide, number, x),
            Some(Try::Inverse) => x.iter_mut().for_each(|v| *v = inside(lo + (hi - *v))),
            Some(Try::Flat(place)) => x.fill(inside((f64::from(lo) + place * self.bounds.width()) as f32)),
            Some(Try::Corner) => {
                fill_uniform(&mut self.rng, x);
                x.iter_mut().for_each(|v| *v = if *v < 0.0 { lo } else { hi });
            }
            Some(Try::Noise(share)) => {
                fill_uniform(&mut self.rng, x);
                for (x, &clean) in x.iter_mut().zip(clean) {
                    let noise = f64::from(lo) + self.bounds.width() * (f64::from(*x) + 1.0) / 2.0;
                    *x = inside((share * noise + (1.0 - share) * f64::from(clean)) as f32);
                }
            }
        }
    }

    /// Takes whether the point asked about is adversarial.
    pub(crate) fn tell(&self, adversarial: bool) -> Opened {
        match (adversarial, self.plan.as_slice()) {
            (true, _) => Opened::Found,
            (false, []) => Opened::Never,
            (false, _) => Opened::NotYet,
        }
    }
}
