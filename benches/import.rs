//! Import of a large vocabulary: `make bench-import`. Writes a synthetic UMLS release, imports it
//! with the release binary, and measures opening and look-ups of the concepts.
//!
//! The first argument is the number of rows (10,000,000 by default). The binary reports its peak
//! memory itself. Opening and look-ups run in a process of their own, so their resident memory
//! contains only the parts of the files that they touched.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use saplink::{
    concepts::{Filter, FilterRequest, Relation, Selection, StatementCollector},
    domain::ConceptId,
    index::{Index, bench},
    job::Job,
    terminology::Inputs,
    text,
};

mod release;

const ROWS: u64 = 10_000_000;
/// Dimensions of BERT-base.
const DIMENSIONS: usize = 768;
/// Look-ups of each kind.
const LOOKUPS: usize = 2000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    // Cargo adds the argument `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [command, dir] = &arguments[..]
        && command == "open"
    {
        return open(Path::new(dir));
    }
    let rows = arguments.first().map_or(Ok(ROWS), |rows| rows.replace('_', "").parse())?;
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("import");
    let meta = work.join(format!("META-{rows}"));
    if !meta.exists() {
        let partial = meta.with_extension("partial");
        println!("writing a release of {rows} rows ..");
        release::generate(&partial, rows)?;
        fs::rename(partial, &meta)?;
    }
    println!("saplink index build --umls {} --dry-run", meta.file_name().unwrap_or_default().display());
    let arguments = [Path::new("index"), Path::new("build"), Path::new("--dry-run"), Path::new("--umls"), &meta];
    if !Command::new(env!("CARGO_BIN_EXE_saplink")).args(arguments).status()?.success() {
        return Err("the import failed".into());
    }
    let store = work.join("store");
    build(&meta, &store)?;
    let opened = Command::new(std::env::current_exe()?).arg("open").arg(&store).status()?;
    if opened.success() { Ok(()) } else { Err("opening failed".into()) }
}

/// Builds an index of the release `meta` in `store`, with vectors of zeros.
fn build(meta: &Path, store: &Path) -> Outcome<()> {
    let _ = fs::remove_dir_all(store);
    fs::create_dir_all(store)?;
    // All languages: about as many names as UMLS has English ones.
    let selection = Selection { languages: vec![], ..Selection::default() };
    let mut collector = StatementCollector::new(store, selection.clone());
    let keep = |language: &str, source: &str| selection.takes(language, source);
    let inputs = Inputs { umls: vec![meta.into()], ..Inputs::default() };
    inputs.read(&keep, &mut |statement| collector.collect(statement), Job::silent(), &mut |_, _| {})?;
    let assembled = collector.assemble(store, Job::silent())?;
    Ok(bench::write_hollow_index(store, assembled, selection, DIMENSIONS)?)
}

/// Removes the files of `dir` from the file cache, so that the next read waits for the disk.
fn drop_file_cache(dir: &Path) -> Outcome<()> {
    for entry in fs::read_dir(dir)? {
        let file = fs::File::open(entry?.path())?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// Measures opening the index in `store`, and look-ups.
fn open(store: &Path) -> Outcome<()> {
    drop_file_cache(store)?;
    let before = resident();
    let timed = || {
        let started = Instant::now();
        Index::open(store).map(|index| (index, started.elapsed().as_secs_f64() * 1e3))
    };
    let (index, cold) = timed()?;
    println!("\nopen, files on the disk, ms     {cold:.1}");
    println!("memory once open, MB            {:.1}", resident() - before);
    drop(index);
    let (index, warm) = timed()?;
    println!("open, files in the cache, ms    {warm:.1}");
    let (concepts, sources) = (index.concepts(), &index.manifest().sources);
    let counts = concepts.counts();
    let size = |path: &PathBuf| Ok::<_, std::io::Error>(fs::metadata(path)?.len() as f64);
    let vectors = ["vectors.bin", "scales.bin", "graph.bin"].map(|name| store.join(name));
    let bytes = vectors.iter().map(size).sum::<Result<f64, _>>()?;
    println!("GB of int8 vectors and graph    {:.2} ({DIMENSIONS} dimensions)", bytes / 1e9);
    let files = ["concepts.bin", "rows.bin", "keys.fst", "words.fst", "search.bin"].map(|name| store.join(name));
    let sizes = files.iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let names = counts.atoms as f64;
    println!("names, distinct, concepts       {}, {}, {}", counts.atoms, counts.rows, counts.concepts);
    println!("bytes a name                    {:.1}", sizes.iter().sum::<f64>() / names);
    for (path, bytes) in files.iter().zip(&sizes) {
        println!("  {:<29} {:.1}", path.file_name().unwrap_or_default().display(), bytes / names);
    }

    // Concepts spread over the whole index, with their preferred names.
    let step = (counts.concepts as usize / LOOKUPS).max(1);
    let chosen: Vec<ConceptId> = ConceptId::all(counts.concepts as usize).step_by(step).take(LOOKUPS).collect();
    let names: Vec<String> = chosen.iter().map(|&c| concepts.preferred_name(c).to_owned()).collect();
    let ids: Vec<String> = chosen.iter().map(|&c| concepts.id(c).to_owned()).collect();
    let all = Filter::new(&FilterRequest::default(), concepts);
    let request = FilterRequest {
        semantic_groups: vec!["DISO".into()],
        sources: vec![sources[0].source.clone()],
        ..Default::default()
    };
    println!("\nlook-ups, µs                         p50       p99");
    time("a concept with all its facts", ids.iter(), |id| {
        let Some(concept) = concepts.concept(id) else { return 0 };
        let atoms = concepts.atoms(concept).map(|a| concepts.atom(a).name.len()).sum::<usize>();
        let related = Relation::ALL
            .map(|r| concepts.related(concept, r).map(|c| concepts.preferred_name(c).len()).sum::<usize>());
        atoms + concepts.codes(concept).count() + concepts.definitions(concept).count() + related.iter().sum::<usize>()
    });
    time("a name", names.iter(), |name| usize::from(concepts.name_id(&text::normalize(name)).is_some()));
    let prefix = |name: &String| name.chars().take(6).collect::<String>();
    time("a prefix of 6 letters, 20", names.iter().map(prefix), |q| concepts.find(q, &all, 0, 20).found.len());
    let beginnings = |name: &String| {
        let words = name.split(' ').rev().take(2).map(|word| word.chars().take(4).collect());
        words.collect::<Vec<String>>().join(" ")
    };
    time("beginnings of 2 words, 20", names.iter().map(beginnings), |q| concepts.find(q, &all, 0, 20).found.len());
    let letters = ('a'..='z').map(String::from);
    time("a letter, 20", letters, |q| concepts.find(q, &all, 0, 20).found.len());
    let misspelled = names.iter().filter(|n| (5..60).contains(&n.len())).map(|name| {
        let mut letters: Vec<char> = name.chars().collect();
        let middle = letters.len() / 2;
        letters.swap(middle, middle - 1);
        letters.iter().collect::<String>()
    });
    time("a misspelled name, 20", misspelled.collect::<Vec<_>>().iter(), |q| concepts.find(q, &all, 0, 20).found.len());
    time("a filter of group and source", chosen.iter(), |_| Filter::new(&request, concepts).passing_count());
    let filter = Filter::new(&request, concepts);
    time("a prefix of 2 letters, filtered", names.iter(), |n| {
        concepts.find(&n[..n.floor_char_boundary(2)], &filter, 0, 20).found.len()
    });
    println!("memory after the look-ups, MB   {:.1}", resident() - before);
    Ok(())
}

/// Times `lookup` for each of `inputs`; prints percentiles, and the mean of the results.
fn time<T>(what: &str, inputs: impl Iterator<Item = T>, lookup: impl Fn(&T) -> usize) {
    let mut times: Vec<Duration> = vec![];
    let mut found = 0;
    for input in inputs {
        let started = Instant::now();
        found += std::hint::black_box(lookup(&input));
        times.push(started.elapsed());
    }
    times.sort();
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e6;
    println!("{what:<34} {:>9.1} {:>9.1}   {:.1} each", at(0.5), at(0.99), found as f64 / times.len() as f64);
}

/// Resident memory of this process in megabytes; 0 on systems without `/proc`.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}
