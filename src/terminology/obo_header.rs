//! The header of an OBO file: its name and version, and what it declares about synonyms and
//! cross-references.
//!
//! Invariant: memory is bounded, however many declarations a header has.

use std::collections::HashMap;

use crate::{
    terminology::{
        Reading, Scope,
        identity::Identity,
        obo_text::{first_word, quoted_text, tag_and_value, unescaped, value},
        ontology::is_abbreviation_type,
    },
    text,
};

/// Maximum number of synonym types, and of prefixes with a rule for cross-references, that are
/// remembered; ontologies have a few dozen.
const MAX_HEADER_ENTRIES: usize = 1000;

/// The facts of the lines before the first stanza.
#[derive(Default)]
pub(super) struct Header {
    pub(super) ontology: String,
    pub(super) version: String,
    /// Whether a line was read that only OBO files have.
    pub(super) is_obo: bool,
    /// The synonym types that the file declares, by id.
    pub(super) synonym_types: HashMap<String, SynonymType>,
    /// What the file says about all cross-references with a prefix, by prefix.
    pub(super) identities: HashMap<String, Identity>,
}

/// A synonym type that a file declares.
pub(super) struct SynonymType {
    pub(super) abbreviation: bool,
    /// The scope of synonyms that state only the type.
    pub(super) scope: Option<Scope>,
}

impl Header {
    /// Reads a line and returns whether it can be a line of a header.
    pub(super) fn read_line(&mut self, line: &str, reading: &mut Reading) -> bool {
        let Some((tag, rest)) = tag_and_value(line) else { return false };
        match tag {
            "format-version" => self.is_obo = true,
            "ontology" => {
                self.is_obo = true;
                self.ontology = unescaped(value(rest));
            }
            "data-version" => self.version = unescaped(value(rest)),
            "import" => {
                let import = text::quoted(&unescaped(value(rest)));
                reading.note(format!("the import {import} is not followed: give that file with an option of its own"));
            }
            "property_value" if self.version.is_empty() => {
                if let ("owl:versionInfo", rest) = first_word(rest) {
                    self.version =
                        quoted_text(rest).map_or_else(|_| unescaped(first_word(rest).0), |(version, _)| version);
                }
            }
            "synonymtypedef" if self.synonym_types.len() < MAX_HEADER_ENTRIES => {
                let (id, rest) = first_word(value(rest));
                let scope = rest.rsplit(char::is_whitespace).next().and_then(parse_scope);
                let abbreviation = is_abbreviation_type(id) || is_abbreviation_type(rest);
                self.synonym_types.insert(unescaped(id), SynonymType { abbreviation, scope });
            }
            "treat-xrefs-as-equivalent" => self.treat_xrefs(rest, Identity::Stated),
            tag if tag.starts_with("treat-xrefs-as-") => self.treat_xrefs(rest, Identity::Denied),
            _ => {}
        }
        true
    }

    fn treat_xrefs(&mut self, rest: &str, identity: Identity) {
        if self.identities.len() < MAX_HEADER_ENTRIES {
            self.identities.insert(unescaped(first_word(value(rest)).0), identity);
        }
    }
}

/// The scope that a word names.
pub(super) fn parse_scope(word: &str) -> Option<Scope> {
    Some(match word.to_ascii_uppercase().as_str() {
        "EXACT" => Scope::Exact,
        "BROAD" => Scope::Broad,
        "NARROW" => Scope::Narrow,
        "RELATED" => Scope::Related,
        _ => return None,
    })
}
