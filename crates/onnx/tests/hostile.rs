//! No bytes make the reader panic, hang or allocate what is not there.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use brinell_graph::{ConvAttrs, DType, Dim, Graph, Op, Tensor, TensorData};
use brinell_onnx::{ImportError, read, read_file, write};
use common::{message, number};
use proptest::prelude::*;

/// A small network with a shape, a convolution and a matrix product.
fn model() -> Vec<u8> {
    let mut graph = Graph::new("g");
    let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(1), Dim::Fixed(6), Dim::Fixed(6)]);
    let zeros = |shape: &[usize]| Tensor::new(shape.to_vec(), TensorData::F32(vec![0.5; shape.iter().product()])).unwrap();
    let w = graph.constant("w", zeros(&[2, 1, 3, 3]));
    let attrs = ConvAttrs { kernel: vec![3, 3], strides: vec![1, 1], dilations: vec![1, 1], pads: vec![1; 4], groups: 1 };
    let y = graph.add(Op::Conv(attrs), &[x, w]).unwrap();
    let y = graph.add(Op::Relu, &[y]).unwrap();
    let y = graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(72)] }, &[y]).unwrap();
    let v = graph.constant("v", zeros(&[72, 3]));
    let y = graph.add(Op::MatMul, &[y, v]).unwrap();
    graph.output(y);
    write(&graph).unwrap()
}

/// A model with one initializer, one Identity and opset 13.
fn with_tensor(tensor: &[u8]) -> Vec<u8> {
    let node = [message(1, b"t"), message(2, b"y"), message(4, b"Identity")].concat();
    let graph = [message(1, &node), message(5, tensor), message(12, &message(1, b"y"))].concat();
    [number(1, 7), message(7, &graph), message(8, &number(2, 13))].concat()
}

fn external(location: &str, offset: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| message(13, &[message(1, key.as_bytes()), message(2, value.as_bytes())].concat());
    let parts = [number(1, 4), number(2, 1), message(8, b"t"), entry("location", location), entry("offset", offset), number(14, 1)];
    with_tensor(&parts.concat())
}

#[test]
fn an_empty_file_is_named_as_such() {
    assert!(matches!(read(&[], None), Err(ImportError::Empty)));
}

#[test]
fn other_files_are_not_models() {
    let files: [&[u8]; 6] =
        [b"hello world, this is text", b"<html><body></body></html>", b"PK\x03\x04zip", &[0; 64], &[0xff; 64], b"\x89PNG\r\n\x1a\n"];
    for bytes in files {
        let error = read(bytes, None);
        assert!(matches!(error, Err(ImportError::NotOnnx { .. } | ImportError::Foreign { .. })), "{bytes:?}: {error:?}");
    }
}

#[test]
fn a_cut_file_is_called_truncated() {
    let bytes = model();
    assert!(read(&bytes, None).is_ok());
    for part in 1..16 {
        let cut = &bytes[..bytes.len() * part / 16];
        assert!(matches!(read(cut, None), Err(ImportError::Truncated { .. })), "{part}/16: {:?}", read(cut, None));
    }
}

#[test]
fn a_model_cut_anywhere_is_an_error() {
    let bytes = model();
    for end in 0..bytes.len() {
        // The last field may be one that can be missing; anything else must be noticed.
        if let Ok(model) = read(&bytes[..end], None) {
            assert_eq!(model.graph.nodes().len(), 4);
        }
    }
}

#[test]
fn a_flipped_byte_never_panics() {
    let bytes = model();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] ^= mask;
            if let Ok(model) = read(&bad, None) {
                let _ = write(&model.graph);
                let _ = brinell_graph::rebatch(&model.graph);
                let _ = (model.graph.to_string(), brinell_graph::cost(&model.graph));
            }
        }
    }
}

#[test]
fn huge_shapes_without_data_are_refused_at_once() {
    for dims in [vec![1u64 << 40], vec![1 << 62, 4], vec![u64::MAX], vec![1; 9], vec![1 << 20, 1 << 20]] {
        let dims: Vec<u8> = dims.into_iter().flat_map(|d| number(1, d)).collect();
        for data in [message(9, &[0; 8]), Vec::new()] {
            let tensor = [dims.clone(), number(2, 1), message(8, b"t"), data].concat();
            let error = read(&with_tensor(&tensor), None).unwrap_err();
            assert!(matches!(error, ImportError::BadTensor { .. }), "{error}");
        }
    }
}

#[test]
fn fields_that_disagree_with_the_type_are_refused() {
    let wrong_type = [number(1, 1), number(2, 1), message(8, b"t"), number(5, 3)].concat();
    // Four bytes are no three elements, whatever the type.
    let unknown_type = [number(1, 3), number(2, 99), message(8, b"t"), message(9, &[0; 4])].concat();
    for tensor in [wrong_type, unknown_type] {
        assert!(matches!(read(&with_tensor(&tensor), None), Err(ImportError::BadTensor { .. })));
    }
}

#[test]
fn millions_of_empty_nodes_are_refused() {
    let graph = message(1, b"").repeat(5_000_000);
    let bytes = [number(1, 7), message(7, &graph), message(8, &number(2, 13))].concat();
    assert!(matches!(read(&bytes, None), Err(ImportError::TooLarge { .. })));
}

#[test]
fn a_split_into_billions_of_parts_is_refused() {
    let number_of_parts = [message(1, b"num_outputs"), number(3, 1 << 60), number(20, 2)].concat();
    let node = [message(1, b"t"), message(2, b"y"), message(4, b"Split"), message(5, &number_of_parts)].concat();
    let tensor = [number(1, 2), number(2, 1), message(8, b"t"), message(9, &[0; 8])].concat();
    let graph = [message(1, &node), message(5, &tensor), message(12, &message(1, b"y"))].concat();
    let bytes = [number(1, 7), message(7, &graph), message(8, &number(2, 18))].concat();
    assert!(matches!(read(&bytes, None), Err(ImportError::BadNode { .. })));
}

#[test]
fn subgraphs_are_counted_too() {
    let branch = [message(1, b"body"), message(6, &message(1, b"").repeat(5_000_000))].concat();
    let node = [message(1, b"t"), message(2, b"y"), message(4, b"Mystery"), message(5, &branch)].concat();
    let tensor = [number(1, 2), number(2, 1), message(8, b"t"), message(9, &[0; 8])].concat();
    let graph = [message(1, &node), message(5, &tensor), message(12, &message(1, b"y"))].concat();
    let bytes = [number(1, 7), message(7, &graph), message(8, &number(2, 13))].concat();
    assert!(matches!(read(&bytes, None), Err(ImportError::BadNode { .. })));
}

#[test]
fn external_data_stays_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret.bin"), [1; 64]).unwrap();
    std::fs::write(inside.join("weights.bin"), [0; 64]).unwrap();
    let open = |location: &str, offset: &str| {
        let path = inside.join("model.onnx");
        std::fs::write(&path, external(location, offset)).unwrap();
        read_file(&path)
    };
    let read_well = open("weights.bin", "16").unwrap();
    assert_eq!((read_well.graph.constants().count(), read_well.external), (1, vec!["weights.bin".to_owned()]));
    assert!(open("./weights.bin", "0").is_ok());
    let absolute = folder.path().join("secret.bin");
    for location in ["../secret.bin", "a/../../secret.bin", absolute.to_str().unwrap(), "..\\secret.bin"] {
        assert!(matches!(open(location, "0"), Err(ImportError::Escapes { .. })), "{location}: {:?}", open(location, "0"));
    }
    assert!(matches!(open(".", "0"), Err(ImportError::NotAFile { .. })));
    assert!(matches!(open("missing.bin", "0"), Err(ImportError::ExternalData { .. })));
    for offset in ["56", "18446744073709551615", "-1", "x"] {
        assert!(matches!(open("weights.bin", offset), Err(ImportError::BadTensor { .. })), "{offset}");
    }
    assert!(matches!(read(&external("weights.bin", "0"), None), Err(ImportError::NoFolder { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret.bin"), [1; 64]).unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.bin"), inside.join("link.bin")).unwrap();
    assert!(matches!(read(&external("link.bin", "0"), Some(&inside)), Err(ImportError::Escapes { .. })));
}

#[test]
fn a_missing_file_is_named() {
    let error = read_file(Path::new("no/such/model.onnx")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read no/such/model.onnx");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(read(&bytes, None).is_err());
    }

    #[test]
    fn random_changes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = model();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(model) = read(&bytes, None) {
            let _ = write(&model.graph);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_a_folder_and_a_device_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
        assert!(matches!(read_file(path), Err(ImportError::NotAFile { .. })), "{}", path.display());
    }
    assert!(matches!(read(&external("pipe", "0"), Some(folder.path())), Err(ImportError::NotAFile { .. })));
}

#[cfg(unix)]
#[test]
fn weights_of_a_file_that_was_cut_are_not_gone_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.onnx");
    // More than is read into memory.
    let values = (1 << 24) + (1 << 20);
    let tensor = [number(1, values), number(2, 1), message(8, b"t"), message(9, &vec![0; 4 * values as usize])].concat();
    std::fs::write(&path, with_tensor(&tensor)).unwrap();
    let model = read_file(&path).unwrap();
    brinell_onnx::require_weights(&model.graph).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
    assert!(matches!(write(&model.graph), Err(brinell_onnx::ExportError::Cut { .. })));
}
