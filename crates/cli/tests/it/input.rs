use crate::support::Folder;

/// Every line: arguments, and what the message must name. All of them end with 4 and write nothing.
const REFUSED: &[(&str, &[&str])] = &[
    ("audit none.onnx --data images.idx3-ubyte --norm linf --eps 0.1", &["none.onnx"]),
    ("audit empty.onnx --data images.idx3-ubyte --norm linf --eps 0.1", &["empty.onnx", "empty"]),
    ("audit text.onnx --data images.idx3-ubyte --norm linf --eps 0.1", &["text.onnx", "not an ONNX model"]),
    ("audit half.onnx --data images.idx3-ubyte --norm linf --eps 0.1", &["half.onnx", "incomplete"]),
    ("audit ordinary.onnx --data none --norm linf --eps 0.1", &["none"]),
    ("audit ordinary.onnx --data text.onnx --norm linf --eps 0.1", &["text.onnx"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --labels short.idx --norm linf --eps 0.1", &["short.idx", "500"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --labels 10 --norm linf --eps 0.1", &["10", "class"]),
    ("audit ordinary.onnx --data small.idx --labels 3 --norm linf --eps 0.1", &["[1, 28, 28]"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf", &["--eps"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --eps 0.1", &["--norm"]),
    ("audit ordinary.onnx --norm linf --eps 0.1", &["--data"]),
    ("audit", &["MODEL, --data, --norm, --eps", "brinell init"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps -0.1", &["-0.1", "negative"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps nan", &["nan"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 8", &["8", "input range"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm l9 --eps 0.1", &["l9"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --target toaster --classes classes.txt", &["toaster"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --classes two.txt", &["two.txt", "10"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --attack zap", &["zap", "apgd-ce"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --attack pgd:steps=0", &["steps"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --suite huge", &["huge", "quick"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --suite quick --attack pgd", &["--suite", "--attack"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --max-queries 1", &["max-queries"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --mean 1,2", &["mean", "2"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --std 0", &["std"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --mean 123.7 --std 58.4", &["123.7", "0..255", "--scale 0..255"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --limit 0", &["limit"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --device toaster", &["toaster", "cpu"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --device cuda --runtime rten", &["rten", "cuda"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --onnxruntime text.onnx", &["text.onnx"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --config none.toml", &["none.toml"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --config odd.toml", &["odd.toml", "epsilon"]),
    ("audit ordinary.onnx --data images.idx3-ubyte --norm linf --eps 0.1 --out classes.txt", &["classes.txt"]),
    ("grad ordinary.onnx --out robust.onnx", &["robust.onnx", "exists"]),
    ("grad ordinary.onnx --out new.onnx --loss hinge", &["hinge", "margin"]),
    ("inspect text.onnx", &["text.onnx"]),
    ("init ordinary.onnx --out classes.txt", &["classes.txt", "exists"]),
    ("frobnicate", &["frobnicate"]),
    ("audit --frobnicate", &["--frobnicate"]),
];

#[test]
fn every_mistake_is_named_and_nothing_is_written() {
    let folder = Folder::new();
    folder.write("empty.onnx", "");
    folder.write("text.onnx", "this is a text, and no model at all; it is long enough to look like a file");
    let model = std::fs::read(folder.path("ordinary.onnx")).unwrap();
    folder.write("half.onnx", &model[..model.len() / 2]);
    folder.write("short.idx", [0, 0, 8, 1, 0, 0, 0, 2, 1, 2]);
    folder.write("small.idx", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4]);
    folder.write("two.txt", "yes\nno\n");
    folder.write("odd.toml", "epsilon = 3\n");
    let listing = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listing();
    for (arguments, named) in REFUSED {
        let refused = folder.run(arguments).expect(4);
        for name in *named {
            assert!(refused.stderr.contains(name), "{arguments}: {name} is not in: {}", refused.stderr);
        }
        assert!(refused.stdout.is_empty(), "{arguments}: {}", refused.stdout);
        assert_eq!(listing(), before, "{arguments}");
    }
}

/// A .npy file of float32 samples `[n, 784]`.
fn npy(values: impl Iterator<Item = f32>) -> Vec<u8> {
    let values: Vec<f32> = values.collect();
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 784), }}", values.len() / 784);
    header += &" ".repeat(117 - header.len());
    header.push('\n');
    npy.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    npy.extend(header.bytes());
    npy.extend(values.into_iter().flat_map(f32::to_le_bytes));
    npy
}

#[test]
fn nan_in_data_is_refused_with_its_sample() {
    let folder = Folder::new();
    folder.write("x.npy", npy((0..2 * 784).map(|i| if i == 1000 { f32::NAN } else { 0.5 })));
    let refused = folder.run("audit ordinary.onnx --data x.npy --labels 1 --norm linf --eps 0.1").expect(4);
    assert!(refused.stderr.contains("sample 1"), "{}", refused.stderr);
}

#[test]
fn inputs_outside_the_box_are_flagged() {
    let folder = Folder::new();
    folder.write("x.npy", npy((0..3 * 784).map(|i| if i == 1000 { 1.5 } else { 0.5 })));
    folder.run("audit ordinary.onnx --data x.npy --labels 1 --norm linf --eps 0.1 --runtime rten --attack fgsm --out run").expect(2);
    let summary = folder.summary("run");
    let flag = summary["flags"].as_array().unwrap().iter().find(|flag| flag["id"] == "input-outside-box").unwrap();
    assert!(flag["message"].as_str().unwrap().starts_with("1 of 3 samples"), "{flag}");
}
