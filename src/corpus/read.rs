//! The mentions of a file, as lines of JSON.

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
use serde_json::json;

use crate::corpus::{CorpusError, Format};
use crate::{files::input::InputFile, job::Job};

/// Columns of a table that are read.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The mention; `mention` or else `text` where nothing is said.
    pub mention: Option<String>,
    /// Its id; `id`, if there is one, where nothing is said.
    pub id: Option<String>,
}

/// Lines of JSON, or why there are no more.
pub(super) type Records<'p> = Box<dyn Iterator<Item = Result<Vec<u8>, CorpusError>> + 'p>;

/// The mentions of the file at `path`. Bytes, or rows of Parquet, are reported as a stage of `progress`.
///
/// # Errors
/// [`CorpusError`] names the file and the column that is missing; what is wrong further on comes in its place.
pub fn records<'p>(path: &Path, format: Format, columns: &Columns, job: Job<'p>) -> Result<Records<'p>, CorpusError> {
    let text = || InputFile::new(path).open(job);
    match format {
        Format::Ndjson => Ok(Box::new(text()?.split(b'\n').map(|line| Ok(line?)))),
        Format::Csv => table(path, text()?, b',', columns),
        Format::Tsv => table(path, text()?, b'\t', columns),
        Format::Parquet => parquet(path, columns, job),
    }
}

/// The places of the columns for mention and id among `names`.
fn places(path: &Path, names: &[&str], columns: &Columns) -> Result<(usize, Option<usize>), CorpusError> {
    let place = |wanted: &str| names.iter().position(|name| name.trim_start_matches('\u{feff}') == wanted);
    let missing = |wanted: &str| CorpusError::Column { path: path.into(), wanted: wanted.into() };
    let mention = match &columns.mention {
        Some(name) => place(name).ok_or_else(|| missing(name))?,
        None => place("mention").or_else(|| place("text")).ok_or_else(|| missing("mention or text"))?,
    };
    let id = match &columns.id {
        Some(name) => Some(place(name).ok_or_else(|| missing(name))?),
        None => place("id"),
    };
    Ok((mention, id))
}

fn line(mention: &str, id: Option<&str>) -> Vec<u8> {
    let value = match id.filter(|id| !id.is_empty()) {
        Some(id) => json!({"id": id, "text": mention}),
        None => json!({"text": mention}),
    };
    value.to_string().into_bytes()
}

fn table<'p>(
    path: &Path,
    input: Box<dyn BufRead + 'p>,
    delimiter: u8,
    columns: &Columns,
) -> Result<Records<'p>, CorpusError> {
    let named = path.to_owned();
    // The library's message says where it is and not what stands there.
    let broken = move |e: csv::Error| CorpusError::Broken { path: named.clone(), reason: e.to_string() };
    // Fields of TSV have no quotes.
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter == b',').from_reader(input);
    let header = reader.headers().map_err(&broken)?.clone();
    let (mention, id) = places(path, &header.iter().collect::<Vec<_>>(), columns)?;
    let record = move |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(&broken)?;
        Ok(line(&record[mention], id.map(|id| &record[id])))
    };
    Ok(Box::new(reader.into_records().map(record)))
}

fn parquet<'p>(path: &Path, columns: &Columns, job: Job<'p>) -> Result<Records<'p>, CorpusError> {
    let named = path.to_owned();
    let broken = move |e: ParquetError| CorpusError::Broken {
        path: named.clone(),
        reason: format!("not a Parquet file that can be read: {e}"),
    };
    let file = fs_err::File::open(path)?.into_parts().0;
    let reader = SerializedFileReader::new(file).map_err(&broken)?;
    let about = reader.metadata().file_metadata();
    job.progress.stage("linking", about.num_rows().max(0) as u64);
    let fields = about.schema_descr().root_schema().get_fields().to_vec();
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let (mention, id) = places(path, &names, columns)?;
    let wanted: Vec<Arc<Type>> = [Some(mention), id].into_iter().flatten().map(|place| fields[place].clone()).collect();
    let wanted = Type::group_type_builder(about.schema_descr().root_schema().name())
        .with_fields(wanted)
        .build()
        .map_err(&broken)?;
    let mention = names[mention].to_owned();
    let mut rows = reader.into_iter().project(Some(wanted)).map_err(&broken)?;
    let next = move || {
        // The library takes some damage for impossible.
        let row = catch_unwind(AssertUnwindSafe(|| rows.next())).unwrap_or_else(|_| Some(Err(damaged())))?;
        job.progress.advance(1);
        Some(row.map_err(&broken).map(|row| {
            let (mut text, mut id) = (String::new(), None);
            for (name, field) in row.get_column_iter() {
                if *name == mention {
                    text = value(field);
                } else {
                    id = Some(value(field));
                }
            }
            line(&text, id.as_deref())
        }))
    };
    Ok(Box::new(std::iter::from_fn(next)))
}

fn damaged() -> ParquetError {
    ParquetError::General("it is damaged".into())
}

/// A field as text; one that is null is none.
fn value(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    }
}
