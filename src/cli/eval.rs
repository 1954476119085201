//! Arguments of `saplink eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{RunArgs, values::share};
use crate::{
    eval::{Against, Cometa, Score},
    index::CalibrationMethod,
};

/// What is printed after the arguments.
const FORMATS: &str = "\
Mentions are read from these formats, told apart by what a file begins with; .gz files are read as they are:
  MENTION<tab>IDS                          ids are joined by |; NIL stands for a mention that no concept covers
  ID||MENTION[||CONTEXT]                   SapBERT's evaluation, XL-BEL
  PMID||START|END||TYPE||MENTION||ID       BioSyn (NCBI-disease, BC5CDR): a directory of *.concept files, or one of them
  ID<tab>LABEL<tab>MENTION                 AskAPatient
  a table with the columns Term and General SNOMED ID or Specific SNOMED ID     COMETA
  PMID|t|.., PMID|a|.., and rows of six columns                                 PubTator (MedMentions, BC5CDR)

Dictionaries: ID||NAME, IDS<tab>NAME, or a tab-separated table with the columns cui, name and optionally semantic_type";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = FORMATS)]
pub struct EvalArgs {
    #[command(subcommand)]
    pub command: Option<EvalCommand>,
    #[command(flatten)]
    pub run: EvalRunArgs,
}

#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Compare two reports of the same mentions, mention by mention
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Report that --json wrote
    #[arg(value_name = "A.json")]
    pub first: PathBuf,
    /// Report to compare with it
    #[arg(value_name = "B.json")]
    pub second: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which mentions are read.
#[derive(Debug, Args)]
pub struct MentionArgs {
    /// Labeled mentions: a file, or a directory of BioSyn's; several are folds, whose mean is reported
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub mentions: Vec<PathBuf>,
    /// Ids that COMETA's mentions are to be linked to
    #[arg(long, value_enum, default_value = "general")]
    pub cometa: CometaArg,
    /// Ids of documents, one a line: of PubTator's files only these are read, such as corpus_pubtator_pmids_test.txt of MedMentions
    #[arg(long, value_name = "FILE")]
    pub documents: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct EvalRunArgs {
    #[command(flatten)]
    pub mentions: MentionArgs,
    /// Names to look mentions up among
    #[arg(long, value_name = "FILE", conflicts_with = "index", required_unless_present = "index")]
    pub dictionary: Option<PathBuf>,
    /// Index to look mentions up in; the linker that is served is measured too
    #[arg(long, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Directory of the model [default: models/NAME, NAME being what the index asks for; with --dictionary the embedded one]
    #[arg(long, value_name = "DIR", env = "SAPLINK_MODEL")]
    pub model: Option<PathBuf>,
    /// Compare mentions with every name, or search the graph too and say what it misses
    #[arg(long, value_enum, default_value = "exact")]
    pub against: AgainstArg,
    /// How vectors are compared; SapBERT's published figures are of the inner product
    #[arg(long, value_enum, default_value = "cosine")]
    pub score: ScoreArg,
    /// Leave out mentions whose concept the dictionary does not have
    #[arg(long)]
    pub covered: bool,
    /// Leave out equality and character n-grams
    #[arg(long)]
    pub no_baselines: bool,
    /// Candidates that a search of a dictionary's graph looks at; an index has its own
    #[arg(long, value_name = "N", default_value = "128", value_parser = clap::value_parser!(u16).range(20..=4096))]
    pub ef_search: u16,
    /// Errors of each kind that the reports quote; with 0 they quote no mention
    #[arg(long, value_name = "N", default_value = "20")]
    pub examples: usize,
    /// Write the report as JSON, which `eval compare` reads
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Samples of the bootstrap follow from it
    #[arg(long, value_name = "N", default_value = "42")]
    pub seed: u64,
    #[command(flatten)]
    pub calibrate: CalibrateArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

/// Calibrating instead of measuring.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Fit probabilities and the NIL threshold on the mentions, and write them into the manifest of --index
    #[arg(long, requires = "index", conflicts_with_all = ["dictionary", "html", "json", "covered"], help_heading = "Calibration")]
    pub calibrate: bool,
    /// How probabilities are fitted
    #[arg(long, value_enum, default_value = "isotonic", requires = "calibrate", help_heading = "Calibration")]
    pub method: MethodArg,
    /// Share of mentions that no concept covers, as it is expected in use
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = share, requires = "calibrate", help_heading = "Calibration")]
    pub nil_share: f64,
    /// Measure, and leave the manifest as it is
    #[arg(long, requires = "calibrate", help_heading = "Calibration")]
    pub dry_run: bool,
}

/// An enumeration of another room as values of the command line.
macro_rules! argument {
    ($argument:ident: $type:ty { $($value:ident),+ }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        pub enum $argument {
            $($value),+
        }

        impl From<$argument> for $type {
            fn from(value: $argument) -> Self {
                match value {
                    $($argument::$value => Self::$value),+
                }
            }
        }
    };
}

argument!(AgainstArg: Against { Exact, Index });
argument!(ScoreArg: Score { Cosine, Dot });
argument!(CometaArg: Cometa { General, Specific });
argument!(MethodArg: CalibrationMethod { Isotonic, Platt });
