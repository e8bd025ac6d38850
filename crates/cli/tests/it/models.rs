//! Real models that nobody here trained, on every runtime that is there.

use crate::support::Folder;

const MNIST: &str = "mnist/mnist_test_subset-images-idx3-ubyte";
const CIFAR: &str = "cifar10/cifar10_test_subset.bin";
const CIFAR_MEAN: &str = "--mean 0.4914,0.4822,0.4465";

/// Model, data, how its input is prepared, and how many samples it gets right before any attack.
fn models() -> Vec<(&'static str, &'static str, String, u64)> {
    let std = |std: &str| format!("{CIFAR_MEAN} --std {std}");
    let kw = || "--mean 0.485,0.456,0.406 --std 0.225".to_owned();
    vec![
        ("mnist/mnist-net_256x2", MNIST, String::new(), 1072),
        ("mnist/mnist-net_256x4", MNIST, String::new(), 1068),
        ("mnist/mnist-point", MNIST, "--layout flat-transposed".to_owned(), 1074),
        ("mnist/mnist-trades", MNIST, "--layout flat-transposed".to_owned(), 1081),
        ("mnist/mnist_0.1", MNIST, String::new(), 1071),
        ("mnist/onnxzoo_mnist8", MNIST, "--scale 0..255".to_owned(), 1081),
        ("mnist/ccexam_mnist", MNIST, "--mean 0.1307 --std 0.3081".to_owned(), 1082),
        ("cifar10/resnet_2b", CIFAR, std("0.2471,0.2435,0.2616"), 715),
        ("cifar10/resnet_4b", CIFAR, std("0.2471,0.2435,0.2616"), 766),
        ("cifar10/cifar_base_kw", CIFAR, kw(), 624),
        ("cifar10/cifar_wide_kw", CIFAR, kw(), 653),
        ("cifar10/cifar_deep_kw", CIFAR, kw(), 572),
        ("cifar10/resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1", CIFAR, std("0.2023,0.1994,0.2010"), 773),
        ("cifar10/ibp_3_3_8", CIFAR, std("0.2023,0.1994,0.2010"), 697),
        ("cifar10/mlperf_tiny_resnet8", CIFAR, "--scale 0..255 --mean 128 --std 128".to_owned(), 756),
    ]
}

#[test]
fn clean_correct_counts_are_those_of_other_software() {
    let Some(shared) = brinell_testkit::shared_data() else { return };
    let folder = Folder::new();
    for (number, (model, data, preprocessing, correct)) in models().into_iter().enumerate() {
        for runtime in ["rten", "auto"] {
            let out = format!("{runtime}{number}");
            // eps 0 ends every attack at once; the clean pass is what counts here.
            let run = format!(
                "audit {}.onnx --data {} {preprocessing} --norm linf --eps 0 --attack fgsm --runtime {runtime} --out {out}",
                shared.join(model).display(),
                shared.join(data).display()
            );
            folder.run(&run).expect(0);
            let summary = folder.summary(&out);
            assert_eq!(summary["clean_correct"], correct, "{model} on {}", summary["runtime"]["name"]);
            assert_eq!(summary["survived"], correct, "{model} on {}", summary["runtime"]["name"]);
        }
    }
}
