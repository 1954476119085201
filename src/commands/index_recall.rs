//! Runs `saplink index recall`: measures recall and chooses `ef_search`.

use std::io::Read as _;

use anyhow::{Context, Result, ensure};

use crate::{
    cli::IndexRecallArgs,
    commands::{
        common::{default_model_dir, embed_with, load_encoder, open_index, print_stdout},
        index_info::search_summary,
        progress_bars::ProgressBars,
    },
    encoder::Runtime,
    files::input::InputFile,
    index::{self, IndexManifest, SearchTarget},
    linker, signals,
};

/// Measures recall, chooses `ef_search` and writes both into the manifest.
pub(super) fn run(args: &IndexRecallArgs) -> Result<()> {
    let bars = ProgressBars::new(signals::cancel_token()?);
    let mut index = open_index(&args.dir)?;
    let model = args.model.clone().unwrap_or_else(|| default_model_dir(&index));
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let encoder = load_encoder(&runtime, &model, &args.run)?;
    index.check_model(&linker::model_reference(&encoder))?;
    let mentions = match &args.mentions {
        Some(path) => {
            let mut text = String::new();
            let read = InputFile::new(path).open(bars.job())?.read_to_string(&mut text);
            read.with_context(|| format!("cannot read {}", path.display()))?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        None => index.sample_mentions(args.sample),
    };
    ensure!(!mentions.is_empty(), "there are no mentions to measure with: the file or the index is empty");
    let recall = index::measure_recall(&mut index, &mentions, args.tuning.wanted(), &embed_with(&encoder), bars.job())?;
    bars.finish();
    let mut manifest = index.manifest().clone();
    manifest.set_recall(index.ef_search(), recall);
    if !args.dry_run {
        manifest
            .replace(&args.dir, index.manifest())
            .with_context(|| format!("cannot write to {}", args.dir.display()))?;
    }
    print_stdout(&format!("{}\n", search_summary(&manifest)))?;
    warn_if_missed(&manifest, args.tuning.wanted());
    Ok(())
}

/// Warns if searches of the index do not reach the target recall.
pub(super) fn warn_if_missed(manifest: &IndexManifest, wanted: SearchTarget) {
    if let (SearchTarget::Recall(target), Some(recall)) = (wanted, manifest.recall)
        && recall.at_1.min(recall.at_10) < target
    {
        eprintln!(
            "  the target recall, {target}, is not reached with ef_search {}: build with a greater --m or --ef-construction",
            manifest.graph.ef_search
        );
    }
}
