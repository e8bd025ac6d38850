//! `brinell race`: defences of one model, each frozen, against attackers who know more from move to move.
//!
//! Round 0 is the model as it is; each further round puts one defence in front of it. In every round the same samples are attacked with the same seed: with examples made on
//! the model without the defence, then on the defended file with gradients through the defence or around it, then harder. What one move breaks stays broken, so that no
//! move can be weaker than the one before, on any sample.

mod field;
mod journal;
mod plan;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use brinell_record::{
    FileError, FreshRound, Latency, MoveKind, Norm, Paired, Population, Question, RACE_SCHEMA, Race, RaceMove, RaceRound, RoundKind, hash,
};
use brinell_stats::{paired, rate};
use brinell_subject::{Case, Subject};
use serde::Serialize;

use crate::detect::{Calibration, calibrated};
use crate::latency::latency;
use crate::prefix::Prefix;
use crate::race::field::{CLEAN, Field, MADE, Runner};
use crate::race::journal::{Journal, RACE};
use crate::race::plan::{Step, What};
use crate::write::{TIMED, check, defended, refuse_kinds, timed_inputs};
use crate::{DefendError, Defender};

/// Share of the samples that attacks without gradients may find beyond those with gradients, in points, before the latter are doubted.
const MISSED: f64 = 1.0;

/// What races against what.
#[derive(Debug, Clone)]
pub struct RaceAsk {
    /// Model, samples, threat, seed and runtime.
    pub question: Question,
    /// The defences.
    pub defences: Vec<Defender>,
    /// Samples on which detectors find their constants and thresholds; none of them may be among those of the race.
    pub calibration: Option<Population>,
    /// Share of ordinary samples that a detector may refuse, in 0..1.
    pub fpr: f64,
    /// Another model that every defence is compared with, such as a hardened one.
    pub rival: Option<PathBuf>,
    /// Fresh samples for what is left over.
    pub fresh: Option<Population>,
}

/// Where a race is kept, and whether it goes on.
#[derive(Debug, Clone, Default)]
pub struct RaceJob {
    /// The folder.
    pub out: PathBuf,
    /// Whether the race in the folder is gone on with.
    pub resume: bool,
}

/// What a race is doing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RaceEvent<'a> {
    /// A round begins.
    Round {
        /// Number, from 0.
        number: usize,
        /// What stands in it.
        name: &'a str,
        /// Whether it is repeated on fresh samples.
        fresh: bool,
    },
    /// An attack begins.
    Step {
        /// The move that it belongs to.
        kind: MoveKind,
        /// The attack.
        attack: &'a str,
        /// Samples that are left.
        left: usize,
    },
}

/// Takes what a race tells.
pub(crate) type Tell<'t> = &'t mut dyn FnMut(RaceEvent<'_>);

/// What decides the result, for `run.json`.
#[derive(Serialize)]
struct Identity<'a> {
    schema: &'static str,
    brinell_version: &'static str,
    question: &'a Question,
    model: String,
    data: String,
    defences: Vec<String>,
    rival: Option<String>,
    fresh: Option<&'a Population>,
    calibration: Option<&'a Population>,
    fpr: f64,
    files: Vec<String>,
    attacks: Vec<String>,
    runtime: String,
}

/// What stands in a round.
struct Entrant {
    name: String,
    kind: RoundKind,
    file: PathBuf,
    latency: Vec<Latency>,
}

/// Runs the race that is asked for, and writes `race.json` into the folder of the job.
///
/// # Guarantees
/// The same question leaves the same figures but for times, however often the race was stopped and gone on with. On no sample is a move weaker than the one before.
///
/// # Errors
/// [`DefendError`] says what cannot be used, before anything is attacked where that can be known. After [`DefendError::Interrupted`] the race can be gone on with.
pub fn race(ask: &RaceAsk, job: &RaceJob, stop: &AtomicBool, tell: &mut dyn FnMut(RaceEvent<'_>)) -> Result<Race, DefendError> {
    let question = &ask.question;
    check_threat(ask)?;
    let case = Case::new(Subject::open(&question.artefact, &question.population)?, question)?;
    refuse_kinds(&case)?;
    if !case.is_of_classes() {
        return Err(DefendError::Unsupported {
            model: question.artefact.model.clone(),
            what: "answers with something else than classes".to_owned(),
        });
    }
    let steps = plan::steps(question.threat.norm)?;
    let runtime = format!("{} {} on {}", case.runtime.name(), case.runtime.version(), case.runtime.device());
    let rival = ask.rival.as_deref().map(|path| hash::sha256_file(path).map_err(FileError::on("read", path))).transpose()?;
    let digests = digests(&case);
    // Every defence is built before anything is attacked: one that does not fit ends the race here.
    let mut calibrating = Calibrating::open(ask, &digests)?;
    let built = ask.defences.iter().map(|defence| Ok((defence, built(&case, &mut calibrating, defence, job, stop)?)));
    let built = built.collect::<Result<Vec<_>, DefendError>>()?;
    drop(calibrating);
    let identity = Identity {
        schema: RACE_SCHEMA,
        brinell_version: env!("CARGO_PKG_VERSION"),
        question,
        model: case.subject.sha256.clone(),
        data: case.data.sha256.clone(),
        defences: ask.defences.iter().map(ToString::to_string).collect(),
        rival,
        fresh: ask.fresh.as_ref(),
        calibration: ask.calibration.as_ref(),
        fpr: ask.fpr,
        files: built.iter().map(|(_, built)| hash::sha256_bytes(&built.bytes)).collect(),
        attacks: steps.iter().map(Step::describe).collect(),
        runtime: runtime.clone(),
    };
    let mut journal = Journal::open(&job.out, &identity, job.resume)?;
    let parent = question.artefact.model.clone();
    let name = case.subject.name();
    let mut entrants = vec![Entrant { name, kind: RoundKind::Parent, file: parent, latency: Vec::new() }];
    for (defence, Built { bytes, prefix }) in built {
        let file = place(&case, journal.folder(), defence, &bytes)?;
        if let Some(prefix) = &prefix {
            check(&case, prefix, case.runtime.as_ref(), &file)?;
        }
        let kind = if prefix.is_some() { RoundKind::Transform } else { RoundKind::Detector };
        entrants.push(Entrant { name: defence.to_string(), kind, latency: timed(&case, &file)?, file });
    }
    if let Some(rival) = &ask.rival {
        let name = rival.file_stem().map_or_else(|| "rival".to_owned(), |stem| stem.to_string_lossy().into_owned());
        entrants.push(Entrant { name, kind: RoundKind::Rival, latency: timed(&case, rival)?, file: rival.clone() });
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(question.running.thread_count().get()).build()?;
    let field = Field { question, steps: &steps, pool: &pool, stop };

    let samples: Vec<usize> = case.data.samples().collect();
    let (n, data_sha256) = (samples.len(), case.data.sha256.clone());
    drop(case);
    let mut rounds = Vec::with_capacity(entrants.len());
    let mut standing = Standing::default();
    for (number, entrant) in entrants.iter().enumerate() {
        tell(RaceEvent::Round { number, name: &entrant.name, fresh: false });
        let mut runner = Runner::open(&field, &entrant.file, &question.population, false, number)?;
        runner.run(&field, &mut journal, tell)?;
        rounds.push(summary(&field, &runner, &journal, entrant, &mut standing)?);
        if number == 0 && standing.clean.first().is_some_and(Vec::is_empty) {
            return Err(DefendError::NothingRight { model: entrant.file.clone(), n });
        }
    }
    compare(&mut rounds, &standing, &samples);
    if let Some(fresh) = &ask.fresh {
        repeat(&field, fresh, &entrants, &digests, &mut rounds, &mut journal, tell)?;
    }
    let defender_moves = entrants.iter().filter(|entrant| entrant.kind.is_defence()).count();
    let race = Race {
        schema: RACE_SCHEMA.to_owned(),
        brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
        model: question.artefact.model.display().to_string(),
        data: question.population.data.display().to_string(),
        data_sha256,
        n,
        norm: question.threat.norm.name().to_owned(),
        eps: question.threat.eps.text().to_owned(),
        seed: question.effort.seed,
        runtime,
        notes: notes(&rounds, defender_moves),
        rounds,
        defender_moves,
    };
    brinell_ledger::run::write_json(&journal.folder().join(RACE), &race)?;
    Ok(race)
}

/// A defended file, and the transforms in front where it has some.
struct Built {
    bytes: Vec<u8>,
    prefix: Option<Prefix>,
}

/// The model with the samples of the calibration, where there are some.
struct Calibrating<'a> {
    ask: &'a RaceAsk,
    case: Option<Case>,
}

impl<'a> Calibrating<'a> {
    /// # Errors
    /// [`DefendError::NoCalibration`] where a detector needs samples and there are none, [`DefendError::Overlap`] where some are among those of the race.
    fn open(ask: &'a RaceAsk, known: &BTreeSet<String>) -> Result<Self, DefendError> {
        let detector = ask.defences.iter().find(|defence| matches!(defence, Defender::Detector(_)));
        let case = match (&ask.calibration, detector) {
            (None, Some(detector)) => return Err(DefendError::NoCalibration { detector: detector.to_string() }),
            (Some(population), Some(_)) => {
                let question = Question { population: population.clone(), ..ask.question.clone() };
                let case = Case::new(Subject::open(&question.artefact, &question.population)?, &question)?;
                let count = digests(&case).intersection(known).count();
                if count > 0 {
                    return Err(DefendError::Overlap { count });
                }
                Some(case)
            }
            (_, None) => None,
        };
        Ok(Self { ask, case })
    }
}

fn built(
    case: &Case,
    calibrating: &mut Calibrating<'_>,
    defence: &Defender,
    job: &RaceJob,
    stop: &AtomicBool,
) -> Result<Built, DefendError> {
    match defence {
        Defender::Transforms(chain) => defended(case, chain).map(|(bytes, prefix)| Built { bytes, prefix: Some(prefix) }),
        Defender::Detector(detector) => {
            let scratch = job.out.with_extension("calibration.onnx");
            let (fpr, seed) = (calibrating.ask.fpr, calibrating.ask.question.effort.seed);
            let with = Calibration { detector, fpr, seed, scratch: &scratch };
            let own = calibrating.case.as_mut().ok_or_else(|| DefendError::NoCalibration { detector: detector.to_string() })?;
            calibrated(own, &with, stop).map(|detection| Built { bytes: detection.bytes, prefix: None })
        }
    }
}

fn check_threat(ask: &RaceAsk) -> Result<(), DefendError> {
    let threat = &ask.question.threat;
    let refuse = |needs, found: String| Err(DefendError::Threat { needs, found });
    if ask.question.artefact.is_address() {
        return Err(DefendError::Address { model: ask.question.artefact.model.clone() });
    }
    if ask.defences.is_empty() {
        return Err(DefendError::Nothing);
    }
    for (place, chain) in ask.defences.iter().enumerate() {
        if ask.defences.iter().skip(place + 1).any(|other| other == chain) {
            return Err(DefendError::Twice { name: chain.to_string() });
        }
    }
    if !matches!(threat.norm, Norm::Linf | Norm::L2) {
        return refuse("the norm linf or l2", threat.norm.name().to_owned());
    }
    if let Some(target) = &threat.target {
        return refuse("any wrong class as the goal", format!("the target {target}"));
    }
    match threat.eps.eps() {
        Some(eps) if eps.value() > 0.0 => Ok(()),
        _ => refuse("a radius above 0", threat.eps.to_string()),
    }
}

/// Writes a defended file into the folder of the race, unless it is there. Files of weights that the model refers to are copied beside it once.
fn place(case: &Case, folder: &Path, defence: &Defender, bytes: &[u8]) -> Result<PathBuf, DefendError> {
    let folder = folder.join("defended");
    std::fs::create_dir_all(&folder).map_err(FileError::on("create", &folder))?;
    let own = case.subject.path().parent().unwrap_or(Path::new("")).to_path_buf();
    for location in &case.subject.model.external {
        let (from, to) = (own.join(location), folder.join(location));
        let len = |path: &Path| std::fs::metadata(path).map(|data| data.len()).ok();
        if len(&from) != len(&to) {
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent).map_err(FileError::on("create", parent))?;
            }
            std::fs::copy(&from, &to).map_err(FileError::on("write", &to))?;
        }
    }
    let file = folder.join(format!("{}.onnx", defence.to_string().replace([':', '+'], "-").replace(',', "+")));
    if std::fs::read(&file).ok().as_deref() != Some(bytes) {
        let fresh = file.with_extension("part.onnx");
        std::fs::write(&fresh, bytes).map_err(FileError::on("write", &fresh))?;
        std::fs::rename(&fresh, &file).map_err(FileError::on("write", &file))?;
    }
    Ok(file)
}

/// Times a file beside the model.
fn timed(case: &Case, file: &Path) -> Result<Vec<Latency>, DefendError> {
    let all = timed_inputs(case, TIMED);
    let signature = &case.subject.signature;
    latency(case.runtime.as_ref(), [case.subject.path(), file], &signature.input_name, &signature.sample, &all)
}

/// Samples that are right, clean and after all moves, by round.
#[derive(Default)]
struct Standing {
    clean: Vec<Vec<usize>>,
    robust: Vec<Vec<usize>>,
}

/// What became of a round.
fn summary(
    field: &Field<'_>,
    runner: &Runner,
    journal: &Journal,
    entrant: &Entrant,
    standing: &mut Standing,
) -> Result<RaceRound, DefendError> {
    let n = runner.case.data.n;
    let clean = runner.right(journal, &[CLEAN]);
    let mut done = vec![CLEAN];
    let mut moves = Vec::new();
    for kind in MoveKind::ALL {
        let own: Vec<usize> = field.steps.iter().enumerate().filter(|(_, step)| step.kind == kind).map(|(place, _)| place + 1).collect();
        let ran = |step: &usize| journal.lines(runner.place(*step)).next().is_some();
        let attacks = own.iter().filter(|step| ran(step)).filter_map(|step| field.steps.get(step - 1)).map(Step::describe).collect();
        done.extend(&own);
        // Making an example costs more than trying it.
        let lines = || own.iter().flat_map(|&step| [step, step + MADE]).flat_map(|step| journal.lines(runner.place(step)));
        let made = field.steps.iter().any(|step| step.kind == kind && matches!(step.what, What::Made { .. }));
        let alone = made.then(|| rate(runner.right(journal, &[own.clone(), vec![CLEAN]].concat()).len(), n));
        moves.push(RaceMove {
            kind,
            attacks,
            right: rate(runner.right(journal, &done).len(), n),
            alone,
            forwards: lines().map(|line| line.forwards).sum(),
            backwards: lines().map(|line| line.backwards).sum(),
            seconds: own.iter().map(|&step| journal.seconds(runner.place(step))).sum(),
        });
    }
    let robust = runner.right(journal, &done);
    let refused = journal.lines(runner.place(CLEAN)).filter(|line| line.refused).count();
    let sha256 = hash::sha256_file(&entrant.file).map_err(FileError::on("read", &entrant.file))?;
    let round = RaceRound {
        name: entrant.name.clone(),
        kind: entrant.kind,
        file: entrant.file.display().to_string(),
        sha256,
        clean: rate(clean.len() - refused, n),
        refused: runner.case.subject.signature.gate.is_some().then(|| rate(refused, n)),
        moves,
        paired: None,
        verdict: None,
        dominated: false,
        median_queries: median_queries(field, runner, journal),
        doubts: doubts(field, runner, journal),
        fresh: None,
        latency: entrant.latency.clone(),
    };
    // What is refused is not right.
    let answered = |sample: &usize| journal.line(runner.place(CLEAN), *sample).is_none_or(|line| !line.refused);
    standing.clean.push(clean.into_iter().filter(answered).collect());
    standing.robust.push(robust);
    Ok(round)
}

/// Steps that attack the file of the round itself: on the model without a defence those that make examples as well.
fn attacks<'f>(field: &'f Field<'_>, runner: &Runner) -> impl Iterator<Item = (usize, &'f Step)> {
    let parent = runner.place(CLEAN).round == 0;
    let own = move |step: &Step| parent || matches!(step.what, What::Attack { .. });
    let number = |(place, step): (usize, &'f Step)| {
        let made = matches!(step.what, What::Made { .. });
        (if made { place + 1 + MADE } else { place + 1 }, step)
    };
    field.steps.iter().enumerate().filter(move |(_, step)| own(step)).map(number)
}

/// Median of what broken samples cost until they were broken.
fn median_queries(field: &Field<'_>, runner: &Runner, journal: &Journal) -> Option<u64> {
    let mut spent: BTreeMap<usize, u64> = BTreeMap::new();
    let mut broken: BTreeMap<usize, u64> = BTreeMap::new();
    for (step, _) in attacks(field, runner) {
        for line in
            journal.lines(runner.place(step)).filter(|line| line.forwards > 0 && !broken.contains_key(&line.sample)).collect::<Vec<_>>()
        {
            let total = spent.entry(line.sample).or_default();
            *total += line.forwards + line.backwards;
            if line.broken {
                broken.insert(line.sample, *total);
            }
        }
    }
    let mut costs: Vec<u64> = broken.into_values().collect();
    costs.sort_unstable();
    costs.get(costs.len() / 2).copied()
}

/// Why the attacks of a round may be weaker than they should be.
fn doubts(field: &Field<'_>, runner: &Runner, journal: &Journal) -> Vec<String> {
    let mut doubts = Vec::new();
    let n = runner.case.data.n;
    let lines: Vec<_> = journal.lines(runner.place(Runner::unbounded(field))).collect();
    let withstood = lines.iter().filter(|line| !line.broken).count();
    if withstood > 0 {
        doubts.push(format!(
            "{withstood} of {} samples withstood even changes of any size: the attack with gradients does not work here",
            lines.len()
        ));
    }
    let missed = field.steps.iter().enumerate().filter(|(_, step)| !step.recipe().needs_gradient());
    let missed: usize = missed.map(|(place, _)| journal.lines(runner.place(place + 1)).filter(|line| line.broken).count()).sum();
    if 100.0 * missed as f64 > MISSED * n as f64 {
        doubts.push(format!("attacks without gradients broke {missed} of {n} samples that those with gradients had left"));
    }
    doubts
}

/// Compares two rounds, sample by sample.
fn pairs(a: &[usize], b: &[usize], samples: &[usize]) -> Paired {
    let [a, b] = [a, b].map(|list| list.iter().copied().collect::<BTreeSet<usize>>());
    paired(samples.iter().map(|sample| (a.contains(sample), b.contains(sample))))
}

/// Judges every round beside the model without a defence and beside the rival.
fn compare(rounds: &mut [RaceRound], standing: &Standing, samples: &[usize]) {
    let none = Vec::new();
    let of = |list: &'_ [Vec<usize>], number: usize| list.get(number).unwrap_or(&none).clone();
    let without = rounds.first().and_then(|round| round.median_queries);
    let rival = rounds.iter().position(|round| round.kind == RoundKind::Rival);
    for (number, round) in rounds.iter_mut().enumerate().skip(1) {
        let table = pairs(&of(&standing.robust, 0), &of(&standing.robust, number), samples);
        if round.kind.is_defence() {
            round.verdict = Some(verdict::verdict(&table, [without, round.median_queries]));
            round.dominated = rival.is_some_and(|rival| {
                let clean = pairs(&of(&standing.clean, number), &of(&standing.clean, rival), samples);
                let robust = pairs(&of(&standing.robust, number), &of(&standing.robust, rival), samples);
                verdict::dominated(&clean, &robust)
            });
        } else {
            round.verdict = Some(verdict::verdict(&table, [None, None]));
        }
        round.paired = Some(table);
    }
}

/// Repeats the rounds that left something over on samples that no round has seen.
fn repeat(
    field: &Field<'_>,
    fresh: &Population,
    entrants: &[Entrant],
    known: &BTreeSet<String>,
    rounds: &mut [RaceRound],
    journal: &mut Journal,
    tell: Tell<'_>,
) -> Result<(), DefendError> {
    let mut parent: Option<(Vec<usize>, usize)> = None;
    for (number, entrant) in entrants.iter().enumerate() {
        let left_over = rounds.get(number).is_some_and(|round| round.verdict == Some(brinell_record::RaceVerdict::Partial));
        let any = rounds.iter().any(|round| round.verdict == Some(brinell_record::RaceVerdict::Partial));
        if !(left_over || (number == 0 && any)) {
            continue;
        }
        tell(RaceEvent::Round { number, name: &entrant.name, fresh: true });
        let mut runner = Runner::open(field, &entrant.file, fresh, true, number)?;
        if number == 0 {
            let count = digests(&runner.case).intersection(known).count();
            if count > 0 {
                return Err(DefendError::Overlap { count });
            }
        }
        runner.run(field, journal, tell)?;
        let n = runner.case.data.n;
        let all: Vec<usize> = (0..=field.steps.len()).collect();
        let right = runner.right(journal, &all);
        match &parent {
            None => parent = Some((right, n)),
            Some((without, _)) => {
                let samples: Vec<usize> = runner.case.data.samples().collect();
                let table = pairs(without, &right, &samples);
                let refused = journal.lines(runner.place(CLEAN)).filter(|line| line.refused).count();
                let clean = rate(runner.right(journal, &[CLEAN]).len() - refused, n);
                if let Some(round) = rounds.get_mut(number) {
                    round.fresh = Some(FreshRound { n, clean, right: rate(right.len(), n), parent: rate(without.len(), n), paired: table });
                    round.verdict = verdict::confirmed(round).or(round.verdict);
                }
            }
        }
    }
    Ok(())
}

/// Digests of the samples, to tell fresh ones from those that were seen.
pub(crate) fn digests(case: &Case) -> BTreeSet<String> {
    let digest = |sample| hash::sha256_bytes(&case.sample(sample).iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    case.data.samples().map(digest).collect()
}

fn notes(rounds: &[RaceRound], defender_moves: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if defender_moves > 1 {
        notes.push(format!("the defender moved {defender_moves} times on the same samples: the best of several defences looks better than it is; repeat it on fresh samples before you rely on it"));
    }
    for round in rounds {
        notes.extend(round.doubts.iter().map(|doubt| format!("{}: {doubt}", round.name)));
    }
    notes
}
