//! Reads the mentions of a file.

use std::{
    io::BufRead,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use parquet::{
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
    schema::types::Type,
};

use crate::{
    corpus::{CorpusError, CorpusFormat},
    files::input::InputFile,
    http::{NumberedMention, max_line_bytes, read_line},
    job::Job,
    linker::LinkLimits,
};

/// The columns of a table that have the mentions.
#[derive(Clone, Debug, Default)]
pub(crate) struct MentionColumns {
    /// The column of the text; by default `mention` or else `text`.
    pub(crate) mention: Option<String>,
    /// The column of the id; by default `id`, if there is one.
    pub(crate) id: Option<String>,
}

/// The lines or rows of a file in their order; blank lines have no mention.
type Mentions<'p> = Box<dyn Iterator<Item = Result<Option<NumberedMention>, CorpusError>> + 'p>;

/// Reads the mentions of the file at `path`. Reports bytes, or rows of Parquet, as a stage of
/// `job`.
///
/// # Errors
/// [`CorpusError`] names the file, and the column that is missing. Errors further on in the file
/// come in the iterator, which is then at its end.
pub(crate) fn read_mentions<'p>(
    path: &Path,
    format: CorpusFormat,
    columns: &MentionColumns,
    limits: LinkLimits,
    job: Job<'p>,
) -> Result<Mentions<'p>, CorpusError> {
    let text = || InputFile::new(path).open(job);
    match format {
        CorpusFormat::Ndjson => {
            let lines = (1..).zip(text()?.split(b'\n'));
            Ok(Box::new(lines.map(move |(number, line)| Ok(read_line(&line?, number, &limits)))))
        }
        CorpusFormat::Csv => read_table(path, text()?, b',', columns, limits),
        CorpusFormat::Tsv => read_table(path, text()?, b'\t', columns, limits),
        CorpusFormat::Parquet => read_parquet(path, columns, limits, job),
    }
}

/// The positions of the columns of mention and id among `names`.
fn column_positions(
    path: &Path,
    names: &[&str],
    columns: &MentionColumns,
) -> Result<(usize, Option<usize>), CorpusError> {
    let position = |column: &str| names.iter().position(|name| name.trim_start_matches('\u{feff}') == column);
    let missing = |column: &str| CorpusError::Column { path: path.into(), column: column.into() };
    let mention = match &columns.mention {
        Some(name) => position(name).ok_or_else(|| missing(name))?,
        None => position("mention").or_else(|| position("text")).ok_or_else(|| missing("mention or text"))?,
    };
    let id = match &columns.id {
        Some(name) => Some(position(name).ok_or_else(|| missing(name))?),
        None => position("id"),
    };
    Ok((mention, id))
}

/// Row `number` of a table. The limit of lines applies to rows too, so that the results of all
/// formats are the same.
fn row_mention(number: usize, text: String, id: Option<String>, limits: &LinkLimits) -> NumberedMention {
    let id = id.filter(|id| !id.is_empty());
    if text.len() + id.as_ref().map_or(0, String::len) > max_line_bytes(limits) {
        return NumberedMention::too_long(number);
    }
    NumberedMention::of_row(number, id, text)
}

fn read_table<'p>(
    path: &Path,
    input: Box<dyn BufRead + 'p>,
    delimiter: u8,
    columns: &MentionColumns,
    limits: LinkLimits,
) -> Result<Mentions<'p>, CorpusError> {
    let file = path.to_owned();
    // The message of the library has the position and not the content.
    let damaged = move |e: csv::Error| CorpusError::Damaged { path: file.clone(), reason: e.to_string() };
    // Quotes have no meaning in TSV.
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter == b',').from_reader(input);
    let header = reader.headers().map_err(&damaged)?.clone();
    let (mention, id) = column_positions(path, &header.iter().collect::<Vec<_>>(), columns)?;
    let row = move |(number, record): (usize, Result<csv::StringRecord, csv::Error>)| {
        let record = record.map_err(&damaged)?;
        Ok(Some(row_mention(number, record[mention].into(), id.map(|id| record[id].into()), &limits)))
    };
    Ok(Box::new((1..).zip(reader.into_records()).map(row)))
}

fn read_parquet<'p>(
    path: &Path,
    columns: &MentionColumns,
    limits: LinkLimits,
    job: Job<'p>,
) -> Result<Mentions<'p>, CorpusError> {
    let named = path.to_owned();
    let damaged = move |e: ParquetError| CorpusError::Damaged {
        path: named.clone(),
        reason: format!("not a Parquet file that can be read: {e}"),
    };
    let file = fs_err::File::open(path)?.into_parts().0;
    let reader = SerializedFileReader::new(file).map_err(&damaged)?;
    let metadata = reader.metadata().file_metadata();
    job.progress.stage("linking", metadata.num_rows().max(0) as u64);
    let fields = metadata.schema_descr().root_schema().get_fields().to_vec();
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let (mention, id) = column_positions(path, &names, columns)?;
    let projected: Vec<Arc<Type>> =
        [Some(mention), id].into_iter().flatten().map(|position| fields[position].clone()).collect();
    let projection = Type::group_type_builder(metadata.schema_descr().root_schema().name())
        .with_fields(projected)
        .build()
        .map_err(&damaged)?;
    let mention = names[mention].to_owned();
    let mut rows = reader.into_iter().project(Some(projection)).map_err(&damaged)?;
    let mut number = 0;
    let next = move || {
        // The library panics on some kinds of damage.
        let row = catch_unwind(AssertUnwindSafe(|| rows.next())).unwrap_or_else(|_| Some(Err(panicked())))?;
        job.progress.advance(1);
        number += 1;
        Some(row.map_err(&damaged).map(|row| {
            let (mut text, mut id) = (String::new(), None);
            for (name, field) in row.get_column_iter() {
                if *name == mention {
                    text = cell_text(field);
                } else {
                    id = Some(cell_text(field));
                }
            }
            Some(row_mention(number, text, id, &limits))
        }))
    };
    Ok(Box::new(std::iter::from_fn(next)))
}

fn panicked() -> ParquetError {
    ParquetError::General("it is damaged".into())
}

/// A cell as text; null gives an empty text.
fn cell_text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    }
}
