//! The files that hold concepts and their names.

/// Concepts, atoms, codes, definitions, relations and retired ids.
pub(crate) const CONCEPTS: &str = "concepts.bin";
/// Distinct normalized names, their atoms and the bitmaps of filters.
pub(crate) const ROWS: &str = "rows.bin";
/// Automaton from a normalized name to its number.
pub(crate) const KEYS: &str = "keys.fst";
/// Automaton of the words of all names.
pub(crate) const WORDS: &str = "words.fst";

/// A code that an atom does not have.
pub(crate) const NO_CODE: u32 = u32::MAX;

/// A relation of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Edge {
    pub(crate) to: u32,
    /// Place in [`Relation::ALL`].
    pub(crate) relation: u16,
    pub(crate) source: u16,
}

/// How a retired id goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Step {
    /// Place among the ids of successors.
    pub(crate) id: u32,
    /// Place in [`view::SUCCESSIONS`].
    pub(crate) kind: u16,
    pub(crate) source: u16,
}
