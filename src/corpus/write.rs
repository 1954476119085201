//! Writes results: first to a partial file during the run, then to the output file (NDJSON, CSV,
//! TSV or Parquet).
//!
//! For NDJSON, CSV and TSV, the partial file has the bytes of the output before compression. For
//! Parquet, it has the rows as CSV; the Parquet file is written at the end.

use std::{
    io::{self, BufRead, Write},
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use parquet::{
    basic::{Compression as ParquetCompression, LogicalType, Repetition, Type as PhysicalType, ZstdLevel},
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::{parser::parse_message_type, types::Type},
};

use crate::{
    corpus::{
        CorpusFormat,
        rows::{COLUMNS, LinkedRow, RANK, ResultRow},
    },
    http::write_lines,
};

/// Rows of Parquet that are compressed together.
const ROW_GROUP: usize = 1 << 16;

/// The schema of [`COLUMNS`] in Parquet.
const SCHEMA: &str = "message links {
    required binary id (STRING);
    required binary mention (STRING);
    required binary status (STRING);
    optional int32 rank;
    optional binary cui (STRING);
    optional binary name (STRING);
    optional binary matched_name (STRING);
    optional binary match (STRING);
    optional double score;
    optional double probability;
    optional binary semantic_types (STRING);
    optional binary error (STRING);
    optional binary read_as (STRING);
    optional binary left_out (STRING);
    optional boolean truncated;
    optional binary contradiction (STRING);
}";

/// The format of a partial file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartialFormat {
    /// Results as lines of JSON.
    Lines,
    /// A table with a header, in which a cell stays on one line.
    Table {
        /// `,` or a tab.
        delimiter: u8,
    },
    /// CSV with a header and with cells as they are.
    Rows,
}

impl PartialFormat {
    /// The partial format of an output in `format`.
    pub(crate) fn of(format: CorpusFormat) -> Self {
        match format {
            CorpusFormat::Ndjson => Self::Lines,
            CorpusFormat::Csv => Self::Table { delimiter: b',' },
            CorpusFormat::Tsv => Self::Table { delimiter: b'\t' },
            CorpusFormat::Parquet => Self::Rows,
        }
    }

    /// The first bytes of a partial file; `other` are the names of the other columns.
    ///
    /// # Errors
    /// None in practice: the bytes stay in memory.
    pub(crate) fn header(self, other: &[String]) -> io::Result<Vec<u8>> {
        let header = || COLUMNS.into_iter().chain(other.iter().map(String::as_str));
        match self {
            Self::Table { delimiter } => write_csv(delimiter, [header().map(one_line).collect()]),
            Self::Rows => write_csv(b',', [header().map(str::to_owned).collect()]),
            Self::Lines => Ok(vec![]),
        }
    }

    /// The bytes of `rows`; `other` are the names of the other columns.
    ///
    /// # Errors
    /// None in practice: the bytes stay in memory.
    pub(crate) fn encode(self, rows: &[LinkedRow], other: &[String]) -> io::Result<Vec<u8>> {
        let cells = || rows.iter().flat_map(LinkedRow::table_rows);
        match self {
            Self::Lines => Ok(write_lines(rows.iter().map(|row| row.line(other)))?),
            Self::Table { delimiter } => {
                write_csv(delimiter, cells().map(|row| row.iter().map(|cell| one_line(cell)).collect()))
            }
            Self::Rows => write_csv(b',', cells()),
        }
    }
}

/// Writes a complete partial file as output in `format`, compressed if `gzip`.
///
/// # Errors
/// The partial file cannot be read, or the output cannot be written.
pub(crate) fn write_output(
    mut partial: impl BufRead,
    format: CorpusFormat,
    gzip: bool,
    mut output: impl Write + Send,
) -> io::Result<()> {
    match format {
        CorpusFormat::Parquet => write_parquet(partial, output).map_err(io::Error::other),
        _ if gzip => {
            let mut encoder = GzEncoder::new(output, Compression::default());
            io::copy(&mut partial, &mut encoder)?;
            encoder.finish().map(drop)
        }
        _ => {
            io::copy(&mut partial, &mut output)?;
            output.flush()
        }
    }
}

fn write_csv(delimiter: u8, rows: impl IntoIterator<Item = ResultRow>) -> io::Result<Vec<u8>> {
    // TSV has no quotes: its cells have no tabs and no line ends.
    let quotes = if delimiter == b'\t' { csv::QuoteStyle::Never } else { csv::QuoteStyle::Necessary };
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).quote_style(quotes).from_writer(vec![]);
    for row in rows {
        writer.write_record(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|e| io::Error::other(e.to_string()))
}

/// A cell without tabs and line ends: a table of text keeps a mention on one line.
fn one_line(cell: &str) -> String {
    cell.replace(['\t', '\n', '\r'], " ")
}

/// Reads the rows of a partial file of Parquet, the header first.
fn read_rows(partial: impl BufRead) -> impl Iterator<Item = Result<ResultRow, ParquetError>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(partial);
    reader.into_records().map(|record| {
        let record = record.map_err(|e| ParquetError::General(e.to_string()))?;
        Ok(record.iter().map(str::to_owned).collect())
    })
}

/// The schema of the columns of a result and of the other columns `other`.
fn schema(other: &[String]) -> Result<Type, ParquetError> {
    let results = parse_message_type(SCHEMA)?;
    let text = |name: &String| {
        let column = Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY);
        let column = column.with_repetition(Repetition::OPTIONAL).with_logical_type(Some(LogicalType::String));
        column.build().map(Arc::new)
    };
    let other = other.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let fields = results.get_fields().iter().cloned().chain(other).collect();
    Type::group_type_builder(results.name()).with_fields(fields).build()
}

fn write_parquet(partial: impl BufRead, output: impl Write + Send) -> Result<(), ParquetError> {
    let zstd = ParquetCompression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut rows = read_rows(partial).peekable();
    let names = rows.next().transpose()?.unwrap_or_default();
    let schema = Arc::new(schema(names.get(COLUMNS.len()..).unwrap_or_default())?);
    let mut writer = SerializedFileWriter::new(output, schema, Arc::new(properties))?;
    while rows.peek().is_some() {
        let group = rows.by_ref().take(ROW_GROUP).collect::<Result<Vec<ResultRow>, _>>()?;
        write_row_group(&mut writer, &names, &group)?;
    }
    writer.close().map(drop)
}

fn write_row_group(
    writer: &mut SerializedFileWriter<impl Write + Send>,
    names: &[String],
    rows: &[ResultRow],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for (position, name) in names.iter().enumerate() {
        let Some(mut column) = group.next_column()? else { break };
        let is_present = |row: &&ResultRow| match name.as_str() {
            _ if position >= COLUMNS.len() => !row[position].is_empty(),
            "id" | "mention" | "status" => true,
            "probability" | "error" | "read_as" | "left_out" | "truncated" | "contradiction" => {
                !row[position].is_empty()
            }
            // These are present for every candidate, even when they are empty.
            _ => !row[RANK].is_empty(),
        };
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(is_present(&row))).collect();
        let levels = (position >= RANK).then_some(levels.as_slice());
        let cells = || rows.iter().filter(is_present).map(|row| row[position].as_str());
        match name.as_str() {
            "rank" => {
                let values: Vec<i32> = cells().filter_map(|cell| cell.parse().ok()).collect();
                column.typed::<Int32Type>().write_batch(&values, levels, None)?;
            }
            "truncated" => {
                let values: Vec<bool> = cells().filter_map(|cell| cell.parse().ok()).collect();
                column.typed::<BoolType>().write_batch(&values, levels, None)?;
            }
            "score" | "probability" => {
                let values: Vec<f64> = cells().filter_map(|cell| cell.parse().ok()).collect();
                column.typed::<DoubleType>().write_batch(&values, levels, None)?;
            }
            _ => {
                let values: Vec<ByteArray> = cells().map(|cell| cell.as_bytes().to_vec().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
            }
        }
        column.close()?;
    }
    group.close().map(drop)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::http::{
        CandidateView, ContradictionView, LeftOutView, LinkResult, LinkStatus, Problem, ProblemKind, SemanticTypeView,
    };

    const OTHER: [&str; 1] = ["input_note, or \"remark\""];

    fn other() -> Vec<String> {
        OTHER.map(str::to_owned).into()
    }

    fn results() -> [LinkedRow; 2] {
        let semantic_type = |tui: &str| SemanticTypeView { tui: tui.into(), name: String::new(), group: String::new() };
        let candidate = |cui: &str, score: f64| CandidateView {
            cui: cui.into(),
            name: "asthma".into(),
            matched_name: "wheezing, chronic".into(),
            r#match: "embedding",
            score,
            probability: Some(0.5),
            contradiction: None,
            semantic_types: vec![semantic_type("T047"), semantic_type("T033")],
            explain: None,
        };
        let part = |text: &str, kind| LeftOutView { text: text.into(), kind };
        let contradiction = ContradictionView { kind: "side", mention: "left".into(), name: String::new() };
        let contradicted = CandidateView { contradiction: Some(contradiction), ..candidate("C2", 0.8) };
        let linked = LinkResult {
            id: "m1".into(),
            mention: "a \"tight\"\nchest".into(),
            status: LinkStatus::Linked,
            read_as: Some("chest".into()),
            left_out: vec![part("a", "degree"), part("\"tight\"", "degree")],
            truncated: true,
            candidates: vec![candidate("C1", 0.9), contradicted],
            error: None,
        };
        let problem = Problem::new(ProblemKind::BlankMention, "");
        let failed = LinkResult::error("m2".into(), String::new(), problem);
        [(linked, "a, b"), (failed, "")].map(|(result, other)| LinkedRow { result, other: vec![other.into()] })
    }

    fn output(format: CorpusFormat, gzip: bool) -> Vec<u8> {
        let partial_format = PartialFormat::of(format);
        let mut partial = partial_format.header(&other()).unwrap();
        for result in results() {
            partial.extend(partial_format.encode(&[result], &other()).unwrap());
        }
        let mut output = vec![];
        write_output(partial.as_slice(), format, gzip, &mut output).unwrap();
        output
    }

    #[test]
    fn a_table_has_a_row_for_each_candidate_and_one_for_a_mention_without() {
        let header = COLUMNS.join(",");
        let expected = format!(
            "{header},\"input_note, or \"\"remark\"\"\"\nm1,\"a \"\"tight\"\" chest\",linked,1,C1,asthma,\"wheezing, chronic\",embedding,0.9,0.5,T047|T033,,\
             chest,\"a (degree); \"\"tight\"\" (degree)\",true,,\"a, b\"\n\
             m1,\"a \"\"tight\"\" chest\",linked,2,C2,asthma,\"wheezing, chronic\",embedding,0.8,0.5,T047|T033,,\
             chest,\"a (degree); \"\"tight\"\" (degree)\",true,side: left / -,\"a, b\"\n\
             m2,,error,,,,,,,,,urn:saplink:problem:blank-mention,,,,,\n"
        );
        assert_eq!(String::from_utf8(output(CorpusFormat::Csv, false)).unwrap(), expected);
        let mut plain = String::new();
        let compressed = output(CorpusFormat::Csv, true);
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(compressed.as_slice()), &mut plain).unwrap();
        assert_eq!(plain, expected);
        assert_eq!(String::from_utf8(output(CorpusFormat::Tsv, false)).unwrap().lines().count(), 4);
    }

    #[test]
    fn rows_of_a_partial_file_of_parquet_are_read_as_they_were() {
        let expected: Vec<ResultRow> = results().iter().flat_map(LinkedRow::table_rows).collect();
        let mut partial = PartialFormat::Rows.header(&other()).unwrap();
        partial.extend(PartialFormat::Rows.encode(&results(), &other()).unwrap());
        let rows: Vec<ResultRow> = read_rows(partial.as_slice()).map(Result::unwrap).collect();
        assert_eq!((&rows[0][COLUMNS.len()..], &rows[1..]), (&other()[..], &expected[..]));
    }

    #[test]
    fn cells_of_parquet_have_the_types_of_their_columns_and_absent_ones_are_null() {
        let file = axum::body::Bytes::from(output(CorpusFormat::Parquet, false));
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 3);
        let reading = r#"read_as: "chest", left_out: "a (degree); "tight" (degree)", truncated: true"#;
        assert!(rows[0].contains("rank: 1,") && rows[0].contains("score: 0.9,"), "{}", rows[0]);
        assert!(
            rows[0].ends_with(&format!("error: null, {reading}, contradiction: null, {}: \"a, b\"}}", OTHER[0])),
            "{}",
            rows[0]
        );
        assert!(
            rows[1].ends_with(&format!(r#"{reading}, contradiction: "side: left / -", {}: "a, b"}}"#, OTHER[0])),
            "{}",
            rows[1]
        );
        assert!(
            rows[2].ends_with(&format!(
                "read_as: null, left_out: null, truncated: null, contradiction: null, {}: null}}",
                OTHER[0]
            )),
            "{}",
            rows[2]
        );
    }
}
