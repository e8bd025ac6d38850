//! Addresses: what they look like, and that no secret stands in one.

use crate::EngineError;

/// What stands for an address that must not be repeated.
const UNNAMED: &str = "the address of the model";

/// Returns the address without slashes at its end.
///
/// # Errors
/// [`EngineError::Endpoint`] where it carries a user name or password, or is none of a model. One that may hold a secret is not repeated.
pub(super) fn checked(url: &str) -> Result<String, EngineError> {
    let refuse = |url: &str, reason: &str| Err(EngineError::Endpoint { url: url.to_owned(), reason: reason.to_owned(), status: None });
    // Wherever it stands: a password may hold slashes, and a reader of addresses may take the host from behind the last of these signs.
    if url.contains('@') {
        return refuse(UNNAMED, "it contains a user name or a password (`@`), which would appear in records and logs");
    }
    if url.contains(['?', '#']) {
        return refuse(UNNAMED, "it has a query or a fragment (`?`, `#`); addresses of models have none, and it may contain a secret");
    }
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    if !is_host(host) {
        return refuse(UNNAMED, "a host name must follow `://`, with or without a port");
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return refuse(UNNAMED, "it contains spaces, backslashes or control characters");
    }
    let url = url.trim_end_matches('/');
    if !url.contains("/v2/models/") {
        return refuse(url, "the address of a model has the form http://HOST/v2/models/NAME, or ..NAME/versions/V");
    }
    Ok(url.to_owned())
}

/// True for `name`, `name:8080`, `127.0.0.1:80` and `[::1]:80`.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or_default())),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let bracketed = text.starts_with('[');
    let named = |c: char| if bracketed { c.is_ascii_hexdigit() || ":.".contains(c) } else { c.is_alphanumeric() || "-._".contains(c) };
    !host.is_empty() && host.chars().all(named) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Returns where a server points to, without user name, password and query.
pub(super) fn shown(location: &str) -> String {
    let location = location.split(['?', '#']).next().unwrap_or_default();
    match (location.split_once("://"), location.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, behind))) => super::words(&format!("{scheme}://{behind}")),
        _ => super::words(location),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_models_are_taken() {
        for url in [
            "http://127.0.0.1:8000/v2/models/m",
            "https://models.example/v2/models/m/versions/3",
            "http://[::1]:80/v2/models/m",
            "http://host/prefix/v2/models/a%40b",
        ] {
            assert_eq!(checked(url).unwrap(), url);
        }
        assert_eq!(checked("http://host/v2/models/m//").unwrap(), "http://host/v2/models/m");
    }

    #[test]
    fn secrets_in_an_address_are_refused_and_not_repeated() {
        for url in [
            "http://ann:hunter2@host/v2/models/m",
            "http://hunter2@host/v2/models/m",
            "http://ann:hunter2/x@host/v2/models/m",
            "http://ann:hunter2%40host/v2/models/m",
            "http://host/v2/models/m?token=hunter2",
            "http://host/v2/models/m#hunter2",
            "http://:hunter2/v2/models/m",
        ] {
            let error = checked(url).unwrap_err().to_string();
            assert!(error.starts_with(UNNAMED) && !error.contains("hunter2"), "{url}: {error}");
        }
        assert!(checked("http://host/models/m").unwrap_err().to_string().contains("http://HOST/v2/models/NAME"));
    }

    #[test]
    fn what_a_server_points_to_is_shown_without_secrets() {
        assert_eq!(shown("https://ann:hunter2@host/path?token=hunter2"), "https://host/path");
        assert_eq!(shown("/v2/models/n"), "/v2/models/n");
        assert_eq!(shown("http://a/\u{1b}[31m"), "http://a/\u{fffd}[31m");
    }
}
