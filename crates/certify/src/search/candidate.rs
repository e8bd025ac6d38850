//! Points at which the property may happen: the centre, the worst corners of relaxations, and a short descent on the margin with the network's own slope.

use super::{Found, Question};
use crate::backward::{Choice, Seed, backward};
use crate::matrix::Matrix;
use crate::state::State;

/// Points that descend together.
const POINTS: usize = 24;
const STEPS: usize = 40;

/// Shows points to the judge where they violate the property in f64. Points are taken as f32 numbers inside the box, since that is what the
/// model is given.
pub(crate) fn show(question: &Question<'_>, points: &Matrix, found: &mut Found<'_>) {
    let rounded = rounded(question, points);
    let outputs = question.network.values_at(rounded.clone()).swap_remove(question.network.output);
    for col in 0..points.cols {
        let y = outputs.take(col);
        if question.asked.is_violated(&y) {
            if found.show(&rounded.take(col)) {
                return;
            }
        } else if question.property.is_violated(&y) {
            found.near.get_or_insert_with(|| rounded.take(col));
        }
    }
}

/// The nearest f32 numbers, moved inward where rounding leaves the box. Where the box holds no f32 number, the nearest one stays.
fn rounded(question: &Question<'_>, points: &Matrix) -> Matrix {
    let (lo, hi) = question.region.hull();
    let mut rounded = points.clone();
    for i in 0..points.n {
        for x in rounded.row_mut(i) {
            let mut y = *x as f32;
            if f64::from(y) < lo[i] {
                y = y.next_up();
            }
            if f64::from(y) > hi[i] {
                y = y.next_down();
            }
            if (lo[i]..=hi[i]).contains(&f64::from(y)) {
                *x = f64::from(y);
            }
        }
    }
    rounded
}

pub(crate) fn try_centre(question: &Question<'_>, found: &mut Found<'_>) {
    let (lo, hi) = question.region.hull();
    let centre = lo.iter().zip(hi).map(|(lo, hi)| 0.5 * lo + 0.5 * hi).collect();
    show(question, &Matrix::column(centre), found);
}

/// Descends on the margin of each clause from several points, the clauses with the lowest bounds first.
///
/// # Source
/// Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, with the step of `alpha-beta-CROWN`: a quarter of the half-width,
/// which shrinks.
pub(crate) fn descend(question: &Question<'_>, bounds: &[f64], found: &mut Found<'_>, rounds: usize) {
    let mut order: Vec<usize> = (0..bounds.len()).filter(|&k| bounds[k] <= 0.0).collect();
    order.sort_by(|&i, &j| bounds[i].total_cmp(&bounds[j]));
    let (lo, hi) = question.region.hull();
    let mut random = Counter(0x9e37_79b9_7f4a_7c15);
    for round in 0..rounds {
        for group in order.chunks(POINTS) {
            let mut points = Matrix::zeros(lo.len(), POINTS);
            for i in 0..lo.len() {
                for (col, x) in points.row_mut(i).iter_mut().enumerate() {
                    let share = if round == 0 && col < group.len() { 0.5 } else { random.next() };
                    *x = lo[i] + share * (hi[i] - lo[i]);
                }
            }
            if !question.region.is_box() {
                points.data.iter_mut().for_each(|x| *x = random.next() - 0.5);
                points = question.region.attaining(&points, &[0; POINTS], &Matrix::column(lo.to_vec()), &Matrix::column(hi.to_vec()));
            }
            one_group(question, group, points, found);
            if found.is_over() || question.limits.over().is_some() {
                return;
            }
        }
    }
}

fn one_group(question: &Question<'_>, clauses: &[usize], mut points: Matrix, found: &mut Found<'_>) {
    let network = question.network;
    let (lo, hi) = question.region.hull();
    let domain: Vec<u32> = (0..POINTS as u32).collect();
    let mut rate = 0.25;
    for step in 0..STEPS {
        let state = State::at_points(network, points.clone());
        let outputs = &state.bounds[network.output].lo;
        let mut a = Matrix::zeros(network.outputs(), POINTS);
        let mut worth_showing = false;
        for col in 0..POINTS {
            let y = outputs.take(col);
            worth_showing |= question.asked.margin(&y) <= 0.0;
            // The atom of the clause that is furthest from happening; for every other point the sum of those that do not.
            let clause = &question.property.clauses()[clauses[col % clauses.len()]];
            let furthest = clause.iter().map(|atom| atom.value(&y)).fold(f64::NEG_INFINITY, f64::max);
            let counts = |value: f64| value == furthest || (col % 2 == 1 && value > 0.0);
            for atom in clause.iter().filter(|atom| counts(atom.value(&y))) {
                atom.row.iter().enumerate().for_each(|(i, &r)| a.row_mut(i)[col] += r);
            }
        }
        if worth_showing || step + 1 == STEPS {
            show(question, &points, found);
            if found.is_over() {
                return;
            }
        }
        if question.limits.over().is_some() {
            return;
        }
        let slope = backward(network, &state, network.output, Seed::Dense(a), &domain, vec![0.0; POINTS], &Choice::default()).a;
        if question.region.is_box() {
            for i in 0..points.n {
                let width = 0.5 * (hi[i] - lo[i]);
                for (x, slope) in points.row_mut(i).iter_mut().zip(slope.row(i)) {
                    if *slope != 0.0 {
                        *x = (*x - rate * width * slope.signum()).clamp(lo[i], hi[i]);
                    }
                }
            }
        } else {
            // Towards the point of the region where the linearisation is least; regions are convex.
            let column = |x: &[f64]| Matrix::column(x.to_vec());
            let target = question.region.attaining(&slope, &[0; POINTS], &column(lo), &column(hi));
            points.data.iter_mut().zip(&target.data).for_each(|(x, t)| *x += rate * (t - *x));
        }
        rate *= 0.95;
    }
}

/// Numbers in [0, 1) that are the same in every run.
struct Counter(u64);

impl Counter {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
