//! Attacks on tables: the attack moves in units of the features, the model is asked about inputs that keep their rules.

use brinell_threat::Frame;

use crate::{Attack, Need, Next, Recipe, Reply, Start};

/// An attack that knows nothing of features, around whose points [`Frame`] puts the inputs that they stand for.
struct Framed {
    inner: Box<dyn Attack>,
    frame: Frame,
    /// Where the inner attack is, in units.
    u: Vec<f32>,
    gradient: Vec<f32>,
}

/// Begins one run of `recipe`, in units of the features where there are some and the attack does not keep their rules itself.
pub(crate) fn start(recipe: &dyn Recipe, start: &Start<'_>) -> Box<dyn Attack> {
    let frame = if recipe.reads_trees() { None } else { start.ball.frame(start.x, recipe.seeks_minimum()) };
    let Some(frame) = frame else { return recipe.start(start) };
    let found = start.found.map(|x| frame.units(x));
    let units = |points: &[f32]| points.chunks(start.x.len().max(1)).flat_map(|x| frame.units(x)).collect::<Vec<_>>();
    let guide = start.guide.map(units);
    let inner = recipe.start(&Start { x: frame.centre(), ball: frame.ball(), found: found.as_deref(), guide: guide.as_deref(), ..*start });
    let u = frame.centre().to_vec();
    Box::new(Framed { inner, frame, u, gradient: Vec::new() })
}

impl Attack for Framed {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        let need = self.inner.ask(&mut self.u);
        self.frame.realise(&self.u, x);
        need
    }

    fn rival(&self) -> Option<usize> {
        self.inner.rival()
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        self.frame.pull_back(reply.gradient, &mut self.gradient);
        self.inner.tell(&Reply { gradient: &self.gradient, ..*reply })
    }
}
