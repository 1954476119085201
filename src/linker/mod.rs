//! Links mentions to concepts: exact names first, then the nearest embeddings of the mention and of
//! its repaired spelling.
//!
//! Reading order: `mention` (what a caller sends, and its validation), `service` (validates and
//! links a batch of mentions), `query` and `answer` (input and result of the engine), `engine` (one
//! pass over names, embeddings and search, then one for readings), `lookup` (names and repaired
//! spelling), `rank` (order of candidates), `evidence` (their features), `probability` (calibrated
//! probabilities), `readings` (which reading is the better one), `stages` (what is measured).
//!
//! Invariants: the model is the one that the index was built with; the text of a mention reaches
//! the encoder and the answer, and no error.

mod answer;
mod engine;
mod evidence;
mod lookup;
mod mention;
mod probability;
mod query;
mod rank;
mod readings;
mod service;
mod stages;

pub use answer::{Answer, AnswerStatus, Candidate, Explanation, FeaturePart, ReadAs};
pub use engine::{Linker, model_reference};
pub use mention::{Fault, Field, FieldError, LinkLimits, LinkOptions, Mention, MentionOptions};
pub(crate) use mention::{check_filter_length, check_semantic_groups, check_semantic_types, check_sources, check_text};
pub use query::Query;
pub use service::{LinkBatch, LinkDefaults, LinkService, LinkedBatch, LinkedMention};
pub use stages::{Stage, StageDurations};
