//! `saplink train run`: results, resumed runs, and input that it refuses.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use saplink::bert::{self, checkpoint};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{fail, fixture, run, run_with_small_files, saplink, signal, succeed, wait};

/// Pairs of concepts with three names each, in words of the tiny model's vocabulary.
fn pairs(dir: &Path, concepts: usize) -> PathBuf {
    let path = dir.join("pairs");
    let (organs, findings) =
        (["heart", "lung", "liver", "kidney", "brain", "skin"], ["pain", "cancer", "infection", "ulcer"]);
    let mut text = String::new();
    for c in 0..concepts {
        let (organ, finding) = (organs[c % 6], findings[c / 6]);
        let names = [
            format!("{organ} {finding}"),
            format!("{finding} of the {organ}"),
            format!("old {organ}: {finding}, left"),
        ];
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            text += &format!("C{c:07}\t{}\t{}\n", names[a], names[b]);
        }
    }
    fs_err::write(&path, text).unwrap();
    path
}

/// The arguments of a run in a directory, with `more` after them.
fn arguments<'a>(dir: &'a Path, pairs: &'a Path, base: &'a Path, more: &[&'a str]) -> Vec<String> {
    let out = dir.join("model");
    let fixed = ["train", "run", "--device", "cpu", "--threads", "1"];
    let named = [("--base", base), ("--pairs", pairs), ("--out", &out)];
    let mut all: Vec<String> = fixed.map(str::to_owned).to_vec();
    // A path in `more` replaces the one of this list.
    all.extend(
        named.iter().filter(|(name, _)| !more.contains(name)).flat_map(|(name, path)| [(*name).into(), text(path)]),
    );
    all.extend(more.iter().map(|&m| m.to_owned()));
    all
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// The records of one kind in `metrics.jsonl`.
fn records(dir: &Path, kind: &str) -> Vec<Value> {
    let text = fs_err::read_to_string(dir.join("model-run/metrics.jsonl")).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["kind"] == kind).collect()
}

fn losses(dir: &Path) -> Vec<f64> {
    records(dir, "step").iter().map(|record| record["loss"].as_f64().unwrap()).collect()
}

fn weights(model: &Path) -> Vec<u8> {
    fs_err::read(model.join("model.onnx")).unwrap()
}

const SHORT: [&str; 8] = ["--steps", "30", "--batch", "36", "--learning-rate", "4e-3", "--dropout", "0"];

/// Trains on pairs that are also the held-out pairs, so that progress shows after a few steps.
fn train(dir: &Path, more: &[&str]) {
    let pairs = pairs(dir, 24);
    let held_out = text(&pairs);
    let more = [&SHORT[..], &["--dev", &held_out, "--dev-every", "10", "--save-every", "10"], more].concat();
    succeed(&borrowed(&arguments(dir, &pairs, &fixture("tiny"), &more)));
}

#[test]
fn a_run_learns_and_writes_models_that_build_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let hf = text(&dir.path().join("hf"));
    train(dir.path(), &["--export-hf", &hf]);
    let losses = losses(dir.path());
    assert_eq!(losses.len(), 30);
    let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
    assert!(mean(&losses[25..]) < 0.95 * mean(&losses[..5]), "{losses:?}");
    let dev: Vec<(u64, f64)> = records(dir.path(), "dev")
        .iter()
        .map(|record| (record["step"].as_u64().unwrap(), record["accuracy_at_1"].as_f64().unwrap()))
        .collect();
    assert_eq!(dev.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [0, 10, 20, 30]);
    assert!(dev[3].1 > dev[0].1 + 0.3, "{dev:?}");
    for record in records(dir.path(), "step") {
        let number = |field: &str| record[field].as_f64().unwrap();
        assert!(number("rows") >= number("tokens") && number("pairs") == 36.0 && number("gradient_norm") >= 0.0);
        assert!(number("seconds") >= number("waited") && number("learning_rate") > 0.0);
    }
    let report = fs_err::read_to_string(dir.path().join("model-run/report.html")).unwrap();
    assert!(report.contains("<svg") && report.contains("multi-similarity"));

    // The exported checkpoint, imported again, is the trained model byte for byte.
    let (config, trained) = bert::load(Path::new(&hf)).unwrap();
    let (_, base) = bert::load(&fixture("tiny")).unwrap();
    assert_ne!(trained.flatten(), base.flatten());
    assert_eq!(config.layers, trained.layers.len());
    let again = dir.path().join("again");
    succeed(&["model", "import", &hf, "--out", &text(&again)]);
    assert_eq!(weights(&again), weights(&dir.path().join("model")));

    let table = dir.path().join("names.tsv");
    fs_err::write(&table, "cui\tname\nC0000001\tab cd 1\nC0000002\tef gh 2\n").unwrap();
    for model in ["model", "model-int8"] {
        let (model, out) = (text(&dir.path().join(model)), text(&dir.path().join("index")));
        succeed(&["model", "info", &model]);
        let built = ["index", "build", "--tsv", &text(&table), "--model", &model, "--out", &out, "--force"];
        assert!(succeed(&built).contains("names        2, of which 2 distinct"), "{model}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let run = |seed: &str| {
        let dir = tempfile::tempdir().unwrap();
        train(dir.path(), &["--seed", seed]);
        (losses(dir.path()), weights(&dir.path().join("model")))
    };
    let first = run("1");
    assert!(first == run("1"), "the same seed");
    assert_ne!(first.0, run("2").0);
}

#[test]
fn every_loss_and_setting_trains() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = pairs(dir.path(), 24);
    for more in [
        &["--loss", "circle", "--decay", "linear", "--warm-up", "3"][..],
        &["--loss", "info-nce", "--no-mining", "--decay", "cosine"],
        &["--loss", "triplet", "--clip", "0.5"],
        &["--pooling", "mean", "--chunk", "6"],
        &["--freeze", "1", "--dropout", "0"],
        &["--arithmetic", "fp16"],
    ] {
        let more = [&["--steps", "12", "--batch", "8", "--learning-rate", "1e-3", "--force"][..], more].concat();
        succeed(&borrowed(&arguments(dir.path(), &pairs, &fixture("tiny"), &more)));
        let losses = losses(dir.path());
        assert!(losses.len() == 12 && losses.iter().all(|l| l.is_finite()), "{more:?} {losses:?}");
    }
}

#[test]
fn memory_stays_flat_over_thousands_of_steps() {
    let peak = |steps: &str| -> f64 {
        let dir = tempfile::tempdir().unwrap();
        let pairs = pairs(dir.path(), 24);
        let output =
            run(&borrowed(&arguments(dir.path(), &pairs, &fixture("tiny"), &["--steps", steps, "--batch", "12"])));
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let memory = log.split("with at most ").nth(1).unwrap_or_else(|| panic!("{log}"));
        memory.split(" MB").next().unwrap().parse().unwrap()
    };
    let (few, many) = (peak("200"), peak("2400"));
    // The records of the steps take a few hundred kilobytes.
    assert!(many < few + 6.0, "{few} MB after 200 steps, {many} MB after 2,400");
}

/// Starts a run and waits until it has written the checkpoint of `step` or a later one.
fn start(arguments: &[String], dir: &Path, step: u64) -> std::process::Child {
    let child = saplink(&borrowed(arguments)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !checkpoints(dir).iter().any(|path| *path >= checkpoint_of(dir, step)) {
        assert!(Instant::now() < deadline, "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn checkpoint_of(dir: &Path, step: u64) -> PathBuf {
    dir.join(format!("model-run/checkpoints/step-{step:08}"))
}

/// The complete checkpoints, in order.
fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(dir.join("model-run/checkpoints")) else { return vec![] };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.file_name().unwrap().as_encoded_bytes()[0] != b'.').collect();
    paths.sort();
    paths
}

#[test]
fn a_killed_run_resumes_with_the_same_result() {
    let common =
        ["--steps", "1500", "--batch", "8", "--learning-rate", "1e-3", "--save-every", "20", "--dev-every", "250"];
    for more in [&[][..], &["--arithmetic", "fp16", "--chunk", "6", "--decay", "cosine"]] {
        let begin = |dir: &TempDir, again: &[&str]| {
            let pairs = pairs(dir.path(), 24);
            let dev = text(&pairs);
            arguments(dir.path(), &pairs, &fixture("tiny"), &[&common[..], &["--dev", &dev], more, again].concat())
        };
        let unbroken = tempfile::tempdir().unwrap();
        succeed(&borrowed(&begin(&unbroken, &[])));

        let dir = tempfile::tempdir().unwrap();
        for (name, step, again, code) in [("KILL", 40, &[][..], None), ("INT", 900, &["--resume"], Some(130))] {
            let mut child = start(&begin(&dir, again), dir.path(), step);
            let busy = fail(&borrowed(&begin(&dir, &["--resume"])));
            assert!(busy.contains("another process is working"), "{busy}");
            signal(child.id(), name);
            assert_eq!(wait(&mut child, Duration::from_secs(30)), code);
            assert!(!dir.path().join("model").exists(), "no incomplete model");
        }
        succeed(&borrowed(&begin(&dir, &["--resume"])));
        assert_eq!(losses(dir.path()), losses(unbroken.path()), "{more:?}");
        assert_eq!(records(dir.path(), "dev"), records(unbroken.path(), "dev"), "{more:?}");
        assert!(weights(&dir.path().join("model")) == weights(&unbroken.path().join("model")), "{more:?}");
        assert_eq!(checkpoints(dir.path()).len(), 2, "--keep is 2");

        // Resuming a finished run writes its models again and changes nothing else.
        let (before, records) = (weights(&dir.path().join("model")), records(dir.path(), "dev").len());
        fs_err::remove_dir_all(dir.path().join("model-int8")).unwrap();
        succeed(&borrowed(&begin(&dir, &["--resume", "--force"])));
        assert!(weights(&dir.path().join("model")) == before && dir.path().join("model-int8/model.json").is_file());
        assert_eq!(self::records(dir.path(), "dev").len(), records);
    }
}

#[test]
fn a_full_disk_is_reported_and_the_run_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = pairs(dir.path(), 24);
    let of = |more: &[&str]| {
        let common = ["--steps", "90", "--batch", "8", "--save-every", "30", "--force"];
        arguments(dir.path(), &pairs, &fixture("tiny"), &[&common[..], more].concat())
    };
    // 60 KB are too little for the weights; 200 KB are enough for them, but not for the moments.
    for (kilobytes, path) in [(60, "checkpoints/step-00000030"), (200, "checkpoints/step-00000030")] {
        let output = run_with_small_files(kilobytes, &of(&[]));
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("File too large") && error.contains(path) && !error.contains("panicked"), "{error}");
        assert!(checkpoints(dir.path()).is_empty() && !dir.path().join("model").exists(), "{error}");
    }
    succeed(&borrowed(&of(&["--resume"])));
    assert_eq!(losses(dir.path()).len(), 90);
    fs_err::remove_dir_all(dir.path().join("model")).unwrap();
    let output = run_with_small_files(100, &of(&["--resume"]));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("--resume --force writes it") && error.contains("File too large"), "{error}");
    assert!(!dir.path().join("model").exists());
    succeed(&borrowed(&of(&["--resume"])));
    assert!(dir.path().join("model/model.json").is_file());
}

#[test]
fn resume_refuses_other_settings_and_damaged_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = pairs(dir.path(), 24);
    let of = |more: &[&str]| arguments(dir.path(), &pairs, &fixture("tiny"), more);
    let missing = fail(&borrowed(&of(&["--steps", "30", "--batch", "8", "--resume"])));
    assert!(missing.contains("no run to resume"), "{missing}");
    let mut child = start(&of(&["--steps", "5000", "--batch", "8", "--save-every", "10"]), dir.path(), 20);
    signal(child.id(), "TERM");
    assert_eq!(wait(&mut child, Duration::from_secs(30)), Some(130));
    for (more, expected) in [
        (&["--steps", "5000", "--batch", "9", "--resume"][..], "batch 8, not 9"),
        (&["--steps", "5000", "--batch", "8", "--loss", "circle", "--resume"], "loss multi-similarity, not circle"),
        (&["--steps", "5000", "--batch", "8"], "--resume continues it"),
    ] {
        let error = fail(&borrowed(&of(more)));
        assert!(error.contains(expected), "{error}");
    }
    // Every file of the last checkpoint, with a flipped bit, cut in half, and empty.
    let last = checkpoints(dir.path()).pop().unwrap();
    for name in ["model.safetensors", "moments.safetensors", "state.json"] {
        let original = fs_err::read(last.join(name)).unwrap();
        let mut flipped = original.clone();
        flipped[original.len() / 2] ^= 0x20;
        for damaged in [&flipped[..], &original[..original.len() / 2], &[]] {
            fs_err::write(last.join(name), damaged).unwrap();
            let error = fail(&borrowed(&of(&["--steps", "5000", "--batch", "8", "--save-every", "10", "--resume"])));
            // A damaged checksum in state.json is reported as a mismatch of another file.
            assert!(error.contains(name) || name == "state.json", "{error}");
            assert!(error.contains(&format!("remove {}", last.display())), "{error}");
        }
        fs_err::write(last.join(name), original).unwrap();
    }
}

#[test]
fn a_diverging_run_stops_and_names_the_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let pairs = pairs(dir.path(), 24);
    // The learning rate rises in each step until the loss is not finite.
    let more = ["--steps", "60", "--batch", "8", "--learning-rate", "1e6", "--warm-up", "60", "--save-every", "1"];
    let error = fail(&borrowed(&arguments(dir.path(), &pairs, &fixture("tiny"), &more)));
    assert!(
        error.contains("not usable (not finite, or too large) in step 1;")
            && error.contains("no checkpoint was written"),
        "{error}"
    );

    let good = ["--steps", "5000", "--batch", "8", "--save-every", "20", "--force"];
    let mut child = start(&arguments(dir.path(), &pairs, &fixture("tiny"), &good), dir.path(), 20);
    signal(child.id(), "KILL");
    wait(&mut child, Duration::from_secs(30));
    let last = checkpoints(dir.path()).pop().unwrap();
    // Moments that make the loss infinite, with matching checksums.
    let mut tensors = checkpoint::read(&last.join("moments.safetensors")).unwrap();
    tensors.get_mut("means").unwrap().data.fill(1e30);
    fs_err::remove_file(last.join("moments.safetensors")).unwrap();
    checkpoint::write(&last.join("moments.safetensors"), &tensors).unwrap();
    let sum = saplink::files::FileSum::of(&last.join("moments.safetensors")).unwrap();
    let mut state: Value = serde_json::from_slice(&fs_err::read(last.join("state.json")).unwrap()).unwrap();
    state["files"]["moments.safetensors"] = serde_json::to_value(sum).unwrap();
    fs_err::write(last.join("state.json"), state.to_string()).unwrap();
    let again = ["--steps", "5000", "--batch", "8", "--save-every", "20", "--resume"];
    let error = fail(&borrowed(&arguments(dir.path(), &pairs, &fixture("tiny"), &again)));
    assert!(error.contains("not usable") && error.contains(&format!("is {}", last.display())), "{error}");
    assert!(!dir.path().join("model").exists());
}

#[test]
fn bad_input_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let good = pairs(dir.path(), 24);
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        fs_err::write(&path, content).unwrap();
        path
    };
    let one_concept = file("one", "C1\ta\tb\nC1\tb\tc\n");
    let one_name = file("names", "C1\ta\tb\nC2\tc\n");
    let empty_line = file("lines", "C1\ta\tb\n\nC2\tc\td\n");
    let nothing = file("nothing", "");
    let onnx = fixture("tiny-onnx");
    let tiny = fixture("tiny");
    let existing = dir.path().join("existing");
    fs_err::create_dir(&existing).unwrap();
    fs_err::write(existing.join("letter"), "dear").unwrap();
    let existing = text(&existing);
    let unwritable = if Path::new("/proc").is_dir() { "/proc/model" } else { "/dev/null/model" };
    for (pairs, base, more, expected) in [
        (&one_concept, &tiny, &[][..], "names of one concept only"),
        (&one_name, &tiny, &[], ":2: "),
        (&empty_line, &tiny, &[], ":2: "),
        (&nothing, &tiny, &[], "nothing"),
        (&good, &onnx, &[], "weights have no names"),
        (&good, &dir.path().to_owned(), &[], "config.json"),
        (&good, &good, &[], "is not a directory"),
        (&good, &tiny, &["--max-tokens", "65"], "--max-tokens 65"),
        (&good, &tiny, &["--freeze", "2"], "--freeze"),
        (&good, &tiny, &["--warm-up", "31", "--steps", "30"], "--warm-up 31"),
        (&good, &tiny, &["--map", "C9999999"], "--map C9999999"),
        (&good, &tiny, &["--out", &existing], "--force only replaces a directory that saplink wrote"),
        (&good, &tiny, &["--out", unwritable], unwritable.rsplit_once('/').unwrap().0),
        (&good, &tiny, &["--export-hf", unwritable], unwritable.rsplit_once('/').unwrap().0),
        (&good, &tiny, &["--export-hf", &existing], "exists already; name a new or an empty directory"),
        (&good, &tiny, &["--dev", "/nowhere/pairs"], "/nowhere/pairs"),
    ] {
        let force = if more.contains(&existing.as_str()) { &["--force"][..] } else { &[] };
        let error = fail(&borrowed(&arguments(dir.path(), pairs, base, &[more, force].concat())));
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let wrong = run(&borrowed(&arguments(dir.path(), &good, &tiny, &["--batch", "1"])));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("the loss compares the pairs of a batch"));
    let left: Vec<_> = fs_err::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("model")), "{left:?}");
}

#[test]
fn group_and_augment_change_a_run_and_are_compared_on_resume() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    train(dir.path(), &["--group", "3", "--augment", "0.5"]);
    train(other.path(), &[]);
    assert_ne!(losses(dir.path()), losses(other.path()));
    let settings: Value =
        serde_json::from_str(&fs_err::read_to_string(dir.path().join("model-run/run.json")).unwrap()).unwrap();
    assert_eq!((&settings["settings"]["group"], &settings["settings"]["augment"]), (&3.into(), &0.5.into()));
    let pairs = pairs(dir.path(), 24);
    let held_out = text(&pairs);
    let more = [
        &SHORT[..],
        &["--dev", &held_out, "--dev-every", "10", "--save-every", "10", "--resume", "--force", "--augment", "0.5"],
    ]
    .concat();
    let error = fail(&borrowed(&arguments(dir.path(), &pairs, &fixture("tiny"), &more)));
    assert!(error.contains("started with group 3, not 1"), "{error}");
}

#[test]
fn mix_base_averages_the_weights_with_the_base() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), &[]);
    let pairs = pairs(dir.path(), 24);
    let held_out = text(&pairs);
    let (_, base) = bert::load(&fixture("tiny")).unwrap();
    let run =
        [&SHORT[..], &["--dev", &held_out, "--dev-every", "10", "--save-every", "10", "--resume", "--force"]].concat();
    let [trained, half, all] = ["0", "0.5", "1"].map(|share| {
        let hf = text(&dir.path().join(format!("hf-{share}")));
        let more = [&run[..], &["--mix-base", share, "--export-hf", &hf]].concat();
        succeed(&borrowed(&arguments(dir.path(), &pairs, &fixture("tiny"), &more)));
        bert::load(Path::new(&hf)).unwrap().1.flatten()
    });
    let base = base.flatten();
    let furthest = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(furthest(&trained, &base) > 1e-3);
    assert!(furthest(&all, &base) < 1e-6);
    assert!((furthest(&half, &base) - furthest(&trained, &half)).abs() < 1e-5);
}
