//! Shared default values for fields that a format does not have.

/// Language (LAT) of names without one.
pub(super) const DEFAULT_LANGUAGE: &str = "ENG";

/// Preference of the name of a term and of the preferred names (PT) of tables; their other names
/// have 0.
///
/// Names that UMLS prefers have at least 12 (see `rrf`), so they come first.
pub(super) const PREFERRED: u32 = 7;

/// The own source vocabulary of UMLS: source of facts that UMLS itself states, and of terms whose
/// id is a CUI.
pub(super) const METATHESAURUS: &str = "MTH";
