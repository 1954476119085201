//! The dictionary that mentions are searched in: one row per distinct lower-case name, with all
//! concepts that own the name.
//!
//! Several ids in one line (`D003920|114480`) are ids of one concept. Concepts that share a name
//! stay separate.
//!
//! Ids are compared without regard to prefix and case where that is unambiguous.
//!
//! Invariant: rows have the order of the file or the index; the concepts of a row are ordered by
//! id.

use std::{collections::HashMap, path::Path};

use crate::eval::{
    EvalError,
    mentions::{LabeledMention, first_type, lowercased, read_text},
    missing::GoldId,
};
use crate::{domain::NameId, files::sha256_hex, index::Index, text};

/// Columns of a dictionary with a header.
const ID_COLUMN: &str = "cui";
const NAME_COLUMN: &str = "name";
const TYPE_COLUMN: &str = "semantic_type";

/// Position of a concept in a dictionary.
pub(super) type DictConcept = u32;

/// A labeled mention with its gold concepts in a dictionary.
pub(super) struct ResolvedMention<'a> {
    pub(super) mention: &'a LabeledMention,
    /// In the order of their ids; empty if the dictionary does not cover the mention.
    pub(super) gold: Vec<DictConcept>,
}

/// An id of a concept.
struct DictId {
    id: GoldId,
    concept: DictConcept,
}

/// Names with their owners.
pub struct Dictionary {
    /// Name of the file or the index.
    pub name: String,
    /// sha256 of the file, or the fingerprint of the index.
    pub sha256: String,
    /// The distinct lower-case names; a row is a position in this list.
    pub names: Vec<String>,
    /// The concepts that own each name.
    pub(super) owners: Vec<Vec<DictConcept>>,
    /// The ids of each concept, joined by `|`.
    ids: Vec<String>,
    /// The first semantic type of each concept, or an empty text.
    types: Vec<String>,
    /// The ids of concepts, by the part after the prefix in lower case.
    by_local: HashMap<String, Vec<DictId>>,
    /// The rows of the names of each concept.
    rows_of: Vec<Vec<u32>>,
}

impl Dictionary {
    /// Reads a file, plain or `.gz`: `ID||NAME`, ids and a name separated by a tab, or a table with
    /// the columns `cui` and `name`.
    ///
    /// # Errors
    /// [`EvalError`] names the file, and the line that cannot be read.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let text = read_text(path)?;
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
        let first = lines.peek().map_or("", |(_, line)| line);
        let separator = if first.contains("||") { "||" } else { "\t" };
        let header: Vec<&str> = first.split(separator).collect();
        let position = |column: &str| header.iter().position(|name| name.eq_ignore_ascii_case(column));
        let (id, name, semantic_type, width) = match (position(ID_COLUMN), position(NAME_COLUMN)) {
            (Some(id), Some(name)) => (id, name, position(TYPE_COLUMN), Some(header.len())),
            _ => (0, 1, None, None),
        };
        if width.is_some() {
            lines.next();
        }
        let mut builder = DictionaryBuilder::default();
        for (number, line) in lines {
            let failed = |reason| EvalError::Line { path: path.into(), line: number + 1, reason };
            let fields: Vec<&str> = line.split(separator).collect();
            if fields.len() != width.unwrap_or(2) {
                let (found, expected) = (fields.len(), width.unwrap_or(2));
                return Err(failed(format!("it has {found} columns, and {expected} are expected")));
            }
            let (ids, name) = (fields[id].trim(), fields[name]);
            if ids.eq_ignore_ascii_case("cui-less") || text::is_blank(name) {
                continue;
            }
            if ids.is_empty() {
                return Err(failed("its id is blank".into()));
            }
            let semantic_type = semantic_type.map_or("", |column| first_type(fields[column]));
            builder.add(ids, semantic_type, lowercased(name));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let dictionary = builder.finish(name, sha256_hex(text.as_bytes()));
        if dictionary.names.is_empty() {
            return Err(EvalError::File { path: path.into(), reason: "it has no names".into() });
        }
        Ok(dictionary)
    }

    /// The names of an index, row by row.
    pub fn of_index(index: &Index) -> Self {
        let concepts = index.concepts();
        let mut builder = DictionaryBuilder::default();
        for row in NameId::all(concepts.counts().rows as usize) {
            let mut owners: Vec<_> =
                concepts.atoms_of_name(row).iter().map(|&atom| concepts.concept_of_atom(atom)).collect();
            owners.dedup();
            builder.names.push(concepts.name_text(row).to_lowercase());
            builder.owners.push(vec![]);
            for owner in owners {
                let semantic_type =
                    concepts.semantic_types(owner).first().and_then(|t| t.semantic_type()).map_or("", |t| t.tui);
                builder.add_owner(row.index(), concepts.id(owner), semantic_type);
            }
        }
        let manifest = index.manifest();
        builder.finish(manifest.name.clone(), manifest.fingerprint())
    }

    /// The number of concepts.
    pub fn concepts(&self) -> usize {
        self.ids.len()
    }

    /// The ids of a concept, joined by `|`.
    pub(super) fn ids(&self, concept: DictConcept) -> &str {
        &self.ids[concept as usize]
    }

    /// The first semantic type of a concept, if it has one.
    pub(super) fn semantic_type(&self, concept: DictConcept) -> Option<&str> {
        Some(self.types[concept as usize].as_str()).filter(|tui| !tui.is_empty())
    }

    /// The first concept that has an id.
    pub(super) fn concept(&self, id: &str) -> Option<DictConcept> {
        self.concepts_with(id).first().copied()
    }

    /// The concepts that have an id: with the same prefix, or, where only one id is meant, without
    /// regard to a prefix that one of the two lacks.
    pub(super) fn concepts_with(&self, id: &str) -> Vec<DictConcept> {
        let wanted = GoldId::new(id);
        let Some(known) = self.by_local.get(&wanted.key()) else { return vec![] };
        let matching = |matches: &dyn Fn(&GoldId) -> bool| -> Vec<&DictId> {
            known.iter().filter(|known| matches(&known.id)).collect()
        };
        let exact = matching(&|known| *known == wanted);
        let same_prefix = || matching(&|known| known.prefix == wanted.prefix);
        let one_prefix = || matching(&|known| known.prefix.is_empty() || wanted.prefix.is_empty());
        let found =
            [exact, same_prefix(), one_prefix()].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
        let is_one = found.windows(2).all(|pair| pair[0].id == pair[1].id);
        if is_one { found.into_iter().map(|known| known.concept).collect() } else { vec![] }
    }

    /// Finds the gold concepts of a mention, and its ids without a concept. `successor` gives the
    /// id of the concept that a retired id is the same as.
    pub(super) fn resolve<'a>(
        &self,
        mention: &'a LabeledMention,
        successor: &dyn Fn(&str) -> Option<String>,
    ) -> (ResolvedMention<'a>, Vec<&'a str>) {
        let (mut gold, mut missing) = (vec![], vec![]);
        for id in &mention.gold {
            let mut found = self.concepts_with(id);
            if found.is_empty() {
                found = successor(id).map(|id| self.concepts_with(&id)).unwrap_or_default();
            }
            if found.is_empty() {
                missing.push(id.as_str());
            }
            gold.append(&mut found);
        }
        gold.sort_unstable();
        gold.dedup();
        (ResolvedMention { mention, gold }, missing)
    }

    /// The rows of the names of a concept.
    pub(super) fn rows(&self, concept: DictConcept) -> &[u32] {
        &self.rows_of[concept as usize]
    }
}

/// Collects names and owners.
#[derive(Default)]
struct DictionaryBuilder {
    names: Vec<String>,
    owners: Vec<Vec<DictConcept>>,
    rows: HashMap<String, usize>,
    ids: Vec<String>,
    types: Vec<String>,
    numbers: HashMap<String, DictConcept>,
}

impl DictionaryBuilder {
    fn add(&mut self, ids: &str, semantic_type: &str, name: String) {
        let row = *self.rows.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            self.owners.push(vec![]);
            self.names.len() - 1
        });
        self.add_owner(row, ids, semantic_type);
    }

    fn add_owner(&mut self, row: usize, ids: &str, semantic_type: &str) {
        let concept = *self.numbers.entry(ids.to_owned()).or_insert_with(|| {
            self.ids.push(ids.to_owned());
            self.types.push(semantic_type.to_owned());
            self.ids.len() as DictConcept - 1
        });
        if !self.owners[row].contains(&concept) {
            self.owners[row].push(concept);
        }
    }

    fn finish(self, name: String, sha256: String) -> Dictionary {
        let Self { names, mut owners, ids, types, .. } = self;
        let mut rows_of: Vec<Vec<u32>> = vec![vec![]; ids.len()];
        for (row, owners) in owners.iter_mut().enumerate() {
            owners.sort_by(|a, b| ids[*a as usize].cmp(&ids[*b as usize]));
            owners.iter().for_each(|&owner| rows_of[owner as usize].push(row as u32));
        }
        let mut by_local: HashMap<String, Vec<DictId>> = HashMap::new();
        for (concept, ids) in (0..).zip(&ids) {
            for id in ids.split(['|', '+']).map(GoldId::new) {
                by_local.entry(id.key()).or_default().push(DictId { id, concept });
            }
        }
        Dictionary { name, sha256, names, owners, ids, types, by_local, rows_of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Dictionary, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dictionary.txt");
        std::fs::write(&path, content).unwrap();
        Dictionary::read(&path).map_err(|e| e.to_string().replace(dir.path().to_str().unwrap(), ""))
    }

    #[test]
    fn equal_names_share_a_row_and_ids_of_a_line_are_one_concept() {
        for content in [
            "C2||Cold\nC1|MESH:9||cold \nC1|MESH:9||flu\ncui-less||x\nC3||..\n",
            "C2\tCold\nC1|MESH:9\tcold\nC1|MESH:9\tflu\n",
            "source\tCUI\tname\nA\tC2\tCold\nA\tC1|MESH:9\tcold\nB\tC1|MESH:9\tflu\n",
        ] {
            let dictionary = read(content).unwrap();
            assert_eq!(dictionary.names, ["cold", "flu"]);
            let ids = |row: usize| dictionary.owners[row].iter().map(|&c| dictionary.ids(c)).collect::<Vec<_>>();
            assert_eq!([ids(0), ids(1)], [vec!["C1|MESH:9", "C2"], vec!["C1|MESH:9"]]);
            let flu =
                LabeledMention { text: "influenza".into(), gold: vec!["9".into(), "C7".into()], semantic_type: None };
            assert_eq!(
                dictionary.resolve(&flu, &|_| None).0.gold.iter().map(|&c| dictionary.ids(c)).collect::<Vec<_>>(),
                ["C1|MESH:9"]
            );
            assert_eq!(dictionary.rows(dictionary.concept("9").unwrap()), [0, 1]);
        }
    }

    #[test]
    fn ids_are_compared_without_prefix_and_case_where_that_is_unambiguous() {
        let dictionary =
            read("D1|114480||a\nMESH:D2||b\nc9000001||c\nHP:0000001||d\nXY:7||e\nAB:7||f\nAb1||g\naB1||h\n").unwrap();
        let found = |id: &str| dictionary.concepts_with(id).iter().map(|&c| dictionary.ids(c)).collect::<Vec<_>>();
        for (id, ids) in [
            ("OMIM:114480", &["D1|114480"][..]),
            ("MIM:114480", &["D1|114480"]),
            ("mesh:d1", &["D1|114480"]),
            ("D2", &["MESH:D2"]),
            ("MSH:D2", &["MESH:D2"]),
            ("OMIM:D2", &[]),
            ("UMLS:C9000001", &["c9000001"]),
            ("hp_0000001", &["HP:0000001"]),
            ("http://purl.obolibrary.org/obo/HP_0000001", &["HP:0000001"]),
            ("0000001", &["HP:0000001"]),
            ("7", &[]),
            ("ab:7", &["AB:7"]),
            ("Ab1", &["Ab1"]),
            ("AB1", &[]),
            ("D3", &[]),
        ] {
            assert_eq!(found(id), ids, "{id}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let refused = |content| read(content).err().unwrap();
        assert_eq!(refused("C1||a\nC2\n"), "/dictionary.txt:2: it has 1 columns, and 2 are expected");
        assert_eq!(refused(" ||a\n"), "/dictionary.txt:1: its id is blank");
        assert_eq!(refused(""), "/dictionary.txt: it has no names");
    }
}
