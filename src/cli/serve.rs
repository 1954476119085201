//! Arguments of `saplink serve` and `saplink health`.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use bytesize::ByteSize;
use clap::{Args, builder::BoolishValueParser};

#[cfg(feature = "otlp")]
use crate::cli::values::collector;
use crate::{
    cli::{
        shared::InferenceArgs,
        values::{address, base_path, host_name, positive, size},
    },
    telemetry::{LogFormat, LogLevel},
};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address or name, and port to listen on
    #[arg(long, value_name = "ADDRESS", env = "SAPLINK_LISTEN", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,
    /// Host names by which clients address the service, separated by commas; a request with another
    /// `Host` or `Origin` is refused. A service on a loopback address also has the names of this
    /// machine [default: any name, on a loopback address only those of this machine]
    #[arg(long, value_name = "NAMES", env = "SAPLINK_ALLOWED_HOSTS", value_delimiter = ',', value_parser = host_name)]
    pub allowed_hosts: Vec<String>,
    /// Path below which a reverse proxy publishes the service, such as /saplink; the proxy may
    /// remove it or pass it on
    #[arg(long, value_name = "PATH", env = "SAPLINK_BASE_PATH", default_value = "/", value_parser = base_path)]
    pub base_path: String,
    /// File of the bearer tokens that clients must send, one per line, at least 16 characters each;
    /// `admin TOKEN` may also use /admin/. Read again at SIGHUP. Required to listen on an address
    /// that other machines reach, unless --insecure is given
    #[arg(long, value_name = "FILE", env = "SAPLINK_TOKENS")]
    pub tokens: Option<PathBuf>,
    /// Maximum number of requests per second with the same token; further requests are answered
    /// with 429 [default: no limit]
    #[arg(long, value_name = "N", env = "SAPLINK_RATE_LIMIT", requires = "tokens")]
    pub rate_limit: Option<NonZeroU32>,
    /// Certificate for HTTPS in PEM, followed by the certificates of its chain; read again at
    /// SIGHUP [default: plain HTTP]
    #[arg(long, value_name = "FILE", env = "SAPLINK_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", env = "SAPLINK_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Allow an address that other machines reach without --tokens
    #[arg(long, env = "SAPLINK_INSECURE", value_parser = BoolishValueParser::new(), conflicts_with = "tokens")]
    pub insecure: bool,
    /// Directory of the index
    #[arg(long, value_name = "DIR", env = "SAPLINK_INDEX", default_value = "index/starter")]
    pub index: PathBuf,
    /// Directory of the model, which must be the model of the index [default: models/NAME, where
    /// NAME is the model of the index]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// File of more words that are spelled correctly, one per line; like the words of saplink and
    /// of the model's tokenizer, they are never repaired. Read again at a reload [default: none]
    #[arg(long, value_name = "FILE", env = "SAPLINK_LEXICON")]
    pub lexicon: Option<PathBuf>,
    /// How the model is run.
    #[command(flatten)]
    pub run: InferenceArgs,
    /// Maximum number of requests that run or wait; a further request is answered with 429
    #[arg(long, value_name = "N", env = "SAPLINK_QUEUE", default_value = "64", value_parser = positive)]
    pub queue: usize,
    /// Memory for the vectors of recent mentions; 0 turns the cache off. It holds token ids and
    /// vectors and is never written to disk
    #[arg(long, value_name = "SIZE", env = "SAPLINK_CACHE", default_value = "64MiB")]
    pub cache: ByteSize,
    /// Maximum number of connections; on a further connection only /healthz and /readyz are
    /// answered
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_CONNECTIONS", default_value = "1024", value_parser = positive)]
    pub max_connections: usize,
    /// Seconds after which an idle connection is closed; also the time limit for the head of a
    /// request, for the next line of a stream, and for a client that takes no answer
    #[arg(long, value_name = "SECONDS", env = "SAPLINK_IDLE_TIMEOUT", default_value = "30", value_parser = positive)]
    pub idle_timeout: usize,
    /// Time limit of a request in seconds
    #[arg(long, value_name = "SECONDS", env = "SAPLINK_REQUEST_TIMEOUT", default_value = "30", value_parser = positive)]
    pub request_timeout: usize,
    /// Seconds that accepted requests have to finish after SIGTERM
    #[arg(long, value_name = "SECONDS", env = "SAPLINK_DRAIN_TIMEOUT", default_value = "30", value_parser = positive)]
    pub drain_timeout: usize,
    /// Maximum size of the body of a request, after decompression
    #[arg(long, value_name = "SIZE", env = "SAPLINK_MAX_BODY_BYTES", default_value = "2MiB", value_parser = size)]
    pub max_body_bytes: ByteSize,
    /// Maximum number of mentions of a request
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_MENTIONS", default_value = "1000", value_parser = positive)]
    pub max_mentions: usize,
    /// Maximum length of a mention in UTF-8
    #[arg(long, value_name = "SIZE", env = "SAPLINK_MAX_MENTION_BYTES", default_value = "1000", value_parser = size)]
    pub max_mention_bytes: ByteSize,
    /// Maximum value of top_k, the number of candidates of a mention
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_TOP_K", default_value = "100", value_parser = positive)]
    pub max_top_k: usize,
    /// Maximum sum of top_k over the mentions of a request
    #[arg(long, value_name = "N", env = "SAPLINK_MAX_CANDIDATES", default_value = "20000", value_parser = positive)]
    pub max_candidates: usize,
    /// Compare mentions with every name instead of searching the graph; slower, with a recall of 1
    #[arg(long, env = "SAPLINK_EXACT", value_parser = BoolishValueParser::new())]
    pub exact: bool,
    /// Source vocabularies (SAB) to hide from all clients, separated by commas [default: none]
    #[arg(long, value_name = "SOURCES", env = "SAPLINK_HIDE_SOURCES", value_delimiter = ',')]
    pub hide_sources: Vec<String>,
    /// Hide source vocabularies with a higher UMLS restriction level; a source of unknown level is
    /// not hidden [default: no limit]
    #[arg(long, value_name = "LEVEL", env = "SAPLINK_MAX_RESTRICTION_LEVEL", value_parser = clap::value_parser!(u8).range(0..=9))]
    pub max_restriction_level: Option<u8>,
    /// Least severe level that is logged
    #[arg(long, value_enum, env = "SAPLINK_LOG_LEVEL", default_value = "info")]
    pub log_level: LogLevel,
    /// Format of the log: lines of text, or of JSON
    #[arg(long, value_enum, env = "SAPLINK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Send a span of each request to the OpenTelemetry collector at URL (OTLP over HTTP, path
    /// v1/traces)
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL", env = "SAPLINK_OTLP_ENDPOINT", value_parser = collector)]
    pub otlp_endpoint: Option<String>,
}

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Address or name, and port that the service listens on
    #[arg(long, value_name = "ADDRESS", env = "SAPLINK_LISTEN", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,
    /// Certificate of the service; needed if it speaks HTTPS, and trusted for any host name
    #[arg(long, value_name = "FILE", env = "SAPLINK_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
}
