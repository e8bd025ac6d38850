//! Preprocessing as a front: what is stored as numbers, and a way back for gradients.

use brinell_task::{Front, FrontError, Stored, Support};

use crate::Preprocess;

impl Front for Preprocess {
    fn forward(&self, sample: Stored<'_>, x: &mut Vec<f32>) -> Result<(), FrontError> {
        let Stored::Values(values) = sample else { return Err(FrontError::Kind { expected: "numbers" }) };
        let expected = self.sample_shape().iter().product();
        if values.len() != expected {
            return Err(FrontError::Size { found: values.len(), expected });
        }
        self.apply(values, x);
        Ok(())
    }

    fn adjoint(&self, gradient: &[f32], out: &mut Vec<f32>) -> Support {
        self.pull_back(gradient, out);
        Support::Exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Artefact, Layout};

    #[test]
    fn gradients_come_back_as_differences_show_them() {
        let sample = [2, 3, 3];
        for (layout, model) in [(None, [3, 2, 3]), (Some(Layout::Flat), [2, 3, 3]), (Some(Layout::FlatTransposed), [3, 3, 2])] {
            let options = Artefact { mean: vec![0.1, 0.2], std: vec![0.5, 0.25], layout, ..Artefact::default() };
            let front = Preprocess::new(&options, &sample, &model).unwrap();
            let x: Vec<f32> = (0..18).map(|k| (k as f32 * 0.7).sin()).collect();
            let w: Vec<f32> = (0..18).map(|k| (k as f32 * 1.3).cos()).collect();
            let value = |x: &[f32]| -> f64 {
                let mut ready = Vec::new();
                front.forward(Stored::Values(x), &mut ready).unwrap();
                ready.iter().zip(&w).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let mut gradient = Vec::new();
            assert_eq!(front.adjoint(&w, &mut gradient), Support::Exact);
            assert_eq!(gradient.len(), x.len());
            for (place, found) in gradient.iter().enumerate() {
                let moved = |by: f32| x.iter().enumerate().map(|(k, v)| if k == place { v + by } else { *v }).collect::<Vec<f32>>();
                let slope = (value(&moved(0.5)) - value(&moved(-0.5))) as f32;
                assert!((slope - found).abs() < 1e-5, "{layout:?} element {place}: {found} is not {slope}");
            }
        }
    }

    #[test]
    fn other_samples_are_refused() {
        let front = Preprocess::new(&Artefact::default(), &[2], &[2]).unwrap();
        let mut x = Vec::new();
        assert_eq!(front.forward(Stored::Text("ab"), &mut x), Err(FrontError::Kind { expected: "numbers" }));
        assert_eq!(front.forward(Stored::Values(&[1.0]), &mut x), Err(FrontError::Size { found: 1, expected: 2 }));
    }
}
