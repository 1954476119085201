//! Exports a trained model as a Hugging Face checkpoint, which other programs load as well.
//!
//! Invariant: only the file of the weights differs from the base.

use std::path::Path;

use crate::train::TrainError;
use crate::{
    bert::{BertConfig, checkpoint, weights},
    files::{FileSum, StagedDir, sha256_hex},
};

/// A directory with this file counts as a checkpoint.
pub(crate) const CONFIG_FILE: &str = "config.json";
/// Files that an export copies from the base, where it has them.
const COPIED_FILES: [&str; 5] =
    [CONFIG_FILE, "tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"];

/// Interpolates between trained weights and those of the base: `base_share` 0 gives the trained
/// ones, 1 the base's. Mixing preserves knowledge of the base that is not in the training pairs
/// (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", section 3).
pub(crate) fn mix_with_base(trained: &[f32], base: &[f32], base_share: f32) -> Vec<f32> {
    trained.iter().zip(base).map(|(trained, base)| trained + (base - trained) * base_share).collect()
}

/// Writes `parameters` and the configuration and tokenizer of `base` to the new directory `out`.
/// The pooler and other heads of the base are left out, since a run does not train them.
///
/// # Errors
/// [`TrainError::Stage`] when `out` exists: a checkpoint there may come from another program, so it
/// is never replaced.
pub(crate) fn export_checkpoint(
    base: &Path,
    config: &BertConfig,
    parameters: &[f32],
    out: &Path,
) -> Result<(), TrainError> {
    let staged = StagedDir::create(out, CONFIG_FILE, false)?;
    for name in copied_files(base) {
        fs_err::copy(base.join(name), staged.path().join(name))?;
    }
    checkpoint::write(&staged.path().join("model.safetensors"), &weights::to_tensors(config, parameters))?;
    Ok(staged.commit()?)
}

/// One sha256 over the sha256 of each file that training reads from the checkpoint `base`.
///
/// # Errors
/// [`TrainError::Bert`] when the checkpoint has no weights.
pub(crate) fn base_sha256(base: &Path) -> Result<String, TrainError> {
    let weights = checkpoint::weight_file(base)?;
    let files = copied_files(base).map(|name| base.join(name)).chain([weights]);
    let sums = files.map(|path| FileSum::of(&path).map(|sum| sum.sha256)).collect::<Result<String, _>>()?;
    Ok(sha256_hex(sums.as_bytes()))
}

/// Those of [`COPIED_FILES`] that `base` has.
fn copied_files(base: &Path) -> impl Iterator<Item = &'static str> {
    COPIED_FILES.into_iter().filter(|name| base.join(name).is_file())
}
