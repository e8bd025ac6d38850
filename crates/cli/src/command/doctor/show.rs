//! The printed form of what was found on this machine.

use brinell::machine::{Advice, Doctor, Finding};

use crate::console::WIDTH;

const INDENT: usize = 12;

/// Returns the findings and the advice, within 80 columns.
pub(super) fn text(doctor: &Doctor) -> String {
    let mut text = "ONNX Runtime\n".to_owned();
    for finding in &doctor.candidates {
        text += &candidate(doctor, finding);
    }
    text += "rten\n";
    text += &entry(doctor.rten, &["compiled in"]);
    text += "processor\n";
    let processor = &doctor.processor;
    let memory = processor.memory_bytes.map_or_else(String::new, |bytes| format!(", {:.1} GiB memory", bytes as f64 / f64::from(1 << 30)));
    let cores = if processor.cores == 1 { "1 core".to_owned() } else { format!("{} cores", processor.cores) };
    text += &entry("", &[&processor.model, &format!("{cores}{memory}"), &processor.features.join(" ")]);
    text += "advice\n";
    if doctor.advice.is_empty() {
        text += &entry("", &["none: nothing here would make audits faster"]);
    }
    for advice in &doctor.advice {
        text += &entry("-", &[words(*advice)]);
    }
    text
}

fn candidate(doctor: &Doctor, finding: &Finding) -> String {
    let path = finding.path.display().to_string();
    let origin = format!("from {}", finding.origin);
    match &finding.version {
        Ok(version) if doctor.chosen.as_deref() == Some(&finding.path) => {
            entry(version, &[&path, &format!("{origin}; in use"), &doctor.providers.join(", ")])
        }
        Ok(version) => entry(version, &[&path, &origin]),
        Err(problem) => entry("unusable", &[&path, &origin, &problem.to_string()]),
    }
}

fn words(advice: Advice) -> &'static str {
    match advice {
        Advice::InstallOnnxRuntime => {
            "install ONNX Runtime with `pip install onnxruntime` (in the active virtual environment, or with the Python \
             on the path): models run about twice as fast on it as on rten"
        }
        Advice::RenewOnnxRuntime => "update ONNX Runtime with `pip install --upgrade onnxruntime`",
        Advice::UseCuda => "use the NVIDIA card with `--device cuda`",
        Advice::InstallCuda => "use the NVIDIA card: `pip install onnxruntime-gpu`, then `--device cuda`",
        Advice::TryCoreMl => "try `--device coreml`; on some hardware it computes in half precision, so it is not the default",
        Advice::NoAvx2 => "this processor lacks AVX2; expect a quarter of the usual speed",
        Advice::OneCore => "only one core is available to this process; speed grows almost in proportion to cores",
    }
}

/// Returns a label in the margin and paragraphs beside it.
fn entry(label: &str, paragraphs: &[&str]) -> String {
    let mut text = String::new();
    let mut margin = format!("  {label}");
    for line in paragraphs.iter().flat_map(|text| wrap(text, WIDTH - INDENT)) {
        text += &format!("{margin:<INDENT$}{line}\n");
        margin.clear();
    }
    text
}

/// Breaks a text into lines, at spaces where it can, after a slash or anywhere where it must.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if line.chars().count() + gap + word.chars().count() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while line.chars().count() > width {
            let limit = line.char_indices().nth(width).map_or(line.len(), |(at, _)| at);
            let (head, _) = line.split_at(limit);
            let cut = head.rfind(['/', '\\']).map_or(limit, |slash| slash + 1);
            let rest = line.split_off(cut);
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use brinell::machine::{Advice, Doctor, Finding, LibraryProblem, Origin, Processor};

    use super::{text, wrap};

    #[test]
    fn the_printed_form_fits_80_columns() {
        use Advice::{InstallCuda, InstallOnnxRuntime, NoAvx2, OneCore, RenewOnnxRuntime, TryCoreMl, UseCuda};
        let path = PathBuf::from(format!("/home/somebody/{}/libonnxruntime.so.1.23.2", "a-rather-long-folder/".repeat(6)));
        let processor = Processor { model: "A processor".into(), features: vec!["avx2", "fma"], cores: 1, memory_bytes: Some(8 << 30) };
        let broken = Err(LibraryProblem::Unusable("no such file ".repeat(12)));
        let machine = Doctor {
            candidates: vec![
                Finding { path: path.clone(), origin: Origin::Environment, version: Ok("1.23.2".into()) },
                Finding { path: "libonnxruntime.so".into(), origin: Origin::System, version: broken },
            ],
            chosen: Some(path),
            providers: vec!["CUDAExecutionProvider".to_owned(), "CPUExecutionProvider".to_owned()],
            rten: "0.0.0",
            processor,
            advice: vec![InstallOnnxRuntime, RenewOnnxRuntime, UseCuda, InstallCuda, TryCoreMl, NoAvx2, OneCore],
        };
        let text = text(&machine);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for wanted in ["1.23.2", "8.0 GiB", "pip install onnxruntime`", "--upgrade", "onnxruntime-gpu", "in use", "unusable"] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }

    #[test]
    fn long_words_break_after_slashes() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("/usr/local/lib", 8), ["/usr/", "local/", "lib"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert!(wrap("", 10).is_empty());
    }
}
