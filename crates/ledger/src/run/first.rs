//! Summaries of the first schema, read as those of this version.

use serde_json::{Map, Value, json};

/// Schema that versions before this one wrote.
pub(super) const SCHEMA: &str = "brinell.summary/1";

/// Returns the summary as this version would write it. What was asked stood among what was found, and is put together again.
///
/// # Guarantees
/// Figures, flags and digests are as they were; the query budget was not in a summary, and is not there.
pub(super) fn upgrade(mut summary: Value, schema: &str) -> Value {
    let Some(top) = summary.as_object_mut() else { return summary };
    let mut part = |name: &str| match top.remove(name) {
        Some(Value::Object(part)) => part,
        _ => Map::new(),
    };
    let (mut model, mut data, mut threat, preprocessing) = (part("model"), part("data"), part("threat"), part("preprocessing"));
    let mut runtime = part("runtime");
    let knowledge = top.remove("knowledge").unwrap_or_default();
    let (suite, attacks) = (top.get("suite").cloned().unwrap_or_default(), top.get("attacks").cloned().unwrap_or_default());
    let custom = suite == "custom";
    let asked = |from: &mut Map<String, Value>, names: &[(&str, &str)]| {
        let taken = names.iter().filter_map(|(old, new)| Some(((*new).to_owned(), from.remove(*old)?)));
        taken.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>()
    };
    let mut artefact = asked(&mut model, &[("path", "model")]);
    artefact.extend(preprocessing);
    let population = asked(&mut data, &[("path", "data"), ("labels", "labels"), ("classes", "classes"), ("limit", "n")]);
    let mut wanted = asked(&mut threat, &[("norm", "norm"), ("eps_text", "eps")]);
    if let Some(class) = threat.get("target").and_then(Value::as_u64) {
        wanted.insert("target".to_owned(), class.to_string().into());
    }
    let mut effort = json!({ "seed": top.remove("seed").unwrap_or_default() });
    if custom {
        effort["attacks"] = attacks;
    } else {
        effort["suite"] = suite;
    }
    let mut running = asked(&mut runtime, &[("requested", "runtime")]);
    running.extend(["threads", "batch"].into_iter().filter_map(|name| Some((name.to_owned(), runtime.get(name)?.clone()))));
    if !knowledge.is_null() {
        threat.insert("knowledge".to_owned(), knowledge);
    }
    let question = json!({ "artefact": artefact, "population": population, "threat": wanted, "effort": effort, "running": running });
    for (name, value) in [("model", model), ("data", data), ("allowed", threat), ("runtime", runtime)] {
        top.insert(name.to_owned(), Value::Object(value));
    }
    top.insert("question".to_owned(), question);
    top.insert("schema".to_owned(), schema.into());
    summary
}

#[cfg(test)]
mod tests {
    use brinell_record::{Knowledge, Norm, SUMMARY_SCHEMA, Summary};

    use super::*;

    #[test]
    fn a_summary_of_the_first_schema_says_the_same() {
        let old: Value = serde_json::from_str(include_str!("first.json")).unwrap();
        let summary: Summary = serde_json::from_value(upgrade(old, SUMMARY_SCHEMA)).unwrap();
        assert_eq!(summary.schema, SUMMARY_SCHEMA);
        let question = &summary.question;
        assert_eq!((question.threat.norm, question.threat.eps.text()), (Norm::Linf, "2/255"));
        assert_eq!(question.artefact.model.to_str(), Some("models/model.onnx"));
        assert_eq!((question.artefact.mean.as_slice(), question.artefact.std.as_slice()), (&[0.5][..], &[0.25][..]));
        assert_eq!((question.population.n, question.effort.suite.as_deref()), (Some(4), Some("label")));
        assert_eq!((summary.allowed.knowledge, summary.allowed.target), (Some(Knowledge::Label), Some(1)));
        assert_eq!((summary.data.n, summary.survived, summary.runtime.threads), (4, 2, 2));
    }
}
