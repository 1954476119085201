//! `saplink index`.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Instant};

use anyhow::{Context, Result, ensure};
use indicatif::{DecimalBytes, HumanCount};

use super::{
    load_encoder, model_of, name_of, print,
    progress::{Bars, peak_memory, since},
};
use crate::{
    cli::{IndexBuildArgs, InfoArgs, InputArgs, RecallArgs, ScopeArg, SelectionArgs, VerifyArgs},
    encoder::{Encoder, EncoderError, Runtime},
    files::{Abandoned, FileSum, StagedDir, abandoned, replace_manifest},
    index::{
        self, Assembled, BuildOptions, Built, Collector, Concepts, GraphParameters, Index, IndexError, IndexManifest,
        Input, Known, MANIFEST, Selection, Tally, Wanted,
    },
    linker,
    progress::Progress,
    shutdown,
    terminology::{self, Dialect, Inputs, Scope, Summary},
};

/// Below this best scores of the embedded model are answered as NIL, unless something else is said.
const NIL_THRESHOLD: f32 = 0.75;

/// `index build`.
pub fn build(args: &IndexBuildArgs) -> Result<()> {
    let started = Instant::now();
    let bars = Bars::new(shutdown::flag()?);
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
    let selection = old.as_ref().map_or_else(|| selection(&args.selection), |old| old.selection.clone());
    let concepts = added_to.as_ref().map(Known::concepts);
    let (assembled, mut inputs) =
        collect(args, selection.clone(), concepts, staged.path(), &bars).with_context(failed)?;
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
    let built = index::build(staged, assembled, &options, &known, &embed(&encoder), &bars);
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
fn embed(encoder: &Encoder) -> impl Fn(&[&str], &dyn Progress) -> Result<Vec<f32>, IndexError> + '_ {
    |texts, progress| {
        encoder.embed_with(texts, progress).map_err(|e| match e {
            EncoderError::Interrupted => IndexError::Interrupted,
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
pub fn recall(args: &RecallArgs) -> Result<()> {
    let bars = Bars::new(shutdown::flag()?);
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
    let recall = index::measure(&mut index, &mentions, args.tuning.wanted(), &embed(&encoder), &bars)?;
    bars.finish();
    let mut manifest = index.manifest().clone();
    manifest.tuned(index.ef_search(), recall);
    if !args.dry_run {
        let unchanged = IndexManifest::read(&args.dir)? == *index.manifest();
        ensure!(unchanged, "{} was replaced while it was measured: nothing was written", args.dir.display());
        replace_manifest(&args.dir.join(MANIFEST), &manifest)
            .with_context(|| format!("cannot write to {}", args.dir.display()))?;
    }
    print(&format!("{}\n", searched(&manifest)))?;
    warn_of(&manifest, args.tuning.wanted());
    Ok(())
}

/// Reads and merges everything into a directory that is removed again.
fn dry_run(args: &IndexBuildArgs, bars: &Bars, started: Instant) -> Result<()> {
    let dir = tempfile::tempdir().context("a dry run needs a temporary directory (TMPDIR)")?;
    let (assembled, _) = collect(args, selection(&args.selection), None, dir.path(), bars)?;
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

/// Reads every terminology and assembles its concepts in `dir`.
fn collect(
    args: &IndexBuildArgs,
    selection: Selection,
    added_to: Option<&Concepts>,
    dir: &Path,
    bars: &Bars,
) -> Result<(Assembled, Vec<Input>)> {
    let keep = |language: &str, source: &str| selection.takes(language, source);
    let mut collector = Collector::with_memory(dir, selection.clone(), args.memory.as_u64());
    if let Some(index) = added_to {
        collector.take_index(index, bars)?;
    }
    let mut files = vec![];
    let mut done = |input: &terminology::Input, summary: &Summary| {
        bars.finish();
        summary.notes.iter().for_each(|note| eprintln!("  {note}"));
        if summary.bad > 0 {
            eprintln!(
                "  {}: {} bad rows were left out, wholly or in part",
                input.path.display(),
                HumanCount(summary.bad)
            );
        }
        files.extend(input.parts.clone());
    };
    inputs(&args.inputs, &args.selection).read(&keep, &mut |statement| collector.take(statement), bars, &mut done)?;
    let assembled = collector.assemble(dir, bars)?;
    bars.finish();
    eprintln!("{}", left_out(&assembled.tally));
    if assembled.semantic_types.is_empty() {
        eprintln!(
            "  no concept has a semantic type: filters by type or group will find nothing (a table can give them)"
        );
    }
    if args.dry_run {
        return Ok((assembled, vec![]));
    }
    let sum = |path: &std::path::PathBuf| Ok(Input { name: name_of(path)?, sum: FileSum::of(path)? });
    Ok((assembled, files.iter().map(sum).collect::<Result<_>>()?))
}

fn inputs(args: &InputArgs, selection: &SelectionArgs) -> Inputs {
    let table = |dialect| move |path: &std::path::PathBuf| (path.clone(), dialect);
    let tabs = args.tsv.iter().map(table(Dialect::Tabs));
    Inputs {
        umls: args.umls.clone(),
        obo: args.obo.clone(),
        obograph: args.obograph.clone(),
        sssom: args.sssom.clone(),
        tables: tabs.chain(args.csv.iter().map(table(Dialect::Commas))).collect(),
        scopes: selection.synonym_scopes.iter().map(|&scope| scope.into()).collect(),
        bad_rows: selection.max_bad_rows,
    }
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Exact => Self::Exact,
            ScopeArg::Broad => Self::Broad,
            ScopeArg::Narrow => Self::Narrow,
            ScopeArg::Related => Self::Related,
        }
    }
}

fn selection(args: &SelectionArgs) -> Selection {
    let list = |values: &[String]| -> Vec<String> {
        values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
    };
    Selection {
        languages: list(&args.languages),
        sources: list(&args.sources),
        semantic_types: args.semantic_types.clone(),
        semantic_groups: args.semantic_groups.clone(),
        include_suppressed: args.include_suppressed,
        max_names_per_concept: args.max_names_per_concept,
    }
}

/// What became of the names that were read.
fn left_out(tally: &Tally) -> String {
    let mut text = format!("  names taken: {}", HumanCount(tally.taken));
    for (count, why) in [
        (tally.other_language, "in other languages"),
        (tally.other_source, "from other sources"),
        (tally.suppressed, "suppressed"),
        (tally.other_type, "of other semantic types"),
        (tally.surplus, "beyond --max-names-per-concept"),
        (tally.repeated, "repeated"),
    ] {
        if count > 0 {
            let _ = write!(text, "; left out, {why}: {}", HumanCount(count));
        }
    }
    text
}

/// `index info`.
pub fn info(args: &InfoArgs) -> Result<()> {
    let index = Index::open(&args.dir)?;
    print(&if args.json { serde_json::to_string_pretty(index.manifest())? + "\n" } else { describe(index.manifest()) })
}

/// `index verify`.
pub fn verify(args: &VerifyArgs) -> Result<()> {
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
        &Assembled {
            counts: manifest.counts,
            sources: manifest.sources.clone(),
            semantic_types: manifest.semantic_types.clone(),
            tally: Tally::default(),
        },
    );
    let _ = writeln!(text, "graph        M {}, ef_construction {}", graph.m, graph.ef_construction);
    let _ = writeln!(text, "search       {}", searched(manifest));
    let _ = writeln!(text, "score        {}, NIL below {}", manifest.score, manifest.nil_threshold);
    let _ = writeln!(text, "size         {:.1} MB", bytes as f64 / 1e6);
    for input in &manifest.inputs {
        let _ = writeln!(text, "made from    {} sha256 {}", input.name, input.sum.sha256);
    }
    text
}

/// How an index is searched, and what that finds.
fn searched(manifest: &IndexManifest) -> String {
    let recall = manifest.recall.map_or("recall not measured".to_owned(), |recall| {
        format!("recall@1 {:.4}, recall@10 {:.4} of {} mentions", recall.at_1, recall.at_10, recall.queries)
    });
    format!("ef_search {}: {recall}", manifest.graph.ef_search)
}

fn describe_concepts(text: &mut String, assembled: &Assembled) {
    let Assembled { counts, sources, semantic_types, .. } = assembled;
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
