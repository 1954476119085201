//! Arguments of `saplink train pairs` and `saplink train run`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Subcommand};

use crate::{
    bert::Pooling,
    cli::{
        terminologies::{SelectionArgs, TerminologyArgs},
        values::{batch, positive, rate, share, workers},
    },
    encoder::Device,
    train::{Arithmetic, Decay, LossName},
};

/// The commands of `saplink train`.
#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Write pairs of names of the same concept, the input of a training run
    Pairs(Box<TrainPairsArgs>),
    /// Train a checkpoint on pairs and write the model
    Run(Box<TrainRunArgs>),
}

/// Arguments of `saplink train pairs`.
#[derive(Debug, Args)]
pub struct TrainPairsArgs {
    /// The terminologies to read.
    #[command(flatten)]
    pub inputs: TerminologyArgs,
    /// Index whose names are used, alone or together with terminologies
    #[arg(long, value_name = "DIR", help_heading = "Terminologies", group = "TerminologyArgs")]
    pub index: Option<PathBuf>,
    /// The names to take of them.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Maximum number of pairs per concept; if its names give more, N of them are sampled
    #[arg(long, value_name = "N", default_value = "50", value_parser = positive)]
    pub pairs_per_concept: usize,
    /// Write groups of N pairs of concepts with names that are near each other in the index, for
    /// `train run --group N`
    #[arg(
        long,
        value_name = "N",
        value_parser = positive,
        requires = "index",
        conflicts_with_all = ["umls", "obo", "obograph", "sssom", "tsv", "csv"]
    )]
    pub hard_negatives: Option<usize>,
    /// Write groups of N pairs of concepts that follow one another in the order of their ids, for
    /// `train run --group N`. In a vocabulary that is ordered by subject, a model confuses these
    #[arg(long, alias = "neighbours", value_name = "N", value_parser = positive, conflicts_with = "hard_negatives")]
    pub neighbors: Option<usize>,
    /// Write the pairs of held-out concepts to FILE, for `train run --dev`
    #[arg(long, value_name = "FILE", requires = "dev_concepts")]
    pub dev: Option<PathBuf>,
    /// Number of concepts to hold out, sampled from those with at least two names
    #[arg(long, value_name = "N", value_parser = positive, requires = "dev")]
    pub dev_concepts: Option<usize>,
    /// Seed of the sampled pairs and of the held-out concepts
    #[arg(long, value_name = "N", default_value = "42")]
    pub seed: u64,
    /// Memory for reading and merging terminologies; sorting takes about a quarter of it. An index
    /// alone needs none
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub memory: ByteSize,
    /// Write the pairs to FILE instead of standard output; the file appears when it is complete
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the files of --out and --dev if they exist
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `saplink train run`.
#[derive(Debug, Args)]
pub struct TrainRunArgs {
    /// Checkpoint to start from: a directory with config.json, vocab.txt or tokenizer.json, and
    /// model.safetensors or pytorch_model.bin
    #[arg(long, value_name = "DIR")]
    pub base: PathBuf,
    /// Pairs of names as `train pairs` writes them, or with lines ID||NAME||NAME
    #[arg(long, value_name = "FILE")]
    pub pairs: PathBuf,
    /// Directory of the float32 model; DIR-int8 becomes the int8 model, DIR-run has the metrics,
    /// report and checkpoints of the run
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Held-out pairs, to measure retrieval
    #[arg(long, value_name = "FILE")]
    pub dev: Option<PathBuf>,
    /// Also write the model as a Hugging Face checkpoint to DIR, a new or an empty directory
    #[arg(long, value_name = "DIR")]
    pub export_hf: Option<PathBuf>,
    /// Share of the base's weights in the written models, 0 to 1; --resume --force writes a
    /// finished run with another share
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub mix_base: f64,
    /// Continue the run in DIR-run after its last checkpoint; the settings of the training must be
    /// the same
    #[arg(long)]
    pub resume: bool,
    /// Replace an existing run and its models; with --resume, only the models
    #[arg(long)]
    pub force: bool,

    /// Passes over all pairs; each leaves out the pairs that do not fill a batch
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive, help_heading = "Training")]
    pub epochs: usize,
    /// Number of steps, instead of epochs
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "epochs", help_heading = "Training")]
    pub steps: Option<usize>,
    /// Pairs of a batch
    #[arg(long, value_name = "N", default_value = "256", value_parser = batch, help_heading = "Training")]
    pub batch: usize,
    /// Compute N names at a time (GradCache), for batches that do not fit into memory. The gradient
    /// is the same; a step takes longer
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Training")]
    pub chunk: Option<usize>,
    /// Consecutive pairs of the file that come into one batch together, as `train pairs
    /// --hard-negatives N` or `--neighbors N` writes them
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive, help_heading = "Training")]
    pub group: usize,
    /// Share of names that are altered, 0 to 1: a typing error, a shortened word, or the words in
    /// another order
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share, help_heading = "Training")]
    pub augment: f64,
    /// How the vectors of the tokens become one vector
    #[arg(long, value_enum, default_value = "cls", help_heading = "Training")]
    pub pooling: Pooling,
    /// Tokens of a name that the model reads, with `[CLS]` and `[SEP]`
    #[arg(long, value_name = "N", default_value = "25", value_parser = positive, help_heading = "Training")]
    pub max_tokens: usize,
    /// Loss over the mined pairs of a batch
    #[arg(long, value_enum, default_value = "multi-similarity", help_heading = "Training")]
    pub loss: LossName,
    /// Margin of the miner, on Euclidean distances
    #[arg(long, value_name = "MARGIN", default_value = "0.2", value_parser = rate, help_heading = "Training")]
    pub mining_margin: f32,
    /// Use all pairs of a batch instead of mined ones
    #[arg(long, conflicts_with = "mining_margin", help_heading = "Training")]
    pub no_mining: bool,
    /// Peak learning rate of AdamW
    #[arg(long, value_name = "RATE", default_value = "2e-5", value_parser = rate, help_heading = "Training")]
    pub learning_rate: f32,
    /// Steps in which the learning rate rises from 0 to its peak
    #[arg(long, value_name = "N", default_value = "0", help_heading = "Training")]
    pub warm_up: u64,
    /// Course of the learning rate after the warm-up; linear and cosine fall to 0
    #[arg(long, value_enum, default_value = "constant", help_heading = "Training")]
    pub decay: Decay,
    /// Weight decay of AdamW
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = share, help_heading = "Training")]
    pub weight_decay: f64,
    /// Largest norm of the gradient; a longer gradient is scaled down [default: no limit]
    #[arg(long, value_name = "NORM", value_parser = rate, help_heading = "Training")]
    pub clip: Option<f32>,
    /// Probability that dropout zeroes a value
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = share, help_heading = "Training")]
    pub dropout: f64,
    /// Do not train the embeddings and the lowest LAYERS layers
    #[arg(long, value_name = "LAYERS", help_heading = "Training")]
    pub freeze: Option<usize>,
    /// Number format of matrix products; fp16 scales the loss and is meant for CUDA, where fp32
    /// uses TF32
    #[arg(long, value_enum, default_value = "fp32", help_heading = "Training")]
    pub arithmetic: Arithmetic,
    /// Seed of the order of pairs, of dropout and of altered names
    #[arg(long, value_name = "N", default_value = "42", help_heading = "Training")]
    pub seed: u64,

    /// Steps between two checkpoints
    #[arg(long, value_name = "N", default_value = "500", value_parser = positive, help_heading = "Run")]
    pub save_every: usize,
    /// Number of checkpoints that stay, the last ones
    #[arg(long, value_name = "N", default_value = "2", value_parser = positive, help_heading = "Run")]
    pub keep: usize,
    /// Steps between two measurements of held-out retrieval
    #[arg(long, value_name = "N", default_value = "500", value_parser = positive, help_heading = "Run")]
    pub dev_every: usize,
    /// Concepts in the map of the report, at most 12 [default: those with the most pairs]
    #[arg(long, value_name = "ID,..", value_delimiter = ',', help_heading = "Run")]
    pub map: Vec<String>,
    /// ONNX Runtime library [default: .onnxruntime/ in the working directory or above the
    /// executable, else the library of the system]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH", help_heading = "Run")]
    pub onnxruntime: Option<PathBuf>,
    /// Where training runs; auto uses CUDA if it works, else the CPU
    #[arg(long, value_enum, env = "SAPLINK_DEVICE", default_value = "auto", help_heading = "Run")]
    pub device: Device,
    /// Threads on the CPU [default: one for each core]
    #[arg(long, value_name = "N", env = "SAPLINK_THREADS", value_parser = workers, help_heading = "Run")]
    pub threads: Option<usize>,
}
