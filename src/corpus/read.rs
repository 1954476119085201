//! Reads the mentions of a file or of standard input, with the other columns of a table.

use std::{
    io::{self, BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use parquet::{
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};

use crate::{
    corpus::{CorpusError, CorpusFormat},
    files::{
        input::{InputFile, LineError},
        records::{Dialect, RecordReader, RecordsError},
    },
    http::{NumberedMention, max_line_bytes, read_line, split_lines},
    job::Job,
    linker::LinkLimits,
};

/// The name of standard input in messages.
const STANDARD_INPUT: &str = "standard input";

/// The columns of a table that have the mentions.
#[derive(Clone, Debug, Default)]
pub(crate) struct MentionColumns {
    /// The column of the text; by default `mention` or else `text`.
    pub(crate) mention: Option<String>,
    /// The column of the id; by default `id`, if there is one.
    pub(crate) id: Option<String>,
}

/// A mention with the values of the other columns of its row.
pub(crate) struct MentionRow {
    pub(crate) mention: NumberedMention,
    pub(crate) other: Vec<String>,
}

/// The mentions of a file.
pub(crate) struct MentionFile<'p> {
    /// The names of the columns beside mention and id; none for lines of JSON.
    pub(crate) other_columns: Vec<String>,
    /// The lines or rows in their order; blank lines have no mention.
    pub(crate) rows: Box<dyn Iterator<Item = Result<Option<MentionRow>, CorpusError>> + 'p>,
}

/// Reads the mentions of the file at `path`, or of standard input without one. Reports bytes, or
/// rows of Parquet, as a stage of `job`.
///
/// # Errors
/// [`CorpusError`] names the file, and the column that is missing. Errors further on in the file
/// come in the iterator, which is then at its end.
pub(crate) fn read_mentions<'p>(
    path: Option<&Path>,
    format: CorpusFormat,
    columns: &MentionColumns,
    limits: LinkLimits,
    job: Job<'p>,
) -> Result<MentionFile<'p>, CorpusError> {
    let text = || -> io::Result<Box<dyn BufRead + 'p>> {
        match path {
            Some(path) => InputFile::new(path).open(job),
            None => {
                job.progress.bytes_stage(&format!("reading {STANDARD_INPUT}"), 0);
                Ok(Box::new(BufReader::new(io::stdin())))
            }
        }
    };
    let path = path.unwrap_or(Path::new(STANDARD_INPUT));
    match format {
        CorpusFormat::Ndjson => {
            let lines = (1..).zip(split_lines(text()?, limits));
            let row = move |(number, line): (usize, io::Result<Vec<u8>>)| {
                let mention = read_line(&line?, number, &limits);
                Ok(mention.map(|mention| MentionRow { mention, other: vec![] }))
            };
            Ok(MentionFile { other_columns: vec![], rows: Box::new(lines.map(row)) })
        }
        CorpusFormat::Csv => read_table(path, text()?, Dialect::Commas, columns, limits),
        CorpusFormat::Tsv => read_table(path, text()?, Dialect::Tabs, columns, limits),
        CorpusFormat::Parquet => read_parquet(path, columns, limits, job),
    }
}

/// The positions of the columns of a table.
struct Positions {
    mention: usize,
    id: Option<usize>,
    other: Vec<usize>,
}

impl Positions {
    fn of(path: &Path, names: &[&str], columns: &MentionColumns) -> Result<Self, CorpusError> {
        // Names of columns may have any case; an equal one comes first.
        let position = |column: &str| {
            let equal = names.iter().position(|name| *name == column);
            equal.or_else(|| names.iter().position(|name| name.trim().eq_ignore_ascii_case(column)))
        };
        let missing = |column: &str| CorpusError::Column { path: path.into(), column: column.into() };
        let mention = match &columns.mention {
            Some(name) => position(name).ok_or_else(|| missing(name))?,
            None => position("mention").or_else(|| position("text")).ok_or_else(|| missing("mention or text"))?,
        };
        let id = match &columns.id {
            Some(name) => Some(position(name).ok_or_else(|| missing(name))?),
            None => position("id"),
        };
        let other = (0..names.len()).filter(|&column| column != mention && Some(column) != id).collect();
        Ok(Self { mention, id, other })
    }

    /// Row `number`, which cannot be read; `detail` quotes nothing of it.
    fn bad_row(&self, number: usize, detail: String) -> MentionRow {
        MentionRow { mention: NumberedMention::bad_row(number, detail), other: vec![String::new(); self.other.len()] }
    }

    fn other_names(&self, names: &[&str]) -> Vec<String> {
        self.other.iter().map(|&column| names[column].to_owned()).collect()
    }

    /// Row `number` with these cells. The limit of lines applies to rows too, so that the results
    /// of all formats are the same.
    fn row(&self, number: usize, cell: impl Fn(usize) -> String, limits: &LinkLimits) -> MentionRow {
        let (text, id) = (cell(self.mention), self.id.map(&cell).filter(|id| !id.is_empty()));
        let other = self.other.iter().map(|&column| cell(column)).collect();
        let is_long = text.len() + id.as_ref().map_or(0, String::len) > max_line_bytes(limits);
        let mention =
            if is_long { NumberedMention::too_long(number, id) } else { NumberedMention::of_row(number, id, text) };
        MentionRow { mention, other }
    }
}

fn read_table<'p>(
    path: &Path,
    input: Box<dyn BufRead + 'p>,
    dialect: Dialect,
    columns: &MentionColumns,
    limits: LinkLimits,
) -> Result<MentionFile<'p>, CorpusError> {
    let file = path.to_owned();
    // No reason quotes the content.
    let damaged = move |reason: String| CorpusError::Damaged { path: file.clone(), reason };
    let in_line = |line: u64, e: LineError| format!("line {line}: {e}");
    let failed = {
        let damaged = damaged.clone();
        move |e: RecordsError| match e {
            RecordsError::Io(e) => CorpusError::Io(e),
            unclosed @ RecordsError::Unclosed(_) => damaged(unclosed.to_string()),
        }
    };
    let mut records = RecordReader::new(input, dialect);
    let header = match records.next().map_err(&failed)? {
        Some((line, header)) => header.map_err(|e| damaged(in_line(line, e)))?.fields().unwrap_or_default(),
        None => vec![],
    };
    let positions = Positions::of(path, &header, columns)?;
    let (width, other_columns) = (header.len(), positions.other_names(&header));
    let mut number = 0;
    let next = move || {
        let (line, record) = match records.next() {
            Ok(record) => record?,
            Err(e) => return Some(Err(failed(e))),
        };
        number += 1;
        let cells = record.and_then(|record| record.fields().ok_or(LineError::Utf8));
        let is_blank = |cells: &[&str]| cells.iter().all(|cell| cell.trim().is_empty());
        Some(Ok(Some(match cells {
            // Spreadsheets write empty cells behind the last column, and rows of separators.
            Ok(cells) if is_blank(&cells) => return Some(Ok(None)),
            Ok(cells) if cells.len() == width || cells.len() > width && is_blank(&cells[width..]) => {
                positions.row(number, |column| cells[column].to_owned(), &limits)
            }
            Ok(cells) => {
                positions.bad_row(number, format!("line {line}: {} fields where the header has {width}", cells.len()))
            }
            Err(e) => positions.bad_row(number, in_line(line, e)),
        })))
    };
    Ok(MentionFile { other_columns, rows: until_error(next) })
}

/// The items of `next` up to its end or its first error.
fn until_error<'p>(
    mut next: impl FnMut() -> Option<Result<Option<MentionRow>, CorpusError>> + 'p,
) -> Box<dyn Iterator<Item = Result<Option<MentionRow>, CorpusError>> + 'p> {
    let mut is_ended = false;
    Box::new(std::iter::from_fn(move || {
        let item = if is_ended { None } else { next() };
        is_ended = !matches!(item, Some(Ok(_)));
        item
    }))
}

fn read_parquet<'p>(
    path: &Path,
    columns: &MentionColumns,
    limits: LinkLimits,
    job: Job<'p>,
) -> Result<MentionFile<'p>, CorpusError> {
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
    let positions = Positions::of(path, &names, columns)?;
    let other_columns = positions.other_names(&names);
    let mut rows = reader.into_iter();
    let mut number = 0;
    let next = move || {
        // The library panics on some kinds of damage.
        let row = catch_unwind(AssertUnwindSafe(|| rows.next())).unwrap_or_else(|_| Some(Err(panicked())))?;
        job.progress.advance(1);
        number += 1;
        Some(row.map_err(&damaged).map(|row| {
            let cells: Vec<String> = row.get_column_iter().map(|(_, field)| cell_text(field)).collect();
            Some(positions.row(number, |column| cells.get(column).cloned().unwrap_or_default(), &limits))
        }))
    };
    Ok(MentionFile { other_columns, rows: until_error(next) })
}

fn panicked() -> ParquetError {
    ParquetError::General("it is damaged".into())
}

/// A cell as text; null gives an empty text.
fn cell_text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        other => other.to_string(),
    }
}
