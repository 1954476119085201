//! Newtypes for the numbers of concepts, atoms, names and other table entries.
//!
//! Each id is the position of a value in a sorted table of one index, so it means nothing in
//! another index. A column of ids is stored as a column of plain numbers. Invariant: the bytes
//! of an id are those of its number.

use crate::domain::semantic_type::{self, SEMANTIC_TYPES, SemanticType};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($number:ty);)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(transparent)]
        pub struct $name($number);

        impl $name {
            /// The id with this number.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// The id of position `index`; a table is never longer than the number can count.
            pub const fn from_index(index: usize) -> Self {
                Self(index as $number)
            }

            /// The number.
            pub const fn get(self) -> $number {
                self.0
            }

            /// The number as a position.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The ids of a table with `count` entries, in order.
            pub fn all(count: usize) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
                (0..count).map(Self::from_index)
            }
        }
    )+};
}

ids! {
    /// A concept; concepts are sorted by CUI or prefixed id.
    ConceptId(u32);
    /// An atom; atoms are sorted by concept, then by preference.
    AtomId(u32);
    /// A distinct normalized name; names are sorted by key. It is also the row of the name's
    /// vector.
    NameId(u32);
    /// A code of a concept in a source; codes are sorted by source, then by text.
    CodeId(u32);
    /// A source vocabulary; sources are sorted by abbreviation.
    SourceId(u16);
    /// A set of sources, numbered in order of first use.
    SourceSetId(u32);
    /// A semantic type: its position in [`SEMANTIC_TYPES`].
    SemanticTypeId(u8);
    /// A set of semantic types, numbered in order of first use.
    SemanticTypeSetId(u16);
    /// A term type (TTY); term types are sorted by abbreviation.
    TermTypeId(u16);
    /// A language (LAT); languages are sorted by abbreviation.
    LanguageId(u8);
}

impl SemanticTypeId {
    /// The type with this TUI, such as `T047`.
    pub fn of_tui(tui: &str) -> Option<Self> {
        semantic_type::position(tui).map(Self::from_index)
    }

    /// The type; absent if a damaged file gave the number.
    pub fn semantic_type(self) -> Option<&'static SemanticType> {
        SEMANTIC_TYPES.get(self.index())
    }
}
