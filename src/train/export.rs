//! The model that comes of a run: a Hugging Face checkpoint, which others load as well.
//!
//! Invariant: weights are the only file that differs from the base.

use std::path::Path;

use crate::train::TrainError;
use crate::{
    bert::{BertConfig, checkpoint, weights},
    files::{FileSum, StagedDir, sha256_hex},
};

/// The file that such a directory is known by.
pub const CONFIG: &str = "config.json";
/// What is taken from the base, where it has it.
const KEPT: [&str; 5] = [CONFIG, "tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"];

/// Weights between those that were learned and the base's, which a share of `of_base` is taken of: what the base knew beside the names is kept
/// (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", section 3).
pub fn mixed(learned: &[f32], base: &[f32], of_base: f32) -> Vec<f32> {
    learned.iter().zip(base).map(|(learned, base)| learned + (base - learned) * of_base).collect()
}

/// Writes `parameters` and what else there is of the checkpoint `base` to the directory `out`. The pooler and heads of the base are left
/// out, since they are not trained.
///
/// # Errors
/// [`TrainError::Stage`] when `out` is there already: what is like a checkpoint may be anybody's.
pub fn export(base: &Path, config: &BertConfig, parameters: &[f32], out: &Path) -> Result<(), TrainError> {
    let staged = StagedDir::create(out, CONFIG, false)?;
    for name in kept(base) {
        fs_err::copy(base.join(name), staged.path().join(name))?;
    }
    checkpoint::write(&staged.path().join("model.safetensors"), &weights::to_tensors(config, parameters))?;
    Ok(staged.commit()?)
}

/// sha256 of all that training takes from the checkpoint `base`.
///
/// # Errors
/// [`TrainError::Bert`] when it holds no weights.
pub fn sha256_of(base: &Path) -> Result<String, TrainError> {
    let weights = checkpoint::weight_file(base)?;
    let files = kept(base).map(|name| base.join(name)).chain([weights]);
    let sums = files.map(|path| FileSum::of(&path).map(|sum| sum.sha256)).collect::<Result<String, _>>()?;
    Ok(sha256_hex(sums.as_bytes()))
}

fn kept(base: &Path) -> impl Iterator<Item = &'static str> {
    KEPT.into_iter().filter(|name| base.join(name).is_file())
}
