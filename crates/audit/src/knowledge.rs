//! What the attacker may see, and which attacks that leaves.

use std::sync::Arc;

use brinell_attack::{Knowledge, Recipe, Suite, SuiteStage, suite_for};
use brinell_engine::{Ensemble, Oracle, OracleError};
use brinell_record::{Question, TaskKind};
use brinell_task::Wanted;
use brinell_threat::Norm;

use crate::AuditError;
use crate::setup::load_suite;

/// The attacks that run, and the suite that they are of.
pub(crate) struct Chosen {
    pub(crate) suite: String,
    pub(crate) stages: Vec<SuiteStage>,
}

/// The attacks that a question asks for, before it is known what the model lets them see.
pub(crate) struct Asked<'a> {
    question: &'a Question,
    suite: Suite,
    /// What may run if the model lets it see all that the question grants.
    granted: Chosen,
}

/// The attacks that run, and what they see.
pub(crate) struct Settled {
    pub(crate) chosen: Chosen,
    pub(crate) knowledge: Knowledge,
    /// The model's trees, where a stage reads them.
    pub(crate) trees: Option<Arc<Ensemble>>,
    /// Why other attacks run than were asked for, where they do.
    pub(crate) instead: Option<String>,
}

/// Reads the trees of the model, or says why it has none.
type ReadTrees<'a> = dyn FnMut() -> Result<Result<Arc<Ensemble>, String>, AuditError> + 'a;

impl<'a> Asked<'a> {
    /// # Errors
    /// [`AuditError::Attack`] and [`AuditError::File`] where there is no such suite or attack, [`AuditError::Subject`] where the task is not asked for as it should be.
    pub(crate) fn of(question: &'a Question) -> Result<Self, AuditError> {
        brinell_subject::check_task(question)?;
        let (effort, threat) = (&question.effort, &question.threat);
        let knowledge = threat.knowledge.unwrap_or(Knowledge::White);
        let nearest = threat.eps.is_nearest();
        let by_default = match question.artefact.task() {
            // A number can leave on two sides, and only attacks on rivals try both.
            TaskKind::Regression if knowledge == Knowledge::White && !nearest => "standard",
            _ => suite_for(knowledge, nearest),
        };
        let name = effort.suite.as_deref().unwrap_or(by_default);
        let suite = if effort.attacks.is_empty() { load_suite(name)? } else { Suite::of("custom", &effort.attacks)? };
        let granted = choose(question, &suite, knowledge)?;
        Ok(Self { question, suite, granted })
    }

    /// Reads the trees and builds the first gradient that a stage needs, which finds every operator without one, and lets other attacks run where
    /// there is no gradient and none was asked for by name.
    ///
    /// # Errors
    /// [`AuditError::NoTrees`] and [`AuditError::NoGradient`] where an attack cannot have what it needs, [`AuditError::Subject`].
    pub(crate) fn settle(self, oracle: &mut Oracle, wanted: &Wanted, read_trees: &mut ReadTrees<'_>) -> Result<Settled, AuditError> {
        let stages = &self.granted.stages;
        let mut trees = None;
        if let Some(stage) = stages.iter().find(|stage| stage.recipe.reads_trees()) {
            let reason = |reason| AuditError::NoTrees { attack: stage.recipe.name().to_owned(), reason };
            trees = Some(read_trees()?.map_err(reason)?);
        }
        let white = |stage: &&SuiteStage| stage.recipe.needs_gradient();
        let refused = match stages.iter().find(white) {
            Some(first) => oracle.prepare(oracle.task().head(first.recipe.objective(), wanted)).err().map(|error| (first, error)),
            None => None,
        };
        let knowledge = self.question.threat.knowledge.unwrap_or(Knowledge::White);
        let Some((first, error)) = refused else {
            return Ok(Settled { chosen: self.granted, knowledge, trees, instead: None });
        };
        if !self.may_fall_back(&error) {
            return Err(without_gradient(first, error));
        }
        let left_out: Vec<String> = stages.iter().filter(white).map(|stage| stage.recipe.name().to_owned()).collect();
        let trees = read_trees()?.ok();
        let (chosen, knowledge) = if trees.is_some() {
            (named("trees", self.question.threat.norm)?, knowledge)
        } else {
            (choose(self.question, &self.suite, Knowledge::Score)?, Knowledge::Score)
        };
        let instead = Some(fell_back(&error, &left_out, &chosen.stages, trees.is_some()));
        Ok(Settled { chosen, knowledge, trees, instead })
    }

    /// True where attacks on scores may take the place of those that need the gradient which `error` says cannot be had: neither they nor the
    /// gradient were asked for by name.
    fn may_fall_back(&self, error: &OracleError) -> bool {
        self.question.threat.knowledge.is_none()
            && self.question.effort.attacks.is_empty()
            && matches!(error, OracleError::NoGradient | OracleError::Autodiff(_))
    }
}

/// Returns the stages that need no more than `knowledge`; where none of the suite does, those of the suite made for it.
///
/// # Errors
/// [`AuditError::KnowledgeOfAttack`] for an attack that was named and needs more; [`AuditError::NormOfAttack`],
/// [`AuditError::RadiusOfAttack`] for one that cannot work in the norm or without a radius.
fn choose(question: &Question, suite: &Suite, knowledge: Knowledge) -> Result<Chosen, AuditError> {
    let (norm, nearest) = (question.threat.norm, question.threat.eps.is_nearest());
    let mut stages = suite.stages(norm)?;
    let had_some = !stages.is_empty();
    let mut name = suite.name().to_owned();
    if question.effort.attacks.is_empty() {
        stages.retain(|stage| {
            stage.recipe.knowledge() <= knowledge && (knowledge == Knowledge::White || !nearest || stage.recipe.seeks_minimum())
        });
        if stages.is_empty() && had_some {
            Chosen { suite: name, stages } = named(suite_for(knowledge, nearest), norm)?;
        }
    } else if let Some(stage) = stages.iter().find(|stage| stage.recipe.knowledge() > knowledge) {
        return Err(too_knowing(stage.recipe.as_ref(), knowledge, norm));
    }
    for stage in &stages {
        refuse_norm(stage.recipe.as_ref(), norm)?;
        if nearest {
            refuse_without_radius(stage.recipe.as_ref(), norm)?;
        }
    }
    Ok(Chosen { suite: name, stages })
}

/// Returns the stages of a suite that is built in.
fn named(suite: &str, norm: Norm) -> Result<Chosen, AuditError> {
    Ok(Chosen { suite: suite.to_owned(), stages: Suite::named(suite)?.stages(norm)? })
}

/// The error for a stage that needs the gradient.
fn without_gradient(stage: &SuiteStage, error: OracleError) -> AuditError {
    match error {
        OracleError::NoGradient | OracleError::Autodiff(_) => {
            AuditError::NoGradient { attack: stage.recipe.name().to_owned(), source: Box::new(error) }
        }
        other => other.into(),
    }
}

fn too_knowing(recipe: &dyn Recipe, knowledge: Knowledge, norm: Norm) -> AuditError {
    let fits = |attack: &brinell_attack::Listed| attack.knowledge <= knowledge && attack.norms.contains(&norm);
    let others: Vec<&str> = brinell_attack::attacks().filter(fits).map(|attack| attack.name).collect();
    AuditError::KnowledgeOfAttack {
        attack: recipe.name().to_owned(),
        needs: recipe.knowledge().name(),
        knowledge: knowledge.name(),
        others: if others.is_empty() { "none yet in this norm".to_owned() } else { others.join(", ") },
    }
}

/// Says why other attacks ran than were asked for.
fn fell_back(error: &OracleError, left_out: &[String], stages: &[SuiteStage], searched: bool) -> String {
    let ran: Vec<&str> = stages.iter().map(|stage| stage.recipe.name()).collect();
    let reason = match error {
        OracleError::NoGradient => "a part of it cannot be read, or it is on a server".to_owned(),
        other => other.to_string().lines().collect::<Vec<_>>().join(" "),
    };
    format!(
        "the model has no gradient ({reason}), so {} could not run; {} ran instead, which uses no gradients and finds fewer adversarial examples{}",
        left_out.join(", "),
        ran.join(", "),
        if searched { ", unless the trees were searched to the end" } else { "" }
    )
}

/// Refuses an attack that cannot work in the norm.
fn refuse_norm(recipe: &dyn Recipe, norm: Norm) -> Result<(), AuditError> {
    if recipe.norms().contains(&norm) {
        return Ok(());
    }
    let names = |norms: &[Norm]| norms.iter().map(|norm| norm.name()).collect::<Vec<_>>().join(", ");
    let others: Vec<&str> = brinell_attack::attacks().filter(|attack| attack.norms.contains(&norm)).map(|attack| attack.name).collect();
    Err(AuditError::NormOfAttack {
        attack: recipe.name().to_owned(),
        norm: norm.name(),
        norms: names(recipe.norms()),
        others: if others.is_empty() { "none yet".to_owned() } else { others.join(", ") },
    })
}

/// Refuses an attack that cannot work without a radius.
fn refuse_without_radius(recipe: &dyn Recipe, norm: Norm) -> Result<(), AuditError> {
    if recipe.seeks_minimum() {
        return Ok(());
    }
    let others = brinell_attack::attacks().filter(|attack| attack.norms.contains(&norm) && attack.seeks_minimum);
    let others: Vec<&str> = others.map(|attack| attack.name).collect();
    Err(AuditError::RadiusOfAttack { attack: recipe.name().to_owned(), others: others.join(", ") })
}
