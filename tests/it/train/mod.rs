//! Training graphs and steps through the library.

pub(crate) mod gradients;
