//! A runtime that computes logits and loss rightly and gradients wrongly.

use std::path::Path;
use std::sync::Arc;

use brinell_engine::{EngineError, Port, Runtime, Session, View};
use brinell_onnx::Encoded;

/// Makes a wrong gradient of a right one.
pub(crate) type Fault = fn(&mut [f32]);

/// As the runtime inside, but for gradients.
pub(crate) struct Wrong {
    pub(crate) inner: Arc<dyn Runtime>,
    pub(crate) fault: Fault,
}

impl Runtime for Wrong {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn version(&self) -> &str {
        self.inner.version()
    }

    fn device(&self) -> &str {
        self.inner.device()
    }

    fn compile(&self, model: &Encoded) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(WrongSession { inner: self.inner.compile(model)?, fault: self.fault }))
    }

    fn compile_file(&self, path: &Path) -> Result<Box<dyn Session>, EngineError> {
        self.inner.compile_file(path)
    }
}

struct WrongSession {
    inner: Box<dyn Session>,
    fault: Fault,
}

impl Session for WrongSession {
    fn inputs(&self) -> &[Port] {
        self.inner.inputs()
    }

    fn outputs(&self) -> &[Port] {
        self.inner.outputs()
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        let gradient = self.inner.outputs().iter().position(|port| port.name == "gradient");
        let fault = self.fault;
        self.inner.run(feeds, &mut |index, view| match view.data.as_f32() {
            Some(values) if Some(index) == gradient => {
                let mut values = values.to_vec();
                fault(&mut values);
                sink(index, View::f32(view.shape, &values));
            }
            _ => sink(index, view),
        })
    }
}

/// Faults with their names.
pub(crate) const FAULTS: [(&str, Fault); 7] = [
    ("zero", |g| g.fill(0.0)),
    ("negated", |g| g.iter_mut().for_each(|v| *v = -*v)),
    ("half of it missing", |g| g.iter_mut().step_by(2).for_each(|v| *v = 0.0)),
    ("scaled from element to element", |g| g.iter_mut().step_by(3).for_each(|v| *v *= 8.0)),
    ("in another order", <[f32]>::reverse),
    ("signs of some turned", |g| g.iter_mut().step_by(4).for_each(|v| *v = -*v)),
    ("the same everywhere", |g| g.fill(1.0)),
];
