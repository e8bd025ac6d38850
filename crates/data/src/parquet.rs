//! Rows of Parquet files, in the form of those of other tables.

use std::fs::File;
use std::path::Path;

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;

use super::csv::{Each, Header};
use super::error::DataErrorKind;

/// Passes all rows on, with the number that each has, from 1. Numbers keep every digit; a missing value is an empty cell.
///
/// # Errors
/// [`DataErrorKind::Malformed`] for damaged files, for LZO, which nobody writes any more, and for columns that hold more than one value in a row.
pub(super) fn rows(path: &Path, each: &mut Each<'_>) -> Result<Option<Header>, DataErrorKind> {
    let reader = SerializedFileReader::new(File::open(path)?).map_err(malformed)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    if let Some(nested) = schema.root_schema().get_fields().iter().find(|field| !field.is_primitive()) {
        let reason = format!("column `{}` holds several values in a row; give each a column of its own", nested.name());
        return Err(DataErrorKind::Malformed { format: "Parquet", reason });
    }
    let columns = schema.columns().iter().map(|column| column.name().to_owned()).collect();
    let header = Header { columns, named: true };
    for (number, row) in (1..).zip(reader.get_row_iter(None).map_err(malformed)?) {
        let row = row.map_err(malformed)?;
        each(&header, number, row.get_column_iter().map(|(_, field)| cell(field)).collect())?;
    }
    Ok(Some(header))
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::Float16(value) => value.to_f32().to_string(),
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

fn malformed(error: ParquetError) -> DataErrorKind {
    DataErrorKind::Malformed { format: "Parquet", reason: error.to_string() }
}
