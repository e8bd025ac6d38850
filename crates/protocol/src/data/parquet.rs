//! Rows of Parquet files.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

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
    let schema = reader.metadata().file_metadata().schema_descr();
    if let Some(nested) = schema.root_schema().get_fields().iter().find(|field| !field.is_primitive()) {
        let reason = format!("column `{}` holds several values in a row", nested.name());
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

/// Refuses a file that declares far more than its size makes likely.
fn bounded(metadata: &ParquetMetaData, size: u64) -> Result<(), DataErrorKind> {
    let most = unpacked_limit(size);
    let declared = metadata.row_groups().iter().flat_map(|group| group.columns()).map(|column| column.uncompressed_size());
    let cells =
        metadata.row_groups().iter().map(|group| group.num_rows().saturating_mul(i64::try_from(group.num_columns()).unwrap_or(i64::MAX)));
    for sizes in [declared.collect::<Vec<_>>(), cells.collect()] {
        let sum = sizes.iter().try_fold(0_u64, |sum, size| Some(sum.saturating_add(u64::try_from(*size).ok()?)));
        if sum.is_none_or(|sum| sum > most) {
            return Err(DataErrorKind::Malformed { format: "Parquet", reason: Unpacked { most }.to_string() });
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
