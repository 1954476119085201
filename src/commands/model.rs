//! `saplink model`.

use anyhow::{Context, Result};

use super::name_of;
use crate::{
    cli::{InfoArgs, ModelImportArgs},
    encoder::{self, ImportOptions, ModelManifest, Runtime},
};

/// `model import`.
pub fn import(args: &ModelImportArgs) -> Result<()> {
    let runtime = Runtime::load(args.onnxruntime.as_deref())?;
    let options = ImportOptions {
        from: args.from.clone(),
        out: args.out.clone(),
        name: name_of(&args.out)?,
        pooling: args.pooling.into(),
        precision: args.precision.into(),
        max_tokens: args.max_tokens,
        force: args.force,
    };
    eprintln!("importing {} ..", args.from.display());
    let manifest = encoder::import(&runtime, &options)
        .with_context(|| format!("cannot import the model in {}", args.from.display()))?;
    print(&manifest);
    Ok(())
}

/// `model info`.
pub fn info(args: &InfoArgs) -> Result<()> {
    let manifest = ModelManifest::read(&args.dir)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&manifest)?);
    } else {
        print(&manifest);
    }
    Ok(())
}

fn print(manifest: &ModelManifest) {
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    let precision = manifest.precision.map_or("as exported".into(), |p| format!("{p:?}").to_lowercase());
    println!("model        {} ({})", manifest.name, manifest.fingerprint());
    println!("dimensions   {}", manifest.dimensions);
    println!("pooling      {}", format!("{:?}", manifest.pooling).to_lowercase());
    println!("precision    {precision}");
    println!("max tokens   {}", manifest.max_tokens);
    println!("size         {:.1} MB", bytes as f64 / 1e6);
    for (name, sum) in &manifest.source {
        println!("made from    {name} sha256 {}", sum.sha256);
    }
}
