//! `saplink index info` and `saplink index verify`, and the summary of an index that `index build`
//! prints too.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::Result;
use indicatif::{DecimalBytes, HumanCount};

use crate::{
    cli::{IndexVerifyArgs, InfoArgs},
    commands::common::{counted, open_index, print_stdout, sum_of_kind},
    concepts::{NameTally, StoreSummary},
    index::{Calibration, IndexManifest},
};

/// `index info`.
pub(super) fn info(args: &InfoArgs) -> Result<()> {
    let index = open_index(&args.dir)?;
    let manifest = index.manifest();
    print_stdout(&if args.json { serde_json::to_string_pretty(manifest)? + "\n" } else { summary(manifest) })
}

/// `index verify`.
pub(super) fn verify(args: &IndexVerifyArgs) -> Result<()> {
    let manifest = IndexManifest::read(&args.dir)?;
    manifest.verify(&args.dir)?;
    drop(open_index(&args.dir)?);
    print_stdout(&format!(
        "{}: {}, {}, all as they were written\n",
        manifest.label(),
        counted(manifest.files.len() as u64, "file"),
        DecimalBytes(total_bytes(&manifest))
    ))
}

/// The properties of an index, one per line.
pub(super) fn summary(manifest: &IndexManifest) -> String {
    let mut text = String::new();
    let graph = &manifest.graph;
    let _ = writeln!(text, "index        {} ({})", manifest.name, manifest.fingerprint());
    let _ = writeln!(text, "model        {} ({})", manifest.model.name, manifest.model.fingerprint);
    write_concepts(
        &mut text,
        &StoreSummary {
            counts: manifest.counts,
            sources: manifest.sources.clone(),
            semantic_types: manifest.semantic_types.clone(),
            tally: NameTally::default(),
            left_out: manifest.left_out.clone(),
            merged: manifest.merged.clone(),
        },
    );
    let _ = writeln!(text, "graph        M {}, ef_construction {}", graph.m, graph.ef_construction);
    let _ = writeln!(text, "search       {}", search_summary(manifest));
    let _ = writeln!(text, "score        {}, NIL below {}", manifest.score, manifest.nil_threshold);
    let _ = writeln!(text, "calibration  {}", calibration_summary(manifest.calibration.as_ref()));
    let _ = writeln!(text, "size         {}", DecimalBytes(total_bytes(manifest)));
    for input in &manifest.inputs {
        let _ = writeln!(text, "made from    {} sha256 {}", input.name, input.sum.sha256);
    }
    text
}

fn total_bytes(manifest: &IndexManifest) -> u64 {
    manifest.files.values().map(|file| file.bytes).sum()
}

fn calibration_summary(calibration: Option<&Calibration>) -> String {
    let Some(Calibration { general, threshold, mentions, measured, .. }) = calibration else { return "none".into() };
    let general = if *general { "general, of the model: fitted to" } else { "fitted to" };
    format!(
        "{general} {mentions} mentions: NIL below a probability of {threshold:.3}, error {:.3}, NIL precision {:.3}, \
         recall {:.3}",
        measured.calibration_error, measured.nil_precision, measured.nil_recall
    )
}

/// `ef_search` of an index and its recall.
pub(super) fn search_summary(manifest: &IndexManifest) -> String {
    let recall = manifest.recall.map_or("recall not measured".to_owned(), |recall| {
        format!("recall@1 {:.4}, recall@10 {:.4} of {} mentions", recall.at_1, recall.at_10, recall.queries)
    });
    format!("ef_search {}: {recall}", manifest.graph.ef_search)
}

/// Writes the lines about concepts, names and sources.
pub(super) fn write_concepts(text: &mut String, assembled: &StoreSummary) {
    let StoreSummary { counts, sources, semantic_types, left_out, merged, .. } = assembled;
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
    // Sources with names get a line each. Sources with codes only can be many and share a line.
    let (with_names, without_names): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.atoms > 0);
    for source in with_names {
        let _ = write!(text, "source       {}", source.source);
        if !source.version.is_empty() {
            let _ = write!(text, " {}", source.version);
        }
        let _ = write!(text, ": {}, {}", counted(source.atoms, "name"), counted(source.codes, "code"));
        if let Some(level) = source.restriction_level {
            let _ = write!(text, ", restriction level {level}");
        }
        text.push('\n');
    }
    let with_codes: Vec<_> = without_names.iter().filter(|source| source.codes > 0).collect();
    if !with_codes.is_empty() {
        let codes = with_codes.iter().map(|source| format!("{} {}", source.source, HumanCount(source.codes)));
        let _ = writeln!(text, "codes only   {}", codes.collect::<Vec<_>>().join(", "));
    }
    for (by, count) in merged {
        let _ = writeln!(text, "merged       {}", sum_of_kind((format_args!("terms into CUIs by {by}"), *count)));
    }
    for (kind, count) in left_out {
        let _ = writeln!(text, "left out     {}", sum_of_kind((kind, *count)));
    }
}
