//! SUPPORTED-OPS.md is what the code and the node tests say, never what somebody wrote.

const FILE: &str = "SUPPORTED-OPS.md";

/// The table as it is now; `None` where no ONNX Runtime is found, without which it cannot be made.
fn table() -> Result<Option<String>, String> {
    let output = crate::example::run("operators", &[])?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map(Some).map_err(|error| format!("ops: {error}"));
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if message.contains("ONNX Runtime is needed") { Ok(None) } else { Err(format!("ops: {message}")) }
}

/// Writes the file, or compares it with what it should be; returns why nothing was done, where nothing was.
pub(crate) fn run(check: bool) -> Result<Option<&'static str>, String> {
    let Some(table) = table()? else {
        return Ok(Some("no ONNX Runtime is found (see `brinell doctor`)"));
    };
    let path = crate::root().join(FILE);
    if !check {
        return std::fs::write(&path, table).map(|()| None).map_err(|error| format!("ops: {}: {error}", path.display()));
    }
    let found = std::fs::read_to_string(&path).map_err(|error| format!("ops: {}: {error}", path.display()))?;
    // The versions of the runtimes may differ from those of the machine that wrote it.
    let same = |text: &str| text.lines().filter(|line| !line.starts_with("- **onnxruntime")).map(str::to_owned).collect::<Vec<_>>();
    if same(&found) == same(&table) {
        println!("ops: {FILE} is what the node tests show");
        Ok(None)
    } else {
        Err(format!("ops: {FILE} is out of date; run `cargo xtask ops` and look at what changed"))
    }
}
