//! `saplink index`.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use indicatif::{DecimalBytes, HumanCount};

use crate::commands::{
    collect, load_encoder, model_of, name_of, print,
    progress::{Bars, peak_memory, since},
};
use crate::{
    ann::GraphParameters,
    cli::{IndexBuildArgs, InfoArgs, RecallArgs, VerifyArgs},
    concepts::{ConceptStore, NameTally, Selection, StoreSummary},
    encoder::{Encoder, EncoderError, Runtime},
    files::{Abandoned, FileSum, StagedDir, abandoned},
    index::{self, BuildOptions, Built, Calibration, Index, IndexError, IndexManifest, Input, Known, MANIFEST, Wanted},
    job::Job,
    linker, signals,
};

/// Below this best scores of the embedded model are answered as NIL, unless something else is said: about where the calibration of the starter
/// index puts it.
const NIL_THRESHOLD: f32 = 0.65;

/// `index build`.
pub(super) fn build(args: &IndexBuildArgs) -> Result<()> {
    let started = Instant::now();
    let bars = Bars::new(signals::cancel_token()?);
    let Some(out) = &args.out else { return dry_run(args, &bars, started) };
    let failed = || format!("cannot build {}", out.display());
    // Before hours of work, and before anything is removed: a directory that must not be written, a model that cannot be used.
    StagedDir::check(out, MANIFEST, args.force || args.add).with_context(failed)?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let encoder = load_encoder(&runtime, &args.model, &args.run)?;
    let model = linker::reference(&encoder);
    let added_to = args.add.then(|| Known::of_index(out, &model)).transpose().with_context(failed)?;
    let (added_to, old) = added_to.unzip();
    let mut known = vec![];
    // Held before the new directory is made, which would have them removed.
    let left = if args.resume { abandoned(out).with_context(failed)? } else { vec![] };
    for left in &left {
        match Known::of_partial(left.path(), &model) {
            Ok(found) => known.extend(found),
            Err(e @ IndexError::OtherModel { .. }) => return Err(e).with_context(failed),
            Err(e) => eprintln!("  nothing is taken from what was left: {e}"),
        }
    }
    if args.resume {
        let found = known.iter().map(Known::vectors).max().unwrap_or(0);
        eprintln!("  found {} names that were embedded before", HumanCount(found as u64));
    }
    let staged = StagedDir::create(out, MANIFEST, args.force || args.add).with_context(failed)?;
    let selection = old.as_ref().map_or_else(|| collect::selection(&args.selection), |old| old.selection.clone());
    let concepts = added_to.as_ref().map(Known::concepts);
    let (assembled, files) = assemble(args, &selection, concepts, staged.path(), &bars).with_context(failed)?;
    let mut inputs = sums(&files).with_context(failed)?;
    if let Some(old) = &old {
        inputs.splice(0..0, old.inputs.iter().cloned());
    }
    // What is not said stays as it was.
    let graph = args.graph.parameters(old.as_ref().map(|old| old.graph));
    let options = BuildOptions {
        name: name_of(out)?,
        model,
        vectors: args.graph.precision(old.as_ref().map(|old| old.vectors)),
        graph: GraphParameters { ef_search: args.tuning.ef_search.map_or(1, Into::into), ..graph },
        wanted: args.tuning.wanted(),
        nil_threshold: args.nil_threshold.or(old.map(|old| old.nil_threshold)).unwrap_or(NIL_THRESHOLD),
        selection,
        inputs,
        memory: args.memory.as_u64(),
    };
    eprintln!("  model {} on {}", encoder.manifest().label(), encoder.device());
    let known: Vec<&Known> = known.iter().chain(&added_to).collect();
    let built = index::build(staged, assembled, &options, &known, &embed(&encoder), bars.job());
    if built.is_err() && !(left.is_empty() && abandoned(out).unwrap_or_default().is_empty()) {
        bars.finish();
        eprintln!(
            "  the names that were embedded are kept: the same command with --resume goes on from them, without it removes them"
        );
    }
    let Built { manifest, known } = built.with_context(failed)?;
    left.into_iter().for_each(Abandoned::remove);
    bars.finish();
    if args.add || args.resume {
        eprintln!("  {} names; {} of them were known", HumanCount(manifest.counts.rows), HumanCount(known));
    }
    print(&describe(&manifest))?;
    warn_of(&manifest, args.tuning.wanted());
    eprintln!("  built in {}{}", since(started), peak_memory());
    Ok(())
}

/// Embeds with `encoder`.
fn embed(encoder: &Encoder) -> impl Fn(&[&str], Job<'_>) -> Result<Vec<f32>, IndexError> + '_ {
    |texts, job| {
        encoder.embed_with(texts, job).map_err(|e| match e {
            EncoderError::Canceled(canceled) => canceled.into(),
            e => IndexError::Embed(e.to_string()),
        })
    }
}

/// Says so if the recall that was wanted was not reached.
fn warn_of(manifest: &IndexManifest, wanted: Wanted) {
    if let (Wanted::Recall(target), Some(recall)) = (wanted, manifest.recall)
        && recall.at_1.min(recall.at_10) < target
    {
        eprintln!(
            "  the recall that was wanted, {target}, is not reached with {} candidates: build with a greater --m or --ef-construction",
            manifest.graph.ef_search
        );
    }
}

/// `index recall`.
pub(super) fn recall(args: &RecallArgs) -> Result<()> {
    let bars = Bars::new(signals::cancel_token()?);
    let mut index = Index::open(&args.dir)?;
    let model = args.model.clone().unwrap_or_else(|| model_of(&index));
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let encoder = load_encoder(&runtime, &model, &args.run)?;
    index.check_model(&linker::reference(&encoder))?;
    let mentions = match &args.mentions {
        Some(path) => {
            let text = fs_err::read_to_string(path)?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        None => index.sample_mentions(args.sample),
    };
    ensure!(!mentions.is_empty(), "there is no mention to measure with");
    let recall = index::measure(&mut index, &mentions, args.tuning.wanted(), &embed(&encoder), bars.job())?;
    bars.finish();
    let mut manifest = index.manifest().clone();
    manifest.tuned(index.ef_search(), recall);
    if !args.dry_run {
        manifest
            .replace(&args.dir, index.manifest())
            .with_context(|| format!("cannot write to {}", args.dir.display()))?;
    }
    print(&format!("{}\n", searched(&manifest)))?;
    warn_of(&manifest, args.tuning.wanted());
    Ok(())
}

/// Reads and merges everything into a directory that is removed again.
fn dry_run(args: &IndexBuildArgs, bars: &Bars, started: Instant) -> Result<()> {
    let dir = tempfile::tempdir().context("a dry run needs a temporary directory (TMPDIR)")?;
    let (assembled, _) = assemble(args, &collect::selection(&args.selection), None, dir.path(), bars)?;
    bars.finish();
    let mut bytes = 0;
    for entry in fs_err::read_dir(dir.path())? {
        bytes += entry?.metadata()?.len();
    }
    let mut text = String::new();
    describe_concepts(&mut text, &assembled);
    let per_name = bytes as f64 / assembled.counts.atoms as f64;
    let _ = writeln!(text, "size         {} without vectors, {per_name:.0} bytes a name", DecimalBytes(bytes));
    print(&text)?;
    eprintln!("  read and merged in {}{}; nothing was kept", since(started), peak_memory());
    Ok(())
}

/// Reads every terminology and assembles its concepts in `dir`; gives the files that were read too.
fn assemble(
    args: &IndexBuildArgs,
    selection: &Selection,
    added_to: Option<&ConceptStore>,
    dir: &Path,
    bars: &Bars,
) -> Result<(StoreSummary, Vec<PathBuf>)> {
    let inputs = collect::inputs(&args.inputs, &args.selection);
    let collected = collect::collect(&inputs, selection, added_to, args.memory.as_u64(), dir, bars)?;
    if collected.0.semantic_types.is_empty() {
        eprintln!(
            "  no concept has a semantic type: filters by type or group will find nothing (a table can give them)"
        );
    }
    Ok(collected)
}

/// The files as a manifest names them.
fn sums(files: &[PathBuf]) -> Result<Vec<Input>> {
    files.iter().map(|path| Ok(Input { name: name_of(path)?, sum: FileSum::of(path)? })).collect()
}

/// `index info`.
pub(super) fn info(args: &InfoArgs) -> Result<()> {
    let index = Index::open(&args.dir)?;
    print(&if args.json { serde_json::to_string_pretty(index.manifest())? + "\n" } else { describe(index.manifest()) })
}

/// `index verify`.
pub(super) fn verify(args: &VerifyArgs) -> Result<()> {
    let manifest = IndexManifest::read(&args.dir)?;
    manifest.verify(&args.dir)?;
    drop(Index::open(&args.dir)?);
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    print(&format!(
        "{}: {} files, {}, all as they were written\n",
        manifest.label(),
        manifest.files.len(),
        DecimalBytes(bytes)
    ))
}

fn describe(manifest: &IndexManifest) -> String {
    let mut text = String::new();
    let bytes: u64 = manifest.files.values().map(|f| f.bytes).sum();
    let graph = &manifest.graph;
    let _ = writeln!(text, "index        {} ({})", manifest.name, manifest.fingerprint());
    let _ = writeln!(text, "model        {} ({})", manifest.model.name, manifest.model.fingerprint);
    describe_concepts(
        &mut text,
        &StoreSummary {
            counts: manifest.counts,
            sources: manifest.sources.clone(),
            semantic_types: manifest.semantic_types.clone(),
            tally: NameTally::default(),
        },
    );
    let _ = writeln!(text, "graph        M {}, ef_construction {}", graph.m, graph.ef_construction);
    let _ = writeln!(text, "search       {}", searched(manifest));
    let _ = writeln!(text, "score        {}, NIL below {}", manifest.score, manifest.nil_threshold);
    let _ = writeln!(text, "calibration  {}", calibrated(manifest.calibration.as_ref()));
    let _ = writeln!(text, "size         {:.1} MB", bytes as f64 / 1e6);
    for input in &manifest.inputs {
        let _ = writeln!(text, "made from    {} sha256 {}", input.name, input.sum.sha256);
    }
    text
}

/// How likely its scores are right, and what that was measured with.
fn calibrated(calibration: Option<&Calibration>) -> String {
    let Some(Calibration { method, mentions, measured, .. }) = calibration else { return "none".into() };
    format!(
        "{method:?} of {mentions} mentions: error {:.3}, NIL precision {:.3}, recall {:.3}",
        measured.calibration_error, measured.nil_precision, measured.nil_recall
    )
    .to_lowercase()
    .replace("nil", "NIL")
}

/// How an index is searched, and what that finds.
fn searched(manifest: &IndexManifest) -> String {
    let recall = manifest.recall.map_or("recall not measured".to_owned(), |recall| {
        format!("recall@1 {:.4}, recall@10 {:.4} of {} mentions", recall.at_1, recall.at_10, recall.queries)
    });
    format!("ef_search {}: {recall}", manifest.graph.ef_search)
}

fn describe_concepts(text: &mut String, assembled: &StoreSummary) {
    let StoreSummary { counts, sources, semantic_types, .. } = assembled;
    let (concepts, types) = (HumanCount(counts.concepts), semantic_types.len());
    let _ = writeln!(text, "concepts     {concepts}, of {types} semantic types");
    let languages: BTreeSet<&str> = sources.iter().flat_map(|source| &source.languages).map(String::as_str).collect();
    let languages = languages.into_iter().collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        text,
        "names        {}, of which {} distinct; {languages}",
        HumanCount(counts.atoms),
        HumanCount(counts.rows)
    );
    // Sources that only give codes may be many.
    let (naming, coding): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.atoms > 0);
    for source in naming {
        let _ = write!(text, "source       {}", source.source);
        if !source.version.is_empty() {
            let _ = write!(text, " {}", source.version);
        }
        let _ = write!(text, ": {} names, {} codes", HumanCount(source.atoms), HumanCount(source.codes));
        if let Some(level) = source.restriction_level {
            let _ = write!(text, ", restriction level {level}");
        }
        text.push('\n');
    }
    let coding: Vec<_> = coding.iter().filter(|source| source.codes > 0).collect();
    if !coding.is_empty() {
        let codes = coding.iter().map(|source| format!("{} {}", source.source, HumanCount(source.codes)));
        let _ = writeln!(text, "codes only   {}", codes.collect::<Vec<_>>().join(", "));
    }
}
