//! Runs `saplink index build`: reads terminologies and builds an index.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use indicatif::{DecimalBytes, HumanCount};

use crate::{
    ann::GraphParameters,
    cli::IndexBuildArgs,
    commands::{
        common::{dir_name, embed_with, load_encoder, manifest_input, print_stdout},
        index_info::{summary, write_concepts},
        index_recall::warn_if_missed,
        progress_bars::{ProgressBars, elapsed, peak_memory},
        terminologies,
    },
    concepts::{ConceptStore, Selection, StoreSummary},
    encoder::{Encoder, Runtime},
    files::{Abandoned, StagedDir, abandoned},
    index::{
        self, BuildOptions, BuiltIndex, CALIBRATION_FILE, Calibration, IndexError, IndexManifest, MANIFEST,
        ModelReference, ReusableVectors,
    },
    linker, signals,
};

/// NIL threshold of a new index if `--nil-threshold` is not given: about the threshold that the
/// calibration of the starter index found for the included model.
const NIL_THRESHOLD: f32 = 0.65;

/// Builds the index, or with `--dry-run` only reads and merges the terminologies.
pub(super) fn run(args: &IndexBuildArgs) -> Result<()> {
    let started = Instant::now();
    let bars = ProgressBars::new(signals::cancel_token()?);
    let Some(out) = &args.out else { return dry_run(args, &bars, started) };
    let cannot_build = || format!("cannot build {}", out.display());
    // These checks run before hours of work and before anything is removed: the directory may be
    // written, and the model can be loaded.
    ensure!(
        !args.add || out.join(MANIFEST).is_file(),
        "{}: there is no index to add to (no {MANIFEST}); leave out --add to build a new one",
        out.display()
    );
    StagedDir::check(out, MANIFEST, args.force || args.add)?;
    let runtime = Runtime::load(args.run.onnxruntime.as_deref())?;
    let encoder = load_encoder(&runtime, &args.model, &args.run)?;
    let BuiltIndex { manifest, reused } = build(args, out, &encoder, &bars).with_context(cannot_build)?;
    bars.finish();
    if args.add || args.resume {
        eprintln!("  {} names; {} vectors reused", HumanCount(manifest.counts.rows), HumanCount(reused));
    }
    print_stdout(&summary(&manifest))?;
    warn_if_missed(&manifest, args.tuning.wanted());
    eprintln!("  built in {}{}", elapsed(started), peak_memory());
    Ok(())
}

fn build(args: &IndexBuildArgs, out: &Path, encoder: &Encoder, bars: &ProgressBars) -> Result<BuiltIndex> {
    let model = linker::model_reference(encoder);
    let reusable = Reusable::find(args, out, &model)?;
    let staged = StagedDir::create(out, MANIFEST, args.force || args.add)?;
    let selection = match &reusable.base {
        Some((_, base)) => base.selection.clone(),
        None => terminologies::selection(&args.selection),
    };
    let base_concepts = reusable.base.as_ref().map(|(base, _)| base.concepts());
    let (mut assembled, files) = assemble(args, &selection, base_concepts, staged.path(), bars)?;
    let base_manifest = reusable.base.as_ref().map(|(_, manifest)| manifest);
    if let Some(base) = base_manifest {
        terminologies::add_counts(&mut assembled.left_out, &base.left_out);
        terminologies::add_counts(&mut assembled.merged, &base.merged);
    }
    let options = build_options(args, out, model, selection, &files, base_manifest)?;
    eprintln!("  model {} on {}", encoder.manifest().label(), encoder.device());
    let built = index::build(staged, assembled, &options, &reusable.vectors(), &embed_with(encoder), bars.job());
    if built.is_err() && !(reusable.abandoned.is_empty() && abandoned(out).unwrap_or_default().is_empty()) {
        bars.finish();
        eprintln!(
            "  the embeddings computed so far are saved: the same command with --resume continues with them, without --resume it \
             removes them"
        );
    }
    let built = built?;
    reusable.abandoned.into_iter().for_each(Abandoned::remove);
    Ok(built)
}

/// Vectors that the build does not compute again.
struct Reusable {
    /// The index that `--add` adds to.
    base: Option<(ReusableVectors, IndexManifest)>,
    /// What interrupted builds of the same directory embedded (`--resume`).
    resumed: Vec<ReusableVectors>,
    /// The directories of these builds. They are locked, so that the staged directory of this build
    /// does not remove them when it is created.
    abandoned: Vec<Abandoned>,
}

impl Reusable {
    fn find(args: &IndexBuildArgs, out: &Path, model: &ModelReference) -> Result<Self> {
        let base = args.add.then(|| ReusableVectors::open_index(out, model)).transpose()?;
        let abandoned = if args.resume { abandoned(out)? } else { vec![] };
        let mut resumed = vec![];
        for dir in &abandoned {
            match ReusableVectors::open_partial(dir.path(), model) {
                Ok(found) => resumed.extend(found),
                Err(e @ IndexError::OtherModel { .. }) => return Err(e.into()),
                Err(e) => eprintln!("  an interrupted build is not used: {e}"),
            }
        }
        if args.resume {
            let found = resumed.iter().map(ReusableVectors::rows).max().unwrap_or(0);
            eprintln!("  found {} names that were embedded before", HumanCount(found as u64));
        }
        Ok(Self { base, resumed, abandoned })
    }

    fn vectors(&self) -> Vec<&ReusableVectors> {
        self.resumed.iter().chain(self.base.as_ref().map(|(base, _)| base)).collect()
    }
}

/// The options of the build. With `--add` an option that is not given is that of `base`.
fn build_options(
    args: &IndexBuildArgs,
    out: &Path,
    model: ModelReference,
    selection: Selection,
    files: &[PathBuf],
    base: Option<&IndexManifest>,
) -> Result<BuildOptions> {
    let mut inputs = base.map(|base| base.inputs.clone()).unwrap_or_default();
    for file in files {
        inputs.push(manifest_input(file)?);
    }
    let graph = args.graph.parameters(base.map(|base| base.graph));
    Ok(BuildOptions {
        name: dir_name(out)?,
        model,
        vectors: args.graph.precision(base.map(|base| base.vectors)),
        graph: GraphParameters { ef_search: args.tuning.ef_search.map_or(1, Into::into), ..graph },
        target: args.tuning.wanted(),
        nil_threshold: args.nil_threshold.or(base.map(|base| base.nil_threshold)).unwrap_or(NIL_THRESHOLD),
        // An operator who sets a threshold of the score wants no other one.
        calibration: match args.nil_threshold {
            Some(_) => None,
            None => Calibration::read(&args.model.join(CALIBRATION_FILE))?,
        },
        selection,
        inputs,
        memory: args.memory.as_u64(),
    })
}

/// Reads and merges the terminologies into a temporary directory and prints what an index would
/// contain.
fn dry_run(args: &IndexBuildArgs, bars: &ProgressBars, started: Instant) -> Result<()> {
    let dir = tempfile::tempdir().context("a dry run needs a temporary directory (TMPDIR)")?;
    let (assembled, _) = assemble(args, &terminologies::selection(&args.selection), None, dir.path(), bars)?;
    bars.finish();
    let mut bytes = 0;
    for entry in fs_err::read_dir(dir.path())? {
        bytes += entry?.metadata()?.len();
    }
    let mut text = String::new();
    write_concepts(&mut text, &assembled);
    let per_name = bytes as f64 / assembled.counts.atoms as f64;
    let _ = writeln!(text, "size         {} without vectors, {per_name:.0} bytes per name", DecimalBytes(bytes));
    print_stdout(&text)?;
    eprintln!("  read and merged in {}{}; nothing was written", elapsed(started), peak_memory());
    Ok(())
}

/// Assembles the concepts of `base` and of all terminologies in `dir`; returns the files read too.
fn assemble(
    args: &IndexBuildArgs,
    selection: &Selection,
    base: Option<&ConceptStore>,
    dir: &Path,
    bars: &ProgressBars,
) -> Result<(StoreSummary, Vec<PathBuf>)> {
    let inputs = terminologies::inputs(&args.inputs, &args.selection);
    let (assembled, files) = terminologies::ingest(&inputs, selection, base, args.memory.as_u64(), dir, bars)?;
    if assembled.semantic_types.is_empty() {
        eprintln!(
            "  no concept has a semantic type: filters by semantic type or group will find nothing (add a table \
             with the column semantic_type)"
        );
    }
    Ok((assembled, files))
}
