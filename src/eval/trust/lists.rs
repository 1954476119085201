//! Reads the lists of mentions from which trust is measured.
//!
//! - words: a mention in each line, nothing else
//! - terms: a mention, a tab, and anything; ids of concepts are looked at, the rest is ignored
//! - known and opposites: a mention, a tab, and ids joined by `|`
//!
//! Invariant: an error names the file and the line and never quotes a mention.

use std::path::{Path, PathBuf};

use crate::{
    eval::{
        EvalError,
        mentions::{read_text, without_umls},
    },
    files::sha256_hex,
};

/// The lists of one measurement.
#[derive(Clone, Debug)]
pub struct TrustLists {
    /// Everyday words, which mean no concept.
    pub words: MentionList,
    /// Terms of the field whose concept the index does not have.
    pub terms: MentionList,
    /// Mentions of concepts of the index.
    pub known: MentionList,
    /// Mentions with a concept that they do not mean, such as its opposite.
    pub opposites: Option<MentionList>,
}

/// A file of mentions.
#[derive(Clone, Debug)]
pub struct MentionList {
    /// The file.
    pub path: PathBuf,
    /// sha256 of the uncompressed text.
    pub sha256: String,
    /// The mentions, at least one.
    pub mentions: Vec<ListedMention>,
}

/// A mention of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMention {
    /// The words of the mention.
    pub text: String,
    /// The ids in its line.
    pub ids: Vec<String>,
}

/// What a line has besides the mention.
#[derive(Clone, Copy)]
enum SecondColumn {
    None,
    Anything,
    Ids,
}

impl TrustLists {
    /// Reads the files, plain or `.gz`.
    ///
    /// # Errors
    /// [`EvalError`] with the file, and the line if one is wrong.
    pub fn read(words: &Path, terms: &Path, known: &Path, opposites: Option<&Path>) -> Result<Self, EvalError> {
        Ok(Self {
            words: MentionList::read(words, SecondColumn::None)?,
            terms: MentionList::read(terms, SecondColumn::Anything)?,
            known: MentionList::read(known, SecondColumn::Ids)?,
            opposites: opposites.map(|path| MentionList::read(path, SecondColumn::Ids)).transpose()?,
        })
    }
}

impl MentionList {
    fn read(path: &Path, second: SecondColumn) -> Result<Self, EvalError> {
        let text = read_text(path)?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mention = |(i, line)| {
            let failed = |reason| EvalError::Line { path: path.into(), line: i + 1, reason };
            ListedMention::of_line(line, second).map_err(failed)
        };
        let mentions: Vec<_> = lines.map(mention).collect::<Result<_, _>>()?;
        if mentions.is_empty() {
            return Err(EvalError::File { path: path.into(), reason: "it has no mentions".into() });
        }
        Ok(Self { path: path.into(), sha256: sha256_hex(text.as_bytes()), mentions })
    }
}

impl ListedMention {
    fn of_line(line: &str, second: SecondColumn) -> Result<Self, String> {
        let columns = line.split('\t').count();
        let expected = match second {
            SecondColumn::None if columns != 1 => "a mention alone is",
            SecondColumn::Anything if columns < 2 => "a mention and a second column are",
            SecondColumn::Ids if columns != 2 => "a mention and its ids are",
            _ => "",
        };
        if !expected.is_empty() {
            return Err(format!("number of columns separated by tabs: {columns}, and {expected} expected"));
        }
        let (text, ids) = line.split_once('\t').unwrap_or((line, ""));
        if text.trim().is_empty() {
            return Err("its mention is blank".into());
        }
        let ids = ids.split('|').map(|id| without_umls(id.trim())).filter(|id| !id.is_empty());
        let mention = Self { text: text.trim().into(), ids: ids.map(str::to_owned).collect() };
        match second {
            SecondColumn::Ids if mention.ids.is_empty() => Err("its id is blank".into()),
            _ => Ok(mention),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str, second: SecondColumn) -> Result<Vec<(String, String)>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, content).unwrap();
        let list =
            MentionList::read(&path, second).map_err(|e| e.to_string().replace(dir.path().to_str().unwrap(), ""))?;
        Ok(list.mentions.into_iter().map(|mention| (mention.text, mention.ids.join(" "))).collect())
    }

    #[test]
    fn each_list_has_its_columns() {
        let pair = |text: &str, ids: &str| (text.to_owned(), ids.to_owned());
        assert_eq!(
            read("spare room\r\n\nchair\n", SecondColumn::None).unwrap(),
            [pair("spare room", ""), pair("chair", "")]
        );
        assert_eq!(
            read("a\tNIL\nb\t\nc\tC1\tx\n", SecondColumn::Anything)
                .unwrap()
                .iter()
                .map(|row| row.0.as_str())
                .collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(read("mi\tUMLS:C1| C2\n", SecondColumn::Ids).unwrap(), [pair("mi", "C1 C2")]);
    }

    #[test]
    fn errors_name_the_line_and_never_quote_a_mention() {
        let refused = |content: &str, second| read(content, second).unwrap_err();
        assert_eq!(refused("", SecondColumn::None), "/f: it has no mentions");
        for (content, second, reason) in [
            ("chair\nsecret\tC1\n", SecondColumn::None, "separated by tabs: 2, and a mention alone is expected"),
            ("a\tNIL\nsecret\n", SecondColumn::Anything, "tabs: 1, and a mention and a second column are expected"),
            ("a\tC1\nsecret\n", SecondColumn::Ids, "tabs: 1, and a mention and its ids are expected"),
            ("a\tC1\nsecret\tC1\tC2\n", SecondColumn::Ids, "tabs: 3, and a mention and its ids are expected"),
            ("a\tC1\nsecret\t | \n", SecondColumn::Ids, "its id is blank"),
            ("a\tC1\n \tsecret\n", SecondColumn::Ids, "its mention is blank"),
        ] {
            let refused = refused(content, second);
            assert!(refused.starts_with("/f:2: ") && refused.ends_with(reason), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
