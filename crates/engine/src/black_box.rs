//! A model asked as it is, in the form of the sessions that an oracle runs.

use brinell_graph::DType;

use crate::signature::order;
use crate::together::OwnFeeds;
use brinell_task::Gate;

use crate::{Elements, EngineError, Port, Preprocess, Reading, Session, Signature, View};

/// A session from stored samples to logits, around one that takes the model's own input and gives its own output.
pub(crate) struct BlackBox {
    inner: Box<dyn Session>,
    preprocess: Preprocess,
    own: OwnFeeds,
    output: usize,
    output_name: String,
    width: usize,
    columns: Option<Vec<usize>>,
    gate: Option<Gate>,
    suspicion: Vec<f64>,
    reading: Reading,
    one: Vec<f32>,
    values: Vec<f64>,
    logits: Vec<f32>,
    ports: [Port; 2],
}

impl BlackBox {
    /// # Errors
    /// [`EngineError::FeedType`] where the attacked input holds what cannot be fed.
    pub(crate) fn new(inner: Box<dyn Session>, signature: &Signature, preprocess: &Preprocess) -> Result<Self, EngineError> {
        let port = |name: &str, sample: &[usize]| Port {
            name: name.to_owned(),
            dtype: DType::F32,
            shape: std::iter::once(signature.fixed_batch).chain(sample.iter().copied().map(Some)).collect(),
        };
        let row = signature.task().width();
        Ok(Self {
            inner,
            preprocess: preprocess.clone(),
            own: OwnFeeds::new(signature)?,
            output: signature.output_index,
            output_name: signature.output_name.clone(),
            width: signature.width(),
            columns: signature.columns.clone(),
            gate: signature.gate.as_ref().map(|port| port.gate),
            suspicion: Vec::new(),
            reading: signature.reading,
            one: Vec::new(),
            values: Vec::new(),
            logits: Vec::new(),
            ports: [port("x", preprocess.sample_shape()), port("values", &[row])],
        })
    }

    /// Makes the stored samples the model's input, in its own types.
    fn prepare(&mut self, stored: &[f32], len: usize) {
        self.own.clear();
        for x in stored.chunks_exact(len) {
            self.preprocess.apply(x, &mut self.one);
            self.own.push(&self.one, None);
        }
    }
}

impl Session for BlackBox {
    fn inputs(&self) -> &[Port] {
        self.ports.get(..1).unwrap_or_default()
    }

    fn outputs(&self) -> &[Port] {
        self.ports.get(1..).unwrap_or_default()
    }

    fn note(&self) -> Option<&str> {
        self.inner.note()
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        let stored = feeds.first().and_then(|(_, view)| view.data.as_f32()).unwrap_or_default();
        let len = self.preprocess.sample_shape().iter().product::<usize>().max(1);
        self.prepare(stored, len);
        let batch = stored.len() / len;
        let (values, wanted) = (&mut self.values, self.output);
        let (suspicion, gate) = (&mut self.suspicion, self.gate);
        let mut rows = None;
        values.clear();
        suspicion.clear();
        let feeds: Vec<(&str, View<'_>)> = self.own.views().chain(feeds.iter().skip(1).copied()).collect();
        self.inner.run(&feeds, &mut |index, view| {
            if index == wanted {
                rows = view.shape.first().copied();
                reals(view.data, values);
            } else if gate.is_some_and(|gate| gate.output == index) {
                reals(view.data, suspicion);
            }
        })?;
        if values.len() > batch * self.width {
            return Err(EngineError::Rows { output: self.output_name.clone(), rows: rows.unwrap_or(1), samples: batch });
        }
        self.values = order(self.columns.as_deref(), self.width, std::mem::take(&mut self.values));
        self.logits.clear();
        for (place, row) in self.values.chunks_exact(self.width.max(1)).enumerate() {
            self.logits.extend(self.reading.logits(row));
            if let Some(gate) = self.gate {
                self.logits.push(self.suspicion.get(place).map_or(f32::NAN, |suspicion| (gate.threshold - suspicion) as f32));
            }
        }
        sink(0, View::f32(&[batch, self.logits.len() / batch.max(1)], &self.logits));
        Ok(())
    }
}

/// Appends the numbers of an output.
pub(crate) fn reals(data: Elements<'_>, out: &mut Vec<f64>) {
    match data {
        Elements::F32(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::F64(data) => out.extend_from_slice(data),
        Elements::F16(data) => out.extend(data.iter().map(|&v| half::f16::from_bits(v).to_f64())),
        Elements::Bf16(data) => out.extend(data.iter().map(|&v| half::bf16::from_bits(v).to_f64())),
        Elements::I8(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::I16(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::I32(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::I64(data) => out.extend(data.iter().map(|&v| v as f64)),
        Elements::U8(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::U16(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::U32(data) => out.extend(data.iter().map(|&v| f64::from(v))),
        Elements::U64(data) => out.extend(data.iter().map(|&v| v as f64)),
        Elements::Bool(data) => out.extend(data.iter().map(|&v| f64::from(u8::from(v)))),
        Elements::Text(_) => {}
    }
}
