//! Arrays made by hand: every format, type and byte order, and files that lie.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint spares test functions only, not their helpers")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use brinell_data::{DataErrorKind, Dataset, LoadOptions, Moments, Note, Numbers, Pixels, Precision, Scale, TruthKind, load, moments};
use tempfile::TempDir;

fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), values].concat()
}

fn idx(kind: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = shape.iter().flat_map(|size| size.to_be_bytes()).collect();
    [&[0, 0, kind, shape.len() as u8][..], &sizes, values].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn npz(entries: &[(&str, Vec<u8>)], compress: bool) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let method = if compress { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn safetensors(header: &str, values: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), values].concat()
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn open(path: &Path) -> Dataset {
    load(path, &LoadOptions::default()).unwrap()
}

fn open_with(path: &Path, labels: &str) -> Result<Dataset, brinell_data::DataError> {
    load(path, &LoadOptions { labels: Some(labels.into()), ..LoadOptions::default() })
}

/// Why `bytes`, with class 0 for every sample, are refused.
fn refusal(name: &str, bytes: &[u8]) -> DataErrorKind {
    let place = Place::new();
    let path = place.put(name, bytes);
    let error = open_with(&path, "0").unwrap_err();
    assert_eq!(error.path, path, "{error}");
    error.kind
}

#[test]
fn every_npy_type_and_byte_order_is_read() {
    let place = Place::new();
    let expected = Pixels::F32(vec![1.0, 2.0, 3.0, 100.0]);
    let values = [1_u8, 2, 3, 100];
    let stored: Vec<(&str, Vec<u8>)> = vec![
        ("|i1", values.map(|v| v as i8).map(i8::to_le_bytes).concat()),
        ("<u2", values.map(u16::from).map(u16::to_le_bytes).concat()),
        (">u2", values.map(u16::from).map(u16::to_be_bytes).concat()),
        ("<i2", values.map(i16::from).map(i16::to_le_bytes).concat()),
        (">i4", values.map(i32::from).map(i32::to_be_bytes).concat()),
        ("<u4", values.map(u32::from).map(u32::to_le_bytes).concat()),
        ("<i8", values.map(i64::from).map(i64::to_le_bytes).concat()),
        (">u8", values.map(u64::from).map(u64::to_be_bytes).concat()),
        ("<f2", values.map(|v| half::f16::from_f32(v.into())).map(half::f16::to_le_bytes).concat()),
        ("<f4", values.map(f32::from).map(f32::to_le_bytes).concat()),
        (">f4", values.map(f32::from).map(f32::to_be_bytes).concat()),
        ("<f8", values.map(f64::from).map(f64::to_le_bytes).concat()),
        (">f8", values.map(f64::from).map(f64::to_be_bytes).concat()),
    ];
    for (descr, bytes) in stored {
        let path = place.put("a.npy", &npy(descr, false, "(2, 2)", &bytes));
        assert_eq!(open_with(&path, "3").unwrap().pixels, expected, "{descr}");
        let labels = place.put("a_labels.npy", &npy(descr, false, "(4,)", &bytes));
        let samples = place.put("b.npy", &npy("|u1", false, "(4, 1)", &values));
        assert_eq!(open_with(&samples, labels.to_str().unwrap()).unwrap().labels, [1, 2, 3, 100], "{descr}");
    }
    let path = place.put("a.npy", &npy("|u1", false, "(2, 2)", &values));
    assert_eq!(open_with(&path, "3").unwrap().pixels, Pixels::U8(values.to_vec()));
    let path = place.put("a.npy", &npy("|b1", false, "(2, 2)", &[0, 1, 1, 0]));
    assert_eq!(open_with(&path, "3").unwrap().pixels, Pixels::F32(vec![0.0, 1.0, 1.0, 0.0]));
}

#[test]
fn fortran_order_gives_the_same_samples() {
    let place = Place::new();
    let row_major: Vec<u8> = (0..24).collect();
    // Value at [a, b, c] of a [2, 3, 4] array is 12 a + 4 b + c.
    let mut fortran = Vec::new();
    for c in 0..4 {
        for b in 0..3 {
            fortran.extend([4 * b + c, 12 + 4 * b + c]);
        }
    }
    let path = place.put("a.npy", &npy("|u1", true, "(2, 3, 4)", &fortran));
    let data = open_with(&path, "0").unwrap();
    assert_eq!((data.pixels, data.shape), (Pixels::U8(row_major.clone()), vec![3, 4]));
    let options = LoadOptions { labels: Some("0".into()), limit: Some(1), ..LoadOptions::default() };
    assert_eq!(load(&path, &options).unwrap().pixels, Pixels::U8(row_major[..12].to_vec()));
}

#[test]
fn idx_of_floats_and_gzip_are_read() {
    let place = Place::new();
    let values = [0.5_f32, -1.0, 2.0, 0.25];
    let path = place.put("a-images-idx2", &idx(0x0d, &[2, 2], &values.map(f32::to_be_bytes).concat()));
    place.put("a-labels-idx2", &idx(0x0c, &[2], &[0, 0, 0, 7, 0, 0, 0, 1]));
    let data = open(&path);
    assert_eq!((data.pixels, data.labels, data.n), (Pixels::F32(values.to_vec()), vec![7, 1], 2));

    let path = place.put("t-images-idx3-ubyte.gz", &gzip(&idx(8, &[2, 1, 2], &[1, 2, 3, 4])));
    place.put("t-labels-idx1-ubyte.gz", &gzip(&idx(8, &[2], &[5, 6])));
    let data = open(&path);
    assert_eq!((data.pixels, data.labels, data.shape), (Pixels::U8(vec![1, 2, 3, 4]), vec![5, 6], vec![1, 2]));
}

#[test]
fn archives_and_tensors_hold_samples_and_labels() {
    let place = Place::new();
    let (x, y) =
        (npy("|u1", false, "(2, 3)", &[1, 2, 3, 4, 5, 6]), npy("<i8", false, "(2, 1)", &[1_i64, 0].map(i64::to_le_bytes).concat()));
    for compress in [false, true] {
        let path = place.put("a.npz", &npz(&[("extra", x.clone()), ("images", x.clone()), ("labels", y.clone())], compress));
        let data = open(&path);
        assert_eq!((data.pixels, data.labels, data.format), (Pixels::U8(vec![1, 2, 3, 4, 5, 6]), vec![1, 0], "npz"));
    }
    let header = r#"{"labels":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]}}"#;
    let path = place.put("a.safetensors", &safetensors(header, &[&[1_u8, 0][..], &[0.5_f32, 2.0].map(f32::to_le_bytes).concat()].concat()));
    let data = open(&path);
    assert_eq!((data.pixels, data.labels, data.format), (Pixels::F32(vec![0.5, 2.0]), vec![1, 0], "safetensors"));
    // Either can label the samples of another file.
    let samples = place.put("samples.npy", &x);
    assert_eq!(open_with(&samples, place.0.path().join("a.npz").to_str().unwrap()).unwrap().labels, [1, 0]);
    assert_eq!(open_with(&samples, path.to_str().unwrap()).unwrap().labels, [1, 0]);
    // A limit keeps samples and labels together.
    let options = LoadOptions { limit: Some(1), ..LoadOptions::default() };
    for path in [place.0.path().join("a.npz"), path] {
        let data = load(&path, &options).unwrap();
        assert_eq!((data.n, data.labels), (1, vec![1]));
    }
}

#[test]
fn cifar_100_takes_the_fine_label() {
    let place = Place::new();
    let row = |coarse: u8, fine: u8| [&[coarse, fine][..], &[fine; 3072]].concat();
    let path = place.put("test.bin", &[row(1, 99), row(19, 4)].concat());
    let data = open(&path);
    assert_eq!((data.labels, data.format, data.n), (vec![99, 4], "cifar100", 2));
    let one = load(&path, &LoadOptions { limit: Some(1), ..LoadOptions::default() }).unwrap();
    assert_eq!((one.labels, one.n), (vec![99], 1));
    assert!(matches!(refusal("a.bin", &[row(1, 100), row(1, 1)].concat()), DataErrorKind::Malformed { .. }));
    assert!(matches!(refusal("a.bin", &[0; 3072]), DataErrorKind::Malformed { .. }));
    assert!(matches!(refusal("a.bin", &[]), DataErrorKind::Empty));
}

#[test]
fn labels_in_text_may_be_indices_or_names() {
    let place = Place::new();
    let path = place.put("a.npy", &npy("|u1", false, "(3, 1)", &[1, 2, 3]));
    let labels = place.put("labels.txt", b"cat\r\n1\nTOASTER\n");
    let names = Some(vec!["cat".to_owned(), "dog".to_owned(), "toaster".to_owned()]);
    let options = LoadOptions { labels: Some(labels.clone()), class_names: names.clone(), ..LoadOptions::default() };
    assert_eq!(load(&path, &options).unwrap().labels, [0, 1, 2]);
    assert_eq!(
        load(&path, &LoadOptions { labels: Some("dog".into()), class_names: names, ..LoadOptions::default() }).unwrap().labels,
        [1, 1, 1]
    );
    let message = open_with(&path, labels.to_str().unwrap()).unwrap_err().to_string();
    assert!(message.contains("line 1: unknown class `cat`"), "{message}");
    assert!(matches!(open_with(&path, "none.npy").unwrap_err().kind, DataErrorKind::LabelsNotFound));
    assert!(matches!(load(&path, &LoadOptions::default()).unwrap_err().kind, DataErrorKind::NoLabels));
}

#[test]
fn wrong_labels_are_refused() {
    let place = Place::new();
    let path = place.put("a.npy", &npy("|u1", false, "(3, 1)", &[1, 2, 3]));
    let with = |bytes: &[u8]| open_with(&path, place.put("l.npy", bytes).to_str().unwrap()).unwrap_err().kind;
    let floats = |values: [f32; 3]| npy("<f4", false, "(3,)", &values.map(f32::to_le_bytes).concat());
    assert!(matches!(with(&npy("|u1", false, "(2,)", &[1, 2])), DataErrorKind::CountMismatch { samples: 3, labels: 2 }));
    assert!(matches!(with(&npy("|i1", false, "(3,)", &[1, 255, 1])), DataErrorKind::BadLabel { sample: 1, .. }));
    assert!(matches!(with(&npy("|u1", false, "(1, 3)", &[1, 2, 3])), DataErrorKind::Shape { .. }));
    assert!(matches!(with(&floats([0.0, 1.0, 1.5])), DataErrorKind::BadLabel { sample: 2, .. }));
    assert!(matches!(with(&floats([f32::NAN, 1.0, 1.5])), DataErrorKind::BadLabel { sample: 0, .. }));
    assert_eq!(open_with(&path, place.put("l.npy", &floats([2.0, 0.0, 1.0])).to_str().unwrap()).unwrap().labels, [2, 0, 1]);
}

#[test]
fn values_that_no_model_can_take_are_refused() {
    let doubles = |values: [f64; 4]| npy("<f8", false, "(2, 2)", &values.map(f64::to_le_bytes).concat());
    assert!(matches!(refusal("a.npy", &doubles([0.0, 1.0, 1.0, f64::NAN])), DataErrorKind::NonFinite { sample: 1, .. }));
    assert!(matches!(refusal("a.npy", &doubles([0.0, f64::INFINITY, 1.0, 1.0])), DataErrorKind::NonFinite { sample: 0, .. }));
    // Finite as stored, infinite in single precision.
    assert!(matches!(refusal("a.npy", &doubles([0.0, 0.0, 1e300, 1.0])), DataErrorKind::NonFinite { sample: 1, .. }));
    let whole = npy("<i8", false, "(1, 1)", &((1_i64 << 24) + 1).to_le_bytes());
    // What a model of whole numbers would get otherwise is an error, what one of single precision rounds anyway is noted.
    let place = Place::new();
    let path = place.put("a.npy", &whole);
    let options = LoadOptions { labels: Some("0".into()), precision: Precision::Whole, ..LoadOptions::default() };
    let error = load(&path, &options).unwrap_err();
    assert!(matches!(error.kind, DataErrorKind::Inexact { sample: 0, .. }), "{error}");
    assert!(error.to_string().contains("which single precision would round to 16777216"), "{error}");
    assert_eq!(load(&path, &LoadOptions { precision: Precision::Single, ..options }).unwrap().notes, [Note::Coarsened { values: 1 }]);
    // In Fortran order the sample is told from the first axis.
    let fortran = npy("<f4", true, "(2, 2)", &[0.0, 0.0, 0.0, f32::NAN].map(f32::to_le_bytes).concat());
    assert!(matches!(refusal("a.npy", &fortran), DataErrorKind::NonFinite { sample: 1, .. }));
}

#[test]
fn empty_and_shapeless_data_are_refused() {
    assert!(matches!(refusal("a.npy", &npy("|u1", false, "(0, 3)", &[])), DataErrorKind::Empty));
    assert!(matches!(refusal("a.npy", &npy("|u1", false, "(3, 0)", &[])), DataErrorKind::Empty));
    assert!(matches!(refusal("a.npy", &npy("|u1", false, "(3,)", &[1, 2, 3])), DataErrorKind::Shape { .. }));
    assert!(matches!(refusal("a.npy", &npy("|u1", false, "()", &[1])), DataErrorKind::Shape { .. }));
    assert!(matches!(refusal("a", &[]), DataErrorKind::UnknownFormat));
    assert!(matches!(refusal("a.txt", b"hello, this is no data at all"), DataErrorKind::UnknownFormat));
    assert!(matches!(load(Path::new("no/such"), &LoadOptions::default()).unwrap_err().kind, DataErrorKind::NotFound));
}

#[test]
fn headers_that_promise_too_much_cost_nothing() {
    let huge = DataErrorKind::TooLarge { shape: Vec::new() };
    let same = |kind: DataErrorKind| std::mem::discriminant(&kind) == std::mem::discriminant(&huge);
    assert!(same(refusal("a.npy", &npy("<f8", false, "(4294967296, 4294967296, 4)", &[0; 64]))));
    assert!(same(refusal("a.npy", &npy("<f8", false, "(9223372036854775807, 1, 0)", &[0; 64]))));
    assert!(same(refusal("a", &idx(8, &[u32::MAX, u32::MAX, u32::MAX], &[0; 64]))));
    assert!(matches!(refusal("a.npy", &npy("<f8", false, "(99999999, 1000)", &[0; 64])), DataErrorKind::Truncated { found: 64, .. }));
    assert!(matches!(refusal("a", &idx(8, &[u32::MAX, 28, 28], &[0; 64])), DataErrorKind::Truncated { found: 64, .. }));
    assert!(matches!(refusal("a.gz", &gzip(&idx(8, &[u32::MAX, 28, 28], &[0; 64]))), DataErrorKind::Truncated { found: 64, .. }));
    assert!(matches!(
        refusal("a.npz", &npz(&[("x", npy("<f8", false, "(99999999, 1000)", &[0; 64]))], true)),
        DataErrorKind::Truncated { .. }
    ));
    assert!(matches!(refusal("a.npy", &npy("|u1", false, "(2, 2)", &[0; 5])), DataErrorKind::TrailingBytes { extra: 1 }));
    assert!(matches!(refusal("a.gz", &gzip(&idx(8, &[2, 2], &[0; 7]))), DataErrorKind::TrailingBytes { .. }));
    let mut long = npy("<f8", false, "(2, 2)", &[0; 32]);
    long[6] = 2;
    long[8..12].copy_from_slice(&[0xff; 4]);
    assert!(matches!(refusal("a.npy", &long), DataErrorKind::Malformed { .. }));
}

#[test]
fn lying_safetensors_are_refused() {
    let one = |offsets: &str| format!(r#"{{"x":{{"dtype":"F32","shape":[2,1],"data_offsets":{offsets}}}}}"#);
    assert!(matches!(refusal("a", &safetensors(&one("[0,8]"), &[0; 4])), DataErrorKind::Truncated { expected: 8, found: 4 }));
    assert!(matches!(refusal("a", &safetensors(&one("[0,8]"), &[0; 9])), DataErrorKind::TrailingBytes { extra: 1 }));
    for offsets in ["[8,0]", "[4,12]", "[0,4]", "[0,18446744073709551615]", "[-1,7]"] {
        assert!(matches!(refusal("a", &safetensors(&one(offsets), &[0; 12])), DataErrorKind::Malformed { .. }), "{offsets}");
    }
    let unknown = r#"{"x":{"dtype":"F8_E4M3","shape":[2,1],"data_offsets":[0,2]}}"#;
    assert!(matches!(refusal("a", &safetensors(unknown, &[0; 2])), DataErrorKind::ElementType { .. }));
    let other = r#"{"weights":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}}"#;
    assert!(matches!(refusal("a", &safetensors(other, &[0; 2])), DataErrorKind::NoArray { .. }));
    assert!(matches!(refusal("a", &safetensors("{", &[])), DataErrorKind::Malformed { .. }));
}

#[test]
fn damaged_archives_are_refused() {
    let x = npy("|u1", false, "(2, 2)", &[1, 2, 3, 4]);
    let whole = npz(&[("x", x.clone())], false);
    assert!(matches!(refusal("a.npz", &whole[..whole.len() / 2]), DataErrorKind::Malformed { .. }));
    let mut flipped = whole.clone();
    let at = flipped.windows(4).position(|window| window == [1, 2, 3, 4]).unwrap();
    flipped[at] = 9;
    assert!(matches!(refusal("a.npz", &flipped), DataErrorKind::Malformed { .. }));
    let DataErrorKind::NoArray { found, .. } = refusal("a.npz", &npz(&[("weights", x)], false)) else {
        panic!("an array of another name was taken")
    };
    assert_eq!(found, ["weights"]);
}

#[test]
fn every_prefix_of_a_file_is_refused_without_a_panic() {
    let header = r#"{"x":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}}"#;
    for whole in [
        npy("|u1", false, "(2, 2)", &[1, 2, 3, 4]),
        idx(8, &[2, 2], &[1, 2, 3, 4]),
        safetensors(header, &[1, 2, 3, 4]),
        npz(&[("x", npy("|u1", false, "(2, 2)", &[1, 2, 3, 4]))], true),
        gzip(&idx(8, &[2, 2], &[1, 2, 3, 4])),
    ] {
        for len in 0..whole.len() {
            refusal("a", &whole[..len]);
        }
        let place = Place::new();
        assert_eq!(open_with(&place.put("a", &whole), "0").unwrap().n, 2);
    }
}

/// Six samples of two values, 10 times their number and one more, whose classes are sorted.
const SORTED: [u8; 6] = [0, 0, 0, 0, 1, 2];

#[test]
fn a_limit_takes_as_many_of_each_class_in_every_format() {
    let place = Place::new();
    let value = |i: usize| (10 * (i / 2) + i % 2) as u8;
    let bytes: Vec<u8> = (0..12).map(value).collect();
    let floats = |order: &[usize]| order.iter().flat_map(|&i| f32::from(value(i)).to_le_bytes()).collect::<Vec<u8>>();
    let x = npy("<f4", false, "(6, 2)", &floats(&(0..12).collect::<Vec<_>>()));
    let turned = npy("<f4", true, "(6, 2)", &floats(&[0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]));
    let y = npy("|u1", false, "(6,)", &SORTED);
    place.put("y.npy", &y);
    let beside = place.0.path().join("y.npy").display().to_string();
    let held = npy("<i8", false, "(6,)", &(0..6_i64).flat_map(|i| (100 * i).to_le_bytes()).collect::<Vec<u8>>());
    let tensors = r#"{"x":{"dtype":"F32","shape":[6,2],"data_offsets":[0,48]},"y":{"dtype":"U8","shape":[6],"data_offsets":[48,54]}}"#;
    let table: String = (0..6).map(|i| format!("{},{},{}\n", value(2 * i), SORTED[i], value(2 * i + 1))).collect();
    let table = format!("a,y,b\n{table}");
    let cifar: Vec<u8> = SORTED.iter().enumerate().flat_map(|(i, &class)| [vec![class], vec![10 * i as u8; 3072]].concat()).collect();
    let cases: [(&str, Vec<u8>, Option<&str>); 10] = [
        ("x.npy", x.clone(), Some(&beside)),
        ("f.npy", turned, Some(&beside)),
        ("b.npy", npy("|u1", false, "(6, 2)", &bytes), Some(&beside)),
        ("bf.npy", npy("|u1", true, "(6, 2)", &[0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11].map(value)), Some(&beside)),
        ("a.idx", gzip(&idx(8, &[6, 2], &bytes)), Some(&beside)),
        ("a.npz", npz(&[("x", x), ("y", y.clone()), ("h", held)], true), None),
        ("a.safetensors", safetensors(tensors, &[floats(&(0..12).collect::<Vec<_>>()), SORTED.to_vec()].concat()), None),
        ("a.bin", cifar, None),
        ("a.csv", table.clone().into(), None),
        ("a.csv.gz", gzip(table.as_bytes()), None),
    ];
    for (name, bytes, labels) in cases {
        let path = place.put(name, &bytes);
        let arrays = if name == "a.npz" { vec!["h".to_owned()] } else { Vec::new() };
        let options = LoadOptions { labels: labels.map(Into::into), limit: Some(4), arrays, ..LoadOptions::default() };
        let data = load(&path, &options).unwrap();
        assert_eq!((data.n, data.total, &data.rows[..], &data.labels[..]), (4, 6, &[0, 1, 4, 5][..], &[0, 0, 1, 2][..]), "{name}");
        let mut sample = vec![0.0; data.sample_len()];
        for number in [0, 1, 4, 5] {
            data.sample(number, Scale::Byte, &mut sample);
            assert_eq!(sample[0], 10.0 * number as f32, "{name}");
        }
        assert_eq!((data.label(4), data.label(2), data.place(5), data.number(2)), (Some(1), None, Some(3), 4), "{name}");
        for array in &data.arrays {
            assert_eq!((&array.shape[..], &array.numbers), (&[4][..], &Numbers::Whole(vec![0, 100, 400, 500])));
            assert_eq!(data.rows_of(&[5])[0].numbers, Numbers::Whole(vec![500]));
        }
        // What a record says of its samples is read whatever a limit takes today.
        let first = load(&path, &LoadOptions { rows: Some(vec![0, 1, 2, 3]), ..options }).unwrap();
        assert_eq!((first.n, first.rows.len(), first.label(3)), (4, 0, Some(0)), "{name}");
    }
    // Where there are no classes, the first are taken.
    let values = LoadOptions { truth: TruthKind::Values, labels: Some(beside.into()), limit: Some(4), ..LoadOptions::default() };
    let data = load(&place.0.path().join("x.npy"), &values).unwrap();
    assert_eq!((data.n, data.rows.len()), (4, 0));
}

/// Ranges and deviations of everything, read with a limit of one sample.
fn with_limit(path: &Path, labels: Option<&str>) -> (Moments, Moments) {
    let options = LoadOptions { labels: labels.map(Into::into), ..LoadOptions::default() };
    let few = LoadOptions { limit: Some(1), ..options.clone() };
    let (all, first) = (load(path, &options).unwrap(), load(path, &few).unwrap());
    assert_eq!((first.n, first.total, all.total), (1, all.n, all.n), "{}", path.display());
    (moments(path, &few).unwrap(), Moments::of(&all))
}

#[test]
fn ranges_are_those_of_all_samples_whatever_the_limit_in_every_format() {
    let place = Place::new();
    let values: Vec<f32> = (0..24).map(|i| ((i * 7) % 24) as f32 / 8.0 - 1.0).collect();
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let whole: Vec<u8> = (0..24).map(|i| (i * 11 % 24) as u8).collect();
    let x = npy("<f4", false, "(4, 2, 3)", &bytes);
    let y = npy("|u1", false, "(4,)", &[0, 1, 1, 0]);
    let tensors = r#"{"x":{"dtype":"F32","shape":[4,2,3],"data_offsets":[0,96]},"y":{"dtype":"U8","shape":[4],"data_offsets":[96,100]}}"#;
    let cifar: Vec<u8> = (0..3 * 3073).map(|i| if i % 3073 == 0 { 1 } else { (i * 13 % 251) as u8 }).collect();
    let table = "a,y,b\n1,0,2.5\n3,1,-4\n-7,0,true\n";
    let cases: [(&str, Vec<u8>, Option<&str>); 9] = [
        ("c.npy", x.clone(), Some("0")),
        ("f.npy", npy("<f4", true, "(4, 2, 3)", &bytes), Some("0")),
        ("bytes.npy", npy("|u1", true, "(4, 3, 2)", &whole), Some("0")),
        ("a.idx", gzip(&idx(8, &[4, 6], &whole)), Some("0")),
        ("a.npz", npz(&[("x", x), ("y", y)], true), None),
        ("a.safetensors", safetensors(tensors, &[bytes, vec![0, 1, 1, 0]].concat()), None),
        ("a.bin", cifar, None),
        ("a.csv", table.into(), None),
        ("a.csv.gz", gzip(table.as_bytes()), Some("1")),
    ];
    for (name, bytes, labels) in cases {
        let (streamed, loaded) = with_limit(&place.put(name, &bytes), labels);
        assert_eq!(streamed, loaded, "{name}");
    }
    let (table, _) = with_limit(&place.put("a.csv", table.as_bytes()), None);
    assert_eq!((table.range(0), table.range(1)), ((-7.0, 3.0), (-4.0, 2.5)));
    // What follows is read for ranges alone, and what is wrong with it is named.
    let path = place.put("b.csv", b"a,y\n1,0\n?,1\n");
    let few = LoadOptions { limit: Some(1), ..LoadOptions::default() };
    assert_eq!(load(&path, &few).unwrap().n, 1);
    assert!(moments(&path, &few).unwrap_err().to_string().contains("line 3, column `a`: `?` is not a number"));
}

/// Text as numpy stores it: letters of four bytes, filled up with zeros.
fn texts(list: &[&str], width: usize, big_endian: bool) -> Vec<u8> {
    let letter = |letter: char| if big_endian { u32::from(letter).to_be_bytes() } else { u32::from(letter).to_le_bytes() };
    list.iter().flat_map(|text| text.chars().chain(std::iter::repeat('\0')).take(width).flat_map(letter).collect::<Vec<u8>>()).collect()
}

#[test]
fn labels_are_read_as_text_and_as_rows() {
    let place = Place::new();
    let path = place.put("a.npy", &npy("|u1", false, "(3, 1)", &[1, 2, 3]));
    let names = Some(["ant", "bee", "cat"].map(str::to_owned).to_vec());
    let read = |bytes: &[u8]| {
        let labels = place.put("labels", bytes);
        load(&path, &LoadOptions { labels: Some(labels), class_names: names.clone(), ..LoadOptions::default() })
    };
    let list = ["cat", "ant", "cat"];
    for bytes in [
        npy("<U3", false, "(3,)", &texts(&list, 3, false)),
        npy(">U5", false, "(3, 1)", &texts(&list, 5, true)),
        npy("|S3", false, "(3,)", b"catantcat"),
        b"\xef\xbb\xbflabel\r\ncat\r\nant\r\n\"cat\"\r\n".to_vec(),
        b"\xff\xfec\0a\0t\0\n\0a\0n\0t\0\n\0c\0a\0t\0".to_vec(),
    ] {
        assert_eq!(read(&bytes).unwrap().labels, [2, 0, 2]);
    }
    let rows = |values: [u8; 9]| npy("|u1", false, "(3, 3)", &values);
    let data = read(&rows([0, 0, 1, 1, 0, 0, 0, 0, 1])).unwrap();
    assert_eq!((data.labels, data.notes), (vec![2, 0, 2], vec![Note::OneHot { classes: 3 }]));
    let DataErrorKind::ManyLabels { labels } = read(&rows([0, 1, 1, 1, 0, 0, 0, 0, 0])).unwrap_err().kind else {
        unreachable!("two in a row")
    };
    assert_eq!((labels.samples(), labels.classes, labels.counts()), (3, 3, (0, 2)));
    let error = read(&npy("<U4", false, "(3,)", &texts(&["cat", "bees", "ant"], 4, false))).unwrap_err();
    let DataErrorKind::LabelName { sample: 1, unknown } = &error.kind else { unreachable!("{error}") };
    assert_eq!(unknown.close, ["bee"]);
    let labels = place.put("labels.csv", b"id;label\n7;cat\n8;ant\n9;cat\n");
    let options = LoadOptions { labels: Some(labels), class_names: names.clone(), ..LoadOptions::default() };
    assert_eq!(load(&path, &options).unwrap().labels, [2, 0, 2]);
}

#[test]
fn numbers_that_a_wide_model_would_get_otherwise_are_refused_in_every_format() {
    let place = Place::new();
    let times = [1_700_000_000.25_f64, 0.1, 1_700_000_060.5, 0.3];
    let values = times.map(f64::to_le_bytes).concat();
    let x = npy("<f8", false, "(2, 2)", &values);
    let header = "{\"x\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[0,32]}}";
    for (name, bytes) in [
        ("a.npy", x.clone()),
        ("b.npy", npy("<f8", true, "(2, 2)", &[times[0], times[2], times[1], times[3]].map(f64::to_le_bytes).concat())),
        ("a.npz", npz(&[("x", x)], true)),
        ("a.safetensors", safetensors(header, &values)),
        ("a.csv", b"t,v,label\n1700000000.25,0.1,0\n1700000060.5,0.3,0\n".to_vec()),
    ] {
        let path = place.put(name, &bytes);
        let labels = Some(if name.ends_with("csv") { "label".into() } else { "0".into() });
        let options = LoadOptions { labels, precision: Precision::Double, ..LoadOptions::default() };
        let error = load(&path, &options).unwrap_err();
        assert!(matches!(&error.kind, DataErrorKind::Inexact { value, .. } if value.starts_with("17000000")), "{name}: {error}");
        let DataErrorKind::Inexact { rounded, .. } = &error.kind else { unreachable!("it is one") };
        assert!(rounded.starts_with("17000000"), "{rounded}");
        assert!(load(&path, &LoadOptions { precision: Precision::Single, ..options }).is_ok(), "{name}");
    }
}

#[test]
fn files_that_unpack_without_end_are_refused() {
    let zeros = vec![0; 257 << 20];
    let error = refusal("a.gz", &gzip(&idx(8, &[257, 1 << 20], &zeros)));
    assert!(error.to_string().contains("unpacks to more than"), "{error}");
    let error = refusal("a.npz", &npz(&[("x", npy("|u1", false, "(257, 1048576)", &zeros))], true));
    assert!(error.to_string().contains("unpacks to more than"), "{error}");
}
