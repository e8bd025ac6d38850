//! Facts about the process and the time.

/// Returns the largest resident size of this process so far, where the system tells (Linux).
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// Returns the current day as ISO 8601 in UTC.
#[must_use]
pub fn today() -> String {
    utc_now().chars().take(10).collect()
}

/// Returns the current time as ISO 8601 in UTC, to the second.
#[must_use]
pub fn utc_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
