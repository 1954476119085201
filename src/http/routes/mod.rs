//! The handlers, a file for each resource.

pub mod admin;
pub mod codes;
pub mod concepts;
pub mod find;
pub mod link;
pub mod status;
pub mod vocabularies;
