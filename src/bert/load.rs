//! Loads a checkpoint directory in one call.

use std::path::Path;

use crate::bert::{checkpoint, config::BertConfig, error::BertError, weights::Weights};

/// Reads the checkpoint in `dir`: its configuration and its encoder weights.
///
/// # Errors
/// [`BertError`]: each variant names the file or the tensor.
pub fn load(dir: &Path) -> Result<(BertConfig, Weights), BertError> {
    let config = BertConfig::read(&dir.join("config.json"))?;
    let tensors = checkpoint::read(&checkpoint::weight_file(dir)?)?;
    let weights = Weights::select(tensors, &config)?;
    Ok((config, weights))
}
