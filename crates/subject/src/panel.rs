//! All available runtimes as judges, each on the original file.

use brinell_engine::{EngineError, Preprocess, Running, Runtime, RuntimeChoice, open};
use brinell_record::{Judge, Opinion, Standing};
use brinell_task::Demand;
use brinell_threat::Ball;

use crate::{Referee, Subject, SubjectError};

/// One referee per runtime that can load and run the file.
pub struct Panel {
    seats: Vec<Seat>,
    refused: Vec<String>,
}

struct Seat {
    judge: Judge,
    referee: Referee,
}

/// What a counterexample has to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Charge {
    /// The goal of an attack is reached.
    Goal(Demand),
    /// The answer is not right; no answer, where an output is not finite, is none either.
    Wrong(Demand),
    /// An output is not finite.
    NonFinite(Demand),
}

impl Charge {
    fn demand(&self) -> &Demand {
        match self {
            Self::Goal(demand) | Self::Wrong(demand) | Self::NonFinite(demand) => demand,
        }
    }
}

/// What a panel says about one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Size of the change in the ball's norm, in f64.
    pub norm: f64,
    /// Why the input is not allowed, where it is not.
    pub violation: Option<String>,
    /// One opinion per judge.
    pub opinions: Vec<Opinion>,
    /// The outcome.
    pub standing: Standing,
}

impl Finding {
    /// Returns the smallest margin of any judge; NaN where one has none.
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.opinions
            .iter()
            .map(|opinion| opinion.margin)
            .fold(f64::INFINITY, |least, margin| if margin < least || margin.is_nan() { margin } else { least })
    }
}

impl Panel {
    /// Opens ONNX Runtime, where one is found, and rten on the processor, and loads the file into each; of a model behind an address its server is the
    /// only judge. A runtime that refuses the
    /// file has no seat; [`Panel::refused`] says why.
    ///
    /// # Errors
    /// [`SubjectError::Engine`] and [`SubjectError::Oracle`] where no runtime can load and run the file, or a library that the user named cannot be used.
    pub fn open(subject: &Subject, settings: &Running) -> Result<Self, SubjectError> {
        let running = |runtime| Running { runtime, device: brinell_engine::Device::Cpu, ..settings.clone() };
        if subject.is_no_file() {
            let runtime = subject.runtime(&running(RuntimeChoice::Auto))?;
            let seat = Seat { judge: name(runtime.as_ref()), referee: subject.referee(&runtime)? };
            return Ok(Self { seats: vec![seat], refused: Vec::new() });
        }
        let values = subject.signature.sample.iter().product();
        let mut panel = Self { seats: Vec::new(), refused: Vec::new() };
        let mut last = None;
        for choice in [RuntimeChoice::OnnxRuntime, RuntimeChoice::Rten] {
            let runtime = match open(&running(choice)) {
                Ok(runtime) => runtime,
                Err(EngineError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            match subject.referee(&runtime).and_then(|referee| Ok(referee.tried(values)?)) {
                Ok(referee) => panel.seats.push(Seat { judge: name(runtime.as_ref()), referee }),
                Err(error) => {
                    panel.refused.push(error.to_string());
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if panel.seats.is_empty() => Err(error),
            _ => Ok(panel),
        }
    }

    /// Returns the judges in their order.
    #[must_use]
    pub fn judges(&self) -> Vec<Judge> {
        self.seats.iter().map(|seat| seat.judge.clone()).collect()
    }

    /// Returns the reasons of the runtimes that could not load or run the file.
    #[must_use]
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// Asks every judge whether `x_adv` is a counterexample for `x`, which is stored sample number `sample`.
    ///
    /// # Guarantees
    /// [`Standing::Confirmed`] only where the point is finite, inside box and ball in f64, and every judge confirms the charge on the original file.
    ///
    /// # Errors
    /// [`SubjectError::Oracle`] where a run fails.
    pub fn judge(
        &mut self,
        preprocess: &Preprocess,
        ball: &Ball,
        charge: &Charge,
        sample: usize,
        x: &[f32],
        x_adv: &[f32],
    ) -> Result<Finding, SubjectError> {
        // A sample as it stands in the data needs no permission.
        let violation = match charge {
            Charge::Goal(_) => ball.contains(x, x_adv).err().map(|violation| violation.to_string()),
            Charge::Wrong(_) | Charge::NonFinite(_) => None,
        };
        let mut opinions = Vec::with_capacity(self.seats.len());
        for Seat { judge, referee } in &mut self.seats {
            let opinion = referee.ask(preprocess, x_adv, sample)?;
            let (posed, task) = (charge.demand().posed(), referee.task());
            let margin = opinion.margin(task, posed).unwrap_or(f64::NAN);
            let (margin, confirmed) = match charge {
                Charge::Goal(_) => (margin, opinion.reached(task, posed)),
                Charge::Wrong(_) => (margin, !opinion.is_right(task, posed)),
                Charge::NonFinite(_) => (f64::NAN, opinion.answer.is_none()),
            };
            let prediction = opinion.label(task, posed);
            opinions.push(Opinion {
                runtime: judge.runtime.clone(),
                version: judge.version.clone(),
                prediction,
                margin,
                other_prediction: None,
                difference: None,
                confirmed,
            });
        }
        let standing = if violation.is_some() { Standing::Rejected } else { standing(&opinions) };
        Ok(Finding { norm: ball.distance(x, x_adv), violation, opinions, standing })
    }

    /// True where every judge says of a point around stored sample number `sample` what is asked.
    ///
    /// # Errors
    /// [`SubjectError::Oracle`] where a run fails.
    pub fn all_reach(&mut self, preprocess: &Preprocess, demand: &Demand, sample: usize, x: &[f32]) -> Result<bool, SubjectError> {
        for Seat { referee, .. } in &mut self.seats {
            let opinion = referee.ask(preprocess, x, sample)?;
            if !opinion.reached(referee.task(), demand.posed()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the embedding of a point by the first judge; `None` where it has no direction, or the model gives none.
    ///
    /// # Errors
    /// [`SubjectError::Oracle`] where a run fails.
    pub fn embed(&mut self, preprocess: &Preprocess, sample: usize, x: &[f32]) -> Result<Option<Vec<f32>>, SubjectError> {
        match self.seats.first_mut() {
            Some(seat) => Ok(seat.referee.embed(preprocess, x, sample)?),
            None => Ok(None),
        }
    }

    /// Asks every judge about a point around stored sample number `sample`, and returns the outputs of the file, by judge.
    ///
    /// # Errors
    /// [`SubjectError::Oracle`] where a run fails.
    pub fn outputs(&mut self, preprocess: &Preprocess, sample: usize, x: &[f32]) -> Result<Vec<(Judge, crate::Opinion)>, SubjectError> {
        self.seats.iter_mut().map(|seat| Ok((seat.judge.clone(), seat.referee.ask(preprocess, x, sample)?))).collect()
    }
}

/// Returns what follows from the opinions: all confirm, some do, none does.
#[must_use]
pub fn standing(opinions: &[Opinion]) -> Standing {
    match opinions.iter().filter(|opinion| opinion.confirmed).count() {
        0 => Standing::Rejected,
        count if count == opinions.len() => Standing::Confirmed,
        _ => Standing::Boundary,
    }
}

fn name(runtime: &dyn Runtime) -> Judge {
    Judge { runtime: runtime.name().to_owned(), version: runtime.version().to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use brinell_engine::{Artefact, Session, Signature, View};
    use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData};
    use brinell_task::{Truth, Wanted};
    use brinell_threat::{InputBox, Norm};

    use super::*;

    /// A runtime for which one value above `threshold` is class 1, and one that is not finite has no class. With a threshold below -1 it cannot run the
    /// file.
    struct Above {
        threshold: f32,
    }

    impl Runtime for Above {
        fn name(&self) -> &'static str {
            "above"
        }

        fn version(&self) -> &'static str {
            "1"
        }

        fn device(&self) -> &'static str {
            "cpu"
        }

        fn compile(&self, _: &brinell_onnx::Encoded) -> Result<Box<dyn Session>, EngineError> {
            Ok(Box::new(Above { threshold: self.threshold }))
        }

        fn compile_file(&self, _: &Path) -> Result<Box<dyn Session>, EngineError> {
            self.compile(&brinell_onnx::Encoded::default())
        }
    }

    impl Session for Above {
        fn inputs(&self) -> &[brinell_engine::Port] {
            &[]
        }

        fn outputs(&self) -> &[brinell_engine::Port] {
            &[]
        }

        fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
            let x = feeds[0].1.data.as_f32().unwrap()[0];
            if self.threshold < -1.0 {
                return Err(EngineError::Feed { name: "x".to_owned(), reason: "it cannot be run".to_owned() });
            }
            let logit = if x > 0.9 { f32::NAN } else { x - self.threshold };
            sink(0, View::f32(&[1, 2], &[0.0, logit]));
            Ok(())
        }
    }

    fn panel(thresholds: &[f32]) -> (Panel, Preprocess) {
        let mut graph = Graph::new("one");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(1)]);
        let weight = graph.constant("weight", Tensor::new(vec![1, 2], TensorData::F32(vec![0.0, 1.0])).unwrap());
        let logits = graph.add(Op::MatMul, &[x, weight]).unwrap();
        graph.output(logits);
        let signature = Signature::of(&graph, &Artefact::default()).unwrap();
        let seats = thresholds.iter().map(|&threshold| {
            let runtime = Above { threshold };
            let judge = Judge { runtime: format!("above {threshold}"), version: "1".to_owned() };
            Seat { judge, referee: Referee::new(Path::new("one.onnx"), &runtime, &signature, Arc::default()).unwrap() }
        });
        let preprocess = Preprocess::new(&Artefact::default(), &[1], &[1]).unwrap();
        (Panel { seats: seats.collect(), refused: Vec::new() }, preprocess)
    }

    fn judged(thresholds: &[f32], charge: Charge, x_adv: f32) -> Finding {
        let (mut panel, preprocess) = panel(thresholds);
        let ball = Ball { norm: Norm::Linf, eps: 0.3, bounds: InputBox::UNIT, features: None };
        panel.judge(&preprocess, &ball, &charge, 0, &[0.4], &[x_adv]).unwrap()
    }

    const FOOLED: Charge = Charge::Goal(Demand { truth: Truth::Class(0), wanted: Wanted::BREAK });

    #[test]
    fn a_runtime_that_cannot_run_the_file_has_no_seat() {
        for (threshold, runs) in [(0.5, true), (-2.0, false)] {
            let Panel { mut seats, .. } = panel(&[threshold]).0;
            assert_eq!(seats.remove(0).referee.tried(1).is_ok(), runs);
        }
    }

    #[test]
    fn a_counterexample_that_one_runtime_alone_confirms_lies_on_the_boundary() {
        for (thresholds, x_adv, expected) in [
            (&[0.5, 0.6][..], 0.65, Standing::Confirmed),
            (&[0.5, 0.6], 0.55, Standing::Boundary),
            (&[0.6, 0.5], 0.55, Standing::Boundary),
            (&[0.5, 0.6], 0.45, Standing::Rejected),
            (&[0.5], 0.55, Standing::Confirmed),
        ] {
            let finding = judged(thresholds, FOOLED, x_adv);
            assert_eq!(finding.standing, expected, "{thresholds:?} at {x_adv}");
            assert_eq!(finding.opinions.len(), thresholds.len());
            assert_eq!(finding.margin() > 0.0, expected == Standing::Confirmed);
        }
    }

    #[test]
    fn a_point_outside_the_ball_is_no_counterexample_whatever_the_model_says() {
        let finding = judged(&[0.5, 0.6], FOOLED, 0.8);
        assert_eq!(finding.standing, Standing::Rejected);
        assert!(finding.violation.unwrap().contains("larger than eps"));
        assert!(finding.opinions.iter().all(|opinion| opinion.confirmed));
    }

    #[test]
    fn no_answer_is_a_wrong_answer_but_reaches_no_goal() {
        let right = || Demand::class(0, None);
        assert_eq!(judged(&[0.5], Charge::Wrong(right()), 0.95).standing, Standing::Confirmed);
        assert_eq!(judged(&[0.5], Charge::NonFinite(right()), 0.95).standing, Standing::Confirmed);
        assert_eq!(judged(&[0.5], Charge::NonFinite(right()), 0.65).standing, Standing::Rejected);
        let finding = judged(&[0.5], Charge::Goal(Demand::class(0, Some(1))), 0.95);
        assert!(!finding.opinions[0].confirmed && finding.margin().is_nan());
    }
}
