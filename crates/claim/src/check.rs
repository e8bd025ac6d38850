//! Checking the claims of files: what is sealed and unchanged is reused, everything else is decided.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use brinell_record::{CheckedClaim, Claim, Reason, Ruling, VERDICT_SCHEMA, Verdict};

use super::decide::{Levels, Question};
use super::one::{self, Examined};
use super::outside::Digests;
use super::plan::{CheckOptions, is_attacked};
use super::read::Source;
use super::update::Difference;
use brinell_audit::{AuditError, Event, Observer};
use brinell_ledger::evidence::{self, Outside, Stored};
use brinell_ledger::reason::id;
use brinell_ledger::{LedgerError, machine};
use brinell_stats::holm_level;

use crate::ClaimError;

/// Decides every claim of every file, in order, and leaves the evidence beside the files.
///
/// # Guarantees
/// A verdict is reused only where everything that decides the claim, the program and every byte of the evidence are what they were. Evidence
/// about something else is replaced. A claim is [`Ruling::Stale`], and nothing is decided, where model or data are not those that it
/// names, where its day is over, and where the evidence was tampered with; [`CheckOptions::fresh`] throws such evidence away. Over a file,
/// the probability that any false claim is called supported is at most 1 - confidence, and likewise that any true one is called refuted.
///
/// # Errors
/// [`ClaimError`] names what cannot be used. [`ClaimError::INTERRUPTED`] where `stop` became true: what was decided is kept, and the same
/// call goes on from there.
pub fn check(
    sources: &[Source],
    options: &CheckOptions,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Vec<CheckedClaim>, ClaimError> {
    let deadline = options.budget.map(|budget| Instant::now() + budget);
    let mut digests = Digests::default();
    let mut checked = Vec::new();
    for source in sources {
        checked.extend(File { source, options, deadline }.check(&mut digests, stop, observer)?);
    }
    Ok(checked)
}

/// One file under check.
struct File<'c> {
    source: &'c Source,
    options: &'c CheckOptions,
    deadline: Option<Instant>,
}

/// One claim on its way to a verdict.
struct Entry<'c> {
    claim: &'c Claim,
    folder: PathBuf,
    /// What it asks of a count; `None` where it is about something else.
    question: Option<Question>,
    outside: Outside,
    state: State,
    /// Why evidence that there was is not about this claim; it is replaced.
    replaced: Vec<Reason>,
}

enum State {
    /// To be decided; a verdict that the time cut short may exist.
    Open(Option<Box<Verdict>>),
    /// Decided now, with what was counted.
    Examined(Box<Examined>, Box<Verdict>),
    /// Decided before, or stale.
    Told(Box<Verdict>, bool),
}

impl File<'_> {
    fn check(&self, digests: &mut Digests, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Vec<CheckedClaim>, ClaimError> {
        let mut entries = self.source.file.claims.iter().map(|claim| self.entry(claim, digests)).collect::<Result<Vec<_>, _>>()?;
        if entries.iter().any(Entry::is_to_be_written) {
            let _lock = evidence::lock(&self.source.evidence())?;
            for entry in &mut entries {
                self.reword(entry)?;
            }
            // Claims of a file share its error: once one is decided, others that were left undecided may be, too.
            for entry in &mut entries {
                reopen(entry);
            }
            for place in 0..entries.len() {
                self.decide(&mut entries, place, stop, observer)?;
            }
            while self.settle(&mut entries)? {}
        }
        let file = self.source.path.display().to_string();
        let checked = |entry: Entry<'_>| {
            let (verdict, unchanged) = match entry.state {
                State::Examined(_, verdict) => (*verdict, false),
                State::Told(verdict, unchanged) => (*verdict, unchanged),
                State::Open(_) => return None,
            };
            let evidence = entry.folder.display().to_string();
            Some(CheckedClaim { file: file.clone(), evidence, unchanged, replaced: entry.replaced, verdict })
        };
        Ok(entries.into_iter().filter_map(checked).collect())
    }

    fn entry<'c>(&self, claim: &'c Claim, digests: &mut Digests) -> Result<Entry<'c>, ClaimError> {
        let folder = self.source.evidence().join(&claim.id);
        let question = Question::of(claim, is_attacked(claim));
        let (outside, wrong) = digests.of(self.source, claim)?;
        let stale = |reasons: Vec<Reason>| State::Told(Box::new(self.verdict(claim, Ruling::Stale, reasons)), false);
        let mut replaced = Vec::new();
        let state = if !wrong.is_empty() {
            stale(wrong.iter().map(Difference::reason).collect())
        } else if let Some(day) = claim.expires.as_ref().filter(|day| machine::today().as_str() > day.as_str()) {
            stale(vec![brinell_ledger::reason::reason(id::EXPIRED, format!("the claim expired on {day}"))])
        } else if self.options.fresh {
            State::Open(None)
        } else {
            match evidence::read(&folder, &outside)? {
                Stored::Nothing | Stored::Begun => State::Open(None),
                Stored::Stale(reasons) => stale(reasons),
                Stored::Other(reasons) => {
                    replaced = reasons;
                    State::Open(None)
                }
                Stored::Sealed(verdict) if verdict.reasons.iter().any(|reason| reason.id == id::TIMEOUT) => State::Open(Some(verdict)),
                Stored::Sealed(verdict) => State::Told(verdict, true),
            }
        };
        Ok(Entry { claim, folder, question, outside, state, replaced })
    }

    /// Writes what changed of the words around a verdict into its evidence; nothing is asked again for it.
    fn reword(&self, entry: &mut Entry<'_>) -> Result<(), ClaimError> {
        if let State::Told(verdict, true) = &mut entry.state
            && verdict.claim != *entry.claim
        {
            verdict.claim = entry.claim.clone();
            verdict.claim_file.sha256.clone_from(&self.source.sha256);
            evidence::seal(&entry.folder, verdict, &entry.outside)?;
        }
        Ok(())
    }

    /// Returns the errors that a claim may be decided with, given what is decided already.
    fn levels(&self, entries: &[Entry<'_>]) -> Levels {
        let alpha = 1.0 - self.source.file.confidence;
        let statistical = || entries.iter().filter(|entry| entry.question.is_some_and(|question| question.is_statistical()));
        let decided = |ruling| statistical().filter(|entry| entry.ruling() == Some(ruling)).count();
        let family = statistical().count();
        Levels {
            family: holm_level(alpha, family, 0),
            support: holm_level(alpha, family, decided(Ruling::Supported)),
            refute: holm_level(alpha, family, decided(Ruling::Refuted)),
        }
    }

    fn decide(&self, entries: &mut [Entry<'_>], place: usize, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<(), ClaimError> {
        let levels = self.levels(entries);
        let Some(entry) = entries.get_mut(place) else { return Ok(()) };
        let State::Open(before) = &mut entry.state else { return Ok(()) };
        observer.event(Event::ClaimStarted { file: &self.source.path, id: &entry.claim.id });
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            // What was found out before stays as it is, and so does evidence that is out of date.
            entry.replaced.clear();
            let verdict = before.take().map_or_else(|| self.out_of_time(entry.claim), |verdict| *verdict);
            entry.state = State::Told(Box::new(verdict), false);
            return Ok(());
        }
        if self.options.fresh || !entry.replaced.is_empty() {
            evidence::discard(&entry.folder)?;
        }
        evidence::open(&entry.folder)?;
        let job =
            one::Job { claim: entry.claim, source: self.source, folder: &entry.folder, options: self.options, deadline: self.deadline };
        let examined = match job.run(entry.question, levels, stop, observer) {
            // Work that was begun with something else is no part of this.
            Err(ClaimError::Audit(AuditError::Ledger(error @ (LedgerError::Stale { .. } | LedgerError::Schema { .. })))) => {
                let text = match error {
                    LedgerError::Stale { what, before, now, .. } => format!("{what} changed from {before} to {now} since the check began"),
                    _ => "the check was begun by another version".to_owned(),
                };
                entry.replaced.push(brinell_ledger::reason::reason(id::RUN_CHANGED, text));
                evidence::discard(&entry.folder)?;
                evidence::open(&entry.folder)?;
                job.run(entry.question, levels, stop, observer)?
            }
            other => other?,
        };
        // Files may have been replaced while they were worked on: a verdict is sealed only under digests that still hold.
        let (now, _) = Digests::default().of(self.source, entry.claim)?;
        if now != entry.outside {
            let text = "the claim, the model or the data changed during the check; check again".to_owned();
            let verdict = self.verdict(entry.claim, Ruling::Stale, vec![brinell_ledger::reason::reason(id::RUN_CHANGED, text)]);
            entry.state = State::Told(Box::new(verdict), false);
            return Ok(());
        }
        let mut verdict = self.verdict(entry.claim, Ruling::Undecided, Vec::new());
        examined.tell(entry.claim, levels, &mut verdict);
        evidence::seal(&entry.folder, &mut verdict, &entry.outside)?;
        entry.state = State::Examined(Box::new(examined), Box::new(verdict));
        Ok(())
    }

    /// Decides claims again that were left undecided at a level that is no longer theirs; true where one was decided.
    fn settle(&self, entries: &mut [Entry<'_>]) -> Result<bool, ClaimError> {
        let levels = self.levels(entries);
        for entry in entries {
            let State::Examined(examined, verdict) = &mut entry.state else { continue };
            let statistical = entry.question.is_some_and(|question| question.is_statistical());
            if !statistical || verdict.verdict != Ruling::Undecided {
                continue;
            }
            let mut again = (**verdict).clone();
            examined.tell(entry.claim, levels, &mut again);
            if again == **verdict {
                continue;
            }
            evidence::seal(&entry.folder, &mut again, &entry.outside)?;
            let decided = again.verdict != Ruling::Undecided;
            **verdict = again;
            if decided {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn out_of_time(&self, claim: &Claim) -> Verdict {
        let reasons = [
            (id::TIMEOUT, "the time ran out before this claim; check again to continue"),
            (id::NOTHING_SEEN, "no sample was examined, so nothing was shown"),
        ];
        let reasons = reasons.map(|(id, text)| brinell_ledger::reason::reason(id, text)).to_vec();
        self.verdict(claim, Ruling::Undecided, reasons)
    }

    /// Returns a verdict without figures.
    fn verdict(&self, claim: &Claim, ruling: Ruling, reasons: Vec<Reason>) -> Verdict {
        let name = self.source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let finding = match ruling {
            Ruling::Stale => "there is no valid evidence about this claim",
            _ => "no sample was examined",
        };
        Verdict {
            schema: VERDICT_SCHEMA.to_owned(),
            claim: claim.clone(),
            claim_file: brinell_record::FileHash { path: name, sha256: self.source.sha256.clone() },
            verdict: ruling,
            finding: finding.to_owned(),
            reasons,
            numbers: None,
            certified: None,
            flags: Vec::new(),
            witnesses: Vec::new(),
            judges: Vec::new(),
            evidence: self.source.evidence_name(claim),
            files: Vec::new(),
            runs: Vec::new(),
            created: machine::utc_now(),
            command: self.options.command.clone(),
            brinell_version: env!("CARGO_PKG_VERSION").to_owned(),
            seconds: 0.0,
        }
    }
}

impl Entry<'_> {
    /// True where something of the evidence is not yet as it must be.
    fn is_to_be_written(&self) -> bool {
        match &self.state {
            State::Open(_) => true,
            State::Told(verdict, unchanged) => *unchanged && verdict.claim != *self.claim,
            State::Examined(..) => false,
        }
    }

    fn ruling(&self) -> Option<Ruling> {
        match &self.state {
            State::Examined(_, verdict) | State::Told(verdict, _) => Some(verdict.verdict),
            State::Open(_) => None,
        }
    }
}

/// Opens a sealed claim again where more error may be left for it than when it was decided; its run is complete, so that nothing is asked twice.
fn reopen(entry: &mut Entry<'_>) {
    let statistical = entry.question.is_some_and(|question| question.is_statistical());
    if let State::Told(verdict, true) = &entry.state
        && statistical
        && verdict.verdict == Ruling::Undecided
    {
        entry.state = State::Open(Some(verdict.clone()));
    }
}

/// Runs `work` with a flag that is raised when `stop` is, or when the time is over.
pub(super) fn until<T>(deadline: Option<Instant>, stop: &AtomicBool, work: impl FnOnce(&AtomicBool) -> T) -> T {
    use std::sync::atomic::Ordering::Relaxed;
    const NAP: std::time::Duration = std::time::Duration::from_millis(20);
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let Some(deadline) = deadline else { return work(stop) };
    let (raised, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                if stop.load(Relaxed) || Instant::now() >= deadline {
                    raised.store(true, Relaxed);
                }
                std::thread::sleep(NAP);
            }
        });
        let _done = Done(&done);
        work(&raised)
    })
}
