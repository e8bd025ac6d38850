//! HTTP: one question, asked again where the server was busy, answered within bounds of time and size.

use std::io::Read;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::message::Refusal;
use super::{address, pause, words};
use crate::EngineError;
use crate::attendant::{Wait, stopped, tell};

/// Environment variable whose value is sent as the header `Authorization`, so that no secret stands on a command line or in a record.
pub const AUTHORIZATION: &str = "BRINELL_AUTHORIZATION";

/// Largest refusal that is read; what is beyond it is left out.
const REFUSAL: u64 = 1 << 16;

/// How often a wait looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// Bounds of time.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// How long one answer may take, from the connection to its last byte.
    pub(super) answer: Duration,
    /// Pauses before a question is asked again, where the server names none; there are no more tries than these and the first.
    pub(super) pauses: &'static [Duration],
    /// How long all pauses of a question may be together.
    pub(super) paused: Duration,
    /// After how long without an answer that is said.
    pub(super) silence: Duration,
}

impl Patience {
    /// That of every endpoint.
    pub(super) const USUAL: Self = Self {
        answer: Duration::from_secs(60),
        pauses: &[
            Duration::from_millis(250),
            Duration::from_millis(500),
            Duration::from_secs(1),
            Duration::from_secs(4),
            Duration::from_secs(10),
        ],
        paused: Duration::from_secs(60),
        silence: Duration::from_secs(5),
    };
}

/// Asks one address.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    pub(super) url: String,
    patience: Patience,
    /// When a wait was told last: lanes that wait side by side say it once.
    told: Arc<Mutex<Option<Instant>>>,
    /// The version that answered first.
    version: Arc<OnceLock<String>>,
}

/// What came back.
struct Reply {
    status: u16,
    retry_after: Option<String>,
    location: Option<String>,
    body: Vec<u8>,
}

/// Why nothing usable came back.
struct Failed {
    reason: String,
    /// True where another try may go better.
    passing: bool,
}

impl Failed {
    fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), passing: false }
    }
}

impl Client {
    /// Redirections are not followed: only the address that the user named is asked.
    ///
    /// # Errors
    /// [`EngineError::Endpoint`] for what is no address of a model, or has a user name or password.
    pub(super) fn new(url: &str, patience: Patience) -> Result<Self, EngineError> {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(patience.answer))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        Ok(Self { agent: config.new_agent(), url: address::checked(url)?, patience, told: Arc::default(), version: Arc::default() })
    }

    /// Fetches what stands at the address, `limit` bytes at most.
    pub(super) fn get(&self, limit: u64) -> Result<Vec<u8>, EngineError> {
        // Nothing is lost yet: a server that cannot be reached is reported at once.
        self.again(&[], &self.url, None, limit)
    }

    /// Sends JSON to a path below the address, and reads `limit` bytes at most.
    pub(super) fn post(&self, path: &str, body: Vec<u8>, limit: u64) -> Result<Vec<u8>, EngineError> {
        self.again(self.patience.pauses, &format!("{}/{path}", self.url), Some(Arc::new(body)), limit)
    }

    /// Asks until there is an answer; a busy or unreachable server gets more chances, a refusal ends it.
    fn again(&self, pauses: &[Duration], url: &str, body: Option<Arc<Vec<u8>>>, limit: u64) -> Result<Vec<u8>, EngineError> {
        let mut paused = Duration::ZERO;
        let mut tries = 0;
        loop {
            let (reason, status, passing, named) = match self.attended(url, body.clone(), limit)? {
                Ok(reply) if (200..300).contains(&reply.status) => return Ok(reply.body),
                Ok(reply) => {
                    // Of the others that servers are to blame for, 501 and 505 say that they never will.
                    let passing = reply.status == 429 || (reply.status >= 500 && !matches!(reply.status, 501 | 505));
                    let named = reply.retry_after.as_deref().and_then(|value| pause::retry_after(value, Timestamp::now()));
                    (refusal(&reply), Some(reply.status), passing, named)
                }
                Err(failed) => (failed.reason, None, failed.passing, None),
            };
            let pause = match named.or_else(|| pauses.get(tries).copied()) {
                Some(pause) if passing && tries < self.patience.pauses.len() => pause,
                _ => return Err(EngineError::Endpoint { url: self.url.clone(), reason, status }),
            };
            paused = paused.saturating_add(pause);
            if paused > self.patience.paused {
                let most = self.patience.paused.as_secs();
                let reason = format!("{reason}; it asks to wait {} s, but the limit for one answer is {most} s", pause.as_secs());
                return Err(EngineError::Endpoint { url: self.url.clone(), reason, status });
            }
            tries += 1;
            if pause >= Duration::from_secs(1) {
                self.tell(Wait::Again { url: &self.url, reason: &reason, pause });
            }
            rest(pause)?;
        }
    }

    /// Asks once, on a thread of its own, so that the wait can end before the answer does.
    fn attended(&self, url: &str, body: Option<Arc<Vec<u8>>>, limit: u64) -> Result<Result<Reply, Failed>, EngineError> {
        if stopped() {
            return Err(EngineError::Interrupted);
        }
        let (sender, receiver) = mpsc::channel();
        let (agent, url, most) = (self.agent.clone(), url.to_owned(), self.patience.answer);
        let started = Instant::now();
        let ask = move || {
            // Nobody listens any more where the wait has ended.
            let _ = sender.send(exchange(&agent, &url, body.as_deref().map(Vec::as_slice), limit, most));
        };
        std::thread::Builder::new()
            .name("endpoint".to_owned())
            .spawn(ask)
            .map_err(|error| self.error(format!("cannot start a thread for requests: {error}")))?;
        let mut silent = false;
        loop {
            match receiver.recv_timeout(GLANCE) {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Disconnected) => return Ok(Err(Failed::lasting("the thread for requests ended without an answer"))),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if stopped() {
                return Err(EngineError::Interrupted);
            }
            let since = started.elapsed();
            if !silent && since >= self.patience.silence {
                silent = true;
                self.tell(Wait::Silent { url: &self.url, since, most });
            }
        }
    }

    /// Tells of a wait, unless another lane has just done so.
    fn tell(&self, wait: Wait<'_>) {
        let Ok(mut told) = self.told.lock() else { return };
        if told.is_none_or(|told| told.elapsed() >= Duration::from_secs(1)) {
            *told = Some(Instant::now());
            tell(wait);
        }
    }

    /// Holds the server to the version that answered first.
    ///
    /// # Errors
    /// [`EngineError::Endpoint`] where another one answers.
    pub(super) fn check_version(&self, version: &str) -> Result<(), EngineError> {
        let first = self.version.get_or_init(|| version.to_owned());
        if first == version {
            return Ok(());
        }
        Err(self.error(format!(
            "version `{}` of the model answered, but earlier answers came from version `{}`",
            words(version),
            words(first)
        )))
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> EngineError {
        EngineError::Endpoint { url: self.url.clone(), reason: reason.into(), status: None }
    }
}

/// Waits, unless the user wants to stop.
fn rest(pause: Duration) -> Result<(), EngineError> {
    let started = Instant::now();
    loop {
        if stopped() {
            return Err(EngineError::Interrupted);
        }
        match pause.checked_sub(started.elapsed()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(GLANCE)),
            _ => return Ok(()),
        }
    }
}

/// Asks once, and reads no more of the answer than `limit`.
fn exchange(agent: &Agent, url: &str, body: Option<&[u8]>, limit: u64, most: Duration) -> Result<Reply, Failed> {
    let authorization = std::env::var(AUTHORIZATION).ok();
    let failed = |error: ureq::Error| failed(&error, most);
    let mut response = match body {
        Some(body) => {
            let mut request = agent.post(url).header("Content-Type", "application/json");
            if let Some(value) = authorization {
                request = request.header("Authorization", value);
            }
            request.send(body)
        }
        None => {
            let mut request = agent.get(url);
            if let Some(value) = authorization {
                request = request.header("Authorization", value);
            }
            request.call()
        }
    }
    .map_err(failed)?;
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (retry_after, location, encoding) = (header("Retry-After"), header("Location"), header("Content-Encoding"));
    let mut bytes = Vec::new();
    if !status.is_success() {
        // The status says enough where its words cannot be read.
        let _ = response.body_mut().as_reader().take(REFUSAL).read_to_end(&mut bytes);
        return Ok(Reply { status: status.as_u16(), retry_after, location, body: bytes });
    }
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Failed::lasting(format!("its answer is compressed ({}), although this was not requested", words(&encoding))));
    }
    if let Some(length) = response.body().content_length().filter(|&length| length > limit) {
        return Err(Failed::lasting(format!("its answer has {length} bytes; the limit is {limit}")));
    }
    response.body_mut().as_reader().take(limit + 1).read_to_end(&mut bytes).map_err(|error| failed(error.into()))?;
    if bytes.len() as u64 > limit {
        return Err(Failed::lasting(format!("its answer has more than {limit} bytes, the limit")));
    }
    Ok(Reply { status: status.as_u16(), retry_after, location, body: bytes })
}

/// Says why there is no answer. What took too long would take as long again, and what is no HTTP stays none.
fn failed(error: &ureq::Error, most: Duration) -> Failed {
    match error {
        ureq::Error::Timeout(_) => Failed::lasting(format!("no complete answer came within {} s", most.as_secs_f64())),
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => Failed { reason: error.to_string(), passing: true },
        _ => Failed::lasting(words(&error.to_string())),
    }
}

/// The server's own words, where it has some.
fn refusal(reply: &Reply) -> String {
    let said = match serde_json::from_slice::<Refusal>(&reply.body) {
        Ok(refusal) => words(&refusal.error),
        Err(_) => words(&String::from_utf8_lossy(&reply.body)),
    };
    let status = reply.status;
    if !(300..400).contains(&status) {
        return format!("status {status}: {said}");
    }
    let to = reply.location.as_deref().map_or_else(|| "elsewhere".to_owned(), |location| format!("to {}", address::shown(location)));
    format!("status {status}: it redirects {to}; redirections are not followed")
}
