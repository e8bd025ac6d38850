//! APGD-T with the rivals in the order of MALT.

use brinell_threat::{Ball, Norm};

use crate::{ApgdConfig, ApgdT, Attack, Need, Next, Reply, Start};

/// Most rivals that are ranked.
const RANKED: usize = 100;

/// Ranks the rivals at the clean input and then attacks them one after the other.
pub(super) struct Ranked {
    apgd: ApgdConfig,
    targets: usize,
    clean: Box<[f32]>,
    ball: Ball,
    seed: u64,
    sample: u64,
    /// First number of the starts, which are random.
    first_run: u32,
    /// Distance to the decision plane of each rival, and the rival; infinite where it is not known yet.
    ranking: Vec<(f64, usize)>,
    at: usize,
    /// The attack on the rival in hand; none while rivals are ranked.
    attack: Option<Box<dyn Attack>>,
}

impl Ranked {
    pub(super) fn new(apgd: &ApgdConfig, targets: u32, start: &Start<'_>) -> Self {
        let candidates = start.rivals.ranked(RANKED);
        let bounds = start.ball.bounds;
        Self {
            apgd: apgd.clone(),
            targets: targets as usize,
            clean: start.x.iter().map(|&x| brinell_threat::clamp(x, bounds.lo(), bounds.hi())).collect(),
            ball: start.ball.clone(),
            seed: start.seed,
            sample: start.sample,
            first_run: start.run.saturating_mul(targets),
            ranking: candidates.into_iter().map(|rival| (f64::INFINITY, rival.id)).collect(),
            at: 0,
            attack: None,
        }
    }

    /// Begins the attack on rival `at` of the ranking.
    fn begin(&mut self) {
        let Some(&(_, rival)) = self.ranking.get(self.at) else { return };
        let start =
            Start { seed: self.seed, sample: self.sample, run: self.first_run + self.at as u32, ..Start::new(&self.clean, &self.ball) };
        self.attack = Some(self.apgd.begin(ApgdT::NAME, &start, Some(rival)));
    }
}

impl Attack for Ranked {
    fn ask(&mut self, x: &mut [f32]) -> Need {
        match &mut self.attack {
            Some(attack) => attack.ask(x),
            None => {
                x.copy_from_slice(&self.clean);
                Need::Gradient
            }
        }
    }

    fn rival(&self) -> Option<usize> {
        self.ranking.get(self.at).map(|&(_, rival)| rival)
    }

    fn tell(&mut self, reply: &Reply<'_>) -> Next {
        if let Some(attack) = &mut self.attack {
            if attack.tell(reply) == Next::Continue {
                return Next::Continue;
            }
            self.at += 1;
        } else {
            if let Some((distance, _)) = self.ranking.get_mut(self.at) {
                let value = f64::from(reply.loss);
                *distance = value.abs() / (Norm::L2.length(reply.gradient) + f64::MIN_POSITIVE);
            }
            self.at += 1;
            if self.at < self.ranking.len() {
                return Next::Continue;
            }
            // Stable: where distances are equal or NaN, the larger margin at the clean input comes first.
            self.ranking.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            self.ranking.truncate(self.targets);
            self.at = 0;
        }
        self.begin();
        if self.at < self.ranking.len() { Next::Continue } else { Next::Done }
    }
}
