//! What the results of a SARIF log are instances of: rules, flags, and the weakness in the taxonomies of others.

use serde_json::{Value, json};

/// A rule of the log. Ids are the same on every run, as the tracking of alerts needs them.
pub(super) struct Rule {
    pub(super) id: &'static str,
    name: &'static str,
    short: &'static str,
    full: &'static str,
    help: &'static str,
    /// Level of a result that fails.
    pub(super) level: &'static str,
    /// Score as GitHub reads it: from 7.0 on high, from 4.0 on medium.
    severity: &'static str,
}

const REPLAY: &str = "Replay the counterexamples in the evidence folder. Then change the model (adversarial training, a defence in front of it) or the claim (a smaller radius, a lower rate), and check again.";

/// All rules; a result names one by its id.
pub(super) const RULES: [Rule; 6] = [
    Rule {
        id: "adversarial-example",
        name: "AdversarialExample",
        short: "The model can be fooled by a small change of its input",
        full: "An audit found inputs whose class changes under a change that the threat model allows. Each was confirmed by the \
               unmodified model file, one sample at a time.",
        help: "The folder of the run contains every example (adversarial.npz) and the report (report.html). Decide which radius matters for your use, write a claim with it, and let every check test the model against this claim.",
        level: "warning",
        severity: "5.0",
    },
    Rule {
        id: "forall",
        name: "ClaimOnEveryInput",
        short: "No allowed change fools the model on any of the named inputs",
        full: "A claim about every single input. One counterexample within the threat model, confirmed on every runtime, refutes it. Only a certificate for every input proves it.",
        help: REPLAY,
        level: "error",
        severity: "8.0",
    },
    Rule {
        id: "rate",
        name: "ClaimOnRate",
        short: "The share of inputs that survive is on the claimed side of the threshold",
        full: "A claim about the share of inputs that survive. An exact bound on the wrong side of the threshold refutes it; a bound on the right side supports it, for the attacks and the budget that were named.",
        help: REPLAY,
        level: "error",
        severity: "7.0",
    },
    Rule {
        id: "bound",
        name: "ClaimOnQuantity",
        short: "A measured quantity of the model is on the claimed side of a value",
        full: "A claim about a quantity such as clean accuracy. An exact bound on the wrong side of the value refutes it.",
        help: REPLAY,
        level: "error",
        severity: "7.0",
    },
    Rule {
        id: "equal",
        name: "ClaimOfEquality",
        short: "Two models give the same answers within a tolerance",
        full: "A claim that another file, such as a quantised or converted model, behaves like the first. One input on which they differ by more than the tolerance refutes it.",
        help: REPLAY,
        level: "error",
        severity: "6.0",
    },
    Rule {
        id: "other",
        name: "ClaimOfAnotherKind",
        short: "A property of the model holds as claimed",
        full: "A kind of claim for which this version has no rule; the message says what was claimed and found.",
        help: REPLAY,
        level: "error",
        severity: "7.0",
    },
];

/// Position of a rule in the log.
pub(super) fn index(id: &str) -> usize {
    RULES.iter().position(|rule| rule.id == id).unwrap_or(RULES.len() - 1)
}

/// The rules as the log has them.
pub(super) fn descriptors() -> Vec<Value> {
    RULES
        .iter()
        .map(|rule| {
            let relationships: Vec<Value> = TAXONOMIES
                .iter()
                .map(|taxonomy| {
                    json!({
                        "target": {"id": taxonomy.id, "index": 0, "toolComponent": {"name": taxonomy.name}},
                        "kinds": ["relevant"],
                    })
                })
                .collect();
            json!({
                "id": rule.id,
                "name": rule.name,
                "shortDescription": {"text": format!("{}.", rule.short)},
                "fullDescription": {"text": rule.full},
                "help": {"text": rule.help, "markdown": rule.help},
                "defaultConfiguration": {"level": rule.level},
                "relationships": relationships,
                "properties": {
                    "tags": ["security", "robustness", "machine-learning", "external/cwe/cwe-1039"],
                    "precision": "very-high",
                    "security-severity": rule.severity,
                },
            })
        })
        .collect()
}

/// One entry of somebody else's list of weaknesses, attacks or risks.
struct Taxonomy {
    name: &'static str,
    organization: &'static str,
    about: &'static str,
    uri: &'static str,
    id: &'static str,
    entry: &'static str,
    text: &'static str,
    help: &'static str,
}

const TAXONOMIES: [Taxonomy; 3] = [
    Taxonomy {
        name: "CWE",
        organization: "MITRE",
        about: "Common Weakness Enumeration.",
        uri: "https://cwe.mitre.org/",
        id: "1039",
        entry: "InadequateDetectionOrHandlingOfAdversarialInputPerturbationsInAutomatedRecognitionMechanism",
        text: "The product uses an automated mechanism such as machine learning to recognize complex data inputs, but does not properly \
               detect or handle inputs that have been modified to be taken for something else.",
        help: "https://cwe.mitre.org/data/definitions/1039.html",
    },
    Taxonomy {
        name: "ATLAS",
        organization: "MITRE",
        about: "Adversarial Threat Landscape for Artificial-Intelligence Systems.",
        uri: "https://atlas.mitre.org/",
        id: "AML.T0015",
        entry: "EvadeMLModel",
        text: "Adversaries craft data that keeps a model from identifying its content correctly.",
        help: "https://atlas.mitre.org/techniques/AML.T0015",
    },
    Taxonomy {
        name: "OWASP-ML",
        organization: "OWASP",
        about: "OWASP Machine Learning Security Top Ten, 2023.",
        uri: "https://owasp.org/www-project-machine-learning-security-top-10/",
        id: "ML01:2023",
        entry: "InputManipulationAttack",
        text: "An attacker changes input data on purpose in order to mislead the model.",
        help: "https://owasp.org/www-project-machine-learning-security-top-10/docs/ML01_2023-Input_Manipulation_Attack",
    },
];

/// The taxonomies as the log has them.
pub(super) fn taxonomies() -> Vec<Value> {
    TAXONOMIES
        .iter()
        .map(|taxonomy| {
            json!({
                "name": taxonomy.name,
                "organization": taxonomy.organization,
                "shortDescription": {"text": taxonomy.about},
                "informationUri": taxonomy.uri,
                "isComprehensive": false,
                "taxa": [{
                    "id": taxonomy.id,
                    "name": taxonomy.entry,
                    "shortDescription": {"text": taxonomy.text},
                    "helpUri": taxonomy.help,
                }],
            })
        })
        .collect()
}

/// References to the taxonomies, from the tool.
pub(super) fn supported() -> Vec<Value> {
    TAXONOMIES.iter().enumerate().map(|(index, taxonomy)| json!({"name": taxonomy.name, "index": index})).collect()
}

/// References to their entries, from a result.
pub(super) fn taxa() -> Vec<Value> {
    TAXONOMIES
        .iter()
        .enumerate()
        .map(|(index, taxonomy)| json!({"id": taxonomy.id, "index": 0, "toolComponent": {"name": taxonomy.name, "index": index}}))
        .collect()
}
