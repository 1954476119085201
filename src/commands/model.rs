//! `saplink model import` and `saplink model info`.

use anyhow::{Context, Result};

use crate::commands::common::{dir_name, print_stdout};
use crate::{
    cli::{InfoArgs, ModelImportArgs},
    encoder::{self, ImportOptions, LetterCase, ModelManifest, Runtime},
};

/// Runs `model import`: converts a checkpoint and prints the description of the model.
pub(super) fn import(args: &ModelImportArgs) -> Result<()> {
    let runtime = Runtime::load(args.onnxruntime.as_deref())?;
    let options = ImportOptions {
        from: args.from.clone(),
        out: args.out.clone(),
        name: dir_name(&args.out)?,
        pooling: args.pooling,
        precision: args.precision,
        max_tokens: args.max_tokens,
        letter_case: match (args.cased, args.uncased) {
            (true, _) => Some(LetterCase::Cased),
            (_, true) => Some(LetterCase::Uncased),
            _ => None,
        },
        force: args.force,
    };
    eprintln!("importing {} ..", args.from.display());
    let manifest = encoder::import(&runtime, &options)
        .with_context(|| format!("cannot import the model in {}", args.from.display()))?;
    print_stdout(&describe(&manifest))
}

/// Runs `model info`: checks a model directory and prints its manifest as JSON or text.
pub(super) fn info(args: &InfoArgs) -> Result<()> {
    let manifest = ModelManifest::read(&args.dir)?;
    print_stdout(&if args.json { serde_json::to_string_pretty(&manifest)? + "\n" } else { describe(&manifest) })
}

/// The manifest as aligned lines. Precision and pooling are printed by their `Debug` text in lower
/// case.
fn describe(manifest: &ModelManifest) -> String {
    let mut text = String::new();
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    let precision = manifest.precision.map_or("as exported".into(), |p| format!("{p:?}").to_lowercase());
    text += &format!("model        {} ({})\n", manifest.name, manifest.fingerprint());
    text += &format!("dimensions   {}\n", manifest.dimensions);
    text += &format!("pooling      {}\n", format!("{:?}", manifest.pooling).to_lowercase());
    text += &format!("precision    {precision}\n");
    text += &format!("max tokens   {}\n", manifest.max_tokens);
    text += &format!("size         {:.1} MB\n", bytes as f64 / 1e6);
    for (name, sum) in &manifest.source {
        text += &format!("made from    {name} sha256 {}\n", sum.sha256);
    }
    text
}
