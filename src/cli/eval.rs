//! Arguments of `saplink eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{shared::InferenceArgs, values::share},
    eval::{CometaColumn, SearchMode, Similarity},
};

/// The text after the options in `saplink eval --help`.
const FORMATS: &str = "\
Formats of --mentions, recognized by the first line of a file; files may end in .gz:
  MENTION<tab>IDS                          ids are joined by |; NIL marks a mention without a concept
  ID||MENTION[||CONTEXT]                   SapBERT's evaluation, XL-BEL
  PMID||START|END||TYPE||MENTION||ID       BioSyn (NCBI-disease, BC5CDR): a directory of *.concept files, or one of them
  ID<tab>LABEL<tab>MENTION                 AskAPatient
  a table with the columns Term and General SNOMED ID or Specific SNOMED ID     COMETA
  PMID|t|.., PMID|a|.., and rows of six columns                                 PubTator (MedMentions, BC5CDR)

Formats of --dictionary: ID||NAME, IDS<tab>NAME, or a tab-separated table with the columns cui, name and optionally semantic_type";

/// Arguments of `eval`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = FORMATS)]
pub struct EvalArgs {
    /// `eval compare` or `eval trust`; without it mentions are linked and measured.
    #[command(subcommand)]
    pub command: Option<EvalCommand>,
    /// Arguments of a measurement.
    #[command(flatten)]
    pub measure: EvalMeasureArgs,
}

/// The subcommands of `saplink eval`.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Compare two reports of the same mentions, mention by mention
    Compare(CompareArgs),
    /// Measure how far the answers of an index can be trusted
    Trust(Box<TrustArgs>),
}

/// Arguments of `eval compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Report that `saplink eval --json` wrote
    #[arg(value_name = "A.json")]
    pub first: PathBuf,
    /// Report to compare with it
    #[arg(value_name = "B.json")]
    pub second: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The text after the options in `saplink eval trust --help`.
const LISTS: &str = "\
Formats of the lists; files may end in .gz:
  --words      MENTION
  --terms      MENTION<tab>ANYTHING        a term is left out if the index has a concept id of the second column
  --known      MENTION<tab>IDS             ids are joined by |; a mention is left out if the index has none of them
  --opposites  MENTION<tab>IDS             as --known";

/// Arguments of `eval trust`.
#[derive(Debug, Args)]
#[command(after_help = LISTS)]
pub struct TrustArgs {
    /// Index to measure; it must be calibrated
    #[arg(long, value_name = "DIR")]
    pub index: PathBuf,
    /// Everyday words, which must not be linked
    #[arg(long, value_name = "FILE")]
    pub words: PathBuf,
    /// Medical terms whose concept the index does not have, which must not be linked
    #[arg(long, value_name = "FILE")]
    pub terms: PathBuf,
    /// Mentions of concepts of the index
    #[arg(long, value_name = "FILE")]
    pub known: PathBuf,
    /// Mentions with a concept that they must not be linked to, such as their opposite
    #[arg(long, value_name = "FILE")]
    pub opposites: Option<PathBuf>,
    /// Directory of the model [default: models/NAME, where NAME is the model of the index]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// Number of wrong answers of each list that the reports quote; with 0 they quote no mention
    #[arg(long, value_name = "N", default_value = "0")]
    pub examples: usize,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Replace the files of --json and --html if they exist
    #[arg(long)]
    pub force: bool,
    /// How the model is run.
    #[command(flatten)]
    pub run: InferenceArgs,
}

/// The labeled mentions to read.
#[derive(Debug, Args)]
pub struct MentionArgs {
    /// Labeled mentions: a file, or a directory in BioSyn's format. Several files are folds, and
    /// the report has the mean over the folds
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub mentions: Vec<PathBuf>,
    /// Column of a COMETA file with the gold ids
    #[arg(long, value_enum, default_value = "general")]
    pub cometa: CometaColumn,
    /// File of document ids, one per line: only these documents of a PubTator file are read, such
    /// as those of corpus_pubtator_pmids_test.txt of MedMentions [default: all]
    #[arg(long, value_name = "FILE")]
    pub documents: Option<PathBuf>,
}

/// Arguments of a measurement, and of a calibration.
#[derive(Debug, Args)]
pub struct EvalMeasureArgs {
    /// The labeled mentions.
    #[command(flatten)]
    pub mentions: MentionArgs,
    /// File of the names to search; give --dictionary or --index
    #[arg(long, value_name = "FILE", conflicts_with = "index", required_unless_present = "index")]
    pub dictionary: Option<PathBuf>,
    /// Index to search instead of a dictionary; the linker of the service is measured too
    #[arg(long, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Directory of the model [default: models/NAME, where NAME is the model of the index; with
    /// --dictionary the included model]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// exact compares mentions with every name; index also searches the graph and reports its
    /// recall
    #[arg(long, value_enum, default_value = "exact")]
    pub against: SearchMode,
    /// How vectors are compared; SapBERT's published figures use dot, the inner product
    #[arg(long, value_enum, default_value = "cosine")]
    pub score: Similarity,
    /// Leave out mentions whose gold concept the dictionary does not have
    #[arg(long)]
    pub covered: bool,
    /// Do not measure the baselines: string equality and character n-grams
    #[arg(long)]
    pub no_baselines: bool,
    /// Number of candidates that a search of a dictionary's graph looks at; an index has its own
    #[arg(long, value_name = "N", default_value = "128", value_parser = clap::value_parser!(u16).range(20..=4096))]
    pub ef_search: u16,
    /// Number of errors of each kind that the reports quote; with 0 the reports quote no mention
    #[arg(long, value_name = "N", default_value = "20")]
    pub examples: usize,
    /// Write the report as JSON, for `eval compare` and other programs; with --calibrate the
    /// calibration and its figures
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Replace the files of --json, --html and --out if they exist
    #[arg(long)]
    pub force: bool,
    /// Seed of the bootstrap samples
    #[arg(long, value_name = "N", default_value = "42")]
    pub seed: u64,
    /// Calibration instead of a measurement.
    #[command(flatten)]
    pub calibrate: CalibrateArgs,
    /// How the model is run.
    #[command(flatten)]
    pub run: InferenceArgs,
}

/// Arguments of a calibration.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Fit probabilities and the NIL threshold to the mentions, and write both into the manifest of
    /// --index
    #[arg(long, requires = "index", conflicts_with_all = ["dictionary", "covered"], help_heading = "Calibration")]
    pub calibrate: bool,
    /// Lowest share of links that are right; the NIL threshold follows from it [default: the
    /// threshold that gives the most right answers]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "calibrate", help_heading = "Calibration")]
    pub precision: Option<f64>,
    /// Fit to fewer than 200 labeled mentions; such probabilities are rough
    #[arg(long, requires = "calibrate", help_heading = "Calibration")]
    pub few_mentions: bool,
    /// Write the calibration into this file instead of the manifest of --index; a model directory
    /// may have it as calibration.json
    #[arg(long, value_name = "FILE", requires = "calibrate", conflicts_with = "dry_run", help_heading = "Calibration")]
    pub out: Option<PathBuf>,
    /// Expected share of mentions in use whose concept the index does not have
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = share, requires = "calibrate", help_heading = "Calibration")]
    pub nil_share: f64,
    /// Measure only; do not change the manifest
    #[arg(long, requires = "calibrate", help_heading = "Calibration")]
    pub dry_run: bool,
}
