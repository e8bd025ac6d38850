//! What the attacker may see, and which attacks that leaves.

use std::sync::Arc;

use brinell_attack::{Knowledge, Recipe, Suite, SuiteStage, suite_for};
use brinell_engine::{OracleError, Preprocess, Runtime};
use brinell_threat::Norm;

use super::clean::is_distribution;
use super::setup::load_suite;
use crate::data::{Dataset, Scale};
use crate::{Plan, ProtocolError, Subject};

/// Samples that show whether a model answers with probabilities.
const SHOWN: usize = 4;

/// The attacks that run, and the suite that they are of.
pub(super) struct Chosen {
    pub(super) suite: String,
    pub(super) stages: Vec<SuiteStage>,
}

/// The attacks that a plan asks for, before it is known what the model lets them see.
pub(super) struct Asked<'a> {
    plan: &'a Plan,
    suite: Suite,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// [`ProtocolError::Attack`] and [`ProtocolError::Io`] where there is no such suite or attack.
    pub(super) fn of(plan: &'a Plan) -> Result<Self, ProtocolError> {
        let suite = if plan.attacks.is_empty() { load_suite(&plan.suite)? } else { Suite::of("custom", &plan.attacks)? };
        Ok(Self { plan, suite })
    }

    /// Returns the stages that need no more than `knowledge`; where none of the suite does, those of the suite made for it.
    ///
    /// # Errors
    /// [`ProtocolError::KnowledgeOfAttack`] for an attack that was named and needs more; [`ProtocolError::NormOfAttack`],
    /// [`ProtocolError::RadiusOfAttack`] for one that cannot work in the norm or without a radius.
    pub(super) fn choose(&self, knowledge: Knowledge) -> Result<Chosen, ProtocolError> {
        let nearest = self.plan.eps.is_any();
        let mut stages = self.suite.stages(self.plan.norm)?;
        let had_some = !stages.is_empty();
        let mut suite = self.suite.name().to_owned();
        if self.plan.attacks.is_empty() {
            stages.retain(|stage| {
                stage.recipe.knowledge() <= knowledge && (knowledge == Knowledge::White || !nearest || stage.recipe.seeks_minimum())
            });
            if stages.is_empty() && had_some {
                suite = suite_for(knowledge, nearest).to_owned();
                stages = Suite::named(&suite)?.stages(self.plan.norm)?;
            }
        } else if let Some(stage) = stages.iter().find(|stage| stage.recipe.knowledge() > knowledge) {
            return Err(self.too_knowing(stage.recipe.as_ref(), knowledge));
        }
        for stage in &stages {
            refuse_norm(stage.recipe.as_ref(), self.plan.norm)?;
            if nearest {
                refuse_without_radius(stage.recipe.as_ref(), self.plan.norm)?;
            }
        }
        Ok(Chosen { suite, stages })
    }

    /// Returns the stages for a model that is made of trees.
    ///
    /// # Errors
    /// [`ProtocolError::Attack`].
    pub(super) fn choose_for_trees(&self) -> Result<Chosen, ProtocolError> {
        let suite = "trees".to_owned();
        let stages = Suite::named(&suite)?.stages(self.plan.norm)?;
        Ok(Chosen { suite, stages })
    }

    /// True where attacks on scores may take the place of those that need the gradient which `error` says cannot be had: neither they nor the
    /// gradient were asked for by name.
    pub(super) fn may_fall_back(&self, error: &OracleError) -> bool {
        self.plan.knowledge.is_none() && self.plan.attacks.is_empty() && matches!(error, OracleError::NoGradient | OracleError::Autodiff(_))
    }

    /// The error for a stage that needs the gradient.
    pub(super) fn without_gradient(&self, stage: &SuiteStage, error: OracleError) -> ProtocolError {
        match error {
            OracleError::NoGradient | OracleError::Autodiff(_) => {
                ProtocolError::NoGradient { attack: stage.recipe.name().to_owned(), source: Box::new(error) }
            }
            other => other.into(),
        }
    }

    fn too_knowing(&self, recipe: &dyn Recipe, knowledge: Knowledge) -> ProtocolError {
        let fits = |attack: &brinell_attack::Listed| attack.knowledge <= knowledge && attack.norms.contains(&self.plan.norm);
        let others: Vec<&str> = brinell_attack::attacks().filter(fits).map(|attack| attack.name).collect();
        ProtocolError::KnowledgeOfAttack {
            attack: recipe.name().to_owned(),
            needs: recipe.knowledge().name(),
            knowledge: knowledge.name(),
            others: if others.is_empty() { "none yet in this norm".to_owned() } else { others.join(", ") },
        }
    }
}

/// Says why other attacks ran than were asked for.
pub(super) fn fell_back(error: &OracleError, left_out: &[String], stages: &[SuiteStage]) -> String {
    let ran: Vec<&str> = stages.iter().map(|stage| stage.recipe.name()).collect();
    let reason = match error {
        OracleError::NoGradient => "a part of it cannot be read, or all of it is behind an address".to_owned(),
        other => other.to_string().lines().collect::<Vec<_>>().join(" "),
    };
    format!(
        "the model has no gradient ({reason}), so that {} could not run; {} ran instead, without gradients: survival says less than under them, unless the trees were searched to the end",
        left_out.join(", "),
        ran.join(", ")
    )
}

/// True where the model answers the first samples with probabilities, whose logarithms tell more than they do.
///
/// # Errors
/// [`ProtocolError::Oracle`] where it does not answer.
pub(super) fn answers_probabilities(
    subject: &Subject,
    preprocess: &Preprocess,
    scale: Scale,
    data: &Dataset,
    runtime: &Arc<dyn Runtime>,
) -> Result<bool, ProtocolError> {
    let mut referee = subject.referee(runtime)?;
    let mut x = vec![0.0; data.sample_len()];
    for sample in 0..SHOWN.min(data.n) {
        data.sample(sample, scale, &mut x);
        if !is_distribution(&referee.ask(preprocess, &x, sample)?.output) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses an attack that cannot work in the norm.
fn refuse_norm(recipe: &dyn Recipe, norm: Norm) -> Result<(), ProtocolError> {
    if recipe.norms().contains(&norm) {
        return Ok(());
    }
    let names = |norms: &[Norm]| norms.iter().map(|norm| norm.name()).collect::<Vec<_>>().join(", ");
    let others: Vec<&str> = brinell_attack::attacks().filter(|attack| attack.norms.contains(&norm)).map(|attack| attack.name).collect();
    Err(ProtocolError::NormOfAttack {
        attack: recipe.name().to_owned(),
        norm: norm.name(),
        norms: names(recipe.norms()),
        others: if others.is_empty() { "none yet".to_owned() } else { others.join(", ") },
    })
}

/// Refuses an attack that cannot work without a radius.
fn refuse_without_radius(recipe: &dyn Recipe, norm: Norm) -> Result<(), ProtocolError> {
    if recipe.seeks_minimum() {
        return Ok(());
    }
    let others = brinell_attack::attacks().filter(|attack| attack.norms.contains(&norm) && attack.seeks_minimum);
    let others: Vec<&str> = others.map(|attack| attack.name).collect();
    Err(ProtocolError::RadiusOfAttack { attack: recipe.name().to_owned(), others: others.join(", ") })
}
