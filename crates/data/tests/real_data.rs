//! The loader on data made by others.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking; the lint spares test functions only, not their helpers, and a skipped test says so"
)]

use std::path::PathBuf;

use brinell_data::{Dataset, LoadOptions, Pixels, Scale, load};
use brinell_record::hash;

// Counted with numpy, digest by sha256sum.
const MNIST_HISTOGRAM: [usize; 10] = [97, 134, 123, 117, 118, 97, 97, 107, 97, 107];
const MNIST_SUM: u64 = 26_962_411;
const MNIST_SHA: &str = "c885c8375fa7e0d8feb6157158d61ae40757b915eb9d19652ebc0e0947624bde";
const CIFAR_HISTOGRAM: [usize; 10] = [97, 100, 83, 60, 92, 77, 116, 80, 96, 91];
const CIFAR_SUM: u64 = 331_722_813;
const PHOTO_LABELS: [usize; 20] = [243, 559, 438, 990, 949, 853, 609, 609, 915, 455, 541, 630, 741, 471, 129, 99, 251, 22, 317, 305];
const PHOTO_SUM: u64 = 339_040_682;

fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        println!("skipped: ../shared/data/{name} is not there");
    }
    path.exists().then_some(path)
}

fn histogram(data: &Dataset, classes: usize) -> Vec<usize> {
    data.check_labels(classes).unwrap();
    (0..classes).map(|class| data.labels.iter().filter(|label| **label == class).count()).collect()
}

fn byte_sum(data: &Dataset) -> u64 {
    match &data.pixels {
        Pixels::U8(values) => values.iter().map(|value| u64::from(*value)).sum(),
        Pixels::F32(_) => panic!("these data are bytes"),
    }
}

#[test]
fn mnist_is_read_with_the_labels_beside_it() {
    let Some(path) = shared("mnist/mnist_test_subset-images-idx3-ubyte") else { return };
    let data = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!((data.n, data.format, &data.shape[..]), (1094, "idx", &[28, 28][..]));
    assert_eq!(histogram(&data, 10), MNIST_HISTOGRAM);
    assert_eq!(byte_sum(&data), MNIST_SUM);
    let label_path = data.label_path.clone().unwrap();
    assert!(label_path.ends_with("mnist_test_subset-labels-idx1-ubyte"));
    assert_eq!(data.sha256, hash::sha256_files([path.as_path(), label_path.as_path()]).unwrap());
    assert_eq!(data.sha256, MNIST_SHA);
}

#[test]
fn cifar_rows_are_planes_with_a_label() {
    let Some(path) = shared("cifar10/cifar10_test_subset.bin") else { return };
    let data = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!((data.n, data.format, &data.shape[..]), (892, "cifar10", &[3, 32, 32][..]));
    assert_eq!(histogram(&data, 10), CIFAR_HISTOGRAM);
    assert_eq!(byte_sum(&data), CIFAR_SUM);
    assert_eq!(data.sha256, hash::sha256_file(&path).unwrap());
}

#[test]
fn photos_find_the_labels_that_share_their_stem() {
    let Some(path) = shared("imagenet/foolbox_imagenet20_224_u8.npy") else { return };
    let data = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!((data.n, data.format, &data.shape[..]), (20, "npy", &[3, 224, 224][..]));
    assert_eq!(data.labels, PHOTO_LABELS);
    assert_eq!(byte_sum(&data), PHOTO_SUM);
    let first = load(&path, &LoadOptions { limit: Some(3), ..LoadOptions::default() }).unwrap();
    assert_eq!((first.n, &first.labels[..], &first.sha256), (3, &PHOTO_LABELS[..3], &data.sha256));
    let (mut all, mut few) = (vec![0.0; data.sample_len()], vec![0.0; data.sample_len()]);
    data.sample(2, Scale::Unit, &mut all);
    first.sample(2, Scale::Unit, &mut few);
    assert_eq!(all, few);
}
