//! Which models fail together, as a tree.

use std::fmt::Write as _;

use super::words;
use brinell_record::Transfer;

/// Models whose examples are merged, or one model.
enum Branch {
    Leaf(usize),
    /// Two branches and their mean distance.
    Merge(Box<Branch>, Box<Branch>, f64),
}

impl Branch {
    fn leaves(&self) -> Vec<usize> {
        match self {
            Self::Leaf(model) => vec![*model],
            Self::Merge(a, b, _) => a.leaves().into_iter().chain(b.leaves()).collect(),
        }
    }
}

/// Joins the two nearest branches again and again; their distance is the mean over all pairs of models. Equal distances go by the order of the models.
fn cluster(models: &[usize], distance: impl Fn(usize, usize) -> f64) -> Option<Branch> {
    let mut branches: Vec<Branch> = models.iter().map(|model| Branch::Leaf(*model)).collect();
    while branches.len() > 1 {
        let mut nearest = (f64::INFINITY, 0, 1);
        for a in 0..branches.len() {
            for b in a + 1..branches.len() {
                let (left, right) = (branches[a].leaves(), branches[b].leaves());
                let sum: f64 = left.iter().flat_map(|x| right.iter().map(|y| distance(*x, *y))).sum();
                let mean = sum / (left.len() * right.len()) as f64;
                if mean < nearest.0 {
                    nearest = (mean, a, b);
                }
            }
        }
        let (mean, a, b) = nearest;
        let right = branches.remove(b);
        let left = branches.remove(a);
        branches.insert(a, Branch::Merge(Box::new(left), Box::new(right), mean));
    }
    branches.pop()
}

const ROW: f64 = 24.0;
const WIDTH: f64 = 420.0;
const NAMES: f64 = 190.0;

/// The tree as SVG, from distance 0 at the names to 1 and more; `None` where there are fewer than three models.
///
/// # Source
/// Average linkage (Sokal and Michener 1958) of the distance 1 - phi.
pub(super) fn tree(transfer: &Transfer) -> Option<String> {
    if transfer.targets.len() < 3 {
        return None;
    }
    // Models of which nothing is known fail together with none.
    let phi = |a: usize, b: usize| {
        transfer
            .together
            .iter()
            .find(|pair| (pair.a, pair.b) == (a, b) || (pair.a, pair.b) == (b, a))
            .map_or(0.0, |pair| if pair.phi.is_finite() { pair.phi } else { 0.0 })
    };
    let root = cluster(&transfer.targets, |a, b| 1.0 - phi(a, b))?;
    let leaves = root.leaves();
    let height = ROW * leaves.len() as f64 + 26.0;
    let mut out = format!(
        "<svg class=\"tree\" viewBox=\"0 0 {} {height}\" role=\"img\" aria-label=\"Models that fail together\">",
        NAMES + WIDTH + 20.0
    );
    let most = match &root {
        Branch::Merge(.., distance) => distance.max(1.0),
        Branch::Leaf(_) => 1.0,
    };
    let x = |distance: f64| NAMES + WIDTH * distance.max(0.0) / most;
    for (row, leaf) in leaves.iter().enumerate() {
        let y = ROW * (row as f64 + 0.5);
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            y + 4.0,
            escaped(&words::model(transfer, *leaf))
        );
    }
    let mut row = 0.0;
    draw(&root, &x, &mut row, &mut out);
    let base = ROW * leaves.len() as f64 + 16.0;
    for tick in [0.0, 0.5, 1.0] {
        let _ = write!(out, "<text class=\"tick\" x=\"{}\" y=\"{base}\" text-anchor=\"middle\">{}</text>", x(tick), 1.0 - tick);
    }
    out.push_str("</svg>");
    Some(out)
}

/// Draws a branch and returns the place where it ends, across and down.
fn draw(branch: &Branch, x: &dyn Fn(f64) -> f64, row: &mut f64, out: &mut String) -> (f64, f64) {
    match branch {
        Branch::Leaf(_) => {
            let y = ROW * (*row + 0.5);
            *row += 1.0;
            (x(0.0), y)
        }
        Branch::Merge(a, b, distance) => {
            let ((ax, ay), (bx, by)) = (draw(a, x, row, out), draw(b, x, row, out));
            let at = x(*distance);
            let _ = write!(out, "<path d=\"M{ax:.1} {ay:.1}H{at:.1}V{by:.1}H{bx:.1}\"/>");
            (at, f64::midpoint(ay, by))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heights(branch: &Branch, out: &mut Vec<f64>) {
        if let Branch::Merge(a, b, distance) = branch {
            heights(a, out);
            heights(b, out);
            out.push(*distance);
        }
    }

    #[test]
    fn branches_join_at_the_mean_distance_of_their_models() {
        // scipy.cluster.hierarchy.linkage([0.2, 0.9, 1.0, 0.8, 1.1, 0.4], "average"): 0-1 at 0.2, 2-3 at 0.4, both at 0.95.
        let table = [[0.0, 0.2, 0.9, 1.0], [0.2, 0.0, 0.8, 1.1], [0.9, 0.8, 0.0, 0.4], [1.0, 1.1, 0.4, 0.0]];
        let root = cluster(&[0, 1, 2, 3], |a, b| table[a][b]).unwrap();
        let mut found = Vec::new();
        heights(&root, &mut found);
        assert_eq!(root.leaves(), [0, 1, 2, 3]);
        assert!(found.iter().zip([0.2, 0.4, 0.95]).all(|(a, b): (&f64, f64)| (a - b).abs() < 1e-12), "{found:?}");
        assert!(cluster(&[], |_, _| 0.0).is_none());
    }

    #[test]
    fn names_cannot_end_the_picture() {
        assert_eq!(escaped("</svg><script>\"&"), "&lt;/svg&gt;&lt;script&gt;&quot;&amp;");
    }
}
