//! Parquet files that pandas and Arrow wrote.

use std::path::{Path, PathBuf};

use brinell_data::{Dataset, LoadOptions, Pixels, load};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tables").join(name)
}

fn read(path: &Path, labels: Option<&str>) -> Result<Dataset, String> {
    let names = vec!["no".to_owned(), "yes".to_owned()];
    let options = LoadOptions { labels: labels.map(Into::into), class_names: Some(names), ..LoadOptions::default() };
    load(path, &options).map_err(|error| error.to_string())
}

#[test]
fn every_digit_and_every_kind_of_number_is_kept() {
    for name in ["snappy.parquet", "plain.parquet", "gzip.parquet", "zstd.parquet", "lz4.parquet", "brotli.parquet"] {
        let data = read(&golden(name), None).unwrap();
        assert_eq!(data.columns, ["single", "double", "whole", "small", "truth"]);
        assert_eq!((data.n, data.shape, data.labels), (4, vec![5], vec![0, 1, 1, 0]));
        let third = 1.0f32 / 3.0;
        let rows = [
            [0.1, 0.1, 0.0, 0.0, 1.0],
            [third, third, 1.0, 1.0, 0.0],
            [-2.5, -2.5, -2.0, 2.0, 1.0],
            [1e-7, 1e-7, 16_777_216.0, 255.0, 0.0],
        ];
        assert_eq!(data.pixels, Pixels::F32(rows.concat()), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = read(&golden("missing.parquet"), None).unwrap_err();
    assert!(error.contains("line 2, column `single`: the cell is empty"), "{error}");
    let error = read(&golden("plain.parquet"), Some("kind")).unwrap_err();
    assert!(error.contains("there is no column `kind`; the columns are single, double"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(golden("snappy.parquet")).unwrap();
    for (name, part) in [("half.parquet", bytes.len() / 2), ("head.parquet", 4)] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes[..part]).unwrap();
        let error = read(&path, None).unwrap_err();
        assert!(error.contains("Parquet"), "{error}");
    }
}

#[test]
fn damaged_files_are_errors_or_other_numbers() {
    let bytes = std::fs::read(golden("snappy.parquet")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for place in (4..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[place] ^= 0xff;
        std::fs::write(&path, &changed).unwrap();
        if let Err(error) = read(&path, None) {
            assert!(!error.is_empty());
        }
    }
}
