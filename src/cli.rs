//! The command line. Only here is the environment read.

mod eval;
mod serve;
mod train;
mod values;

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, builder::Resettable};

use crate::cli::values::{cosine, positive, semantic_group, semantic_type, share, workers};
pub use crate::cli::{
    eval::{AgainstArg, CalibrateArgs, CompareArgs, EvalArgs, EvalCommand, EvalRunArgs, MentionArgs},
    serve::{HealthArgs, LinkArgs, ServeArgs},
    train::{TrainCommand, TrainPairsArgs, TrainRunArgs},
};
use crate::{
    ann::{GraphParameters, VectorPrecision},
    bert::{Pooling, Precision},
    encoder::Device,
    index::SearchTarget,
    terminology::BadRows,
};

/// Directory of the model that comes with saplink.
pub const EMBEDDED_MODEL: &str = "models/saplink-mini";

/// The command line that this process was started with; ends it when it is wrong. A variable of the environment that is empty, as
/// compose files leave it, counts as not set.
pub fn parse() -> Cli {
    let matches = without_empty_variables(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let arg = |arg: Arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg };
    command.mut_args(arg).mut_subcommands(without_empty_variables)
}

/// Links medical mentions to UMLS concepts with SapBERT embeddings.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve linking, concepts and codes over HTTP
    Serve(Box<ServeArgs>),
    /// Link the mentions of a file, as the service would
    Link(Box<LinkArgs>),
    /// Say whether the service on this machine is ready
    Health(HealthArgs),
    /// Build and inspect indexes of concept names
    #[command(subcommand)]
    Index(IndexCommand),
    /// Import and inspect models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Train a model on names of the same concept (SapBERT)
    #[command(subcommand)]
    Train(TrainCommand),
    /// Measure how well mentions are linked, compare two measurements, calibrate an index
    Eval(Box<EvalArgs>),
    /// Print the OpenAPI description of the service
    Openapi,
}

/// How a model is run.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// ONNX Runtime library [default: .onnxruntime/ here or above the executable, then the system's]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Where inference runs; auto takes CUDA where it works
    #[arg(long, value_enum, env = "SAPLINK_DEVICE", default_value = "auto")]
    pub device: DeviceArg,
    /// Copies of the model at work side by side [default: one a core, at most 4; 1 on CUDA]
    #[arg(long, value_name = "N", env = "SAPLINK_SESSIONS", value_parser = workers)]
    pub sessions: Option<usize>,
    /// Threads of each copy [default: cores / sessions]
    #[arg(long, value_name = "N", env = "SAPLINK_THREADS", value_parser = workers)]
    pub threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Embed the names of a vocabulary and build an index of them
    Build(Box<IndexBuildArgs>),
    /// Check an index and say what it holds
    Info(InfoArgs),
    /// Compare every file of an index with its checksum, whatever its size
    Verify(VerifyArgs),
    /// Measure what searches of an index find, choose ef_search by it, and write both into its manifest
    Recall(RecallArgs),
    /// Build a graph over vectors and measure how fast and how well it is searched
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub struct RecallArgs {
    /// The directory
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Directory of the model [default: models/NAME, NAME being what the index asks for]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// Mentions to measure with, one a line [default: names of the index with letters exchanged, a word missing or a word of another name]
    #[arg(long, value_name = "FILE")]
    pub mentions: Option<PathBuf>,
    /// How many names are taken
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive, conflicts_with = "mentions")]
    pub sample: usize,
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Leave the manifest as it is
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

/// What `ef_search` is chosen by.
#[derive(Clone, Copy, Debug, Args)]
pub struct TuningArgs {
    /// Recall, at 1 and at 10, that searches are to reach with as few candidates as possible
    #[arg(long, value_name = "SHARE", default_value = "0.99", value_parser = share)]
    pub target_recall: f64,
    /// Candidates looked at in a search, instead of as many as the recall takes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), conflicts_with = "target_recall")]
    pub ef_search: Option<u16>,
}

impl TuningArgs {
    /// The two as one.
    pub fn wanted(&self) -> SearchTarget {
        self.ef_search.map_or(SearchTarget::Recall(self.target_recall), |ef| SearchTarget::EfSearch(ef.into()))
    }
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Vectors to take: a matrix of float32 in NumPy's format
    #[arg(long, value_name = "FILE", conflicts_with_all = ["index", "dimensions"])]
    pub vectors: Option<PathBuf>,
    /// Index to make vectors from: each lies between names of it that are neighbors
    #[arg(long, value_name = "DIR", default_value = "index/starter")]
    pub index: PathBuf,
    /// Rows of the graph [default: all but the queries of FILE, or 200000]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rows: Option<usize>,
    /// Length of the vectors that are made [default: those of the index]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub dimensions: Option<usize>,
    /// Vectors that are searched for; none of them is a row
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
    pub queries: usize,
    #[command(flatten)]
    pub graph: GraphArgs,
    /// Measure hnsw_rs beside it: its own search of its own graph over float32, and this search of the same graph
    #[arg(long)]
    pub baseline: bool,
    /// Directory to leave the vectors, the queries, the truth and the report in, for other programs [default: nothing is left]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How vectors are kept and a graph of them is built.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct GraphArgs {
    /// Neighbors of a point in the graph (M) [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=128))]
    pub m: Option<u16>,
    /// Candidates looked at for each point while building [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=4096))]
    pub ef_construction: Option<u16>,
    /// What is kept of a vector: int16 loses nothing that shows, int8 takes half the room and loses some 3e-4 of a cosine [default: int16]
    #[arg(long, value_enum)]
    pub vectors_as: Option<VectorsArg>,
}

impl GraphArgs {
    /// What is said, else what an index has, else the defaults.
    pub fn parameters(&self, old: Option<GraphParameters>) -> GraphParameters {
        let said = |said: Option<u16>, old: Option<usize>, default| said.map(usize::from).or(old).unwrap_or(default);
        GraphParameters {
            m: said(self.m, old.map(|old| old.m), 16),
            ef_construction: said(self.ef_construction, old.map(|old| old.ef_construction), 200),
            ef_search: 1,
            repaired: 0,
        }
    }

    /// The same of what is kept of a vector.
    pub fn precision(&self, old: Option<VectorPrecision>) -> VectorPrecision {
        self.vectors_as.map(Into::into).or(old).unwrap_or(VectorPrecision::Int16)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VectorsArg {
    Int8,
    Int16,
}

impl From<VectorsArg> for VectorPrecision {
    fn from(precision: VectorsArg) -> Self {
        match precision {
            VectorsArg::Int8 => Self::Int8,
            VectorsArg::Int16 => Self::Int16,
        }
    }
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The directory
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct IndexBuildArgs {
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Directory to write; its last part is the index's name
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,
    /// Read and merge everything, say what an index would hold, and keep nothing; meanwhile that is in TMPDIR, as large as the terminologies
    #[arg(long, conflicts_with_all = ["out", "force"])]
    pub dry_run: bool,
    /// Directory of the model
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL", default_value = EMBEDDED_MODEL)]
    pub model: PathBuf,
    /// Replace the directory if it is there
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub graph: GraphArgs,
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Add to the index that is in --out, built as it was unless something else is said: only names that are new are embedded
    #[arg(long, conflicts_with_all = ["dry_run", "languages", "sources", "semantic_types", "semantic_groups", "include_suppressed", "max_names_per_concept"])]
    pub add: bool,
    /// Go on from the names that a build of --out which was ended had embedded; the other arguments are to be the same
    #[arg(long, conflicts_with = "dry_run")]
    pub resume: bool,
    /// Memory that building may take beside the model: the graph about 190 bytes a name; reading and merging a quarter of it, 150 MB at least
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub memory: ByteSize,
    /// Best scores below this are answered as NIL [default: 0.65, about right for the embedded model]
    #[arg(long, value_name = "SCORE", value_parser = cosine, allow_negative_numbers = true)]
    pub nil_threshold: Option<f32>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// Terminologies to read; one at least, each as often as wanted. Files that end in .gz are read as they are.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct InputArgs {
    /// Folder of a UMLS release: META with MRCONSO.RRF and MRSTY.RRF, and what else of it is there, plain, .gz or in parts
    #[arg(long, value_name = "DIR", help_heading = "Terminologies")]
    pub umls: Vec<PathBuf>,
    /// Ontology in OBO 1.2 or 1.4
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub obo: Vec<PathBuf>,
    /// Ontology in OBO Graph JSON
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub obograph: Vec<PathBuf>,
    /// Mappings of ids to CUIs (SSSOM), which ontologies read beside them are merged by
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub sssom: Vec<PathBuf>,
    /// Tab-separated names with a header: cui, name, and optionally semantic_type, source, source_code, term_type, language, definition, parents
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub tsv: Vec<PathBuf>,
    /// The same, separated by commas
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub csv: Vec<PathBuf>,
}

/// What is taken of them.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// Languages of names (LAT); preferred in this order; `all` stands for the others
    #[arg(long, value_name = "LAT,..", value_delimiter = ',', default_value = "ENG", help_heading = "Selection")]
    pub languages: Vec<String>,
    /// Source vocabularies (SAB) [default: all]
    #[arg(long, value_name = "SAB,..", value_delimiter = ',', help_heading = "Selection")]
    pub sources: Vec<String>,
    /// Only concepts of these semantic types (TUI) or groups [default: all]
    #[arg(long, value_name = "TUI,..", value_delimiter = ',', value_parser = semantic_type, help_heading = "Selection")]
    pub semantic_types: Vec<String>,
    /// Only concepts of these semantic groups or types [default: all]
    #[arg(long, value_name = "GROUP,..", value_delimiter = ',', value_parser = semantic_group, help_heading = "Selection")]
    pub semantic_groups: Vec<String>,
    /// Take suppressed names too
    #[arg(long, help_heading = "Selection")]
    pub include_suppressed: bool,
    /// Names of a concept, the preferred first [default: all]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Selection")]
    pub max_names_per_concept: Option<usize>,
    /// Scopes of an ontology's synonyms
    #[arg(
        long,
        value_name = "SCOPE,..",
        value_delimiter = ',',
        value_enum,
        default_value = "exact",
        help_heading = "Selection"
    )]
    pub synonym_scopes: Vec<ScopeArg>,
    /// Bad rows that a file may have: a number, or a share such as 0.1%
    #[arg(
        long,
        value_name = "N|N%",
        default_value = "0.1%",
        allow_negative_numbers = true,
        help_heading = "Selection"
    )]
    pub max_bad_rows: BadRows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    Exact,
    Broad,
    Narrow,
    Related,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Turn a Hugging Face BERT checkpoint, or an exported model.onnx, into a model directory
    Import(ModelImportArgs),
    /// Check a model and say what it is
    Info(InfoArgs),
}

#[derive(Debug, Args)]
pub struct ModelImportArgs {
    /// Directory as downloaded: config.json, vocab.txt or tokenizer.json, model.safetensors or pytorch_model.bin
    #[arg(value_name = "DIR")]
    pub from: PathBuf,
    /// Directory to write; its last part is the model's name
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How token vectors become one: cls for SapBERT, mean for its mean-token variant and sentence-transformers
    #[arg(long, value_enum, default_value = "cls")]
    pub pooling: PoolingArg,
    /// fp32 is the reference, int8 for CPUs, fp16 for GPUs
    #[arg(long, value_enum, default_value = "fp32")]
    pub precision: PrecisionArg,
    /// Tokens of a text that are read, with [CLS] and [SEP]
    #[arg(long, value_name = "N", default_value = "25", value_parser = positive)]
    pub max_tokens: usize,
    /// Replace the directory if it is there
    #[arg(long)]
    pub force: bool,
    /// ONNX Runtime library [default: .onnxruntime/ here or above the executable, then the system's]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    pub onnxruntime: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InfoArgs {
    /// The directory
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Print the manifest as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DeviceArg {
    Auto,
    Cpu,
    Cuda,
}

impl From<DeviceArg> for Device {
    fn from(device: DeviceArg) -> Self {
        match device {
            DeviceArg::Auto => Self::Auto,
            DeviceArg::Cpu => Self::Cpu,
            DeviceArg::Cuda => Self::Cuda,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PoolingArg {
    Cls,
    Mean,
}

impl From<PoolingArg> for Pooling {
    fn from(pooling: PoolingArg) -> Self {
        match pooling {
            PoolingArg::Cls => Self::Cls,
            PoolingArg::Mean => Self::Mean,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PrecisionArg {
    Fp32,
    Int8,
    Fp16,
}

impl From<PrecisionArg> for Precision {
    fn from(precision: PrecisionArg) -> Self {
        match precision {
            PrecisionArg::Fp32 => Self::Fp32,
            PrecisionArg::Int8 => Self::Int8,
            PrecisionArg::Fp16 => Self::Fp16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
