//! Answers as a table: a row for each candidate, and one for a mention that has none.

use std::{
    io::{self, BufRead, Write},
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use parquet::{
    basic::{Compression as ParquetCompression, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use serde_json::Value;

use crate::corpus::Format;

/// Rows of Parquet that are compressed together.
const GROUP: usize = 1 << 16;

/// The columns of a table, and where an answer has them.
const COLUMNS: [&str; 12] = [
    "id",
    "mention",
    "status",
    "rank",
    "cui",
    "name",
    "matched_name",
    "match",
    "score",
    "probability",
    "semantic_types",
    "error",
];

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
}";

/// A row, in the order of [`COLUMNS`].
type Row = [Value; COLUMNS.len()];

/// Writes the answers of `lines`, as `POST /link` streams them, to `out`, compressed if `gzip` says so.
///
/// # Errors
/// What reading and writing say.
pub fn write(lines: impl BufRead, format: Format, gzip: bool, out: impl Write + Send) -> io::Result<()> {
    match format {
        Format::Parquet => parquet(lines, out).map_err(io::Error::other),
        _ if gzip => text(lines, format, GzEncoder::new(out, Compression::default()))?.finish().map(drop),
        _ => text(lines, format, out)?.flush(),
    }
}

fn text<W: Write>(mut lines: impl BufRead, format: Format, mut out: W) -> io::Result<W> {
    let delimiter = match format {
        Format::Csv => b',',
        Format::Tsv => b'\t',
        Format::Ndjson | Format::Parquet => {
            io::copy(&mut lines, &mut out)?;
            return Ok(out);
        }
    };
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
    writer.write_record(COLUMNS).map_err(io::Error::other)?;
    for row in rows(lines) {
        writer.write_record(row?.iter().map(shown)).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|e| io::Error::other(e.to_string()))
}

/// A cell as text; a table of text keeps a mention on one line.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(['\t', '\n', '\r'], " "),
        other => other.to_string(),
    }
}

fn rows(lines: impl BufRead) -> impl Iterator<Item = io::Result<Row>> {
    lines.lines().flat_map(|line| match line.and_then(|line| Ok(serde_json::from_str::<Value>(&line)?)) {
        Ok(answer) => rows_of(&answer).into_iter().map(Ok).collect::<Vec<_>>(),
        Err(e) => vec![Err(e)],
    })
}

fn rows_of(answer: &Value) -> Vec<Row> {
    let row = |rank: Value, candidate: &Value| {
        let types = candidate["semantic_types"]
            .as_array()
            .map(|types| Value::from(types.iter().filter_map(|one| one["tui"].as_str()).collect::<Vec<_>>().join("|")));
        COLUMNS.map(|column| match column {
            "id" | "mention" | "status" => answer[column].clone(),
            "rank" => rank.clone(),
            "semantic_types" => types.clone().unwrap_or_default(),
            "error" => answer["error"]["type"].clone(),
            _ => candidate[column].clone(),
        })
    };
    match answer["candidates"].as_array().filter(|candidates| !candidates.is_empty()) {
        Some(candidates) => (1..).zip(candidates).map(|(rank, candidate)| row(Value::from(rank), candidate)).collect(),
        None => vec![row(Value::Null, &Value::Null)],
    }
}

fn parquet(lines: impl BufRead, out: impl Write + Send) -> Result<(), ParquetError> {
    let zstd = ParquetCompression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let mut rows = rows(lines).peekable();
    while rows.peek().is_some() {
        let group = rows.by_ref().take(GROUP).collect::<io::Result<Vec<Row>>>()?;
        write_group(&mut writer, &group)?;
    }
    writer.close().map(drop)
}

fn write_group(writer: &mut SerializedFileWriter<impl Write + Send>, rows: &[Row]) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for place in 0..COLUMNS.len() {
        let Some(mut column) = group.next_column()? else { break };
        let cells = || rows.iter().map(|row| &row[place]);
        let present: Vec<i16> = cells().map(|cell| i16::from(!cell.is_null())).collect();
        // The first three are never null.
        let levels = (place > 2).then_some(present.as_slice());
        match COLUMNS[place] {
            "rank" => {
                let values: Vec<i32> = cells().filter_map(|cell| cell.as_i64().map(|rank| rank as i32)).collect();
                column.typed::<Int32Type>().write_batch(&values, levels, None)?;
            }
            "score" | "probability" => {
                let values: Vec<f64> = cells().filter_map(Value::as_f64).collect();
                column.typed::<DoubleType>().write_batch(&values, levels, None)?;
            }
            _ => {
                let values: Vec<ByteArray> =
                    cells().filter_map(|cell| cell.as_str().map(|text| text.as_bytes().to_vec().into())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
            }
        }
        column.close()?;
    }
    group.close().map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(format: Format, gzip: bool) -> Vec<u8> {
        let types = json!([{"tui": "T047", "name": "Disease or Syndrome", "group": "DISO"}, {"tui": "T033"}]);
        let candidate = |cui: &str, score: f64| {
            json!({"cui": cui, "name": "asthma", "matched_name": "wheezing, chronic", "match": "embedding", "score": score,
                "probability": 0.5, "semantic_types": types})
        };
        let answers = [
            json!({"id": "m1", "mention": "a \"tight\"\nchest", "status": "linked", "candidates": [candidate("C1", 0.9), candidate("C2", 0.8)]}),
            json!({"id": "m2", "mention": "", "status": "error", "candidates": [], "error": {"type": "urn:x"}}),
        ];
        let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        let mut out = vec![];
        write(lines.as_bytes(), format, gzip, &mut out).unwrap();
        out
    }

    #[test]
    fn a_row_for_each_candidate_and_one_for_none() {
        let header = COLUMNS.join(",");
        let expected = format!(
            "{header}\nm1,\"a \"\"tight\"\" chest\",linked,1,C1,asthma,\"wheezing, chronic\",embedding,0.9,0.5,T047|T033,\n\
             m1,\"a \"\"tight\"\" chest\",linked,2,C2,asthma,\"wheezing, chronic\",embedding,0.8,0.5,T047|T033,\n\
             m2,,error,,,,,,,,,urn:x\n"
        );
        assert_eq!(String::from_utf8(table(Format::Csv, false)).unwrap(), expected);
        let mut plain = String::new();
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(table(Format::Csv, true).as_slice()), &mut plain)
            .unwrap();
        assert_eq!(plain, expected);
        assert_eq!(String::from_utf8(table(Format::Tsv, false)).unwrap().lines().count(), 4);
    }
}
