//! The handlers, a file for each resource. `ndjson` is the streaming form of `link`.

pub(super) mod admin;
pub(super) mod codes;
pub(super) mod concepts;
pub(super) mod embed;
pub(super) mod find;
pub(super) mod link;
mod ndjson;
pub(super) mod status;
pub(super) mod vocabularies;
