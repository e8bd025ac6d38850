//! How long a server that cannot answer now is left alone.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Reads the header `Retry-After`: seconds, or a date as HTTP writes it, counted from `now`. What is neither says nothing.
///
/// # Source
/// RFC 9110, section 10.2.3.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long time as well.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = rfc2822::parse(value).ok()?.timestamp();
    let seconds = date.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        let read = |value: &str| retry_after(value, now).map(|pause| pause.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a time that has passed");
        assert_eq!(read("99999999999999999999999999"), Some(u64::MAX));
        for nothing in ["", "soon", "-1", "1.5", "Sunday"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }
}
