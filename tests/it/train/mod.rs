//! Training graphs and steps through the library.

mod gradients;
