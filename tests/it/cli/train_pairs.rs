//! `saplink train pairs`: pairs from tables, releases and indexes, held-out concepts, and input
//! without pairs.

use std::{
    collections::{BTreeSet, HashMap},
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use saplink::{text, train::Pairs};

use crate::support::{ScratchDir, fail, fixture, root, run, saplink, starter_index, succeed};

/// Two concepts with several names, and one with a single name.
const TABLE: &str = "cui\tname\tlanguage\n\
    C0000002\theart attack\tENG\n\
    C0000002\tHeart Attack\tENG\n\
    C0000002\tMI\tENG\n\
    C0000002\tHerzinfarkt\tGER\n\
    C0000001\tCrohn's  disease\tENG\n\
    C0000001\tregional enteritis\tENG\n\
    C0000001\tileitis\tENG\n\
    C0000003\tasthma\tENG\n";

/// A scratch directory with the table above.
fn scratch_with_table() -> ScratchDir {
    let scratch = ScratchDir::new();
    scratch.write("names.tsv", TABLE);
    scratch
}

/// The arguments of `train pairs`.
fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["train", "pairs"], args].concat()
}

fn pairs(args: &[&str]) -> String {
    succeed(&with(args))
}

fn ids(pairs: &str) -> BTreeSet<&str> {
    pairs.lines().filter_map(|line| line.split('\t').next()).collect()
}

#[test]
fn pairs_of_a_table_come_in_the_order_of_ids() {
    let scratch = scratch_with_table();
    let output = run(&with(&["--tsv", &scratch.at("names.tsv")]));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let expected = "C0000001\tCrohn's disease\tregional enteritis\n\
        C0000001\tCrohn's disease\tileitis\n\
        C0000001\tregional enteritis\tileitis\n\
        C0000002\theart attack\tMI\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(log.contains("4 pairs of 2 concepts; left out, with one name only: 1\n"), "{log}");
    assert!(!log.contains("held out"), "{log}");
    let all = pairs(&["--tsv", &scratch.at("names.tsv"), "--languages", "all"]);
    assert!(all.contains("C0000002\tMI\tHerzinfarkt\n"), "{all}");
    let few = pairs(&["--tsv", &scratch.at("names.tsv"), "--pairs-per-concept", "1"]);
    assert_eq!(few.lines().count(), 2);
    assert!(few.lines().all(|line| expected.contains(line)));

    // `--out` writes the same pairs, and replaces an existing file with `--force`.
    for _ in 0..2 {
        let printed = pairs(&["--tsv", &scratch.at("names.tsv"), "--out", &scratch.at("pairs"), "--force"]);
        assert_eq!((printed.as_str(), scratch.read("pairs").as_str()), ("", expected));
    }
    assert_eq!(scratch.names().len(), 2);
}

#[test]
fn suppressed_names_of_a_release_are_left_out_by_default() {
    let meta = fixture("terminology/META").display().to_string();
    let args = ["--umls", &meta, "--max-bad-rows", "50%"];
    // Counted by hand: pairs of each concept, without and with suppressed names.
    let (plain, all) = (pairs(&args), pairs(&[&args[..], &["--include-suppressed"]].concat()));
    let of = |pairs: &str, id: &str| pairs.lines().filter(|line| line.starts_with(id)).count();
    for (id, without, with_suppressed) in
        [("C0004057", 1, 1), ("C0004238", 3, 3), ("C0011849", 0, 0), ("C0011860", 1, 3), ("C0027051", 10, 21)]
    {
        assert_eq!((of(&plain, id), of(&all, id)), (without, with_suppressed), "{id}");
    }
    assert!(!plain.contains("NIDDM") && all.contains("NIDDM"));
    let spanish = [&args[..], &["--languages", "SPA", "--sources", "MSHSPA"]].concat();
    let error = fail(&with(&spanish));
    assert!(error.contains("META: only one concept has names that differ"), "{error}");
}

#[test]
fn an_index_gives_the_pairs_of_its_vocabulary() {
    let (scratch, index) = (scratch_with_table(), starter_index().to_str().unwrap());
    let tsv = root().join("index/starter.tsv").display().to_string();
    let table = pairs(&["--tsv", &tsv]);
    assert_eq!(pairs(&["--index", index]), table);
    assert_eq!(pairs(&["--index", index, "--tsv", &tsv]), table, "the index has the same names as the table");
    assert!(table.lines().map(|line| &line[..line.find('\t').unwrap()]).is_sorted());
    let mut of = HashMap::<&str, usize>::new();
    for line in table.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [id, first, second] = fields[..] else { panic!("{line}") };
        assert_ne!(text::normalize(first), text::normalize(second));
        *of.entry(id).or_default() += 1;
    }
    assert!(of.values().all(|&n| n <= 50));
    assert_eq!(table.lines().collect::<BTreeSet<_>>().len(), table.lines().count());

    // The seed decides which pairs are drawn, not how many.
    let seed = |seed: &str| pairs(&["--index", index, "--pairs-per-concept", "2", "--seed", seed]);
    let (one, other) = (seed("1"), seed("2"));
    assert_eq!(one, seed("1"));
    assert_ne!(one, other);
    assert_eq!(one.lines().count(), other.lines().count());

    // Selections have the same effect on an index as on a table.
    for selection in [
        &["--semantic-groups", "DISO"][..],
        &["--max-names-per-concept", "2"],
        &["--semantic-types", "T047"],
        &["--semantic-types", "Amino Acid, Peptide, or Protein,disease or syndrome"],
    ] {
        let of = |input: [&str; 2]| pairs(&[&input[..], selection].concat());
        let selected = of(["--index", index]);
        assert_eq!(selected, of(["--tsv", &tsv]), "{selection:?}");
        assert!((1..table.len()).contains(&selected.len()), "{selection:?}");
    }
    for (option, value, expected) in [
        ("--sources", "MSH", "no name is from source MSH, which the selection lists"),
        ("--languages", "SPA", "no name is in language SPA, which the selection lists"),
    ] {
        assert!(fail(&with(&["--index", index, option, value])).contains(expected));
    }

    // A table adds names to those of the index.
    let more =
        scratch.write("more.tsv", "cui\tname\nC0000294\ta name from the ward\nWARD:1\tone thing\nWARD:1\tthe thing\n");
    let mixed = pairs(&["--index", index, "--tsv", &more]);
    assert!(mixed.contains("WARD:1\tone thing\tthe thing\n"));
    assert!(mixed.lines().any(|line| line.starts_with("C0000294\t") && line.ends_with("\ta name from the ward")));
    assert_eq!(ids(&mixed).len(), ids(&table).len() + 1);
}

#[test]
fn held_out_concepts_are_only_in_the_dev_file() {
    let (scratch, index) = (scratch_with_table(), starter_index().to_str().unwrap());
    let all = pairs(&["--index", index]);
    let (out, dev) = (scratch.at("pairs"), scratch.at("dev"));
    let output = run(&with(&["--index", index, "--out", &out, "--dev", &dev, "--dev-concepts", "100", "--seed", "5"]));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let (training, held_out) = (scratch.read("pairs"), scratch.read("dev"));
    assert_eq!(ids(&held_out).len(), 100);
    assert!(ids(&training).is_disjoint(&ids(&held_out)));
    assert_eq!(ids(&training).len() + 100, ids(&all).len());
    let lines = held_out.lines().count();
    assert!(log.contains(&format!("held out: {lines} pairs of 100 concepts")), "{log}");
    let seed = |seed: &str| {
        let printed = pairs(&["--index", index, "--dev", &dev, "--dev-concepts", "100", "--seed", seed, "--force"]);
        (printed, scratch.read("dev"))
    };
    assert_eq!(seed("5"), (training, held_out.clone()));
    assert_ne!(seed("6").1, held_out);

    // `train run` reads both files.
    for (name, text) in [("pairs", scratch.read("pairs")), ("dev", scratch.read("dev"))] {
        let read = Pairs::read(Path::new(&scratch.at(name))).unwrap();
        assert_eq!((read.len(), read.concepts()), (text.lines().count(), ids(&text).len()), "{name}");
        let line = |i| format!("{}\t{}", read.id(read.pair(i).concept), read.pair(i).names.join("\t"));
        assert!((0..read.len()).map(line).eq(text.lines()), "{name}");
    }
    assert_eq!(scratch.names().len(), 3);
}

#[test]
fn input_without_pairs_is_named_and_nothing_is_written() {
    let scratch = scratch_with_table();
    let names = scratch.at("names.tsv");
    let alone = scratch.write("alone.tsv", "cui\tname\nC0000001\tasthma\nC0000001\tAsthma\nC0000002\tgout\n");
    let one = scratch.write("one.tsv", "cui\tname\nC0000001\tasthma\nC0000001\twheeze\nC0000002\tgout\n");
    let (out, dev, other) = (scratch.at("pairs"), scratch.at("dev"), scratch.at("none/pairs"));
    let (here, before) = (scratch.at("."), scratch.names().len());
    let expected = "no concept has two names that differ: there is nothing to learn from";
    for (args, expected) in [
        (&["--tsv", &alone][..], format!("{alone}: {expected}")),
        (&["--tsv", &alone, "--csv", &scratch.at("none.csv")], "none.csv: No such file or directory".into()),
        (&["--tsv", &one], format!("{one}: only one concept has names that differ")),
        (&["--tsv", &names, "--dev", &dev, "--dev-concepts", "1"], "and 1 of them are to be held out".into()),
        (&["--tsv", &names, "--dev", &out, "--dev-concepts", "1"], "--dev and --out name the same file".into()),
        (&["--tsv", &names, "--sources", "MSH"], "no name is from source MSH".into()),
        (&["--index", &here], "it has no index.json, so it is no index; `saplink index build` makes one".into()),
    ] {
        let error = fail(&with(&[args, &["--out", &out]].concat()));
        assert!(error.contains(&expected), "{expected}: {error}");
        assert!(!error.contains("asthma"), "{error}");
        assert_eq!(scratch.names().len(), before, "{error}");
    }
    for (out, expected) in [(&here, "is not the name of a file"), (&other, "No such file or directory")] {
        let error = fail(&with(&["--tsv", &names, "--out", out]));
        assert!(error.contains(out) && error.contains(expected), "{error}");
    }
    assert_eq!(scratch.names().len(), before);

    // A failed run keeps an existing output.
    scratch.write("pairs", "old");
    let refused = fail(&with(&["--tsv", &names, "--out", &out]));
    assert!(refused.contains("pairs: exists already (use --force"), "{refused}");
    fail(&with(&["--tsv", &alone, "--out", &out, "--force"]));
    assert_eq!(scratch.read("pairs"), "old");
}

#[test]
fn an_index_or_a_terminology_is_required() {
    for (args, named) in [
        (&[] as &[&str], "--index"),
        (&["--seed", "1"], "--tsv"),
        (&["--index", "a", "--dev", "b"], "--dev-concepts"),
        (&["--index", "a", "--dev-concepts", "1"], "--dev"),
        (&["--index", "a", "--pairs-per-concept", "0"], "--pairs-per-concept"),
    ] {
        let output = run(&with(args));
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(named), "{args:?}: {error}");
    }
    assert!(!String::from_utf8_lossy(&run(&["index", "build"]).stderr).contains("--index"));
}

#[test]
fn a_closed_output_pipe_is_no_error() {
    let (scratch, index) = (scratch_with_table(), starter_index().to_str().unwrap());
    let dev = scratch.at("dev");
    let mut command = saplink(&with(&["--index", index, "--dev", &dev, "--dev-concepts", "10"]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !log.contains("pairs of"), "{log}");
    assert_eq!(line.split('\t').count(), 3);
    assert_eq!(ids(&scratch.read("dev")).len(), 10, "the dev file is complete");
}

#[test]
fn hard_negatives_form_groups_without_shared_names() {
    let (scratch, index) = (scratch_with_table(), starter_index().to_str().unwrap());
    let plain = pairs(&["--index", index, "--pairs-per-concept", "4"]);
    let args = ["--index", index, "--pairs-per-concept", "4", "--hard-negatives", "8"];
    let grouped = pairs(&args);
    let sorted = |pairs: &str| pairs.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&grouped), sorted(&plain), "the same pairs in another order");
    assert_eq!(grouped.lines().count(), plain.lines().count());
    assert_eq!(pairs(&args), grouped);
    let lines: Vec<&str> = grouped.lines().collect();
    let groups: Vec<&[&str]> = lines.chunks(8).collect();
    let concepts =
        |group: &[&str]| group.iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<BTreeSet<_>>();
    // Only a group that is filled up from the rest may have a concept twice.
    let apart = groups.iter().filter(|group| concepts(group).len() == group.len()).count();
    assert!(apart * 100 >= groups.len() * 95, "{apart} of {}", groups.len());
    // Names of a group have more words in common than names drawn from the whole file.
    let words = |line: &str| {
        line.split(['\t', ' ']).skip(1).filter(|w| w.len() > 3).map(str::to_lowercase).collect::<BTreeSet<_>>()
    };
    let common = |group: &[&str]| {
        let first = words(group[0]);
        group[1..].iter().filter(|line| !words(line).is_disjoint(&first)).count()
    };
    let near: usize = groups.iter().map(|group| common(group)).sum();
    let anywhere: Vec<Vec<&str>> = (0..groups.len())
        .map(|g| (0..8).map(|i| lines[(g * 8 + i * lines.len() / 8) % lines.len()]).collect())
        .collect();
    let by_chance: usize = anywhere.iter().map(|group| common(group)).sum();
    assert!(near > 4 * by_chance, "{near} against {by_chance}");

    let held_out = ["--dev", &scratch.at("dev"), "--dev-concepts", "50"];
    assert!(ids(&pairs(&[&args[..], &held_out].concat())).is_disjoint(&ids(&scratch.read("dev"))));
    let output = run(&with(&["--tsv", &scratch.at("names.tsv"), "--hard-negatives", "8"]));
    assert_eq!(output.status.code(), Some(2), "--hard-negatives needs an index");
}

#[test]
fn neighbors_are_concepts_with_consecutive_ids() {
    let scratch = scratch_with_table();
    let rows: String = (0..99).flat_map(|c| (0..3).map(move |n| format!("X:{c:02}\tname {n} of {c}\n"))).collect();
    let table = scratch.write("ordered.tsv", &format!("cui\tname\n{rows}X:05\tshared\nX:06\tshared\n"));
    let args = ["--tsv", &table, "--pairs-per-concept", "2", "--neighbors", "3"];
    let grouped = pairs(&args);
    assert_eq!(pairs(&args), grouped);
    let plain = pairs(&["--tsv", &table, "--pairs-per-concept", "2"]);
    let sorted = |pairs: &str| pairs.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&grouped), sorted(&plain), "the same pairs in another order");
    let concepts: Vec<u32> = grouped.lines().map(|line| line[2..4].parse().unwrap()).collect();
    let near = concepts.chunks(3).filter(|group| {
        assert!(!(group.contains(&5) && group.contains(&6)), "concepts with a shared name are in different groups");
        group.iter().max().unwrap() - group.iter().min().unwrap() < 12
    });
    // Concepts that remain at the end of a pass form mixed groups.
    assert!(near.count() * 4 > concepts.chunks(3).len() * 3, "{concepts:?}");
    let both = run(&with(&["--tsv", &table, "--neighbors", "3", "--hard-negatives", "3"]));
    assert_eq!(both.status.code(), Some(2), "--neighbors excludes --hard-negatives");
}
