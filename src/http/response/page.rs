//! A page of a sequence, with its totals.

use crate::http::request::PageRange;

/// One page of a sequence.
pub(super) struct Paginated<T> {
    /// Length of the sequence.
    pub(super) total: usize,
    /// The entries of the page.
    pub(super) items: Vec<T>,
    /// Offset of the next page; absent at the end of the sequence and after an empty page.
    pub(super) next_offset: Option<usize>,
}

impl<T> Paginated<T> {
    /// Takes the page `range` of `sequence`.
    pub(super) fn new(sequence: impl Iterator<Item = T>, range: PageRange) -> Self {
        let (mut total, mut items) = (0, vec![]);
        for item in sequence {
            if total >= range.offset && items.len() < range.limit {
                items.push(item);
            }
            total += 1;
        }
        let end = range.offset.saturating_add(items.len());
        let next_offset = (end < total && !items.is_empty()).then_some(end);
        Self { total, items, next_offset }
    }
}
