//! The names that mentions are looked up among: a row for each distinct name, in lower case, with every concept that owns it.
//!
//! Ids that stand together in a line (`D003920|114480`) are several of one concept; concepts that have a name in common are several.
//! Invariant: rows are in the order of the file or the index, concepts of a row in the order of their ids.

use std::{collections::HashMap, path::Path};

use crate::eval::{
    EvalError,
    mentions::{Mention, lowered, read_text, without_prefix},
};
use crate::{domain::NameId, files::sha256_hex, index::Index, text};

/// Columns of a dictionary with a header.
const ID: &str = "cui";
const NAME: &str = "name";
const TYPE: &str = "semantic_type";

/// A concept by its number.
pub(super) type Concept = u32;

/// Names with their owners.
pub struct Dictionary {
    /// What reports call it.
    pub name: String,
    pub sha256: String,
    pub names: Vec<String>,
    /// Concepts of each name.
    pub owners: Vec<Vec<Concept>>,
    /// Ids of each concept, joined by `|`.
    ids: Vec<String>,
    /// A semantic type of each concept, or nothing.
    types: Vec<String>,
    by_id: HashMap<String, Vec<Concept>>,
    rows_of: Vec<Vec<u32>>,
}

impl Dictionary {
    /// Reads a file, plain or `.gz`: `ID||NAME`, ids and a name separated by a tab, or a table with the columns `cui` and `name`.
    ///
    /// # Errors
    /// [`EvalError`] names the file, and the line that cannot be read.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let text = read_text(path)?;
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
        let first = lines.peek().map_or("", |(_, line)| line);
        let separator = if first.contains("||") { "||" } else { "\t" };
        let header: Vec<&str> = first.split(separator).collect();
        let place = |column: &str| header.iter().position(|name| name.eq_ignore_ascii_case(column));
        let (id, name, types, width) = match (place(ID), place(NAME)) {
            (Some(id), Some(name)) => (id, name, place(TYPE), Some(header.len())),
            _ => (0, 1, None, None),
        };
        if width.is_some() {
            lines.next();
        }
        let mut building = Building::default();
        for (number, line) in lines {
            let failed = |reason| EvalError::Line { path: path.into(), line: number + 1, reason };
            let fields: Vec<&str> = line.split(separator).collect();
            if fields.len() != width.unwrap_or(2) {
                let (found, wanted) = (fields.len(), width.unwrap_or(2));
                return Err(failed(format!("it has {found} columns, and {wanted} are expected")));
            }
            let (ids, name) = (fields[id].trim(), fields[name]);
            if ids.eq_ignore_ascii_case("cui-less") || text::is_blank(name) {
                continue;
            }
            if ids.is_empty() {
                return Err(failed("its id is blank".into()));
            }
            let semantic_type = types.map_or("", |place| fields[place].split(',').next().unwrap_or(""));
            building.add(ids, semantic_type, lowered(name));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let dictionary = building.finish(name, sha256_hex(text.as_bytes()));
        if dictionary.names.is_empty() {
            return Err(EvalError::File { path: path.into(), reason: "it has no names".into() });
        }
        Ok(dictionary)
    }

    /// The names of an index, row by row.
    pub fn of_index(index: &Index) -> Self {
        let concepts = index.concepts();
        let mut building = Building::default();
        for row in NameId::all(concepts.counts().rows as usize) {
            let mut owners: Vec<_> =
                concepts.atoms_of_name(row).iter().map(|&atom| concepts.concept_of_atom(atom)).collect();
            owners.dedup();
            let place = building.names.len();
            building.names.push(concepts.name_text(row).to_lowercase());
            building.owners.push(vec![]);
            for owner in owners {
                let semantic_type =
                    concepts.semantic_types(owner).first().and_then(|t| t.semantic_type()).map_or("", |t| t.tui);
                building.own(place, concepts.id(owner), semantic_type);
            }
        }
        let manifest = index.manifest();
        building.finish(manifest.name.clone(), manifest.fingerprint())
    }

    /// How many concepts there are.
    pub fn concepts(&self) -> usize {
        self.ids.len()
    }

    /// The ids of a concept, joined by `|`.
    pub fn ids(&self, concept: Concept) -> &str {
        &self.ids[concept as usize]
    }

    /// A semantic type of a concept, if one is known.
    pub fn semantic_type(&self, concept: Concept) -> Option<&str> {
        Some(self.types[concept as usize].as_str()).filter(|tui| !tui.is_empty())
    }

    /// The concept that has an id.
    pub fn concept(&self, id: &str) -> Option<Concept> {
        self.by_id.get(id).and_then(|concepts| concepts.first().copied())
    }

    /// The concepts that a mention is to be linked to, in the order of their ids.
    pub fn gold(&self, mention: &Mention) -> Vec<Concept> {
        let mut gold: Vec<Concept> =
            mention.gold.iter().filter_map(|id| self.by_id.get(id)).flatten().copied().collect();
        gold.sort_unstable();
        gold.dedup();
        gold
    }

    /// The rows of a concept's names.
    pub fn rows(&self, concept: Concept) -> &[u32] {
        &self.rows_of[concept as usize]
    }
}

#[derive(Default)]
struct Building {
    names: Vec<String>,
    owners: Vec<Vec<Concept>>,
    rows: HashMap<String, usize>,
    ids: Vec<String>,
    types: Vec<String>,
    numbers: HashMap<String, Concept>,
}

impl Building {
    fn add(&mut self, ids: &str, semantic_type: &str, name: String) {
        let place = *self.rows.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            self.owners.push(vec![]);
            self.names.len() - 1
        });
        self.own(place, ids, semantic_type);
    }

    fn own(&mut self, place: usize, ids: &str, semantic_type: &str) {
        let concept = *self.numbers.entry(ids.to_owned()).or_insert_with(|| {
            self.ids.push(ids.to_owned());
            self.types.push(semantic_type.to_owned());
            self.ids.len() as Concept - 1
        });
        if !self.owners[place].contains(&concept) {
            self.owners[place].push(concept);
        }
    }

    fn finish(self, name: String, sha256: String) -> Dictionary {
        let Self { names, mut owners, ids, types, .. } = self;
        let mut rows_of: Vec<Vec<u32>> = vec![vec![]; ids.len()];
        for (row, owners) in owners.iter_mut().enumerate() {
            owners.sort_by(|a, b| ids[*a as usize].cmp(&ids[*b as usize]));
            owners.iter().for_each(|&owner| rows_of[owner as usize].push(row as u32));
        }
        let mut by_id: HashMap<String, Vec<Concept>> = HashMap::new();
        for (concept, ids) in (0..).zip(&ids) {
            for id in ids.split(['|', '+']).map(without_prefix) {
                by_id.entry(id.to_owned()).or_default().push(concept);
            }
        }
        Dictionary { name, sha256, names, owners, ids, types, by_id, rows_of }
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
    fn homonyms_are_merged_and_aliases_are_one_concept() {
        for content in [
            "C2||Cold\nC1|MESH:9||cold \nC1|MESH:9||flu\ncui-less||x\nC3||..\n",
            "C2\tCold\nC1|MESH:9\tcold\nC1|MESH:9\tflu\n",
            "source\tCUI\tname\nA\tC2\tCold\nA\tC1|MESH:9\tcold\nB\tC1|MESH:9\tflu\n",
        ] {
            let dictionary = read(content).unwrap();
            assert_eq!(dictionary.names, ["cold", "flu"]);
            let ids = |row: usize| dictionary.owners[row].iter().map(|&c| dictionary.ids(c)).collect::<Vec<_>>();
            assert_eq!([ids(0), ids(1)], [vec!["C1|MESH:9", "C2"], vec!["C1|MESH:9"]]);
            let flu = Mention { text: "influenza".into(), gold: vec!["9".into(), "C7".into()], semantic_type: None };
            assert_eq!(dictionary.gold(&flu).iter().map(|&c| dictionary.ids(c)).collect::<Vec<_>>(), ["C1|MESH:9"]);
            assert_eq!(dictionary.rows(dictionary.concept("9").unwrap()), [0, 1]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |content| read(content).err().unwrap();
        assert_eq!(refused("C1||a\nC2\n"), "/dictionary.txt:2: it has 1 columns, and 2 are expected");
        assert_eq!(refused(" ||a\n"), "/dictionary.txt:1: its id is blank");
        assert_eq!(refused(""), "/dictionary.txt: it has no names");
    }
}
