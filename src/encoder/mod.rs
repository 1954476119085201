//! Embeds texts with ONNX Runtime.
//!
//! Reading order: `runtime` (the library), `manifest` (a model directory), `tokenizer` (text to
//! token ids), `session` (one batch through the graph), `call` (one request for vectors), `queue`
//! (waiting calls and their batches), `dispatcher` (queue and sessions at work), `cache` (recent
//! vectors), `embed` (the [`Encoder`] that joins them), `import` with `graph_files` (a checkpoint
//! or an exported graph becomes a model directory).
//!
//! Invariant: no error and no log line contains a text. Only this module uses the crate
//! `tokenizers`; only this module and `train` use `ort`.

mod cache;
mod call;
mod device;
mod dispatcher;
mod embed;
mod error;
mod graph_files;
mod import;
mod manifest;
mod queue;
mod runtime;
mod session;
mod tokenizer;

pub use device::Device;
pub use dispatcher::EncoderCounters;
pub use embed::{EmbedTimes, Embedded, Encoder, EncoderOptions};
pub use error::EncoderError;
pub use import::{ImportOptions, import};
pub use manifest::{GraphOutput, MODEL_MANIFEST, ModelManifest};
pub use runtime::Runtime;
pub use session::EncoderSession;
pub use tokenizer::{BertTokenizer, LetterCase, TokenizedText};
