//! From answers to cells, intervals and tests.

use std::collections::BTreeMap;

use brinell_attack::rng::keyed;
use brinell_record::{Cell, Control, Mean, Rate, SourceTest, Together};
use brinell_stats::{CONFIDENCE, clopper_pearson, holm_level, mcnemar};
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use crate::classes::ClassMap;
use crate::contender::Answer;
use crate::journal::Shown;

/// Draws of the bootstrap over images.
const DRAWS: u32 = 10_000;
/// Largest probability of naming any difference where there is none.
const LEVEL: f64 = 0.05;

/// A row of the matrix: what examples were made on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) models: Vec<usize>,
    pub(crate) without: Option<usize>,
}

/// All answers, and what they mean.
pub(crate) struct Answers<'a> {
    pub(crate) rows: &'a [Row],
    pub(crate) targets: &'a [usize],
    pub(crate) maps: Vec<&'a ClassMap>,
    pub(crate) labels: &'a [usize],
    /// Images that each source has examples of, in order.
    pub(crate) made: &'a [Vec<usize>],
    pub(crate) given: BTreeMap<(Shown, usize), Vec<Answer>>,
    pub(crate) seed: u64,
}

/// What became of one example on one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fate {
    /// There is an example, and the target has the class.
    counts: bool,
    /// The target gets the image right; so do all models of the source.
    right: bool,
    both: bool,
    fooled: bool,
    same: bool,
    unobserved: bool,
    shuffled: bool,
}

impl Answers<'_> {
    fn answer(&self, shown: Shown, model: usize, place: usize) -> Answer {
        self.given.get(&(shown, model)).and_then(|answers| answers.get(place)).copied().unwrap_or(Answer::None)
    }

    /// The class of the data that an answer means; none for other classes.
    fn class(&self, model: usize, answer: Answer) -> Option<usize> {
        match answer {
            Answer::Class(class) => self.maps.get(model).and_then(|map| map.shared(class)),
            _ => None,
        }
    }

    fn has_class(&self, model: usize, sample: usize) -> bool {
        self.maps.get(model).zip(self.labels.get(sample)).is_some_and(|(map, label)| !map.own(*label).is_empty())
    }

    /// True where a model gives the image its class.
    pub(crate) fn right(&self, model: usize, sample: usize) -> bool {
        let answer = self.class(model, self.answer(Shown::Clean, model, sample));
        self.has_class(model, sample) && answer.is_some() && answer.as_ref() == self.labels.get(sample)
    }

    /// Images whose class the model has, those of them that it gets right, and those without an answer.
    pub(crate) fn clean(&self, model: usize) -> (usize, usize, usize) {
        let known = (0..self.labels.len()).filter(|sample| self.has_class(model, *sample));
        known.fold((0, 0, 0), |(n, right, silent), sample| {
            let none = self.answer(Shown::Clean, model, sample) == Answer::None;
            (n + 1, right + usize::from(self.right(model, sample)), silent + usize::from(none))
        })
    }

    /// Every image of a cell.
    fn fates(&self, row: usize, target: usize) -> Vec<Fate> {
        let mut fates = vec![Fate::default(); self.labels.len()];
        let (Some(source), Some(made)) = (self.rows.get(row), self.made.get(row)) else { return fates };
        for (place, &sample) in made.iter().enumerate().filter(|(_, sample)| self.has_class(target, **sample)) {
            let (Some(fate), Some(&label)) = (fates.get_mut(sample), self.labels.get(sample)) else { continue };
            let answer = self.answer(Shown::Example(row), target, place);
            // A class that the data do not know is a wrong one; no answer is none.
            let wrong = |answer: Answer| answer != Answer::None && self.class(target, answer) != Some(label);
            let right = self.right(target, sample);
            let mistake = self.class(target, answer);
            let as_source = |model: &usize| {
                let own = self.class(*model, self.answer(Shown::Example(row), *model, place));
                own.is_some() && own == mistake && own != Some(label)
            };
            *fate = Fate {
                counts: true,
                right,
                both: right && source.models.iter().all(|model| self.right(*model, sample)),
                fooled: wrong(answer),
                same: source.models.iter().any(as_source),
                unobserved: answer == Answer::None,
                shuffled: right && wrong(self.answer(Shown::Shuffled(row), target, place)),
            };
        }
        fates
    }

    fn cell(&self, row: usize, target: usize, fates: &[Fate]) -> Cell {
        let count = |pick: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| fate.counts && pick(fate)).count();
        let [both, fooled] = [count(&|f| f.both && !f.unobserved), count(&|f| f.both && f.fooled)];
        let [right, right_fooled] = [count(&|f| f.right && !f.unobserved), count(&|f| f.right && f.fooled)];
        Cell {
            source: row,
            target,
            white_box: self.rows.get(row).is_some_and(|row| row.models.contains(&target)),
            both,
            fooled,
            rate: rate(fooled, both),
            same: count(&|f| f.both && f.fooled && f.same),
            right,
            right_fooled,
            right_rate: rate(right_fooled, right),
            wrong: count(&|f| f.fooled),
            n: count(&|_| true),
            unobserved: count(&|f| f.unobserved),
            shuffled: count(&|f| f.both && f.shuffled),
        }
    }

    /// All cells, what follows from them, and the pairs of targets.
    pub(crate) fn matrix(&self) -> Matrix {
        let places: Vec<(usize, usize)> =
            (0..self.rows.len()).flat_map(|row| self.targets.iter().map(move |target| (row, *target))).collect();
        let fates: Vec<Vec<Fate>> = places.iter().map(|(row, target)| self.fates(*row, *target)).collect();
        let cells: Vec<Cell> = places.iter().zip(&fates).map(|((row, target), fates)| self.cell(*row, *target, fates)).collect();
        let transfer = |cell: &Cell| !cell.white_box && cell.both > 0;
        let of = |pick: &dyn Fn(&Cell) -> bool| {
            let picked = cells.iter().zip(&fates).filter(|(cell, _)| transfer(cell) && pick(cell));
            picked.map(|(_, fates)| fates.as_slice()).collect::<Vec<_>>()
        };
        let outward = (0..self.rows.len()).map(|row| self.mean(row, "outward", &of(&|cell| cell.source == row))).collect();
        let inward = self.targets.iter().map(|&target| self.mean(target, "inward", &of(&|cell| cell.target == target))).collect();
        Matrix { noise: self.noise(), outward, inward, tests: self.tests(&cells, &fates), together: self.together(&cells, &fates), cells }
    }

    fn noise(&self) -> Vec<Control> {
        let control = |&target: &usize| {
            let right: Vec<usize> = (0..self.labels.len()).filter(|sample| self.right(target, *sample)).collect();
            let observed = right.iter().filter(|sample| self.answer(Shown::Noise, target, **sample) != Answer::None);
            let observed: Vec<usize> = observed.copied().collect();
            let fooled = observed
                .iter()
                .filter(|&&sample| self.class(target, self.answer(Shown::Noise, target, sample)).as_ref() != self.labels.get(sample))
                .count();
            Control { target, right: observed.len(), fooled, rate: rate(fooled, observed.len()) }
        };
        self.targets.iter().map(control).collect()
    }

    /// The mean share of cells, and its interval over images: cells share them, so that no cell counts for itself.
    fn mean(&self, number: usize, name: &str, cells: &[&[Fate]]) -> Mean {
        let share = |weights: &[u32]| {
            let shares = cells.iter().map(|fates| {
                let (mut fooled, mut both) = (0u64, 0u64);
                for (fate, &weight) in fates.iter().zip(weights).filter(|(fate, _)| fate.both && !fate.unobserved) {
                    both += u64::from(weight);
                    fooled += u64::from(weight) * u64::from(fate.fooled);
                }
                if both == 0 { 0.0 } else { fooled as f64 / both as f64 }
            });
            shares.sum::<f64>() / cells.len().max(1) as f64
        };
        let n = self.labels.len();
        let value = share(&vec![1; n]);
        let draw = |draw: u32| {
            let mut rng = keyed(name, self.seed, number as u64, draw);
            let mut weights = vec![0u32; n];
            for _ in 0..n {
                if let Some(weight) = weights.get_mut((rng.next_u64() % n.max(1) as u64) as usize) {
                    *weight += 1;
                }
            }
            share(&weights)
        };
        let mut shares: Vec<f64> = if cells.is_empty() { vec![f64::NAN] } else { (0..DRAWS).into_par_iter().map(draw).collect() };
        shares.sort_by(f64::total_cmp);
        let at = |share: f64| shares.get(((shares.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(f64::NAN);
        let outer = (1.0 - CONFIDENCE) / 2.0;
        let (low, high) = if cells.is_empty() { (0.0, 1.0) } else { (at(outer), at(1.0 - outer)) };
        Mean { number, cells: cells.len(), rate: Rate { value, low, high, confidence: CONFIDENCE } }
    }

    /// Every two sources on each target that neither holds, over the images that the target gets right.
    fn tests(&self, cells: &[Cell], fates: &[Vec<Fate>]) -> Vec<SourceTest> {
        let mut tests = Vec::new();
        for &target in self.targets {
            let column: Vec<_> = cells.iter().zip(fates).filter(|(cell, _)| cell.target == target && !cell.white_box).collect();
            for (k, (a, fates_a)) in column.iter().enumerate() {
                for (b, fates_b) in column.iter().skip(k + 1) {
                    let (mut only_a, mut only_b) = (0, 0);
                    for (a, b) in fates_a.iter().zip(fates_b.iter()).filter(|(a, b)| a.right && b.right && !a.unobserved && !b.unobserved) {
                        only_a += usize::from(a.fooled && !b.fooled);
                        only_b += usize::from(b.fooled && !a.fooled);
                    }
                    let p_value = mcnemar(only_a as u64, only_b as u64);
                    tests.push(SourceTest { target, a: a.source, b: b.source, only_a, only_b, p_value, differs: false });
                }
            }
        }
        let mut order: Vec<usize> = (0..tests.len()).collect();
        order.sort_by(|&a, &b| tests[a].p_value.total_cmp(&tests[b].p_value));
        let family = tests.len();
        for (decided, place) in order.into_iter().enumerate() {
            let test = &mut tests[place];
            if test.p_value > holm_level(LEVEL, family, decided) {
                break;
            }
            test.differs = true;
        }
        tests
    }

    fn together(&self, cells: &[Cell], fates: &[Vec<Fate>]) -> Vec<Together> {
        let mut pairs = Vec::new();
        for (k, &a) in self.targets.iter().enumerate() {
            for &b in self.targets.iter().skip(k + 1) {
                let mut table = [0u64; 4];
                for row in 0..self.rows.len() {
                    let find = |target: usize| {
                        cells
                            .iter()
                            .zip(fates)
                            .find(|(cell, _)| cell.source == row && cell.target == target && !cell.white_box)
                            .map(|(_, fates)| fates)
                    };
                    let Some((fates_a, fates_b)) = find(a).zip(find(b)) else { continue };
                    for (a, b) in fates_a.iter().zip(fates_b).filter(|(a, b)| a.right && b.right && !a.unobserved && !b.unobserved) {
                        table[2 * usize::from(a.fooled) + usize::from(b.fooled)] += 1;
                    }
                }
                let n: u64 = table.iter().sum();
                pairs.push(Together { a, b, n: n as usize, phi: phi(table) });
            }
        }
        pairs
    }
}

/// The correlation of two yes-or-no vectors, of (neither, only b, only a, both).
fn phi([neither, only_b, only_a, both]: [u64; 4]) -> f64 {
    let [neither, only_b, only_a, both] = [neither, only_b, only_a, both].map(|n| n as f64);
    (both * neither - only_a * only_b) / ((both + only_a) * (both + only_b) * (neither + only_a) * (neither + only_b)).sqrt()
}

/// What the answers come to.
pub(crate) struct Matrix {
    pub(crate) cells: Vec<Cell>,
    pub(crate) noise: Vec<Control>,
    pub(crate) outward: Vec<Mean>,
    pub(crate) inward: Vec<Mean>,
    pub(crate) tests: Vec<SourceTest>,
    pub(crate) together: Vec<Together>,
}

/// `k` of `n` with its exact interval; of none at all nothing is known.
pub(crate) fn rate(k: usize, n: usize) -> Rate {
    if n == 0 {
        return Rate { value: 0.0, low: 0.0, high: 1.0, confidence: CONFIDENCE };
    }
    let (low, high) = clopper_pearson(k as u64, n as u64, CONFIDENCE);
    Rate { value: k as f64 / n as f64, low, high, confidence: CONFIDENCE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correlation_is_that_of_the_two_vectors() {
        assert!((phi([5, 0, 0, 5]) - 1.0).abs() < 1e-12);
        assert!((phi([0, 5, 5, 0]) + 1.0).abs() < 1e-12);
        assert!(phi([2, 2, 2, 2]).abs() < 1e-12);
        // numpy.corrcoef of a = 1 1 1 0 0 0 0 1, b = 1 1 0 0 0 1 0 1.
        assert!((phi([3, 1, 1, 3]) - 0.5).abs() < 1e-12);
        assert!(phi([0, 0, 3, 3]).is_nan());
    }

    fn answers(class: &[i64]) -> Vec<Answer> {
        class.iter().map(|&class| usize::try_from(class).map_or(Answer::None, Answer::Class)).collect()
    }

    #[test]
    fn cells_count_what_became_of_images_that_both_get_right() {
        let map = ClassMap::identity(3);
        let labels = [0, 1, 2, 0, 1, 2];
        let rows = [Row { name: "a".into(), models: vec![0], without: None }, Row { name: "b".into(), models: vec![1], without: None }];
        let made = vec![(0..6).collect::<Vec<_>>(), (0..6).collect()];
        let given = BTreeMap::from([
            ((Shown::Clean, 0), answers(&[0, 1, 2, 0, 1, 0])),
            ((Shown::Clean, 1), answers(&[0, 1, 2, 0, 0, 2])),
            ((Shown::Example(0), 0), answers(&[1, 2, 2, 1, 0, 0])),
            // The same mistake, another, none, no answer, and two that do not count.
            ((Shown::Example(0), 1), answers(&[1, 0, 2, -2, 2, 1])),
            ((Shown::Example(1), 0), answers(&[0, 1, 2, 0, 0, 0])),
            ((Shown::Example(1), 1), answers(&[1, 1, 2, 0, 0, 1])),
            ((Shown::Shuffled(0), 1), answers(&[1, 1, 2, 0, 0, 2])),
            ((Shown::Noise, 0), answers(&[0, 1, 2, 1, 1, 0])),
            ((Shown::Noise, 1), answers(&[0, 1, 2, 0, 0, 2])),
        ]);
        let all = Answers { rows: &rows, targets: &[0, 1], maps: vec![&map, &map], labels: &labels, made: &made, given, seed: 0 };
        assert_eq!((all.clean(0), all.clean(1)), ((6, 5, 0), (6, 5, 0)));
        let matrix = all.matrix();
        let cell = &matrix.cells[1];
        assert_eq!((cell.both, cell.fooled, cell.same, cell.unobserved, cell.shuffled), (3, 2, 1, 1, 1));
        assert_eq!((cell.right, cell.right_fooled, cell.wrong, cell.n), (4, 3, 4, 6));
        assert!(!cell.white_box && matrix.cells[0].white_box);
        assert!((cell.rate.low - 0.094_299_3).abs() < 1e-6 && (cell.rate.high - 0.991_596).abs() < 1e-5, "{:?}", cell.rate);
        assert_eq!((matrix.noise[0].fooled, matrix.noise[0].right), (1, 5));
        assert_eq!(matrix.outward[0].cells, 1);
        assert!((matrix.outward[0].rate.value - 2.0 / 3.0).abs() < 1e-12 && matrix.outward[0].rate.low < 2.0 / 3.0);
    }

    #[test]
    fn a_difference_is_named_only_where_all_tests_together_allow_it() {
        let map = ClassMap::identity(2);
        let n = 40;
        let labels = vec![0; n];
        let row = |name: &str| Row { name: name.into(), models: vec![], without: None };
        let rows = [row("a"), row("b"), row("c")];
        let made = vec![(0..n).collect::<Vec<_>>(); 3];
        let fooled = |k: usize| (0..n).map(|i| Answer::Class(usize::from(i < k))).collect::<Vec<_>>();
        let given = BTreeMap::from([
            ((Shown::Clean, 0), vec![Answer::Class(0); n]),
            ((Shown::Example(0), 0), fooled(0)),
            // Six discordant pairs, all one way: p = 0.031, enough alone and too much after the first of three.
            ((Shown::Example(1), 0), fooled(6)),
            ((Shown::Example(2), 0), fooled(7)),
        ]);
        let all = Answers { rows: &rows, targets: &[0], maps: vec![&map], labels: &labels, made: &made, given, seed: 0 };
        let tests = all.matrix().tests;
        let found: Vec<(usize, usize, bool)> = tests.iter().map(|test| (test.a, test.b, test.differs)).collect();
        assert_eq!(found, [(0, 1, false), (0, 2, true), (1, 2, false)]);
        assert!((tests[0].p_value - 0.03125).abs() < 1e-9);
    }
}
