//! Rows of Parquet files.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use ::parquet::basic::Encoding;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;

use super::cell::{Cell, Decimal};
use super::csv::{Each, Header};
use super::error::DataErrorKind;
use super::input::{Unpacked, unpacked_limit};
use super::number::Number;

/// Passes all rows on, with the number that each has, from 1. Numbers stay numbers.
///
/// # Errors
/// [`DataErrorKind::Malformed`] for damaged files, for LZO, which nobody writes any more, and for columns that hold more than one value in a row.
pub(super) fn rows(path: &Path, each: &mut Each<'_>) -> Result<Option<Header>, DataErrorKind> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(DataErrorKind::NotAFile);
    }
    let reader = SerializedFileReader::new(file).map_err(malformed)?;
    bounded(reader.metadata(), metadata.len())?;
    paged(&reader, metadata.len())?;
    let schema = reader.metadata().file_metadata().schema_descr();
    if let Some(nested) = schema.root_schema().get_fields().iter().find(|field| !field.is_primitive()) {
        let reason = format!("column `{}` has several values in one row", nested.name());
        return Err(DataErrorKind::Malformed { format: "Parquet", reason });
    }
    let columns = schema.columns().iter().map(|column| column.name().to_owned()).collect();
    let header = Header { columns, named: true, decimal: Decimal::Dot, notes: Vec::new() };
    for (number, row) in (1..).zip(reader.get_row_iter(None).map_err(malformed)?) {
        let row = row.map_err(malformed)?;
        let cells: Vec<Cell<'_>> = row.get_column_iter().map(|(_, field)| cell(field)).collect();
        each(&header, number, &cells)?;
    }
    Ok(Some(header))
}

/// Refuses a file that declares far more than its size makes likely, and columns that lie outside it, which the reader takes for granted.
fn bounded(metadata: &ParquetMetaData, size: u64) -> Result<(), DataErrorKind> {
    let most = unpacked_limit(size);
    let refused = |reason: String| DataErrorKind::Malformed { format: "Parquet", reason };
    let (mut bytes, mut cells) = (0_u64, 0_u64);
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows()).map_err(|_| refused("a part of it has a negative number of rows".to_owned()))?;
        cells = cells.saturating_add(rows.saturating_mul(group.num_columns() as u64));
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let places = [start, column.data_page_offset(), column.compressed_size(), column.uncompressed_size()].map(u64::try_from);
            let [Ok(start), Ok(_), Ok(packed), Ok(unpacked)] = places else {
                return Err(refused(format!("column `{}` has a negative place or size", column.column_descr().name())));
            };
            if start.checked_add(packed).is_none_or(|end| end > size) {
                return Err(refused(format!("column `{}` goes beyond the end of the file", column.column_descr().name())));
            }
            bytes = bytes.saturating_add(unpacked);
        }
    }
    if bytes.max(cells) > most { Err(refused(Unpacked { most }.to_string())) } else { Ok(()) }
}

/// Walks through all pages of all columns: the reader of rows takes for granted that a page which refers to a dictionary comes after it, and
/// unpacks whatever a page's own header says.
fn paged(reader: &SerializedFileReader<File>, size: u64) -> Result<(), DataErrorKind> {
    let most = unpacked_limit(size);
    let refused = |reason: String| DataErrorKind::Malformed { format: "Parquet", reason };
    let mut unpacked = 0_u64;
    for number in 0..reader.num_row_groups() {
        let group = reader.get_row_group(number).map_err(malformed)?;
        for column in 0..group.num_columns() {
            let mut has_dictionary = false;
            for page in group.get_column_page_reader(column).map_err(malformed)? {
                let page = page.map_err(malformed)?;
                unpacked = unpacked.saturating_add(page.buffer().len() as u64);
                if unpacked > most {
                    return Err(refused(Unpacked { most }.to_string()));
                }
                has_dictionary |= page.is_dictionary_page();
                // Old writers use the second name.
                let refers = matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
                if refers && !has_dictionary {
                    return Err(refused("a page refers to a dictionary that is missing".to_owned()));
                }
            }
        }
    }
    Ok(())
}

fn cell(field: &Field) -> Cell<'_> {
    match field {
        Field::Null => Cell::Missing,
        Field::Bool(truth) => Cell::Truth(*truth),
        Field::Byte(value) => whole(*value),
        Field::Short(value) => whole(*value),
        Field::Int(value) => whole(*value),
        Field::Long(value) => whole(*value),
        Field::UByte(value) => whole(*value),
        Field::UShort(value) => whole(*value),
        Field::UInt(value) => whole(*value),
        Field::ULong(value) => whole(*value),
        Field::Float16(value) => Cell::Number(Number::Real(value.to_f64())),
        Field::Float(value) => Cell::Number(Number::Real((*value).into())),
        Field::Double(value) => Cell::Number(Number::Real(*value)),
        Field::Str(text) => Cell::Text(Cow::Borrowed(text)),
        // A decimal number is written with all its digits.
        Field::Decimal(_) => {
            field.to_string().parse().map_or_else(|_| Cell::Text(Cow::Owned(field.to_string())), |value| Cell::Number(Number::Real(value)))
        }
        other => Cell::Text(Cow::Owned(other.to_string())),
    }
}

fn whole(value: impl Into<i128>) -> Cell<'static> {
    Cell::Number(Number::Whole(value.into()))
}

fn malformed(error: ParquetError) -> DataErrorKind {
    DataErrorKind::Malformed { format: "Parquet", reason: error.to_string() }
}
