//! HTTP: one question, asked again where the server was busy.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::message::Refusal;
use crate::EngineError;

/// Environment variable whose value is sent as the header `Authorization`, so that no secret stands on a command line or in a record.
pub const AUTHORIZATION: &str = "BRINELL_AUTHORIZATION";

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Pauses before a question is asked again.
const PAUSES: [Duration; 5] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// Largest answer that is read.
const LIMIT: u64 = 1 << 30;

/// Asks one address.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    pub(super) url: String,
}

impl Client {
    /// Redirections are not followed: only the address that the user named is asked.
    pub(super) fn new(url: &str) -> Self {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config =
            Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).http_status_as_error(false).tls_config(tls).build();
        Self { agent: config.new_agent(), url: url.trim_end_matches('/').to_owned() }
    }

    /// Fetches what stands at the address.
    pub(super) fn get(&self) -> Result<Vec<u8>, EngineError> {
        // Nothing is lost yet: a server that cannot be reached is reported at once.
        self.again(&[], || {
            let mut request = self.agent.get(&self.url);
            if let Ok(value) = std::env::var(AUTHORIZATION) {
                request = request.header("Authorization", value);
            }
            request.call()
        })
    }

    /// Sends JSON to a path below the address.
    pub(super) fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, EngineError> {
        let url = format!("{}/{path}", self.url);
        self.again(&PAUSES, || {
            let mut request = self.agent.post(&url).header("Content-Type", "application/json");
            if let Ok(value) = std::env::var(AUTHORIZATION) {
                request = request.header("Authorization", value);
            }
            request.send(body)
        })
    }

    /// Asks until there is an answer; a busy or unreachable server gets more chances, a refusal ends it.
    fn again(
        &self,
        pauses: &[Duration],
        ask: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, EngineError> {
        let mut pauses = pauses.iter();
        loop {
            let (reason, status, passing) = match ask() {
                Ok(mut response) => {
                    let status = response.status();
                    let body = response.body_mut().with_config().limit(LIMIT).read_to_vec();
                    match body {
                        Ok(body) if status.is_success() => return Ok(body),
                        Ok(body) => {
                            let passing = status.as_u16() == 429 || status.is_server_error();
                            (refusal(status.as_u16(), &body), Some(status.as_u16()), passing)
                        }
                        Err(error) => (error.to_string(), None, true),
                    }
                }
                Err(error) => {
                    let passing = !matches!(error, ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::HostNotFound);
                    (error.to_string(), None, passing)
                }
            };
            match pauses.next() {
                Some(&pause) if passing => std::thread::sleep(pause),
                _ => return Err(EngineError::Endpoint { url: self.url.clone(), reason, status }),
            }
        }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> EngineError {
        EngineError::Endpoint { url: self.url.clone(), reason: reason.into(), status: None }
    }
}

/// The server's own words, where it has some.
fn refusal(status: u16, body: &[u8]) -> String {
    let words = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.error,
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    };
    let moved = if (300..=399).contains(&status) { "; redirections are not followed" } else { "" };
    format!("status {status}: {}{moved}", words.trim())
}
