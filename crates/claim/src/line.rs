//! The line of a claim file that a key stands on, counted from 1 as editors count.

use toml::de::{DeTable, DeValue};

/// A part of a key such as `threat.feature[0]`: a name and the places in lists behind it.
type Step<'k> = (&'k str, Vec<usize>);

/// Returns the line of a key such as `claim[0].threat.eps`, or of the innermost part of it that the file has. A claim that inherits a table has the
/// key at the top of the file.
pub(super) fn of_key(text: &str, is_toml: bool, key: &str) -> Option<usize> {
    let steps: Vec<Step<'_>> = key.split('.').map(step).collect();
    let find = |steps: &[Step<'_>]| if is_toml { in_toml(text, steps) } else { in_yaml(text, steps) };
    let (depth, offset) = find(&steps)?;
    let inherited = steps.get(1..).filter(|rest| depth == 1 && !rest.is_empty()).and_then(find).filter(|(depth, _)| *depth > 0);
    let offset = inherited.map_or(offset, |(_, offset)| offset);
    (depth > 0 || inherited.is_some()).then(|| text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1))
}

fn step(part: &str) -> Step<'_> {
    let mut pieces = part.split('[');
    let name = pieces.next().unwrap_or_default();
    (name, pieces.filter_map(|place| place.trim_end_matches(']').parse().ok()).collect())
}

/// Returns how many steps were found, and where the last of them begins.
fn in_toml(text: &str, steps: &[Step<'_>]) -> Option<(usize, usize)> {
    let top = DeTable::parse(text).ok()?;
    let mut found = (0, 0);
    let mut table = Some(top.get_ref());
    for (name, places) in steps {
        let Some((key, value)) = table.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name)) else { break };
        found = (found.0 + 1, key.span().start);
        let mut value = value;
        for &place in places {
            let Some(element) = value.get_ref().as_array().and_then(|list| list.get(place)) else { return Some(found) };
            value = element;
            found.1 = value.span().start;
        }
        table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
    }
    Some(found)
}

/// The same by indentation, since the YAML reader keeps no places.
fn in_yaml(text: &str, steps: &[Step<'_>]) -> Option<(usize, usize)> {
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '-']);
        let is_blank = content.trim().is_empty() || content.starts_with('#');
        lines.push((offset, line.len() - content.len(), line.trim_start().starts_with('-'), content, is_blank));
        offset += line.len();
    }
    let (mut found, mut start, mut end) = ((0, 0), 0, lines.len());
    for (name, places) in steps {
        let is_key = |content: &str| content.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(':'));
        let inside = lines.get(start..end).unwrap_or_default();
        let outer = inside.iter().filter(|line| !line.4).map(|line| line.1).min();
        let Some(at) = inside.iter().position(|line| is_key(line.3) && Some(line.1) == outer) else { break };
        let indent = inside.get(at).map_or(0, |line| line.1);
        let ends = |line: &(usize, usize, bool, &str, bool)| !line.4 && line.1 <= indent;
        let length = inside.iter().skip(at + 1).position(ends).unwrap_or(inside.len() - at - 1);
        found = (found.0 + 1, inside.get(at).map_or(0, |line| line.0));
        (start, end) = (start + at + 1, start + at + 1 + length);
        for &place in places {
            let inside = lines.get(start..end).unwrap_or_default();
            let outer = inside.iter().filter(|line| line.2).map(|line| line.1).min();
            let mut items = inside.iter().enumerate().filter(|(_, line)| line.2 && Some(line.1) == outer).map(|(at, _)| at);
            let Some(at) = items.nth(place) else { return Some(found) };
            let next = items.next().unwrap_or(inside.len());
            found.1 = inside.get(at).map_or(0, |line| line.0);
            (start, end) = (start + at, start + next);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::of_key;

    const TOML: &str = "schema = \"brinell.claim/1\"\n\n[subject]\nmodel = \"m\"\n\n[[claim]]\nid = \"a\"\n[claim.threat]\neps = 1\n\n[[claim]]\nid = \"b\"\n\n[claim.threat]\nnorm = \"linf\"\neps = 2\n\n[[claim.threat.feature]]\ncolumns = [\"age\"]\nmin = 3\n";

    const YAML: &str = "schema: brinell.claim/1\nsubject:\n  model: m\nclaim:\n  - id: a\n    threat:\n      eps: 1\n  # the second\n  - id: b\n    threat:\n      norm: linf\n      eps: 2\n      feature:\n        - columns: [age]\n          min: 3\n";

    #[test]
    fn a_key_is_found_in_its_own_claim() {
        for (key, toml, yaml) in [
            ("schema", 1, 1),
            ("claim[0].id", 7, 5),
            ("claim[0].threat.eps", 9, 7),
            ("claim[1].id", 12, 9),
            ("claim[1].threat.eps", 16, 12),
            ("claim[1].threat.feature[0].min", 20, 15),
            ("claim[1].subject.model", 4, 3),
            ("claim[1].threat.seed", 14, 10),
        ] {
            assert_eq!(of_key(TOML, true, key), Some(toml), "{key}");
            assert_eq!(of_key(YAML, false, key), Some(yaml), "{key}");
        }
        assert_eq!(of_key(TOML, true, "claim[1]"), Some(11));
        assert_eq!(of_key(YAML, false, "claim[1]"), Some(9));
        assert_eq!(of_key(TOML, true, "confidence"), None);
        assert_eq!(of_key("not = [", true, "confidence"), None);
    }
}
