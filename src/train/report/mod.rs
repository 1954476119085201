//! The report of a run: one HTML page without other files, for people who watch a training.
//!
//! Reading order: `page` (the page and its parts), `chart` and `curve` (diagrams over the steps),
//! `name_map` (the map of names before and after training).
//!
//! Invariant: names and settings are escaped, values that are not finite are in no curve, and the
//! page stays small however long the run is.

mod chart;
mod curve;
mod name_map;
mod page;

pub(super) use name_map::{MapLayout, NameMap};
pub(super) use page::{TrainReport, render};
