//! Arguments that name the terminologies to read and select names from them.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::values::{SemanticTypes, id_prefix, positive, semantic_group, semantic_types},
    terminology::{BadRows, MergeOn, Scope},
};

/// Terminologies to read: at least one, and each option any number of times. Files may end in .gz.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct TerminologyArgs {
    /// Directory of a UMLS release: its META with MRCONSO.RRF and MRSTY.RRF; other files of META
    /// are read if they are there. Files may be plain, .gz or split into parts
    #[arg(long, value_name = "DIR", help_heading = "Terminologies")]
    pub umls: Vec<PathBuf>,
    /// Ontology in OBO 1.2 or 1.4
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub obo: Vec<PathBuf>,
    /// Ontology in OBO Graph JSON
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub obograph: Vec<PathBuf>,
    /// Mappings of ids to CUIs (SSSOM); terms of the ontologies are merged into the concepts that
    /// they map to
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub sssom: Vec<PathBuf>,
    /// Table of names, separated by tabs, with a header: cui, name, and optionally semantic_type,
    /// source, source_code, term_type, language, definition, parents
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub tsv: Vec<PathBuf>,
    /// Table of names with the same columns, separated by commas
    #[arg(long, value_name = "FILE", help_heading = "Terminologies")]
    pub csv: Vec<PathBuf>,
}

/// The concepts and names to take from the terminologies.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// Languages of names (LAT), the preferred language first; `all` stands for all other languages
    #[arg(long, value_name = "LAT,..", value_delimiter = ',', default_value = "ENG", help_heading = "Selection")]
    pub languages: Vec<String>,
    /// Take names only from these source vocabularies (SAB) [default: all]
    #[arg(long, value_name = "SAB,..", value_delimiter = ',', help_heading = "Selection")]
    pub sources: Vec<String>,
    /// Take only concepts that have one of these semantic types (TUIs or names) or of the given
    /// semantic groups [default: all]
    #[arg(long, value_name = "TUI,..", value_parser = semantic_types, help_heading = "Selection")]
    pub semantic_types: Vec<SemanticTypes>,
    /// Take only concepts of these semantic groups or of the given semantic types [default: all]
    #[arg(long, value_name = "GROUP,..", value_delimiter = ',', value_parser = semantic_group, help_heading = "Selection")]
    pub semantic_groups: Vec<String>,
    /// Take suppressed names too
    #[arg(long, help_heading = "Selection")]
    pub include_suppressed: bool,
    /// Take names of digits or punctuation alone too, such as 1 or 0.9 %
    #[arg(long = "keep-bare-numbers", alias = "numeric-names", help_heading = "Selection")]
    pub numeric_names: bool,
    /// Maximum number of names of a concept; the preferred names come first [default: no limit]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Selection")]
    pub max_names_per_concept: Option<usize>,
    /// Take the synonyms of an ontology that have one of these scopes
    #[arg(
        long,
        value_name = "SCOPE,..",
        value_delimiter = ',',
        value_enum,
        default_value = "exact",
        help_heading = "Selection"
    )]
    pub synonym_scopes: Vec<Scope>,
    /// Which cross-references of an ontology to a CUI merge the term into the CUI, if no qualifier
    /// or mapping relation denies it
    #[arg(long, value_name = "WHICH", value_enum, default_value = "unqualified", help_heading = "Selection")]
    pub merge_on: MergeOn,
    /// Prefix of ids in tables that have none, such as SCTID, OMIM or MESH
    #[arg(long, value_name = "PREFIX", value_parser = id_prefix, help_heading = "Selection")]
    pub id_prefix: Option<String>,
    /// Maximum number of rows of a file that cannot be read, or their maximum share such as 0.1%;
    /// with more the command fails. A single row fails no file unless this is 0
    #[arg(
        long,
        value_name = "N|N%",
        default_value = "0.1%",
        allow_negative_numbers = true,
        help_heading = "Selection"
    )]
    pub max_bad_rows: BadRows,
}
