//! What a run leaves behind: the examples of every source, and the matrix.

use brinell_data::Dataset;
use brinell_data::npz::{self, write_adversarial};
use brinell_ledger::run::write_json;
use brinell_record::{FileError, Transfer};

use crate::TransferError;
use crate::contender::Answer;
use crate::journal::{Journal, MATRIX, Shown};
use crate::matrix::Answers;

/// Writes examples and matrix; the matrix comes last and says that the run has ended.
pub(crate) fn finish(
    transfer: &Transfer,
    journal: &Journal,
    data: &Dataset,
    answers: &Answers<'_>,
    bytes: bool,
) -> Result<(), TransferError> {
    for (number, row) in answers.rows.iter().enumerate() {
        let made = answers.made.get(number).map_or(&[] as &[usize], Vec::as_slice);
        let mut reader = journal.reader(number)?;
        let ids: Vec<i64> = made.iter().map(|place| transfer.data.number(*place) as i64).collect();
        let labels: Vec<i64> = made.iter().filter_map(|sample| data.labels.get(*sample)).map(|label| *label as i64).collect();
        let said = |place: usize| match row.models.first().map(|model| answers.given.get(&(Shown::Example(number), *model))) {
            Some(Some(said)) => said.get(place).copied(),
            _ => None,
        };
        let predictions: Vec<i64> =
            (0..made.len()).map(|place| if let Some(Answer::Class(class)) = said(place) { class as i64 } else { -1 }).collect();
        let path = journal.folder().join(format!("examples-{number}.npz"));
        let facts = [npz::column("label", labels), npz::column("prediction", predictions)];
        let mut places = made.iter();
        write_adversarial(&path, &ids, &facts, &data.shape, |_| {
            places.next().map_or_else(|| Ok(Vec::new()), |place| reader.read(*place as u64).map_err(TransferError::from))
        })?;
        if bytes {
            let path = journal.folder().join(format!("examples-{number}-u8.npy"));
            let mut values = Vec::with_capacity(made.len() * data.sample_len());
            for &sample in made {
                values.extend(reader.read(sample as u64)?.iter().map(|v| (v * 255.0).round() as u8));
            }
            let shape: Vec<usize> = std::iter::once(made.len()).chain(data.shape.iter().copied()).collect();
            std::fs::write(&path, npy(&shape, &values)).map_err(FileError::on("write", &path))?;
        }
    }
    Ok(write_json(&journal.folder().join(MATRIX), transfer)?)
}

/// The bytes of a .npy file of u8.
fn npy(shape: &[usize], values: &[u8]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|n| format!("{n},")).collect();
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}", sizes.join(" "));
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = padded - 1).bytes());
    bytes.extend(values);
    bytes
}
