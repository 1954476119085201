//! Routes of the HTTP interface.

mod codes;
mod concepts;
mod embed;
mod encodings;
mod everyday_mentions;
mod hidden_sources;
mod link;
mod ndjson;
mod openapi;
mod operation;
mod requests;
mod trust;
mod vocabularies;
