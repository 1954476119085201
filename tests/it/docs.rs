//! The pages are true: their commands run and print what the pages state, and their links resolve.
//!
//! A page is read as a list of fenced blocks:
//!
//! - `console`: lines that begin with `$ ` are commands, the other lines their exact output. `...`
//!   on a line of its own stands for any lines, `[..]` for any text within a line.
//! - `sh`: commands that must succeed. Their output is not compared.
//! - `json` directly after one of these: a part of the JSON that the last command prints.
//!
//! Commands run in a directory like a checkout. `localhost:8080` there is a service of the starter
//! index. A comment `<!-- not run: REASON -->` right before a block excludes it, a comment
//! `<!-- file: NAME -->` saves it as a file for the next blocks.

use std::{
    collections::{HashMap, HashSet},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{ScratchDir, Service, copy_dir, root, starter_index, wait};

/// A command that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(180);
/// Difference of scores and probabilities between machines.
const TOLERANCE: f64 = 0.02;
const LISTEN: &str = "127.0.0.1:8080";
/// Languages of blocks. Only `console` and `sh` have commands.
const LANGUAGES: [&str; 7] = ["console", "http", "json", "python", "sh", "text", "toml"];

/// A fenced block of a page.
struct Block {
    /// Page and line, for messages.
    location: String,
    language: String,
    text: String,
    /// The text of the HTML comment right before the block.
    comment: String,
    /// Only blank lines are between the previous block and this one.
    follows_block: bool,
}

impl Block {
    fn has_commands(&self) -> bool {
        ["console", "sh"].contains(&self.language.as_str())
    }

    /// The reason why the block is not run.
    fn not_run(&self) -> Option<&str> {
        self.comment.strip_prefix("not run:").map(str::trim)
    }
}

fn read(page: &str) -> String {
    fs_err::read_to_string(root().join(page)).unwrap()
}

/// The Markdown files of a folder.
fn pages_in(folder: &str) -> Vec<String> {
    let entries = fs_err::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")).collect();
    pages.sort();
    pages
}

/// The pages whose commands are run.
fn pages_with_commands() -> Vec<String> {
    [vec!["README.md".into(), "CONTRIBUTING.md".into()], pages_in("docs")].concat()
}

fn blocks(page: &str) -> Vec<Block> {
    let text = read(page);
    let (mut blocks, mut comment, mut follows_block) = (Vec::<Block>::new(), String::new(), false);
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            blocks.push(Block {
                location: format!("{page}:{}", number + 1),
                language: language.to_owned(),
                text: text.iter().map(|line| format!("{line}\n")).collect(),
                comment: std::mem::take(&mut comment),
                follows_block,
            });
            follows_block = true;
        } else if let Some(text) = line.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")) {
            comment = text.trim().to_owned();
        } else if !line.is_empty() {
            (comment, follows_block) = (String::new(), false);
        }
    }
    blocks
}

/// A directory in which the commands of one page run.
struct Checkout<'a> {
    dir: ScratchDir,
    service: &'a Service,
}

impl<'a> Checkout<'a> {
    /// Links to the committed files, copies of the directories that commands write to, and
    /// `saplink` in `bin/`.
    fn new(service: &'a Service) -> Self {
        let dir = ScratchDir::new();
        let at = |name: &str| PathBuf::from(dir.at(name));
        for folder in ["bin", "index", "models"] {
            fs_err::create_dir(at(folder)).unwrap();
        }
        for name in [
            ".onnxruntime",
            ".checkpoints",
            "tests",
            "index/starter.tsv",
            "index/starter.mentions.tsv",
            "index/trust",
            "models/saplink-mini",
        ] {
            symlink(root().join(name), at(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_saplink"), at("bin/saplink")).unwrap();
        copy_dir(starter_index(), &at("index/starter"));
        Self { dir, service }
    }

    /// Runs commands in a shell; returns their standard output and error, in the order of writing.
    fn run(&self, commands: &str) -> Result<String, String> {
        let address = &self.service.address;
        let script = commands.replace("localhost:8080", address).replace(LISTEN, address);
        let output = PathBuf::from(self.dir.at(".output"));
        let sink = fs_err::File::create(&output).unwrap().into_parts().0;
        let path = format!("{}:{}", self.dir.at("bin"), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-e", "-c", &script]).current_dir(self.dir.at(".")).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SAPLINK_")) {
            command.env_remove(name);
        }
        command.env("PATH", path).env("SAPLINK_LISTEN", address).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdout(sink.try_clone().unwrap()).stderr(sink).spawn().unwrap();
        let code = wait(&mut child, TIMEOUT);
        let printed = String::from_utf8_lossy(&fs_err::read(&output).unwrap()).replace(address.as_str(), LISTEN);
        if code == Some(0) { Ok(printed) } else { Err(format!("exit code {code:?} of\n{commands}{printed}")) }
    }

    /// Runs a block and compares its output; returns the output of its last command.
    fn run_block(&self, block: &Block) -> Result<String, String> {
        let mut printed = String::new();
        if block.language == "sh" {
            printed = self.run(&block.text)?;
        } else {
            for (command, expected) in commands(&block.text) {
                printed = self.run(&command)?;
                let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), printed.lines().collect());
                if !lines_match(&expected, &found) {
                    return Err(format!("{command}printed\n{printed}"));
                }
            }
        }
        Ok(printed)
    }
}

/// The commands of a `console` block, each with its expected output. A command continues after a
/// backslash at the end of its line.
fn commands(text: &str) -> Vec<(String, String)> {
    let mut commands = Vec::<(String, String)>::new();
    for line in text.lines() {
        let line = format!("{line}\n");
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((command, _))) if command.ends_with("\\\n") => command.push_str(&line),
            (None, Some((_, expected))) => expected.push_str(&line),
            (None, None) => panic!("a console block begins with output: {text}"),
        }
    }
    commands
}

fn lines_match(expected: &[&str], found: &[&str]) -> bool {
    match (expected, found) {
        (["..."], _) | ([], []) => true,
        (["...", rest @ ..], _) => (0..=found.len()).any(|skip| lines_match(rest, &found[skip..])),
        ([first, rest @ ..], [line, lines @ ..]) => text_matches(first, line) && lines_match(rest, lines),
        _ => false,
    }
}

/// Whether `text` is `pattern`, in which `[..]` stands for any text.
fn text_matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once("[..]") else { return pattern == text };
    text.strip_prefix(before).is_some_and(|rest| {
        rest.char_indices().map(|(i, _)| i).chain([rest.len()]).any(|i| text_matches(after, &rest[i..]))
    })
}

/// Checks that `expected` is a part of `found`; returns the path of the first difference.
///
/// Objects may have more fields. Scores and probabilities may differ by [`TOLERANCE`], and
/// fingerprints after `@` may differ, because models round differently on different processors.
fn json_difference(expected: &Value, found: &Value, path: &str) -> Option<String> {
    let differs = || Some(format!("{path}: {found}, not {expected}"));
    let name = path.rsplit('.').next().unwrap_or_default();
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => fields.iter().find_map(|(field, value)| match found.get(field) {
            Some(found) => json_difference(value, found, &format!("{path}.{field}")),
            None => Some(format!("{path}.{field} is missing")),
        }),
        (Value::Array(values), Value::Array(others)) if values.len() == others.len() => {
            let mut pairs = values.iter().zip(others).enumerate();
            pairs.find_map(|(i, (value, other))| json_difference(value, other, &format!("{path}[{i}]")))
        }
        (Value::Number(a), Value::Number(b)) if ["score", "probability"].contains(&name) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            if (a - b).abs() <= TOLERANCE { None } else { differs() }
        }
        (Value::String(a), Value::String(b)) => {
            let without_fingerprint = |text: &str| text.split('@').next().unwrap().to_owned();
            if without_fingerprint(a) == without_fingerprint(b) { None } else { differs() }
        }
        _ => (expected != found).then(differs).flatten(),
    }
}

/// Runs the blocks of a page; returns the failures and the number of blocks that ran.
fn run_page(page: &str, service: &Service) -> (Vec<String>, usize) {
    let (mut failures, mut count) = (vec![], 0);
    let mut checkout = None;
    let mut printed = None;
    for block in blocks(page) {
        let checkout = checkout.get_or_insert_with(|| Checkout::new(service));
        if let Some(name) = block.comment.strip_prefix("file:") {
            checkout.dir.write(name.trim(), &block.text);
        }
        if block.has_commands() && block.not_run().is_none() {
            count += 1;
            match checkout.run_block(&block) {
                Ok(output) => printed = Some(output),
                Err(failure) => failures.push(format!("{}: {failure}", block.location)),
            }
            continue;
        }
        if let (Some(printed), true, "json") = (&printed, block.follows_block, block.language.as_str()) {
            let expected: Value = serde_json::from_str(&block.text).unwrap();
            let difference = match serde_json::from_str(printed) {
                Ok(found) => json_difference(&expected, &found, ""),
                Err(e) => Some(format!("{e}: {printed}")),
            };
            failures.extend(difference.map(|difference| format!("{}: {difference}", block.location)));
        }
        printed = None;
    }
    (failures, count)
}

#[test]
fn commands_of_the_pages_print_what_the_pages_state() {
    let service = Service::start(&[]);
    let pages = pages_with_commands();
    let results: Vec<_> = thread::scope(|scope| {
        let service = &service;
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(move || run_page(page, service))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let failures: Vec<String> = results.iter().flat_map(|(failures, _)| failures.clone()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let count: usize = results.iter().map(|(_, count)| count).sum();
    assert!(count >= 15, "only {count} blocks were run");
}

#[test]
fn every_block_with_commands_is_run_or_marked_with_a_reason() {
    for block in pages_with_commands().iter().flat_map(|page| blocks(page)) {
        let Block { location, language, text, .. } = &block;
        assert!(LANGUAGES.contains(&language.as_str()), "{location}: a block of language `{language}`");
        match block.not_run() {
            Some(reason) => assert!(block.has_commands() && reason.len() >= 10, "{location}: give a reason"),
            None if language == "sh" => assert!(!text.contains("$ "), "{location}: `$ ` belongs to `console`"),
            None if language == "console" => assert!(!commands(text).is_empty(), "{location}: no command"),
            None if language == "json" => {
                serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{location}: {e}"));
            }
            None => {}
        }
    }
}

/// The anchors of a page, as GitHub makes them from its headings.
fn anchors(page: &str) -> HashSet<String> {
    let (mut anchors, mut seen) = (HashSet::new(), HashMap::<String, usize>::new());
    for heading in prose(&read(page)).lines().filter(|line| line.starts_with('#')) {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = seen.entry(slug.clone()).or_default();
        anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

/// A page without its fenced blocks.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect()
}

#[test]
fn relative_links_and_anchors_resolve() {
    let named = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "models/README.md",
        "benches/pytorch/README.md",
        "fuzz/README.md",
        "tests/fixtures/README.md",
        "tests/golden/README.md",
    ];
    let pages = [named.map(str::to_owned).to_vec(), pages_in("docs"), pages_in("docs/figures")].concat();
    let (mut broken, mut count) = (vec![], 0);
    for page in &pages {
        let text = prose(&read(page));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if ["http:", "https:", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
                continue;
            }
            count += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { page.clone() } else { resolve(page, path) };
            if !root().join(&path).exists() {
                broken.push(format!("{page}: {target} does not exist"));
            } else if !anchor.is_empty() && !anchors(&path).contains(anchor) {
                broken.push(format!("{page}: {target} is no heading"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 100, "only {count} links were found");
}

/// The path of a link, relative to the root of the checkout.
fn resolve(page: &str, link: &str) -> String {
    let mut path = Path::new(page).parent().unwrap().to_owned();
    for part in link.split('/') {
        match part {
            ".." => _ = path.pop(),
            part => path.push(part),
        }
    }
    path.to_str().unwrap().to_owned()
}

#[test]
fn output_and_json_are_compared() {
    let lines_match = |expected: &str, found: &str| {
        lines_match(&expected.lines().collect::<Vec<_>>(), &found.lines().collect::<Vec<_>>())
    };
    assert!(lines_match("a\n...\nd", "a\nb\nc\nd") && lines_match("a [..] c", "a b c"));
    assert!(!lines_match("a\n...\nd", "a\nb") && !lines_match("a", "a\nb") && !lines_match("a [..]c", "a b"));
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let found = json(r#"{"score": 0.81, "index": "starter@1234", "list": [1, {"a": 2}], "rank": 1}"#);
    assert_eq!(json_difference(&json(r#"{"score": 0.8, "index": "starter@0"}"#), &found, ""), None);
    for wrong in [
        r#"{"score": 0.9}"#,
        r#"{"index": "other@1234"}"#,
        r#"{"list": [1]}"#,
        r#"{"list": [1, {"a": 3}]}"#,
        r#"{"rank": 1.01}"#,
        r#"{"more": 1}"#,
    ] {
        assert!(json_difference(&json(wrong), &found, "").is_some(), "{wrong}");
    }
}
