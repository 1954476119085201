//! What `saplink serve`, `health` and `link` take.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use bytesize::ByteSize;
use clap::{Args, builder::BoolishValueParser};

#[cfg(feature = "otlp")]
use crate::cli::values::collector;
use crate::cli::{
    RunArgs,
    values::{cosine, positive},
};
use crate::telemetry::{LogFormat, LogLevel};

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", env = "SAPLINK_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Tokens that requests are to carry, one a line of FILE, `admin` before one that may administer; read again at SIGHUP
    #[arg(long, value_name = "FILE", env = "SAPLINK_TOKENS")]
    pub tokens: Option<PathBuf>,
    /// Requests a second with a token; more are answered 429
    #[arg(long, value_name = "N", env = "SAPLINK_RATE_LIMIT", requires = "tokens")]
    pub rate_limit: Option<NonZeroU32>,
    /// Certificate to serve HTTPS with, PEM, with those that lead to its authority after it; read again at SIGHUP
    #[arg(long, value_name = "FILE", env = "SAPLINK_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", env = "SAPLINK_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve other machines without tokens
    #[arg(long, env = "SAPLINK_INSECURE", value_parser = BoolishValueParser::new(), conflicts_with = "tokens")]
    pub insecure: bool,
    /// Directory of the index
    #[arg(long, value_name = "DIR", env = "SAPLINK_INDEX", default_value = "index/starter")]
    pub index: PathBuf,
    /// Directory of the model [default: models/NAME, NAME being what the index asks for]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
    /// Requests at work or waiting; one more is answered 429
    #[arg(long, value_name = "N", env = "SAPLINK_QUEUE", default_value = "64", value_parser = positive)]
    pub queue: usize,
    /// Memory for vectors of mentions that were linked lately; 0 remembers none. It holds token ids, never leaves memory
    #[arg(long, value_name = "SIZE", env = "SAPLINK_CACHE", default_value = "64MiB")]
    pub cache: ByteSize,
    /// Connections at once; one more waits until another ends
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_CONNECTIONS", default_value = "1024", value_parser = positive)]
    pub max_connections: usize,
    /// Seconds that a connection may be silent, and that it may take to send a request's head
    #[arg(long, value_name = "SECONDS", env = "SAPLINK_IDLE_TIMEOUT", default_value = "30", value_parser = positive)]
    pub idle_timeout: usize,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", env = "SAPLINK_REQUEST_TIMEOUT", default_value = "30", value_parser = positive)]
    pub request_timeout: usize,
    /// Seconds that accepted requests are given to finish after SIGTERM
    #[arg(long, value_name = "SECONDS", env = "SAPLINK_DRAIN_TIMEOUT", default_value = "30", value_parser = positive)]
    pub drain_timeout: usize,
    /// Bytes of a request's body
    #[arg(long, value_name = "BYTES", env = "SAPLINK_MAX_BODY_BYTES", default_value = "2097152", value_parser = positive)]
    pub max_body_bytes: usize,
    /// Mentions of a request
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_MENTIONS", default_value = "1000", value_parser = positive)]
    pub max_mentions: usize,
    /// Bytes of a mention
    #[arg(long, value_name = "BYTES", env = "SAPLINK_MAX_MENTION_BYTES", default_value = "1000", value_parser = positive)]
    pub max_mention_bytes: usize,
    /// Candidates of a mention
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_TOP_K", default_value = "100", value_parser = positive)]
    pub max_top_k: usize,
    /// Candidates of a request: what its mentions' top_k may add up to
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_CANDIDATES", default_value = "20000", value_parser = positive)]
    pub max_candidates: usize,
    /// Compare mentions with every name instead of searching the graph: slower, and nothing is missed
    #[arg(long, env = "SAPLINK_EXACT", value_parser = BoolishValueParser::new())]
    pub exact: bool,
    /// Source vocabularies of which nothing is shown, separated by commas
    #[arg(long, value_name = "SOURCES", env = "SAPLINK_HIDE_SOURCES", value_delimiter = ',')]
    pub hide_sources: Vec<String>,
    /// Highest UMLS restriction level of the source vocabularies that are shown [default: all are]
    #[arg(long, value_name = "LEVEL", env = "SAPLINK_MAX_RESTRICTION_LEVEL", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub max_restriction_level: Option<u8>,
    /// How much is logged
    #[arg(long, value_enum, env = "SAPLINK_LOG_LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// How it is written
    #[arg(long, value_enum, env = "SAPLINK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Send a span of each request to the OpenTelemetry collector at URL (OTLP over HTTP, at v1/traces)
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL", env = "SAPLINK_OTLP_ENDPOINT", value_parser = collector)]
    pub otlp_endpoint: Option<String>,
}

#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Address and port that the service listens on
    #[arg(long, value_name = "ADDRESS", env = "SAPLINK_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Certificate that it serves HTTPS with
    #[arg(long, value_name = "FILE", env = "SAPLINK_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct LinkArgs {
    /// Mentions: .ndjson or .jsonl (a string or an object a line, as in `mentions` of POST /link), .csv or .tsv with a header, each with .gz or not,
    /// or .parquet
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Answers, in a format that may be another: lines of JSON as POST /link answers them, or a row for each candidate
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Column with the mentions [default: mention, or else text]
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Column with their ids [default: id, if there is one]
    #[arg(long, value_name = "NAME")]
    pub id_column: Option<String>,
    /// Go on with what was interrupted; input, index, model and options are to be the same
    #[arg(long)]
    pub resume: bool,
    /// Replace the output if it is there
    #[arg(long)]
    pub force: bool,
    /// Candidates of a mention [default: 5]
    #[arg(long, value_name = "N")]
    pub top_k: Option<usize>,
    /// Leave out candidates below this score
    #[arg(long, value_name = "SCORE", value_parser = cosine)]
    pub min_score: Option<f32>,
    /// Only concepts of these semantic types (TUIs), separated by commas
    #[arg(long, value_name = "TUIS", value_delimiter = ',')]
    pub semantic_types: Vec<String>,
    /// Only concepts of these semantic groups, separated by commas
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub semantic_groups: Vec<String>,
    /// Only names from these source vocabularies, separated by commas
    #[arg(long, value_name = "SOURCES", value_delimiter = ',')]
    pub sources: Vec<String>,
    /// Bytes of a mention
    #[arg(long, value_name = "BYTES", default_value = "1000", value_parser = positive)]
    pub max_mention_bytes: usize,
    /// Directory of the index
    #[arg(long, value_name = "DIR", env = "SAPLINK_INDEX", default_value = "index/starter")]
    pub index: PathBuf,
    /// Directory of the model [default: models/NAME, NAME being what the index asks for]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// Memory for vectors of mentions that were linked lately; 0 remembers none
    #[arg(long, value_name = "SIZE", env = "SAPLINK_CACHE", default_value = "64MiB")]
    pub cache: ByteSize,
    #[command(flatten)]
    pub run: RunArgs,
}
