//! Parts of the HTML reports: templates, number formats, tables, plots, and the shared style sheet.
//!
//! Reading order: `template` (a page from its parts), `numbers` (how numbers are shown), `blocks`
//! (tables, key figures and bars), `axis` (the axes of diagrams), `plot` (plots of two shares).
//!
//! Invariant: a page needs no other file.

mod axis;
mod blocks;
mod numbers;
mod plot;
mod template;

pub(crate) use axis::ChartAxis;
pub(crate) use blocks::{signed_bar, table, tiles};
pub(crate) use numbers::{count, duration, number, percent};
pub(crate) use plot::{PlotMark, PlotPoint, SharePlot};
pub(crate) use template::{escaped, fill};
