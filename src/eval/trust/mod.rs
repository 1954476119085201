//! Measures how far the answers of an index can be trusted: how often everyday words and terms of
//! no concept are linked, and how often known mentions are linked to a wrong concept.
//!
//! Reading order: `lists` (the files), `answers` (links the mentions and judges the answers),
//! `report` (the figures), `measure` (all of it), `text` and `page` (the result).
//!
//! Invariant: only [`TrustExample`] quotes mentions, and a report has none if the caller asks for
//! none.

mod answers;
mod lists;
mod measure;
mod page;
mod report;
mod text;

pub use lists::{ListedMention, MentionList, TrustLists};
pub use measure::measure_trust;
pub use report::{
    CutoffShares, KnownFigures, ListEntry, OppositeFigures, PoolFigures, PrecisionPoint, Share, TrustExample,
    TrustReport, UnknownFigures,
};
