//! The handlers, a file for each resource.

pub mod concepts;
pub mod link;
pub mod status;
