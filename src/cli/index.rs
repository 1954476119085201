//! Arguments of `saplink index`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Subcommand};

use crate::{
    ann::{GraphParameters, VectorPrecision},
    cli::{
        shared::{EMBEDDED_MODEL, InferenceArgs, InfoArgs},
        terminologies::{SelectionArgs, TerminologyArgs},
        values::{cosine, positive, share},
    },
    index::SearchTarget,
};

/// The subcommands of `saplink index`.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Read at least one terminology, embed its names and build an index
    Build(Box<IndexBuildArgs>),
    /// Check an index and print its properties
    Info(InfoArgs),
    /// Compare every file of an index with its checksum
    Verify(IndexVerifyArgs),
    /// Measure the recall of searches of an index, choose ef_search by it, and write both into the
    /// manifest
    Recall(IndexRecallArgs),
    /// Build a graph over vectors and measure the speed and the recall of its searches
    Bench(IndexBenchArgs),
}

/// Arguments of `index build`.
#[derive(Debug, Args)]
pub struct IndexBuildArgs {
    /// The terminologies to read.
    #[command(flatten)]
    pub inputs: TerminologyArgs,
    /// The names to take from them.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Directory to write; its last component is the name of the index. Required without --dry-run
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,
    /// Read and merge the terminologies, print what the index would contain, and write nothing but
    /// temporary files in TMPDIR, which take about as much space as the terminologies
    #[arg(long, conflicts_with_all = ["out", "force"])]
    pub dry_run: bool,
    /// Directory of the model
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL", default_value = EMBEDDED_MODEL)]
    pub model: PathBuf,
    /// Replace the directory if it exists; an empty one is used without it
    #[arg(long)]
    pub force: bool,
    /// The vectors and the graph.
    #[command(flatten)]
    pub graph: GraphArgs,
    /// The choice of `ef_search`.
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Add the terminologies to the index in --out; only new names are embedded. The selection is
    /// that of the index, and so are precision and graph parameters that are not given
    #[arg(long, conflicts_with_all = ["dry_run", "languages", "sources", "semantic_types", "semantic_groups", "include_suppressed", "numeric_names", "max_names_per_concept"])]
    pub add: bool,
    /// Continue a build of --out that was interrupted: names that it embedded are not embedded
    /// again. The other options must be the same
    #[arg(long, conflicts_with = "dry_run")]
    pub resume: bool,
    /// Memory for the build, without the model. The graph takes about 190 bytes per name; reading
    /// and merging take a quarter of SIZE, but at least 150 MB
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub memory: ByteSize,
    /// NIL threshold: the answer is NIL if the score of the best candidate is lower; leaves out the
    /// general calibration of the model [default: 0.65 if the model has no calibration]
    #[arg(long, value_name = "SCORE", value_parser = cosine, allow_negative_numbers = true)]
    pub nil_threshold: Option<f32>,
    /// How the model is run.
    #[command(flatten)]
    pub run: InferenceArgs,
}

/// Arguments of `index verify`.
#[derive(Debug, Args)]
pub struct IndexVerifyArgs {
    /// Directory of the index
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Arguments of `index recall`.
#[derive(Debug, Args)]
pub struct IndexRecallArgs {
    /// Directory of the index
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Directory of the model [default: models/NAME, where NAME is the model of the index]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// Mentions to search for, one per line [default: names of the index, changed: two letters
    /// exchanged, or a word removed or replaced by one of another name]
    #[arg(long, value_name = "FILE")]
    pub mentions: Option<PathBuf>,
    /// Number of changed names to search for
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive, conflicts_with = "mentions")]
    pub sample: usize,
    /// The choice of `ef_search`.
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Measure only; do not change the manifest
    #[arg(long)]
    pub dry_run: bool,
    /// How the model is run.
    #[command(flatten)]
    pub run: InferenceArgs,
}

/// How `ef_search` is chosen.
#[derive(Clone, Copy, Debug, Args)]
pub struct TuningArgs {
    /// Recall at 1 and at 10 that searches must reach; the smallest ef_search that reaches it is
    /// taken
    #[arg(long, value_name = "SHARE", default_value = "0.99", value_parser = share)]
    pub target_recall: f64,
    /// Number of candidates that a search looks at, instead of the number that --target-recall
    /// needs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), conflicts_with = "target_recall")]
    pub ef_search: Option<u16>,
}

impl TuningArgs {
    /// `--ef-search` if it is given, else the target recall.
    pub fn wanted(&self) -> SearchTarget {
        self.ef_search.map_or(SearchTarget::Recall(self.target_recall), |ef| SearchTarget::EfSearch(ef.into()))
    }
}

/// How vectors are stored and how their graph is built.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct GraphArgs {
    /// Number of neighbors of a row in the graph (M) [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=128))]
    pub m: Option<u16>,
    /// Number of candidates that the builder of the graph looks at for each row [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=4096))]
    pub ef_construction: Option<u16>,
    /// Precision of the stored vectors: the error of int16 does not show in results; int8 takes
    /// half the space and changes a cosine by about 3e-4 [default: int16]
    #[arg(long, value_enum)]
    pub vectors_as: Option<VectorPrecision>,
}

impl GraphArgs {
    /// The given options; for the others the parameters of the old index, else the defaults.
    ///
    /// `ef_search` is 1 until it is tuned.
    pub fn parameters(&self, old: Option<GraphParameters>) -> GraphParameters {
        let choose =
            |given: Option<u16>, old: Option<usize>, default| given.map(usize::from).or(old).unwrap_or(default);
        GraphParameters {
            m: choose(self.m, old.map(|old| old.m), 16),
            ef_construction: choose(self.ef_construction, old.map(|old| old.ef_construction), 200),
            ef_search: 1,
            repaired: 0,
        }
    }

    /// The given precision, else that of the old index, else int16.
    pub fn precision(&self, old: Option<VectorPrecision>) -> VectorPrecision {
        self.vectors_as.or(old).unwrap_or(VectorPrecision::Int16)
    }
}

/// Arguments of `index bench`.
#[derive(Debug, Args)]
pub struct IndexBenchArgs {
    /// Vectors to take: a matrix of float32 in NumPy's format (.npy)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["index", "dimensions"])]
    pub vectors: Option<PathBuf>,
    /// Index to generate vectors from: each lies between two neighboring names of it
    #[arg(long, value_name = "DIR", default_value = "index/starter")]
    pub index: PathBuf,
    /// Number of rows of the graph [default: all rows of FILE but the queries, or 200000]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rows: Option<usize>,
    /// Length of the generated vectors [default: that of the vectors of the index]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub dimensions: Option<usize>,
    /// Number of vectors to search for; none of them is a row of the graph
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
    pub queries: usize,
    /// The vectors and the graph.
    #[command(flatten)]
    pub graph: GraphArgs,
    /// Measure hnsw_rs too: its own search of its own graph over float32, and saplink's search of
    /// that graph
    #[arg(long)]
    pub baseline: bool,
    /// Directory for the vectors, the queries, the true neighbors and the report, so that other
    /// programs can use them [default: nothing is written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
