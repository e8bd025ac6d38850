//! What every session checks before it hands feeds to its runtime.

use crate::{EngineError, Port, View};

/// Finds the feed of every port: the result's k-th entry is the index into `feeds` of port k.
///
/// # Errors
/// [`EngineError::Feed`] and [`EngineError::FeedType`] when a feed is missing, unknown, given twice or does not fit.
pub(crate) fn arrange(ports: &[Port], feeds: &[(&str, View<'_>)], order: &mut Vec<usize>) -> Result<(), EngineError> {
    order.clear();
    for port in ports {
        let mut found = feeds.iter().enumerate().filter(|(_, (name, _))| *name == port.name);
        let Some((index, (_, view))) = found.next() else {
            return Err(refuse(port, format_args!("it got no value; values were given for {}", list(feeds))));
        };
        if found.next().is_some() {
            return Err(refuse(port, format_args!("it got two values")));
        }
        check(port, view)?;
        order.push(index);
    }
    if feeds.len() != ports.len() {
        let stray = feeds.iter().find(|(name, _)| ports.iter().all(|port| port.name != *name));
        let name = stray.map_or_else(String::new, |(name, _)| (*name).to_owned());
        return Err(EngineError::Feed { name, reason: "the model has no such input".to_owned() });
    }
    Ok(())
}

fn check(port: &Port, view: &View<'_>) -> Result<(), EngineError> {
    if view.data.dtype() != port.dtype {
        return Err(EngineError::FeedType { name: port.name.clone(), expected: port.dtype, found: view.data.dtype() });
    }
    if view.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)) != Some(view.data.len()) {
        return Err(refuse(port, format_args!("shape {:?} does not have {} elements", view.shape, view.data.len())));
    }
    let fits = port.shape.is_empty()
        || (port.shape.len() == view.shape.len()
            && port.shape.iter().zip(view.shape).all(|(want, have)| want.is_none_or(|want| want == *have)));
    if fits { Ok(()) } else { Err(refuse(port, format_args!("shape {:?} does not fit {}", view.shape, extents(&port.shape)))) }
}

fn refuse(port: &Port, reason: std::fmt::Arguments<'_>) -> EngineError {
    EngineError::Feed { name: port.name.clone(), reason: reason.to_string() }
}

fn list(feeds: &[(&str, View<'_>)]) -> String {
    feeds.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn extents(shape: &[Option<usize>]) -> String {
    let parts: Vec<String> = shape.iter().map(|d| d.map_or_else(|| "?".to_owned(), |d| d.to_string())).collect();
    format!("[{}]", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use brinell_graph::DType;

    use super::*;
    use crate::Elements;

    fn ports() -> Vec<Port> {
        vec![
            Port { name: "x".into(), dtype: DType::F32, shape: vec![None, Some(2)] },
            Port { name: "n".into(), dtype: DType::I64, shape: vec![] },
        ]
    }

    #[test]
    fn feeds_are_found_by_name() {
        let mut order = Vec::new();
        let n = View { shape: &[], data: Elements::I64(&[3]) };
        let x = View::f32(&[2, 2], &[0.0; 4]);
        arrange(&ports(), &[("n", n), ("x", x)], &mut order).unwrap();
        assert_eq!(order, [1, 0]);
    }

    #[test]
    fn feeds_that_do_not_fit_are_refused() {
        let n = View { shape: &[], data: Elements::I64(&[3]) };
        let x = View::f32(&[2, 2], &[0.0; 4]);
        let wide = View::f32(&[2, 3], &[0.0; 6]);
        let short = View::f32(&[2, 2], &[0.0; 3]);
        let mut order = Vec::new();
        let mut message = |feeds: &[(&str, View<'_>)]| arrange(&ports(), feeds, &mut order).unwrap_err().to_string();
        assert_eq!(message(&[("x", x)]), "input `n`: it got no value; values were given for `x`");
        assert_eq!(message(&[("x", x), ("x", x), ("n", n)]), "input `x`: it got two values");
        assert_eq!(message(&[("x", x), ("n", n), ("y", n)]), "input `y`: the model has no such input");
        assert_eq!(message(&[("x", n), ("n", n)]), "input `x` needs F32 elements, but I64 were given");
        assert_eq!(message(&[("x", wide), ("n", n)]), "input `x`: shape [2, 3] does not fit [?, 2]");
        assert_eq!(message(&[("x", short), ("n", n)]), "input `x`: shape [2, 2] does not have 3 elements");
    }
}
