//! `saplink index`.

use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::HumanCount;

use super::{
    load_encoder, name_of, print,
    progress::{Bars, since},
};
use crate::{
    cli::{IndexBuildArgs, InfoArgs},
    domain::Statement,
    encoder::{EncoderError, Runtime},
    files::{FileSum, StagedDir},
    index::{
        self, BuildOptions, Collector, GraphParameters, Index, IndexError, IndexManifest, MANIFEST, ModelReference,
        Selection,
    },
    progress::Progress,
    shutdown,
    terminology::{BadRows, Dialect, Input, Reading, read_table},
};

/// `index build`.
pub fn build(args: &IndexBuildArgs) -> Result<()> {
    let started = Instant::now();
    let bars = Bars::new(shutdown::flag()?);
    let selection = Selection::default();
    let staged = StagedDir::create(&args.out, MANIFEST, args.force)?;
    let mut collector = Collector::new(staged.path(), selection.clone());
    let mut inputs = vec![];
    for path in &args.tsv {
        let input = Input::file(path);
        let mut take = |statement: Statement<'_>| collector.take(statement);
        let mut reading = Reading::new(path, &mut take, &bars, BadRows::default());
        read_table(input.open(&bars)?, Dialect::Tabs, &mut reading)?;
        let _ = reading.finish()?;
        inputs.push(crate::index::Input { name: name_of(path)?, sum: FileSum::of(path)? });
    }
    let assembled = collector.assemble(staged.path(), &bars)?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let encoder = load_encoder(&runtime, &args.model, &args.run)?;
    let model = encoder.manifest();
    eprintln!("  model {} on {}", model.label(), encoder.device());
    let options = BuildOptions {
        name: name_of(&args.out)?,
        model: ModelReference {
            name: model.name.clone(),
            fingerprint: model.fingerprint(),
            dimensions: model.dimensions,
        },
        graph: GraphParameters {
            m: args.m.into(),
            ef_construction: args.ef_construction.into(),
            ef_search: args.ef_search.into(),
            repaired: 0,
        },
        nil_threshold: args.nil_threshold,
        selection,
        inputs,
    };
    let embed = |texts: &[&str], progress: &dyn Progress| {
        encoder.embed_with(texts, progress).map_err(|e| match e {
            EncoderError::Interrupted => IndexError::Interrupted,
            e => IndexError::Embed(e.to_string()),
        })
    };
    let manifest = index::build(staged, assembled, &options, &embed, &bars)
        .with_context(|| format!("cannot build {}", args.out.display()))?;
    bars.finish();
    print(&describe(&manifest))?;
    eprintln!("  built in {}", since(started));
    Ok(())
}

/// `index info`.
pub fn info(args: &InfoArgs) -> Result<()> {
    let index = Index::open(&args.dir)?;
    print(&if args.json { serde_json::to_string_pretty(index.manifest())? + "\n" } else { describe(index.manifest()) })
}

fn describe(manifest: &IndexManifest) -> String {
    let mut text = String::new();
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    let (counts, graph) = (&manifest.counts, &manifest.graph);
    text += &format!("index        {} ({})\n", manifest.name, manifest.fingerprint());
    text += &format!("model        {} ({})\n", manifest.model.name, manifest.model.fingerprint);
    text += &format!("concepts     {}\n", HumanCount(counts.concepts));
    text += &format!("names        {}, of which {} distinct\n", HumanCount(counts.atoms), HumanCount(counts.rows));
    for source in &manifest.sources {
        text += &format!("source       {}: {} names\n", source.source, HumanCount(source.atoms));
    }
    text += &format!(
        "graph        M {}, ef_construction {}, ef_search {}\n",
        graph.m, graph.ef_construction, graph.ef_search
    );
    text += &format!("score        {}, NIL below {}\n", manifest.score, manifest.nil_threshold);
    text += &format!("size         {:.1} MB\n", bytes as f64 / 1e6);
    for input in &manifest.inputs {
        text += &format!("made from    {} sha256 {}\n", input.name, input.sum.sha256);
    }
    text
}
