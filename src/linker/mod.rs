//! Links mentions to concepts: exact names first, then the nearest embeddings of the mention and of
//! its repaired spelling.
//!
//! Reading order: `mention` (what a caller sends, and its validation), `service` (validates and
//! links a batch of mentions), `engine` (one pass over names, embeddings and search), `rank` (order
//! and status of candidates), `probability` (calibrated probabilities), `stages` (what is
//! measured).
//!
//! Invariants: the model is the one that the index was built with; the text of a mention reaches
//! the encoder and the answer, and no error.

mod engine;
mod mention;
mod probability;
mod rank;
mod service;
mod stages;

pub use engine::{Linker, Query, model_reference};
pub use mention::{Fault, Field, FieldError, LinkLimits, Mention, MentionOptions};
pub(crate) use mention::{check_filter_length, check_semantic_groups, check_semantic_types, check_sources, check_text};
pub use rank::{Answer, AnswerStatus, Candidate};
pub use service::{LinkBatch, LinkDefaults, LinkService, LinkedBatch, LinkedMention};
pub use stages::{Stage, StageDurations};
