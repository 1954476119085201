//! Arguments of `saplink link`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;

use crate::{
    cli::{
        shared::InferenceArgs,
        values::{cosine, size},
    },
    corpus::CorpusFormat,
};

/// Arguments of `link`.
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// File of mentions: .ndjson or .jsonl (a string or an object per line, as in `mentions` of
    /// POST /link), .csv or .tsv with a header (all of these also with .gz), or .parquet; - is
    /// standard input
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// File to write, in any of these formats: lines of JSON as POST /link answers them, or a table
    /// with a row for each candidate; other columns of the input are kept; - is standard output
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Format of the input [default: by the ending of its name; ndjson for -]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub input_format: Option<CorpusFormat>,
    /// Format of the output [default: by the ending of its name; ndjson for -]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output_format: Option<CorpusFormat>,
    /// Column of the mentions [default: mention, else text]
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Column of the ids of the mentions [default: id, if it exists]
    #[arg(long, value_name = "NAME")]
    pub id_column: Option<String>,
    /// Continue a run that was interrupted; input, index, model and options must be the same.
    /// Without it, what an interrupted run left is removed
    #[arg(long)]
    pub resume: bool,
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
    /// Maximum number of candidates of a mention [default: 5]
    #[arg(long, value_name = "N")]
    pub top_k: Option<usize>,
    /// Leave out candidates with a lower score [default: no limit]
    #[arg(long, value_name = "SCORE", value_parser = cosine, allow_negative_numbers = true)]
    pub min_score: Option<f32>,
    /// Find only concepts of these semantic types (TUIs or names), separated by commas
    /// [default: all]
    #[arg(long, value_name = "TUIS", value_delimiter = ',')]
    pub semantic_types: Vec<String>,
    /// Find only concepts of these semantic groups, separated by commas [default: all]
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub semantic_groups: Vec<String>,
    /// Find only names of these source vocabularies (SAB), separated by commas [default: all]
    #[arg(long, value_name = "SOURCES", value_delimiter = ',')]
    pub sources: Vec<String>,
    /// Link every mention as it is written, and leave out no words such as "h/o", "no" or "500 mg"
    #[arg(long)]
    pub no_readings: bool,
    /// Repair no misspelled words
    #[arg(long)]
    pub no_spelling: bool,
    /// Say for each candidate how its probability came about; lines of JSON only
    #[arg(long)]
    pub explain: bool,
    /// Maximum length of a mention in UTF-8
    #[arg(long, value_name = "SIZE", default_value = "1000", value_parser = size)]
    pub max_mention_bytes: ByteSize,
    /// Directory of the index
    #[arg(long, value_name = "DIR", env = "SAPLINK_INDEX", default_value = "index/starter")]
    pub index: PathBuf,
    /// Directory of the model, which must be the model of the index [default: models/NAME, where
    /// NAME is the model of the index]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// File of more words that are spelled correctly, one per line; like the words of saplink and
    /// of the model's tokenizer, they are never repaired [default: none]
    #[arg(long, value_name = "FILE", env = "SAPLINK_LEXICON")]
    pub lexicon: Option<PathBuf>,
    /// Memory for the vectors of recent mentions; 0 turns the cache off
    #[arg(long, value_name = "SIZE", env = "SAPLINK_CACHE", default_value = "64MiB")]
    pub cache: ByteSize,
    /// How the model is run.
    #[command(flatten)]
    pub run: InferenceArgs,
}
