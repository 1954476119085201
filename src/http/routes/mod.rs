//! The handlers, a file for each resource.

pub(super) mod admin;
pub(super) mod codes;
pub(super) mod concepts;
pub(super) mod find;
pub(super) mod link;
pub(super) mod status;
pub(super) mod vocabularies;
