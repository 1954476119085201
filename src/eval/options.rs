//! What an evaluation measures.

use crate::{ann::GraphParameters, encoder::Encoder, linker::Linker};

/// How the names nearest to a mention are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchMode {
    /// By an exact scan of all names.
    Exact,
    /// By an exact scan, and by the graph; the report has the recall of the graph.
    Graph,
}

/// How two vectors are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Similarity {
    /// Inner product of vectors of length 1.
    Cosine,
    /// Inner product of the vectors as the model gives them.
    Dot,
}

/// Options of an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct EvalOptions {
    /// Whether the graph is measured too.
    pub mode: SearchMode,
    /// How vectors are compared.
    pub similarity: Similarity,
    /// Leave out mentions whose gold concepts the dictionary does not have.
    pub only_covered: bool,
    /// Measure string equality and character n-grams too.
    pub baselines: bool,
    /// Maximum number of examples of each kind of error; with 0 the report quotes no mention.
    pub examples: usize,
    /// Parameters of the graph that is built over the names of a dictionary.
    pub graph: GraphParameters,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// The model, or index and model, to measure.
pub enum EvalTarget<'a> {
    /// A model, on the names of a dictionary.
    Dictionary(&'a Encoder),
    /// An index with its model.
    Index(&'a Linker),
}

impl EvalTarget<'_> {
    /// The model.
    pub(super) fn encoder(&self) -> &Encoder {
        match self {
            Self::Dictionary(encoder) => encoder,
            Self::Index(linker) => linker.encoder(),
        }
    }
}
