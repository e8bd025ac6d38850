//! PNG and JPEG images: one file, a folder of class folders, or a folder with a table of labels.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use super::array::Samples;
use super::classes::lookup;
use super::dataset::{Dataset, Pixels};
use super::draw::Kept;
use super::error::{At, DataError, DataErrorKind};
use super::folders;
use super::labels::{self, Asked};
use super::load::{self, Parts};
use super::moments::Moments;
use super::note::Note;
use super::options::LoadOptions;
use super::picture::{Found, Planes, decode};
use super::table;
use super::truths::{self, TruthKind, Truths};

/// Images decoded at a time, which bounds the memory beside the data set itself.
const CHUNK: usize = 256;
/// The table of labels that is looked for in a folder.
const TABLE: &str = "labels.csv";
const READ: &[&str] = &["png", "jpg", "jpeg"];
const NOT_READ: &[&str] =
    &["bmp", "gif", "tif", "tiff", "webp", "avif", "heic", "heif", "jp2", "jxl", "ppm", "pgm", "pnm", "tga", "ico", "svg"];

/// One image and its class.
struct Entry {
    path: PathBuf,
    id: String,
    label: usize,
    /// What a table says of it, where it is no class.
    truth: String,
}

/// Returns whether `start` is how a PNG or JPEG file begins.
pub(super) fn is_image(start: &[u8]) -> bool {
    start.starts_with(b"\x89PNG\r\n\x1a\n") || start.starts_with(&[0xff, 0xd8, 0xff])
}

/// Reads a single image.
pub(super) fn single(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if options.truth != TruthKind::Classes {
        let truth = options.labels.as_deref().map(|labels| labels.to_string_lossy().into_owned());
        let truth = truth.ok_or_else(|| DataError::new(path, DataErrorKind::NoLabels))?;
        let entries = vec![Entry { path: path.to_path_buf(), id, label: 0, truth }];
        return assemble(path, entries, None, options.class_names.clone(), options);
    }
    let (label, label_path) = match labels::asked(options)? {
        Asked::All(class) => (class, None),
        Asked::Beside => return Err(DataError::new(path, DataErrorKind::NoLabels)),
        Asked::File(file) => match labels::read(&file, options)?.classes(options, &mut Vec::new()).at(&file)?[..] {
            [label] => (label, Some(file)),
            ref labels => return Err(DataError::new(&file, DataErrorKind::CountMismatch { samples: 1, labels: labels.len() })),
        },
    };
    let entries = vec![Entry { path: path.to_path_buf(), id, label, truth: String::new() }];
    assemble(path, entries, label_path, options.class_names.clone(), options)
}

/// Reads a folder of images.
pub(super) fn folder(path: &Path, options: &LoadOptions) -> Result<Dataset, DataError> {
    let (entries, table, class_names) = entries(path, options)?;
    assemble(path, entries, table, class_names, options)
}

/// Returns the files that [`folder`] reads, in the order in which they are hashed.
pub(super) fn files(path: &Path, options: &LoadOptions) -> Result<Vec<PathBuf>, DataError> {
    let (entries, table, _) = entries(path, options)?;
    let kept = Kept::of(options, entries.len());
    Ok(kept.pick(entries, 1).into_iter().map(|entry| entry.path).chain(table).chain(truths::pairs_file(options)).collect())
}

/// Returns the class of every image of a folder.
pub(super) fn classes(path: &Path, options: &LoadOptions) -> Result<Vec<usize>, DataError> {
    Ok(entries(path, options)?.0.into_iter().map(|entry| entry.label).collect())
}

fn entries(path: &Path, options: &LoadOptions) -> Result<Labelled, DataError> {
    let beside = path.join(TABLE);
    let asked = match (options.truth, &options.labels) {
        (TruthKind::Classes, _) => labels::asked(options)?,
        (TruthKind::Pairs, _) => Asked::All(0),
        (_, Some(file)) if file.is_file() => Asked::File(file.clone()),
        (_, None) if beside.is_file() => Asked::Beside,
        _ => return Err(DataError::new(path, DataErrorKind::NoLabels)),
    };
    Ok(match asked {
        Asked::File(file) => from_table(path, file, options)?,
        Asked::Beside if beside.is_file() => from_table(path, beside, options)?,
        Asked::Beside => from_folders(path, options)?,
        Asked::All(label) => {
            let listing = list(path)?;
            let inside: Vec<String> = listing.folders.iter().map(|folder| images_in(path, folder)).collect::<Result<Vec<_>, _>>()?.concat();
            let entries = listing
                .images
                .into_iter()
                .chain(inside)
                .map(|id| Entry { path: path.join(&id), id, label, truth: String::new() })
                .collect();
            (entries, None, options.class_names.clone())
        }
    })
}

type Labelled = (Vec<Entry>, Option<PathBuf>, Option<Vec<String>>);

fn from_folders(path: &Path, options: &LoadOptions) -> Result<Labelled, DataError> {
    let listing = list(path)?;
    match (listing.images.first(), listing.folders.first()) {
        (Some(file), Some(folder)) => {
            return Err(DataError::new(path, DataErrorKind::MixedFolder { file: file.clone(), folder: folder.clone() }));
        }
        (Some(_), None) => return Err(DataError::new(path, DataErrorKind::NoLabels)),
        (None, _) => {}
    }
    if let (None, Some(classes)) = (&options.class_names, options.classes)
        && listing.folders.len() != classes
    {
        return Err(DataError::new(path, DataErrorKind::FolderCount { folders: listing.folders, classes }));
    }
    let mut folders = Vec::with_capacity(listing.folders.len());
    for folder in &listing.folders {
        let images = images_in(path, folder)?;
        // Where folders have classes by their places, those without images count too.
        if options.class_names.is_none() || !images.is_empty() {
            folders.push((folder, images));
        }
    }
    let named = options.class_names.as_ref().map(|names| {
        let folders: Vec<String> = folders.iter().map(|(folder, _)| (*folder).clone()).collect();
        folders::matched(&folders, names).at(path)
    });
    let named = named.transpose()?;
    let mut entries = Vec::new();
    for (place, (folder, images)) in folders.into_iter().enumerate() {
        let label = match &named {
            Some(classes) => classes[place],
            // Folder 10 sorts before folder 2: nobody could tell which of the two orders the model was trained with.
            None if listing.numbered && folder.parse() != Ok(place) => {
                return Err(DataError::new(path, DataErrorKind::NumberedFolders { folder: folder.clone(), place }));
            }
            None => place,
        };
        entries.extend(images.into_iter().map(|id| Entry { path: path.join(&id), id, label, truth: String::new() }));
    }
    if entries.is_empty() {
        return Err(DataError::new(path, DataErrorKind::NoImages));
    }
    let names = options.class_names.clone().unwrap_or(listing.folders);
    Ok((entries, None, Some(names)))
}

fn from_table(path: &Path, file: PathBuf, options: &LoadOptions) -> Result<Labelled, DataError> {
    let rows = table::read(&file).at(&file)?;
    let is_number = |label: &str| label.parse::<f64>().is_ok();
    let names = match &options.class_names {
        names if options.truth != TruthKind::Classes => names.clone(),
        Some(names) => Some(names.clone()),
        None if rows.first().is_some_and(|row| is_number(&row.label)) => None,
        None => {
            // An index among names would silently become a class of its own.
            if let Some(row) = rows.iter().find(|row| is_number(&row.label)) {
                return Err(DataError::new(&file, DataErrorKind::NumberAmongNames { line: row.line, label: row.label.clone() }));
            }
            let names: Vec<String> = rows.iter().map(|row| row.label.clone()).collect::<BTreeSet<_>>().into_iter().collect();
            if let Some(classes) = options.classes.filter(|classes| *classes != names.len()) {
                return Err(DataError::new(&file, DataErrorKind::TableCount { names, classes }));
            }
            Some(names)
        }
    };
    let known = names.as_deref().unwrap_or_default();
    let entries = rows.into_iter().map(|row| {
        let at_line = |reason: String| DataError::new(&file, DataErrorKind::Line { line: row.line, reason });
        let unknown = |unknown| DataError::new(&file, DataErrorKind::ClassOfLine { line: row.line, unknown });
        let label = if options.truth == TruthKind::Classes { lookup(known, &row.label).map_err(unknown)? } else { 0 };
        let image = path.join(&row.file);
        if !image.is_file() {
            return Err(at_line(format!("no image `{}` in {}", row.file, path.display())));
        }
        Ok(Entry { path: image, id: row.file, label, truth: row.label })
    });
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    Ok((entries, Some(file), names))
}

struct Listing {
    folders: Vec<String>,
    images: Vec<String>,
    /// Whether every folder's name is a number.
    numbered: bool,
}

/// Lists a folder, each kind sorted by name; hidden files and files that are no images are left out.
fn list(path: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing { folders: Vec::new(), images: Vec::new(), numbered: false };
    for entry in fs::read_dir(path).at(path)? {
        let entry = entry.at(path)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let place = entry.path();
        let suffix = place.extension().map(|suffix| suffix.to_string_lossy().to_lowercase()).unwrap_or_default();
        if name.starts_with('.') {
        } else if place.is_dir() {
            listing.folders.push(name);
        } else if READ.contains(&suffix.as_str()) {
            listing.images.push(name);
        } else if NOT_READ.contains(&suffix.as_str()) {
            return Err(DataError::new(&place, DataErrorKind::OtherImage));
        }
    }
    listing.numbered = listing.folders.iter().all(|folder| folder.parse::<usize>().is_ok());
    listing.folders.sort();
    listing.images.sort();
    Ok(listing)
}

fn images_in(path: &Path, folder: &str) -> Result<Vec<String>, DataError> {
    Ok(list(&path.join(folder))?.images.into_iter().map(|image| format!("{folder}/{image}")).collect())
}

/// Returns ranges and deviations of all images of a folder.
pub(super) fn moments(path: &Path, options: &LoadOptions) -> Result<Moments, DataError> {
    let (entries, _, _) = entries(path, options)?;
    let mut all = None;
    decoded(path, &entries, options, |image| {
        let all = all.get_or_insert_with(|| Moments::new(image.values.len()));
        image.values.iter().enumerate().for_each(|(place, &value)| all.add(place, f32::from(value)));
    })?;
    all.ok_or_else(|| DataError::new(path, DataErrorKind::NoImages))
}

fn assemble(
    path: &Path,
    entries: Vec<Entry>,
    table: Option<PathBuf>,
    class_names: Option<Vec<String>>,
    options: &LoadOptions,
) -> Result<Dataset, DataError> {
    let total = entries.len();
    let kept = Kept::of(options, total);
    let entries = kept.pick(entries, 1);
    let n = entries.len();
    let mut values = Vec::new();
    let mut resized = 0;
    let mut beside = Beside::default();
    let size = decoded(path, &entries, options, |image| {
        resized += usize::from(image.resized);
        beside.count(&image.found);
        values.extend_from_slice(&image.values);
    })?;
    let channels = options.channels.unwrap_or(3);
    let Some((height, width)) = size else { return Err(DataError::new(path, DataErrorKind::NoImages)) };
    let files = entries.iter().map(|entry| entry.path.clone()).chain(table.clone()).chain(truths::pairs_file(options)).collect();
    let texts = || entries.iter().map(|entry| entry.truth.clone()).collect::<Vec<_>>();
    let (labels, truths) = match options.truth {
        TruthKind::Classes => (entries.iter().map(|entry| entry.label).collect(), Truths::Classes),
        TruthKind::Pairs => (Vec::new(), Truths::Classes),
        _ => (Vec::new(), truths::of_texts(&texts(), options, table.as_deref().unwrap_or(path))?),
    };
    let ids = entries.into_iter().map(|entry| entry.id).collect();
    let (notes, shape) = (beside.notes(), vec![channels, height, width]);
    let samples = Samples { pixels: Pixels::U8(values), exact: Vec::new(), notes, shape, n, total, rows: kept.numbers() };
    let parts = Parts { samples, labels, truths, label_path: table, format: "images", class_names, ids, columns: Vec::new(), files };
    Ok(Dataset { resized, ..load::dataset(path, parts)? })
}

/// How many images hold what beside their pixels.
#[derive(Default)]
struct Beside {
    oriented: usize,
    profiles: usize,
    alphas: usize,
    depths: usize,
    animations: usize,
}

impl Beside {
    fn count(&mut self, found: &Found) {
        self.oriented += usize::from(found.oriented);
        self.profiles += usize::from(found.profile);
        self.alphas += usize::from(found.alpha);
        self.depths += usize::from(found.deep);
        self.animations += usize::from(found.animated);
    }

    fn notes(self) -> Vec<Note> {
        let Self { oriented, profiles, alphas, depths, animations } = self;
        let turned = (oriented > 0).then_some(Note::Oriented { images: oriented });
        let ignored = (profiles + alphas + depths + animations > 0).then_some(Note::Ignored { profiles, alphas, depths, animations });
        turned.into_iter().chain(ignored).collect()
    }
}

/// Passes the images on in their order, some at a time in memory; returns the height and width that they all have.
fn decoded(
    path: &Path,
    entries: &[Entry],
    options: &LoadOptions,
    mut each: impl FnMut(&Planes),
) -> Result<Option<(usize, usize)>, DataError> {
    let channels = options.channels.unwrap_or(3);
    if !matches!(channels, 1 | 3) || options.image_size.is_some_and(|(height, width)| height == 0 || width == 0) {
        return Err(DataError::new(path, DataErrorKind::ImageOptions { channels, size: options.image_size }));
    }
    let threads = ThreadPoolBuilder::new().num_threads(options.threads.map_or(0, NonZeroUsize::get)).build().at(path)?;
    let mut size = None;
    for chunk in entries.chunks(CHUNK) {
        let decode = |entry: &Entry| decode(&entry.path, channels, options.image_size).at(&entry.path);
        let images: Vec<Result<Planes, DataError>> = threads.install(|| chunk.par_iter().map(decode).collect());
        for (entry, image) in chunk.iter().zip(images) {
            let image = image?;
            let (height, width) = *size.get_or_insert((image.height, image.width));
            if (image.height, image.width) != (height, width) {
                let kind = DataErrorKind::ImageSize { height, width, found_height: image.height, found_width: image.width };
                return Err(DataError::new(&entry.path, kind));
            }
            each(&image);
        }
    }
    Ok(size)
}
