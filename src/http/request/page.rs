//! A page of a sequence.

/// The entries of a sequence from `offset` on, at most `limit`.
#[derive(Clone, Copy)]
pub(in crate::http) struct PageRange {
    pub(in crate::http) offset: usize,
    pub(in crate::http) limit: usize,
}
