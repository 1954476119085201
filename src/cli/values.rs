//! Parsers of single values of the command line.
//!
//! Every parser answers a wrong value with the values that it accepts. Enums of other modules get
//! their names here, so that those modules do not depend on clap.

use std::net::{SocketAddr, ToSocketAddrs};

use bytesize::ByteSize;
use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    ann::VectorPrecision,
    bert::{Pooling, Precision},
    corpus::CorpusFormat,
    domain,
    encoder::Device,
    eval::{CometaColumn, SearchMode, Similarity},
    terminology::{MergeOn, Scope},
    train::{Arithmetic, Decay, LossName},
};

/// Implements [`ValueEnum`] for enums of other modules: `Type: Variant = "value", ..;`.
macro_rules! value_enums {
    ($($type:ty: $($variant:ident = $name:literal),+;)+) => {$(
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(match self {
                    $(Self::$variant => $name),+
                }))
            }
        }
    )+};
}

value_enums! {
    CorpusFormat: Ndjson = "ndjson", Csv = "csv", Tsv = "tsv", Parquet = "parquet";
    Device: Auto = "auto", Cpu = "cpu", Cuda = "cuda";
    Pooling: Cls = "cls", Mean = "mean";
    Precision: Fp32 = "fp32", Int8 = "int8", Fp16 = "fp16";
    VectorPrecision: Int8 = "int8", Int16 = "int16";
    MergeOn: Equivalent = "equivalent", Unqualified = "unqualified";
    Scope: Exact = "exact", Broad = "broad", Narrow = "narrow", Related = "related";
    SearchMode: Exact = "exact", Graph = "index";
    Similarity: Cosine = "cosine", Dot = "dot";
    CometaColumn: General = "general", Specific = "specific";
    LossName: MultiSimilarity = "multi-similarity", Circle = "circle", InfoNce = "info-nce", Triplet = "triplet";
    Decay: Constant = "constant", Linear = "linear", Cosine = "cosine";
    Arithmetic: Fp32 = "fp32", Fp16 = "fp16";
}

/// Upper bound of every count on the command line.
const MAX_COUNT: usize = 1_000_000_000;

pub(super) fn positive(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|n| (1..=MAX_COUNT).contains(n));
    count.ok_or_else(|| format!("must be between 1 and {MAX_COUNT}"))
}

/// A size of at least one byte: a number of bytes, or a number with a unit.
pub(super) fn size(text: &str) -> Result<ByteSize, String> {
    let size = text.parse().ok().filter(|size: &ByteSize| (1..=MAX_COUNT as u64).contains(&size.as_u64()));
    size.ok_or_else(|| format!("must be a size such as 1000, 64KiB or 2MiB, at most {MAX_COUNT} bytes"))
}

/// An address with a port. A name such as `localhost` stands for its first IPv4 address, else its
/// first address.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong =
        |reason: &str| format!("{reason}; write an address and a port such as 127.0.0.1:8080 or localhost:8080");
    if !text.contains(':') {
        return Err(wrong("it has no port"));
    }
    let addresses: Vec<SocketAddr> = text.to_socket_addrs().map_err(|_| wrong("no such address"))?.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| wrong("no such address"))
}

/// A host name or address without a port.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let has_port = text.contains(':') && !text.starts_with('[');
    let is_name = text.bytes().all(is_part) && !has_port;
    // Compose files may assemble a list with empty entries.
    is_name.then(|| text.to_owned()).ok_or_else(|| "must be names such as saplink.example, without port".into())
}

/// A path without a slash at its end, so that `/` is empty.
pub(super) fn base_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let is_path = (path.is_empty() || path.starts_with('/')) && path.bytes().all(is_part) && !path.contains("//");
    is_path.then(|| path.to_owned()).ok_or_else(|| "must be a path such as /saplink".into())
}

/// A number of sessions or threads.
pub(super) fn workers(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| "must be between 1 and 1024".into())
}

/// The prefix of ids, as its vocabulary writes it.
pub(super) fn id_prefix(text: &str) -> Result<String, String> {
    let id = domain::curie::concept_id(&format!("{}:1", text.trim_end_matches(':'))).map(|id| id.into_owned());
    let prefix = id.and_then(|id| id.split_once(':').map(|(prefix, _)| prefix.to_owned()));
    prefix.ok_or_else(|| "must be a prefix of letters, digits, `_` and `.`, such as SCTID".into())
}

/// The TUIs of a list of semantic types. Commas separate the types, and names have commas, too.
#[derive(Clone, Debug)]
pub struct SemanticTypes(pub Vec<String>);

pub(super) fn semantic_types(list: &str) -> Result<SemanticTypes, String> {
    let tuis = domain::semantic_type::parse_list(list).map(|entry| entry.map(|known| known.tui.to_owned()).ok());
    let tuis = tuis.collect::<Option<Vec<_>>>().filter(|tuis| !tuis.is_empty());
    tuis.map(SemanticTypes).ok_or_else(|| "must be TUIs such as T047, or names of semantic types".into())
}

pub(super) fn semantic_group(text: &str) -> Result<String, String> {
    let found = domain::semantic_type::group(text.trim()).map(str::to_owned);
    found.ok_or_else(|| "must be groups such as DISO, or names of groups".into())
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s| (0.0..=1.0).contains(s)).ok_or_else(|| "must be between 0 and 1".into())
}

pub(super) fn cosine(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|s| (-1.0..=1.0).contains(s)).ok_or_else(|| "must be between -1 and 1".into())
}

/// A number of pairs in a training batch.
pub(super) fn batch(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|n| (2..=1 << 20).contains(n));
    size.ok_or_else(|| "must be between 2 and 1048576: the loss compares the pairs of a batch".into())
}

pub(super) fn rate(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|r: &f32| r.is_finite() && *r > 0.0).ok_or_else(|| "must be above 0".into())
}

/// The URL of a collector, without a slash at the end.
#[cfg(feature = "otlp")]
pub(super) fn collector(text: &str) -> Result<String, String> {
    let url = text.parse::<axum::http::Uri>().ok();
    let is_plain_http =
        url.is_some_and(|url| url.scheme_str() == Some("http") && url.host().is_some() && url.query().is_none());
    is_plain_http
        .then(|| text.trim_end_matches('/').to_owned())
        .ok_or_else(|| "must be a URL such as http://localhost:4318".into())
}
