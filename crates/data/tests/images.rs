//! Folders of images: which class, which order, which pixels.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking; the lint spares test functions only, not their helpers")]

use std::fs;
use std::path::Path;

use brinell_data::{DataErrorKind, LoadOptions, Note, Pixels, load, moments};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, GrayImage, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage};

fn flat(path: &Path, height: u32, width: u32, colour: [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(width, height, Rgb(colour)).save_with_format(path, ImageFormat::Png).unwrap();
}

fn bytes(pixels: &Pixels) -> &[u8] {
    match pixels {
        Pixels::U8(values) => values,
        Pixels::F32(_) => panic!("images are bytes"),
    }
}

#[test]
fn class_folders_are_classes_in_sorted_order() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    flat(&root.join("dog/b.png"), 2, 3, [30, 0, 0]);
    flat(&root.join("cat/z.png"), 2, 3, [20, 0, 0]);
    flat(&root.join("cat/a.png"), 2, 3, [10, 1, 2]);
    fs::create_dir(root.join("cow")).unwrap();
    fs::write(root.join("README.txt"), "pets").unwrap();
    fs::write(root.join(".hidden.png"), "").unwrap();
    let data = load(root, &LoadOptions::default()).unwrap();
    assert_eq!(data.class_names.unwrap(), ["cat", "cow", "dog"]);
    assert_eq!((data.labels, data.ids), (vec![0, 0, 2], vec!["cat/a.png".to_owned(), "cat/z.png".to_owned(), "dog/b.png".to_owned()]));
    assert_eq!((data.n, &data.shape[..]), (3, &[3, 2, 3][..]));
    assert_eq!(bytes(&data.pixels)[..18], [[10; 6], [1; 6], [2; 6]].concat());

    // Ranges are those of all images.
    let all = moments(root, &LoadOptions { limit: Some(1), ..LoadOptions::default() }).unwrap();
    assert_eq!((all.range(0), all.range(6)), ((10.0, 30.0), (0.0, 1.0)));

    let names = Some(vec!["Dog".to_owned(), "bird".to_owned(), "cat, house cat".to_owned(), "cow".to_owned()]);
    let data = load(root, &LoadOptions { class_names: names, limit: Some(2), ..LoadOptions::default() }).unwrap();
    assert_eq!((data.labels, data.n, data.total), (vec![2, 0], 2, 3));
    let error =
        load(root, &LoadOptions { class_names: Some(vec!["cat".to_owned(), "cows".to_owned()]), ..LoadOptions::default() }).unwrap_err();
    assert!(
        matches!(&error.kind, DataErrorKind::FolderNames { folders, names, .. } if folders == &["dog"] && names == &["cows"]),
        "{error:?}"
    );
}

#[test]
fn a_limit_takes_images_of_every_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shade) in [("cat/a.png", 1), ("cat/b.png", 2), ("cat/c.png", 3), ("dog/a.png", 4), ("owl/a.png", 5)] {
        flat(&folder.path().join(name), 1, 1, [shade; 3]);
    }
    let options = LoadOptions { limit: Some(3), ..LoadOptions::default() };
    let data = load(folder.path(), &options).unwrap();
    assert_eq!((&data.rows[..], &data.labels[..], bytes(&data.pixels)), (&[0, 3, 4][..], &[0, 1, 2][..], &[1, 1, 1, 4, 4, 4, 5, 5, 5][..]));
    assert_eq!(data.sha256, brinell_data::digest(folder.path(), &options).unwrap());
    assert_eq!(data.ids, ["cat/a.png", "dog/a.png", "owl/a.png"]);
}

#[test]
fn numbered_folders_must_be_complete_or_named() {
    let folder = tempfile::tempdir().unwrap();
    for class in 0..11 {
        flat(&folder.path().join(format!("{class}/a.png")), 1, 1, [class; 3]);
    }
    let error = load(folder.path(), &LoadOptions::default()).unwrap_err();
    assert!(matches!(error.kind, DataErrorKind::NumberedFolders { place: 2, .. }), "{error}");
    let names = (0..11).map(|class| class.to_string()).collect();
    let data = load(folder.path(), &LoadOptions { class_names: Some(names), ..LoadOptions::default() }).unwrap();
    assert_eq!(data.labels, bytes(&data.pixels).chunks(3).map(|pixel| usize::from(pixel[0])).collect::<Vec<_>>());
}

#[test]
fn a_table_decides_labels_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (name, value) in [("a.png", 1), ("b.png", 2), ("c.png", 3)] {
        flat(&root.join(name), 1, 1, [value; 3]);
    }
    assert!(matches!(load(root, &LoadOptions::default()).unwrap_err().kind, DataErrorKind::NoLabels));
    let read = |table: &str| {
        fs::write(root.join("labels.csv"), table).unwrap();
        load(root, &LoadOptions::default())
    };
    let data = read("label,file\n7,c.png\n5,a.png\n").unwrap();
    assert_eq!((data.labels, bytes(&data.pixels)), (vec![7, 5], &[3, 3, 3, 1, 1, 1][..]));
    assert!(data.label_path.unwrap().ends_with("labels.csv"));
    let data = read("a.png,toaster\nb.png,cat\n").unwrap();
    assert_eq!((data.labels, data.class_names.unwrap()), (vec![1, 0], vec!["cat".to_owned(), "toaster".to_owned()]));
    for (table, line) in
        [("a.png,0\nd.png,1\n", 2), ("a.png,0\nb.png,-1\n", 2), ("a.png,cat\nb.png,1\n", 2), ("a.png\n", 1), ("a.png,1\na.png,2\n", 2)]
    {
        let error = read(table).unwrap_err();
        let found = match error.kind {
            DataErrorKind::Line { line, .. } | DataErrorKind::ClassOfLine { line, .. } | DataErrorKind::NumberAmongNames { line, .. } => {
                line
            }
            ref other => panic!("{table}: {other}"),
        };
        assert_eq!(found, line, "{table}: {error}");
    }
    fs::write(root.join("labels.csv"), "a.png,toaster\nb.png,cat\n").unwrap();
    let error = load(root, &LoadOptions { classes: Some(3), ..LoadOptions::default() }).unwrap_err();
    assert!(matches!(&error.kind, DataErrorKind::TableCount { names, classes: 3 } if names == &["cat", "toaster"]), "{error}");
    fs::rename(root.join("labels.csv"), root.join("other.csv")).unwrap();
    fs::write(root.join("other.csv"), "b.png,4").unwrap();
    let data = load(root, &LoadOptions { labels: Some(root.join("other.csv")), ..LoadOptions::default() }).unwrap();
    assert_eq!((data.labels, data.ids), (vec![4], vec!["b.png".to_owned()]));
    let data = load(root, &LoadOptions { labels: Some("9".into()), ..LoadOptions::default() }).unwrap();
    assert_eq!(data.labels, [9, 9, 9]);
}

#[test]
fn a_single_image_takes_the_label_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cat.png");
    flat(&path, 2, 2, [9, 8, 7]);
    assert!(matches!(load(&path, &LoadOptions::default()).unwrap_err().kind, DataErrorKind::NoLabels));
    let options = LoadOptions {
        labels: Some("tabby".into()),
        class_names: Some(vec!["dog".to_owned(), "tabby, tabby cat".to_owned()]),
        ..LoadOptions::default()
    };
    let data = load(&path, &options).unwrap();
    assert_eq!((data.labels, data.ids, data.n), (vec![1], vec!["cat.png".to_owned()], 1));
    let error = load(&path, &LoadOptions { labels: Some("tably".into()), ..options }).unwrap_err();
    assert!(matches!(&error.kind, DataErrorKind::Class(unknown) if unknown.close == ["tabby, tabby cat"]), "{error:?}");
}

#[test]
fn grey_and_resized_images_are_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    flat(&path, 2, 2, [255, 100, 3]);
    let options = LoadOptions { labels: Some("0".into()), channels: Some(1), ..LoadOptions::default() };
    let data = load(&path, &options).unwrap();
    // 0.299 * 255 + 0.587 * 100 + 0.114 * 3 = 135.3
    assert_eq!((bytes(&data.pixels), &data.shape[..]), (&[135; 4][..], &[1, 2, 2][..]));

    GrayImage::from_fn(4, 2, |x, _| Luma([x as u8 * 40])).save(&path).unwrap();
    let data = load(&path, &LoadOptions { image_size: Some((1, 2)), ..options.clone() }).unwrap();
    // Each output is a triangle of half-width 2 over its four nearest inputs, cut off at the edge: (3*0 + 3*40 + 80) / 7 and its mirror.
    assert_eq!((bytes(&data.pixels), &data.shape[..]), (&[29, 91][..], &[1, 1, 2][..]));
    let data = load(&path, &LoadOptions { channels: None, ..options.clone() }).unwrap();
    assert_eq!(bytes(&data.pixels), [0, 40, 80, 120].repeat(6));
    for bad in [LoadOptions { channels: Some(2), ..options.clone() }, LoadOptions { image_size: Some((0, 2)), ..options }] {
        assert!(matches!(load(&path, &bad).unwrap_err().kind, DataErrorKind::ImageOptions { .. }));
    }
}

#[test]
fn folders_that_cannot_be_understood_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(matches!(load(root, &LoadOptions::default()).unwrap_err().kind, DataErrorKind::NoImages));
    flat(&root.join("cat/a.png"), 2, 2, [0; 3]);
    flat(&root.join("dog/a.png"), 2, 3, [0; 3]);
    let error = load(root, &LoadOptions::default()).unwrap_err();
    assert!(
        error.path.ends_with("dog/a.png") && matches!(error.kind, DataErrorKind::ImageSize { found_width: 3, width: 2, .. }),
        "{error}"
    );
    assert!(load(root, &LoadOptions { image_size: Some((2, 2)), ..LoadOptions::default() }).is_ok());

    flat(&root.join("loose.png"), 2, 2, [0; 3]);
    assert!(matches!(load(root, &LoadOptions::default()).unwrap_err().kind, DataErrorKind::MixedFolder { .. }));
    fs::remove_file(root.join("loose.png")).unwrap();
    fs::write(root.join("cat/b.webp"), "RIFF").unwrap();
    let error = load(root, &LoadOptions::default()).unwrap_err();
    assert!(error.path.ends_with("cat/b.webp") && matches!(error.kind, DataErrorKind::OtherImage), "{error}");
    fs::remove_file(root.join("cat/b.webp")).unwrap();
    fs::write(root.join("cat/b.png"), "\u{89}PNG").unwrap();
    let error = load(root, &LoadOptions::default()).unwrap_err();
    assert!(error.path.ends_with("cat/b.png") && matches!(error.kind, DataErrorKind::Image(_)), "{error}");
}

/// The EXIF block that says how an image is to be turned.
fn exif(orientation: u16) -> Vec<u8> {
    // Little-endian TIFF with one entry: tag 0x112, one 16-bit number.
    let entry = [&0x112_u16.to_le_bytes()[..], &3_u16.to_le_bytes(), &1_u32.to_le_bytes(), &u32::from(orientation).to_le_bytes()].concat();
    [b"II*\0", &8_u32.to_le_bytes()[..], &1_u16.to_le_bytes(), &entry, &0_u32.to_le_bytes()].concat()
}

#[test]
fn images_are_turned_as_exif_says() {
    let folder = tempfile::tempdir().unwrap();
    // Bright at the left end.
    let stored = GrayImage::from_fn(32, 16, |x, _| Luma([if x < 16 { 255 } else { 0 }]));
    for (orientation, bright) in [(1, [true, false]), (3, [false, true]), (6, [true, false]), (8, [false, true])] {
        let path = folder.path().join(format!("{orientation}.jpg"));
        let mut encoder = JpegEncoder::new_with_quality(fs::File::create(&path).unwrap(), 100);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&stored, 32, 16, ExtendedColorType::L8).unwrap();
        let data = load(&path, &LoadOptions { labels: Some("0".into()), channels: Some(1), ..LoadOptions::default() }).unwrap();
        let upright = matches!(orientation, 6 | 8);
        assert_eq!(data.shape, if upright { [1, 32, 16] } else { [1, 16, 32] }, "{orientation}");
        let values = bytes(&data.pixels);
        // The first pixel, and the last.
        assert_eq!([values[0] > 200, values[values.len() - 1] > 200], bright, "{orientation}");
        assert_eq!(data.notes, if orientation == 1 { Vec::new() } else { vec![Note::Oriented { images: 1 }] });
    }
}

#[test]
fn what_plays_no_role_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    flat(&root.join("cat/a.png"), 1, 1, [1, 2, 3]);
    fs::create_dir(root.join("dog")).unwrap();
    image::RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 4])).save(root.join("dog/a.png")).unwrap();
    image::ImageBuffer::<Luma<u16>, _>::from_pixel(1, 1, Luma([257])).save(root.join("dog/b.png")).unwrap();
    let mut encoder = PngEncoder::new(fs::File::create(root.join("dog/c.png")).unwrap());
    encoder.set_icc_profile(vec![1, 2, 3]).unwrap();
    encoder.write_image(&[1, 2, 3], 1, 1, ExtendedColorType::Rgb8).unwrap();
    let options = LoadOptions { threads: std::num::NonZeroUsize::new(2), ..LoadOptions::default() };
    let data = load(root, &options).unwrap();
    assert_eq!(data.notes, [Note::Ignored { profiles: 1, alphas: 1, depths: 1, animations: 0 }]);
    assert_eq!(data.notes[0].to_string(), "not used: colour profile of 1 image, transparency channel of 1 image, 16-bit depth of 1 image");
    assert_eq!(bytes(&data.pixels), [1, 2, 3, 1, 2, 3, 1, 1, 1, 1, 2, 3]);
}

#[test]
fn more_folders_than_classes_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ant", "bee", "cat"] {
        flat(&folder.path().join(name).join("a.png"), 1, 1, [0; 3]);
    }
    let options = LoadOptions { classes: Some(10), ..LoadOptions::default() };
    let error = load(folder.path(), &options).unwrap_err();
    assert!(error.to_string().contains("there are 3 class folders (ant, bee, cat), but the model has 10 classes"), "{error}");
    assert!(load(folder.path(), &LoadOptions { classes: Some(3), ..options }).is_ok());
}

#[test]
fn an_image_that_no_memory_could_hold_is_refused_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    flat(&path, 1, 1, [0; 3]);
    let mut stored = fs::read(&path).unwrap();
    // Width and height of the header, and its checksum.
    stored[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let mut crc = flate2::Crc::new();
    crc.update(&stored[12..29]);
    stored[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    fs::write(&path, stored).unwrap();
    let error = load(&path, &LoadOptions { labels: Some("0".into()), ..LoadOptions::default() }).unwrap_err();
    assert!(matches!(error.kind, DataErrorKind::ImageTooLarge { height: 65_535, width: 65_535, .. }), "{error}");
}
