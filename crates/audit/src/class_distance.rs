//! How far samples are from those of other classes.

use std::sync::atomic::{AtomicBool, Ordering};

use brinell_data::{Dataset, LoadOptions, load};
use brinell_record::{ClassDistance, FileError, Norm, Question, Scale};
use brinell_subject::Subject;
use rayon::prelude::*;

use crate::AuditError;

/// Samples beyond which no more are looked at, since every two are compared, and values of all of them together.
const MOST: usize = 2000;
const VALUES: usize = 1 << 26;

/// Returns the distances from the samples of a question to the nearest one of another class, in its norm; `None` where they are no measure: in Linf a single value decides and in L0 all differ,
/// and where the samples have no classes or a scale in which values cannot be compared.
///
/// # Errors
/// The samples cannot be read, or `stop` became true.
///
/// # Source
/// Y. Yang, C. Rashtchian et al., "A closer look at accuracy vs. robustness", NeurIPS 2020, section 3, whose minima over whole sets depend on how many samples there are; we take the median, and say of how many.
pub(crate) fn class_distance(question: &Question, stop: &AtomicBool) -> Result<Option<ClassDistance>, AuditError> {
    let norm = question.threat.norm;
    let scale = question.artefact.scale();
    if !matches!(norm, Norm::L2 | Norm::L1) || scale == Scale::Data || !question.threat.feature.is_empty() || question.threat.unit.is_some()
    {
        return Ok(None);
    }
    let read = |options: &LoadOptions| load(&question.population.data, options);
    let data = Subject::open_with(&question.artefact, &question.population, &read)?.data;
    if data.labels.len() != data.n {
        return Ok(None);
    }
    let n = data.n.min(MOST).min(VALUES / data.sample_len().max(1));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(question.running.thread_count().get()).build();
    let pool = pool.map_err(|error| FileError::on("start threads for", &question.population.data)(std::io::Error::other(error)))?;
    let rows: Vec<Vec<f32>> = data.samples().take(n).map(|sample| row(&data, sample, scale)).collect();
    let nearest = |sample: usize| -> Option<f64> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let (x, label) = (rows.get(sample)?, data.labels.get(sample)?);
        let others = rows.iter().zip(&data.labels).filter(|(_, other)| *other != label);
        others.map(|(y, _)| distance(norm, x, y)).min_by(f64::total_cmp)
    };
    let mut found: Vec<f64> = pool.install(|| (0..n).into_par_iter().filter_map(nearest).collect());
    if stop.load(Ordering::Relaxed) {
        return Err(AuditError::INTERRUPTED);
    }
    found.sort_by(f64::total_cmp);
    let Some(&least) = found.first() else { return Ok(None) };
    Ok(Some(ClassDistance { n: found.len(), least, median: brinell_stats::quantile(&found, 0.5).value }))
}

fn row(data: &Dataset, sample: usize, scale: Scale) -> Vec<f32> {
    let mut x = vec![0.0; data.sample_len()];
    data.sample(sample, scale, &mut x);
    x
}

fn distance(norm: Norm, x: &[f32], y: &[f32]) -> f64 {
    let differences = x.iter().zip(y).map(|(x, y)| f64::from(x - y));
    match norm {
        Norm::L2 => differences.map(|d| d * d).sum::<f64>().sqrt(),
        _ => differences.map(f64::abs).sum(),
    }
}
