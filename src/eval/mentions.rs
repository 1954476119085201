//! Reads labeled mentions in the formats of the published benchmarks.
//!
//! The first line of a file decides its format (fields between `||` are those of BioSyn and of
//! SapBERT's evaluation):
//! - a directory of `*.concept` (or `*.txt`) files, or one of them:
//!   `PMID||START|END||TYPE||MENTION||ID`
//! - `ID||MENTION`, or `ID||MENTION||CONTEXT` (XL-BEL)
//! - COMETA: a table with the columns `Term` and `General SNOMED ID` or `Specific SNOMED ID`
//! - AskAPatient: `ID`, label and mention, separated by tabs
//! - PubTator: `PMID|t|..`, `PMID|a|..`, then a row of six columns for each mention (MedMentions)
//! - a mention and its ids, separated by a tab
//!
//! Several ids are joined by `|` or `+`.
//! Invariant: an error names the file and the line and never quotes a mention.

use std::{
    collections::HashSet,
    io::Read,
    path::{Path, PathBuf},
};

use crate::eval::EvalError;
use crate::{
    domain::semantic_type,
    files::{input::InputFile, sha256_hex},
    job::Job,
    text::{self, quoted},
};

/// The gold id of a mention without a concept.
const NIL: &str = "NIL";
/// Values of the id field that mean "no id", in BioSyn and PubTator files.
const NO_ID: [&str; 3] = ["cui-less", "-1", "-"];
/// Column of a COMETA file with the mentions.
const TERM_COLUMN: &str = "Term";

/// A mention with its gold concepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabeledMention {
    /// The words of the mention.
    pub text: String,
    /// Ids of the gold concepts, one of which must be found; empty for a mention labeled NIL.
    pub gold: Vec<String>,
    /// The semantic type of the mention, if the file has it.
    pub semantic_type: Option<String>,
}

/// The column of a COMETA file with the gold ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CometaColumn {
    /// `General SNOMED ID`: the concept without regard to the context.
    General,
    /// `Specific SNOMED ID`: the concept that is meant in the context.
    Specific,
}

impl CometaColumn {
    fn name(self) -> &'static str {
        match self {
            Self::General => "General SNOMED ID",
            Self::Specific => "Specific SNOMED ID",
        }
    }
}

/// How files of mentions are read.
#[derive(Clone, Debug)]
pub struct MentionFileOptions {
    /// The column of COMETA files with the gold ids.
    pub cometa: CometaColumn,
    /// Ids of the documents of PubTator files to read; absent: all.
    pub documents: Option<HashSet<String>>,
}

impl MentionFileOptions {
    /// Reads the ids of documents from a file, one per line.
    ///
    /// # Errors
    /// [`EvalError::Io`] if the file cannot be read.
    pub fn new(cometa: CometaColumn, documents: Option<&Path>) -> Result<Self, EvalError> {
        let ids = |path| Ok::<_, EvalError>(read_text(path)?.split_whitespace().map(str::to_owned).collect());
        Ok(Self { cometa, documents: documents.map(ids).transpose()? })
    }
}

/// The mentions of a file, or of a directory of files: a fold.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The file or directory.
    pub path: PathBuf,
    /// sha256 of the uncompressed text; of a directory, sha256 of the sha256 values of its files.
    pub sha256: String,
    /// The mentions with ids and those labeled NIL.
    pub mentions: Vec<LabeledMention>,
    /// Number of mentions without an id, which were left out.
    pub without_id: usize,
}

impl LabeledMention {
    /// The mention of a row; none if it has no id.
    fn new(text: &str, gold: &str, semantic_type: Option<&str>) -> Option<Self> {
        let ids = |gold: &str| -> Vec<String> {
            let ids = gold.split(['|', '+']).map(|id| without_umls(id.trim()));
            ids.filter(|id| !id.is_empty() && !NO_ID.iter().any(|no| id.eq_ignore_ascii_case(no)))
                .map(str::to_owned)
                .collect()
        };
        let nil = gold.trim() == NIL;
        let gold = if nil { vec![] } else { ids(gold) };
        (nil || !gold.is_empty()).then(|| Self {
            text: text.trim().to_owned(),
            gold,
            semantic_type: semantic_type.map(str::to_owned),
        })
    }

    /// Whether the mention is labeled NIL.
    pub fn is_nil(&self) -> bool {
        self.gold.is_empty()
    }

    /// The parts of the mention, which are linked one by one: a composite mention is cut at `|`,
    /// and at `+` if it has several ids.
    pub fn parts(&self) -> Vec<&str> {
        let separators: &[char] = if self.gold.len() > 1 { &['|', '+'] } else { &['|'] };
        let parts: Vec<&str> = self.text.split(separators).map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { vec![&self.text] } else { parts }
    }
}

/// An id without the prefix `UMLS:`, which some files have and others have not.
pub(super) fn without_umls(id: &str) -> &str {
    id.split_once(':').filter(|(prefix, _)| prefix.eq_ignore_ascii_case("UMLS")).map_or(id, |(_, cui)| cui)
}

impl Fold {
    /// Reads a file, plain or `.gz`, or the files of a directory.
    ///
    /// # Errors
    /// [`EvalError`] with the file, and the line if one is wrong.
    pub fn read(path: &Path, options: &MentionFileOptions) -> Result<Self, EvalError> {
        let files = if path.is_dir() { concept_files(path)? } else { vec![path.to_owned()] };
        let (mut mentions, mut sums, mut without_id) = (vec![], String::new(), 0);
        for file in &files {
            let text = read_text(file)?;
            sums += &sha256_hex(text.as_bytes());
            for (line, row) in rows(&text, options, path.is_dir()).map_err(|reason| file_error(file, &reason))? {
                let [mention, gold, semantic_type] =
                    row.map_err(|reason| EvalError::Line { path: file.clone(), line, reason })?;
                if mention.trim().is_empty() {
                    return Err(EvalError::Line { path: file.clone(), line, reason: "its mention is blank".into() });
                }
                let semantic_type = (!semantic_type.is_empty()).then_some(semantic_type);
                match LabeledMention::new(mention, gold, semantic_type) {
                    Some(mention) => mentions.push(mention),
                    None => without_id += 1,
                }
            }
        }
        if mentions.is_empty() {
            return Err(file_error(path, "it has no mention with an id"));
        }
        let sha256 = if files.len() == 1 { sums } else { sha256_hex(sums.as_bytes()) };
        Ok(Self { path: path.into(), sha256, mentions, without_id })
    }
}

fn file_error(path: &Path, reason: &str) -> EvalError {
    EvalError::File { path: path.into(), reason: reason.into() }
}

/// The files of a directory in BioSyn's format, ordered by name.
fn concept_files(dir: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let entries = fs_err::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let with_extension = |extension: &str| -> Vec<PathBuf> {
        entries.iter().filter(|path| path.extension().is_some_and(|e| e == extension)).cloned().collect()
    };
    let mut files = [with_extension("concept"), with_extension("txt")]
        .into_iter()
        .find(|files| !files.is_empty())
        .unwrap_or_default();
    files.sort();
    if files.is_empty() { Err(file_error(dir, "the directory has no *.concept or *.txt files")) } else { Ok(files) }
}

/// The text of a file. A file that is not UTF-8 is read as Latin-1, the encoding of AskAPatient.
pub(super) fn read_text(path: &Path) -> Result<String, EvalError> {
    let mut bytes = vec![];
    InputFile::new(path).open(Job::silent())?.read_to_end(&mut bytes)?;
    let text =
        String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().iter().map(|&byte| char::from(byte)).collect());
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Mention, ids and semantic type of a line, or what is wrong with the line.
type MentionRow<'a> = Result<[&'a str; 3], String>;

/// The rows of a file with the numbers of their lines. `is_biosyn`: the file is one of a directory.
fn rows<'a>(
    text: &'a str,
    options: &MentionFileOptions,
    is_biosyn: bool,
) -> Result<Vec<(usize, MentionRow<'a>)>, String> {
    let lines = || text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim().is_empty());
    let Some((_, first)) = lines().next() else { return Ok(vec![]) };
    let all = |read: &dyn Fn(&'a str) -> MentionRow<'a>| lines().map(|(number, line)| (number, read(line))).collect();
    if is_biosyn || first.contains("||") {
        let has_spans = is_biosyn || first.split("||").count() >= 5;
        return Ok(all(if has_spans { &biosyn_row } else { &id_row }));
    }
    if is_title(first) {
        let is_selected = |line: &str| match (&options.documents, line.split_once('\t')) {
            (Some(documents), Some((id, _))) => documents.contains(id),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let annotations = lines().filter(|(_, line)| is_selected(line));
        return Ok(annotations.map(|(number, line)| (number, pubtator_row(line))).collect());
    }
    let header: Vec<&str> = first.split('\t').collect();
    let position = |column: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(column));
    let id_columns = [CometaColumn::General, CometaColumn::Specific].map(|column| position(column.name()));
    let has_id_column = id_columns.iter().any(Option::is_some);
    // Without a column of ids, `term` in another case may be a mention.
    if let Some(term) = position(TERM_COLUMN).filter(|&term| has_id_column || header[term] == TERM_COLUMN) {
        let column = options.cometa.name();
        let known = [CometaColumn::General, CometaColumn::Specific].map(CometaColumn::name).join(", ");
        let id =
            position(column).ok_or(format!("it has no column `{column}`; known columns: {TERM_COLUMN}, {known}"))?;
        let row = |line: &'a str| {
            let fields: Vec<&str> = line.split('\t').collect();
            match (fields.get(term), fields.get(id)) {
                (Some(term), Some(id)) => Ok([*term, *id, ""]),
                _ => Err(format!("it has {} columns where the header has {}", fields.len(), header.len())),
            }
        };
        return Ok(lines().skip(1).map(|(number, line)| (number, row(line))).collect());
    }
    match header.len() {
        2 => Ok(all(&tab_row)),
        3 => Ok(all(&askapatient_row)),
        columns => Err(format!(
            "its first line has {columns} columns separated by tabs, which is none of the formats in `saplink eval --help`"
        )),
    }
}

/// Whether a line is the title of a PubTator document: `PMID|t|TITLE`.
fn is_title(line: &str) -> bool {
    line.split_once('|').is_some_and(|(id, rest)| rest.starts_with("t|") && !id.is_empty() && !id.contains('\t'))
}

fn fields<'a, const N: usize>(line: &'a str, separator: &str, expected: &str) -> Result<[&'a str; N], String> {
    let fields: Vec<&str> = line.split(separator).collect();
    let count = fields.len();
    fields.try_into().map_err(|_| {
        let separator = if separator == "\t" { "tabs".into() } else { quoted(separator) };
        format!("number of fields separated by {separator}: {count}; expected are {expected}")
    })
}

fn biosyn_row(line: &str) -> MentionRow<'_> {
    let [_, _, _, mention, id] = fields(line, "||", "PMID, span, type, mention and id")?;
    Ok([mention, id, ""])
}

fn id_row(line: &str) -> MentionRow<'_> {
    let mut fields = line.splitn(3, "||");
    match (fields.next(), fields.next()) {
        (Some(id), Some(mention)) => Ok([mention, id, ""]),
        _ => Err("it is not ID||MENTION".into()),
    }
}

fn tab_row(line: &str) -> MentionRow<'_> {
    let [mention, ids] = fields(line, "\t", "a mention and its ids")?;
    Ok([mention, ids, ""])
}

fn askapatient_row(line: &str) -> MentionRow<'_> {
    let [id, _, mention] = fields(line, "\t", "id, label and mention")?;
    Ok([mention, id, ""])
}

fn pubtator_row(line: &str) -> MentionRow<'_> {
    let fields: Vec<&str> = line.split('\t').collect();
    match fields[..] {
        [_, _, _, mention, semantic_type, id, ..] => Ok([mention, id, first_type(semantic_type)]),
        // Rows of relations between concepts, and mentions without an id, count as without an id.
        [_, relation, _, _] if relation.parse::<u32>().is_err() => Ok(["relation", "-", ""]),
        [_, _, _, mention, _] => Ok([mention, "-", ""]),
        _ => Err(format!("it has {} columns, and PMID, start, end, mention, type and id are expected", fields.len())),
    }
}

/// The first semantic type of a list: its TUI if it is one of UMLS, by id or name.
pub(super) fn first_type(list: &str) -> &str {
    semantic_type::parse_list(list).next().map_or("", |entry| entry.map_or_else(|unknown| unknown, |known| known.tui))
}

/// The distinct parts of `mentions` in lower case, as dictionaries have their names.
pub(super) fn distinct_texts<'a>(mentions: impl Iterator<Item = &'a LabeledMention>) -> Vec<String> {
    let mut seen = HashSet::new();
    let parts = mentions.flat_map(|mention| mention.parts()).map(lowercased);
    parts.filter(|part| seen.insert(part.clone())).collect()
}

/// A name or mention in the form in which SapBERT's evaluation compares them.
pub(super) fn lowercased(name: &str) -> String {
    text::clean(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: MentionFileOptions = MentionFileOptions { cometa: CometaColumn::General, documents: None };

    fn read(name: &str, content: &[u8]) -> Result<Vec<(String, String, usize)>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let fold = Fold::read(&path, &OPTIONS).map_err(|e| e.to_string().replace(dir.path().to_str().unwrap(), ""))?;
        Ok(fold.mentions.iter().map(|m| (m.text.clone(), m.gold.join(" "), m.parts().len())).collect())
    }

    fn mention(text: &str, gold: &str, parts: usize) -> (String, String, usize) {
        (text.into(), gold.into(), parts)
    }

    #[test]
    fn the_first_line_decides_the_format() {
        let concept = b"10||0|5||Disease||breast and ovarian cancer||D1+D2\n10||7|9||Disease||flu||cui-less\n\n10||1|2||D||a+b||D3|D4\n";
        let expected = [mention("breast and ovarian cancer", "D1 D2", 1), mention("a+b", "D3 D4", 2)];
        assert_eq!(read("a.concept", concept).unwrap(), expected);
        assert_eq!(read("a", b"C1||heart attack\nC2|C3||mi||he had an <tgt>mi</tgt> || once").unwrap().len(), 2);
        assert_eq!(read("a", b"CD4+ cells\tC1\nflu | cold\tC2|C3\n").unwrap()[0], mention("CD4+ cells", "C1", 1));
        assert_eq!(
            read("a", b"22298006\tMyocardial infarction\theart attack\r\n").unwrap(),
            [mention("heart attack", "22298006", 1)]
        );
        assert_eq!(read("a", b"1\tl\tcaf\xe9\n").unwrap()[0].0, "caf\u{e9}");
        let cometa = b"ID\tTerm\tGeneral SNOMED ID\tSpecific SNOMED ID\n1\ttummy ache\t21522001\t9\n";
        assert_eq!(read("test.csv", cometa).unwrap(), [mention("tummy ache", "21522001", 1)]);
        let other_case = b"TERM\tgeneral snomed id\ntummy ache\t21522001\n";
        assert_eq!(read("test.csv", other_case).unwrap(), [mention("tummy ache", "21522001", 1)]);
        assert_eq!(read("a", b"term\tC1\n").unwrap(), [mention("term", "C1", 1)], "a mention, not a header");
        let pubtator =
            b"7|t|Flu.\n7|a|A cold.\n7\t0\t3\tFlu\tT047,T033\tUMLS:C1\n7\t0\t1\tx\tT1\t-1\n7\tCID\tD1\tD2\n\n8|t|b\n";
        assert_eq!(read("a.txt", pubtator).unwrap(), [mention("Flu", "C1", 1)]);
        assert_eq!(read("a", b"left message\tNIL\n").unwrap(), [mention("left message", "", 1)]);
    }

    #[test]
    fn errors_name_the_line_and_never_quote_a_mention() {
        let refused = |content: &[u8]| read("f", content).unwrap_err();
        assert_eq!(
            refused(b"flu\tC1\nsecret\n"),
            "/f:2: number of fields separated by tabs: 1; expected are a mention and its ids"
        );
        assert_eq!(refused(b"flu\tC1\n \tC1\n"), "/f:2: its mention is blank");
        // MedMentions has mentions without letters.
        assert_eq!(read("f", b"+\tC1\n").unwrap().len(), 1);
        assert_eq!(refused(b""), "/f: it has no mention with an id");
        assert!(refused(b"a\tb\tc\td\te\n").starts_with("/f: its first line has 5 columns"));
        assert_eq!(
            refused(b"1||2||3||4||C1\n1||C2\n"),
            "/f:2: number of fields separated by `||`: 2; expected are PMID, span, type, mention and id"
        );
        assert!(refused(b"ID\tTerm\tx\n1\t2\t3\n").contains("no column `General SNOMED ID`; known columns: Term,"));
    }

    #[test]
    fn only_the_selected_documents_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let [path, ids] = ["corpus", "ids"].map(|name| dir.path().join(name));
        std::fs::write(&path, "7|t|a\n7\t0\t1\ta\tT1\tC1\n\n8|t|b\n8\t0\t1\tb\tT1\tC2\n").unwrap();
        std::fs::write(&ids, "8\n9\n").unwrap();
        let options = MentionFileOptions::new(CometaColumn::General, Some(&ids)).unwrap();
        assert_eq!(
            Fold::read(&path, &options).unwrap().mentions.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(),
            ["b"]
        );
        assert!(MentionFileOptions::new(CometaColumn::General, Some(&dir.path().join("none"))).is_err());
    }

    #[test]
    fn a_directory_is_read_in_the_order_of_its_files() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Fold::read(dir.path(), &OPTIONS).unwrap_err().to_string().contains("no *.concept"));
        std::fs::write(dir.path().join("2.concept"), "1||0|1||D||b||D2\n").unwrap();
        std::fs::write(dir.path().join("1.concept"), "1||0|1||D||a||D1\n").unwrap();
        std::fs::write(dir.path().join("readme.txt"), "not this\n").unwrap();
        let fold = Fold::read(dir.path(), &OPTIONS).unwrap();
        assert_eq!(fold.mentions.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
