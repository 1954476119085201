//! Pairs of names: from tables, releases and indexes, those that are held out, and what leaves nothing to learn from.

use std::{
    collections::{BTreeSet, HashMap},
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use saplink::{text, train::Pairs};

use crate::support::{Place, fail, fixture, root, run, saplink, starter_index, succeed};

/// Two concepts with names that differ, and one of which a single name is left.
const TABLE: &str = "cui\tname\tlanguage\n\
    C0000002\theart attack\tENG\n\
    C0000002\tHeart Attack\tENG\n\
    C0000002\tMI\tENG\n\
    C0000002\tHerzinfarkt\tGER\n\
    C0000001\tCrohn's  disease\tENG\n\
    C0000001\tregional enteritis\tENG\n\
    C0000001\tileitis\tENG\n\
    C0000003\tasthma\tENG\n";

/// A place with the table above.
fn place() -> Place {
    let place = Place::new();
    place.write("names.tsv", TABLE);
    place
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
fn a_table_gives_its_pairs_in_the_order_of_ids() {
    let place = place();
    let output = run(&with(&["--tsv", &place.at("names.tsv")]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let expected = "C0000001\tCrohn's disease\tregional enteritis\n\
        C0000001\tCrohn's disease\tileitis\n\
        C0000001\tregional enteritis\tileitis\n\
        C0000002\theart attack\tMI\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(said.contains("4 pairs of 2 concepts; left out, with one name: 1\n"), "{said}");
    assert!(!said.contains("held out"), "{said}");
    let all = pairs(&["--tsv", &place.at("names.tsv"), "--languages", "all"]);
    assert!(all.contains("C0000002\tMI\tHerzinfarkt\n"), "{all}");
    let few = pairs(&["--tsv", &place.at("names.tsv"), "--pairs-per-concept", "1"]);
    assert_eq!(few.lines().count(), 2);
    assert!(few.lines().all(|line| expected.contains(line)));

    // In a file it is the same, and one that is there is replaced.
    for _ in 0..2 {
        let printed = pairs(&["--tsv", &place.at("names.tsv"), "--out", &place.at("pairs")]);
        assert_eq!((printed.as_str(), place.read("pairs").as_str()), ("", expected));
    }
    assert_eq!(place.names().len(), 2);
}

#[test]
fn a_release_gives_no_names_that_are_suppressed_unless_they_are_asked_for() {
    let meta = fixture("terminology/META").display().to_string();
    let args = ["--umls", &meta, "--max-bad-rows", "50%"];
    // By hand: names that differ, two of each concept.
    let (plain, all) = (pairs(&args), pairs(&[&args[..], &["--include-suppressed"]].concat()));
    let of = |pairs: &str, id: &str| pairs.lines().filter(|line| line.starts_with(id)).count();
    for (id, shown, suppressed) in
        [("C0004057", 1, 1), ("C0004238", 3, 3), ("C0011849", 0, 0), ("C0011860", 1, 3), ("C0027051", 10, 21)]
    {
        assert_eq!((of(&plain, id), of(&all, id)), (shown, suppressed), "{id}");
    }
    assert!(!plain.contains("NIDDM") && all.contains("NIDDM"));
    let spanish = [&args[..], &["--languages", "SPA", "--sources", "MSHSPA"]].concat();
    let error = fail(&with(&spanish));
    assert!(error.contains("META: one concept alone has names that differ"), "{error}");
}

#[test]
fn an_index_gives_what_its_vocabulary_gives() {
    let (place, index) = (place(), starter_index().to_str().unwrap());
    let tsv = root().join("index/starter.tsv").display().to_string();
    let table = pairs(&["--tsv", &tsv]);
    assert_eq!(pairs(&["--index", index]), table);
    assert_eq!(pairs(&["--index", index, "--tsv", &tsv]), table, "an index says nothing else");
    assert!(table.lines().map(|line| &line[..line.find('\t').unwrap()]).is_sorted());
    let mut of = HashMap::<&str, usize>::new();
    for line in table.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [id, first, second] = fields[..] else { panic!("{line}") };
        assert_ne!(text::key(first), text::key(second));
        *of.entry(id).or_default() += 1;
    }
    assert!(of.values().all(|&n| n <= 50));
    assert_eq!(table.lines().collect::<BTreeSet<_>>().len(), table.lines().count());

    // The seed decides which are drawn, and how many are is the same.
    let seed = |seed: &str| pairs(&["--index", index, "--pairs-per-concept", "2", "--seed", seed]);
    let (one, other) = (seed("1"), seed("2"));
    assert_eq!(one, seed("1"));
    assert_ne!(one, other);
    assert_eq!(one.lines().count(), other.lines().count());

    // What is asked for is taken of an index as of a table.
    for selection in
        [&["--semantic-groups", "DISO"][..], &["--max-names-per-concept", "2"], &["--semantic-types", "T047"]]
    {
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

    // A table adds to it.
    let more =
        place.write("more.tsv", "cui\tname\nC0000294\ta name from the ward\nWARD:1\tone thing\nWARD:1\tthe thing\n");
    let mixed = pairs(&["--index", index, "--tsv", &more]);
    assert!(mixed.contains("WARD:1\tone thing\tthe thing\n"));
    assert!(mixed.lines().any(|line| line.starts_with("C0000294\t") && line.ends_with("\ta name from the ward")));
    assert_eq!(ids(&mixed).len(), ids(&table).len() + 1);
}

#[test]
fn concepts_that_are_held_out_are_in_the_other_file_alone() {
    let (place, index) = (place(), starter_index().to_str().unwrap());
    let all = pairs(&["--index", index]);
    let (out, dev) = (place.at("pairs"), place.at("dev"));
    let output = run(&with(&["--index", index, "--out", &out, "--dev", &dev, "--dev-concepts", "100", "--seed", "5"]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let (training, held_out) = (place.read("pairs"), place.read("dev"));
    assert_eq!(ids(&held_out).len(), 100);
    assert!(ids(&training).is_disjoint(&ids(&held_out)));
    assert_eq!(ids(&training).len() + 100, ids(&all).len());
    let lines = held_out.lines().count();
    assert!(said.contains(&format!("held out: {lines} pairs of 100 concepts")), "{said}");
    let seed = |seed: &str| {
        let printed = pairs(&["--index", index, "--dev", &dev, "--dev-concepts", "100", "--seed", seed]);
        (printed, place.read("dev"))
    };
    assert_eq!(seed("5"), (training, held_out.clone()));
    assert_ne!(seed("6").1, held_out);

    // Both are what training reads.
    for (name, text) in [("pairs", place.read("pairs")), ("dev", place.read("dev"))] {
        let read = Pairs::read(Path::new(&place.at(name))).unwrap();
        assert_eq!((read.len(), read.concepts()), (text.lines().count(), ids(&text).len()), "{name}");
        let line = |i| format!("{}\t{}", read.id(read.pair(i).concept), read.pair(i).names.join("\t"));
        assert!((0..read.len()).map(line).eq(text.lines()), "{name}");
    }
    assert_eq!(place.names().len(), 3);
}

#[test]
fn what_leaves_nothing_to_learn_from_is_said_and_nothing_is_left() {
    let place = place();
    let names = place.at("names.tsv");
    let alone = place.write("alone.tsv", "cui\tname\nC0000001\tasthma\nC0000001\tAsthma\nC0000002\tgout\n");
    let one = place.write("one.tsv", "cui\tname\nC0000001\tasthma\nC0000001\twheeze\nC0000002\tgout\n");
    let (out, dev, other) = (place.at("pairs"), place.at("dev"), place.at("none/pairs"));
    let (here, before) = (place.at("."), place.names().len());
    let expected = "no concept has two names that differ: there is nothing to learn from";
    for (args, expected) in [
        (&["--tsv", &alone][..], format!("{alone}: {expected}")),
        (&["--tsv", &alone, "--csv", &place.at("none.csv")], "none.csv: No such file or directory".into()),
        (&["--tsv", &one], format!("{one}: one concept alone has names that differ")),
        (&["--tsv", &names, "--dev", &dev, "--dev-concepts", "1"], "and 1 of them are to be held out".into()),
        (&["--tsv", &names, "--dev", &out, "--dev-concepts", "1"], "--out and --dev name the same file".into()),
        (&["--tsv", &names, "--sources", "MSH"], "no name is from source MSH".into()),
        (&["--index", &here], "index.json: No such file or directory".into()),
    ] {
        let error = fail(&with(&[args, &["--out", &out]].concat()));
        assert!(error.contains(&expected), "{expected}: {error}");
        assert!(!error.contains("asthma"), "{error}");
        assert_eq!(place.names().len(), before, "{error}");
    }
    for (out, expected) in [(&here, "is not the name of a file"), (&other, "No such file or directory")] {
        let error = fail(&with(&["--tsv", &names, "--out", out]));
        assert!(error.contains(&format!("cannot write {out}")) && error.contains(expected), "{error}");
    }
    assert_eq!(place.names().len(), before);

    // What was there stays.
    place.write("pairs", "old");
    fail(&with(&["--tsv", &alone, "--out", &out]));
    assert_eq!(place.read("pairs"), "old");
}

#[test]
fn an_index_or_a_terminology_must_be_named() {
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
fn a_reader_that_has_seen_enough_is_no_error() {
    let (place, index) = (place(), starter_index().to_str().unwrap());
    let dev = place.at("dev");
    let mut command = saplink(&with(&["--index", index, "--dev", &dev, "--dev-concepts", "10"]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("pairs of"), "{said}");
    assert_eq!(line.split('\t').count(), 3);
    assert_eq!(ids(&place.read("dev")).len(), 10, "what is held out is whole");
}

#[test]
fn hard_negatives_stand_together_and_share_no_name() {
    let (place, index) = (place(), starter_index().to_str().unwrap());
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
    // Only a group that is filled up from several places may have a concept twice.
    let apart = groups.iter().filter(|group| concepts(group).len() == group.len()).count();
    assert!(apart * 100 >= groups.len() * 95, "{apart} of {}", groups.len());
    // Names of a group have more words in common than names that stand anywhere.
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

    let held_out = ["--dev", &place.at("dev"), "--dev-concepts", "50"];
    assert!(ids(&pairs(&[&args[..], &held_out].concat())).is_disjoint(&ids(&place.read("dev"))));
    let output = run(&with(&["--tsv", &place.at("names.tsv"), "--hard-negatives", "8"]));
    assert_eq!(output.status.code(), Some(2), "only an index has neighbors");
}

#[test]
fn neighbors_are_those_that_follow_by_their_ids() {
    let place = place();
    let rows: String = (0..99).flat_map(|c| (0..3).map(move |n| format!("X:{c:02}\tname {n} of {c}\n"))).collect();
    let table = place.write("ordered.tsv", &format!("cui\tname\n{rows}X:05\tshared\nX:06\tshared\n"));
    let args = ["--tsv", &table, "--pairs-per-concept", "2", "--neighbors", "3"];
    let grouped = pairs(&args);
    assert_eq!(pairs(&args), grouped);
    let plain = pairs(&["--tsv", &table, "--pairs-per-concept", "2"]);
    let sorted = |pairs: &str| pairs.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&grouped), sorted(&plain), "the same pairs in another order");
    let concepts: Vec<u32> = grouped.lines().map(|line| line[2..4].parse().unwrap()).collect();
    let near = concepts.chunks(3).filter(|group| {
        assert!(!(group.contains(&5) && group.contains(&6)), "they share a name, and may be one concept");
        group.iter().max().unwrap() - group.iter().min().unwrap() < 12
    });
    // What is left at the end of a pass stands with what is left elsewhere.
    assert!(near.count() * 4 > concepts.chunks(3).len() * 3, "{concepts:?}");
    let both = run(&with(&["--tsv", &table, "--neighbors", "3", "--hard-negatives", "3"]));
    assert_eq!(both.status.code(), Some(2), "one kind of neighbors");
}
