//! Arguments of `saplink train`.

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

#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Write pairs of names of the same concept, which training learns from
    Pairs(Box<TrainPairsArgs>),
    /// Train a checkpoint on pairs and make a model of it
    Run(Box<TrainRunArgs>),
}

#[derive(Debug, Args)]
pub struct TrainPairsArgs {
    #[command(flatten)]
    pub inputs: TerminologyArgs,
    /// Index to take names from, alone or with terminologies
    #[arg(long, value_name = "DIR", help_heading = "Terminologies", group = "TerminologyArgs")]
    pub index: Option<PathBuf>,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Pairs of a concept; where its names make more, so many are drawn
    #[arg(long, value_name = "N", default_value = "50", value_parser = positive)]
    pub pairs_per_concept: usize,
    /// Write pairs in groups of N whose concepts have names that are near each other in the index, for `train run --group N`
    #[arg(long, value_name = "N", value_parser = positive, requires = "index", conflicts_with_all = ["umls", "obo", "obograph", "sssom", "tsv", "csv"])]
    pub hard_negatives: Option<usize>,
    /// Write pairs in groups of N whose concepts follow one another by their ids, for `train run --group N`: what a vocabulary that is
    /// ordered by subject is to be told apart
    #[arg(long, alias = "neighbours", value_name = "N", value_parser = positive, conflicts_with = "hard_negatives")]
    pub neighbors: Option<usize>,
    /// Write pairs of concepts that are held out to FILE, for `train run --dev`
    #[arg(long, value_name = "FILE", requires = "dev_concepts")]
    pub dev: Option<PathBuf>,
    /// Concepts that are held out, drawn of those with two names at least
    #[arg(long, value_name = "N", value_parser = positive, requires = "dev")]
    pub dev_concepts: Option<usize>,
    /// What is drawn follows from it
    #[arg(long, value_name = "N", default_value = "42")]
    pub seed: u64,
    /// Memory that reading and merging may take, about a quarter of it; an index alone takes none
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub memory: ByteSize,
    /// Write to FILE, which appears when it is whole, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct TrainRunArgs {
    /// Checkpoint to begin with, as downloaded: config.json, vocab.txt or tokenizer.json, model.safetensors or pytorch_model.bin
    #[arg(long, value_name = "DIR")]
    pub base: PathBuf,
    /// Pairs of names, as `train pairs` writes them, or as ID||NAME||NAME
    #[arg(long, value_name = "FILE")]
    pub pairs: PathBuf,
    /// Model directory to write, in float32; DIR-int8 is the same in int8, and DIR-run what the run leaves: metrics, report, checkpoints
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Pairs that are held out, to measure retrieval with
    #[arg(long, value_name = "FILE")]
    pub dev: Option<PathBuf>,
    /// Write the Hugging Face checkpoint of the model to DIR too, which must not be there
    #[arg(long, value_name = "DIR")]
    pub export_hf: Option<PathBuf>,
    /// Share of the base's weights in those of the models that are written; it can be said anew with --resume --force
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    pub mix_base: f64,
    /// Go on with the run in DIR-run from its last checkpoint; what decides it is to be the same
    #[arg(long)]
    pub resume: bool,
    /// Replace the models and the run that are there; with --resume, the models
    #[arg(long)]
    pub force: bool,

    /// Times that the pairs are learned from; each time, what does not fill a batch is left out
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive, help_heading = "Learning")]
    pub epochs: usize,
    /// Steps, instead of epochs
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "epochs", help_heading = "Learning")]
    pub steps: Option<usize>,
    /// Pairs of a batch
    #[arg(long, value_name = "N", default_value = "256", value_parser = batch, help_heading = "Learning")]
    pub batch: usize,
    /// Names that are computed at once, where a batch does not fit into memory: the gradient is the same, for a fifth to a third more time
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Learning")]
    pub chunk: Option<usize>,
    /// Pairs that stand together in the file and come into a batch together, as `train pairs --hard-negatives` writes them
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive, help_heading = "Learning")]
    pub group: usize,
    /// Share of names that are read with a slip of the pen, a word shortened or the words in another order
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share, help_heading = "Learning")]
    pub augment: f64,
    /// How token vectors become one
    #[arg(long, value_enum, default_value = "cls", help_heading = "Learning")]
    pub pooling: Pooling,
    /// Tokens of a name that are read, with [CLS] and [SEP]
    #[arg(long, value_name = "N", default_value = "25", value_parser = positive, help_heading = "Learning")]
    pub max_tokens: usize,
    /// Loss over the mined pairs of a batch
    #[arg(long, value_enum, default_value = "multi-similarity", help_heading = "Learning")]
    pub loss: LossName,
    /// Margin of the miner, on Euclidean distances
    #[arg(long, value_name = "MARGIN", default_value = "0.2", value_parser = rate, help_heading = "Learning")]
    pub mining_margin: f32,
    /// Learn from all pairs of a batch
    #[arg(long, conflicts_with = "mining_margin", help_heading = "Learning")]
    pub no_mining: bool,
    /// Learning rate of AdamW
    #[arg(long, value_name = "RATE", default_value = "2e-5", value_parser = rate, help_heading = "Learning")]
    pub learning_rate: f32,
    /// Steps in which the learning rate rises to that
    #[arg(long, value_name = "N", default_value = "0", help_heading = "Learning")]
    pub warm_up: u64,
    /// What becomes of the learning rate then
    #[arg(long, value_enum, default_value = "constant", help_heading = "Learning")]
    pub decay: Decay,
    /// Weight decay of AdamW
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = share, help_heading = "Learning")]
    pub weight_decay: f64,
    /// Length that gradients are cut to [default: they are not]
    #[arg(long, value_name = "NORM", value_parser = rate, help_heading = "Learning")]
    pub clip: Option<f32>,
    /// Share of values that are left out in each step
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = share, help_heading = "Learning")]
    pub dropout: f64,
    /// Leave the embeddings and so many of the lowest layers as they are
    #[arg(long, value_name = "LAYERS", help_heading = "Learning")]
    pub freeze: Option<usize>,
    /// Products of matrices in float16, with a loss that is scaled for it; meant for CUDA, where float32 means TF32
    #[arg(long, value_enum, default_value = "fp32", help_heading = "Learning")]
    pub arithmetic: Arithmetic,
    /// The order of pairs and what dropout leaves out follow from it
    #[arg(long, value_name = "N", default_value = "42", help_heading = "Learning")]
    pub seed: u64,

    /// Steps between two checkpoints
    #[arg(long, value_name = "N", default_value = "500", value_parser = positive, help_heading = "Conduct")]
    pub save_every: usize,
    /// Checkpoints that are kept, the last ones
    #[arg(long, value_name = "N", default_value = "2", value_parser = positive, help_heading = "Conduct")]
    pub keep: usize,
    /// Steps between two measurements of held-out retrieval
    #[arg(long, value_name = "N", default_value = "500", value_parser = positive, help_heading = "Conduct")]
    pub dev_every: usize,
    /// Concepts that the report maps, 12 at most [default: those with the most pairs]
    #[arg(long, value_name = "ID,..", value_delimiter = ',', help_heading = "Conduct")]
    pub map: Vec<String>,
    /// ONNX Runtime library [default: .onnxruntime/ here or above the executable, then the system's]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH", help_heading = "Conduct")]
    pub onnxruntime: Option<PathBuf>,
    /// Where training runs; auto takes CUDA where it works
    #[arg(long, value_enum, env = "SAPLINK_DEVICE", default_value = "auto", help_heading = "Conduct")]
    pub device: Device,
    /// Threads on the CPU [default: one a core]
    #[arg(long, value_name = "N", env = "SAPLINK_THREADS", value_parser = workers, help_heading = "Conduct")]
    pub threads: Option<usize>,
}
