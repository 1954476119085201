//! `saplink index`.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Instant};

use anyhow::{Context, Result};
use indicatif::{DecimalBytes, HumanCount};

use super::{
    load_encoder, name_of, print,
    progress::{Bars, since},
};
use crate::{
    cli::{IndexBuildArgs, InfoArgs, InputArgs, ScopeArg, SelectionArgs, VerifyArgs},
    encoder::{EncoderError, Runtime},
    files::{FileSum, StagedDir},
    index::{
        self, Assembled, BuildOptions, Collector, GraphParameters, Index, IndexError, IndexManifest, Input, MANIFEST,
        ModelReference, Selection, Tally,
    },
    progress::Progress,
    shutdown,
    terminology::{self, Dialect, Inputs, Scope, Summary},
};

/// `index build`.
pub fn build(args: &IndexBuildArgs) -> Result<()> {
    let started = Instant::now();
    let bars = Bars::new(shutdown::flag()?);
    let Some(out) = &args.out else { return dry_run(args, &bars, started) };
    let failed = || format!("cannot build {}", out.display());
    let staged = StagedDir::create(out, MANIFEST, args.force).with_context(failed)?;
    // Before hours of work: a model that cannot be used.
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let encoder = load_encoder(&runtime, &args.model, &args.run)?;
    let (assembled, inputs) = collect(args, staged.path(), &bars).with_context(failed)?;
    let model = encoder.manifest();
    let options = BuildOptions {
        name: name_of(out)?,
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
        selection: selection(&args.selection),
        inputs,
    };
    let embed = |texts: &[&str], progress: &dyn Progress| {
        encoder.embed_with(texts, progress).map_err(|e| match e {
            EncoderError::Interrupted => IndexError::Interrupted,
            e => IndexError::Embed(e.to_string()),
        })
    };
    eprintln!("  model {} on {}", model.label(), encoder.device());
    let manifest = index::build(staged, assembled, &options, &embed, &bars).with_context(failed)?;
    bars.finish();
    print(&describe(&manifest))?;
    eprintln!("  built in {}{}", since(started), peak_memory());
    Ok(())
}

/// Reads and merges everything into a directory that is removed again.
fn dry_run(args: &IndexBuildArgs, bars: &Bars, started: Instant) -> Result<()> {
    let dir = tempfile::tempdir().context("a dry run needs a temporary directory (TMPDIR)")?;
    let (assembled, _) = collect(args, dir.path(), bars)?;
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
fn collect(args: &IndexBuildArgs, dir: &Path, bars: &Bars) -> Result<(Assembled, Vec<Input>)> {
    let selection = selection(&args.selection);
    let keep = |language: &str, source: &str| selection.takes(language, source);
    let mut collector = Collector::new(dir, selection.clone());
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
    let (m, ef_construction, ef_search) = (graph.m, graph.ef_construction, graph.ef_search);
    let _ = writeln!(text, "graph        M {m}, ef_construction {ef_construction}, ef_search {ef_search}");
    let _ = writeln!(text, "score        {}, NIL below {}", manifest.score, manifest.nil_threshold);
    let _ = writeln!(text, "size         {:.1} MB", bytes as f64 / 1e6);
    for input in &manifest.inputs {
        let _ = writeln!(text, "made from    {} sha256 {}", input.name, input.sum.sha256);
    }
    text
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

/// The most memory that this process ever held, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.map_or(String::new(), |n| format!(", with at most {} of memory", DecimalBytes(n * 1024)))
}
