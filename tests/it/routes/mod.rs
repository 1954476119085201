//! Routes of the HTTP interface, on a running service.

pub(crate) mod concepts;
pub(crate) mod everyday_mentions;
pub(crate) mod hidden_sources;
pub(crate) mod link;
pub(crate) mod ndjson;
pub(crate) mod openapi;
