//! What the tests share.
//!
//! `binary` runs the command line, `service` a service and an HTTP client. `scratch` has
//! directories of a test's own, `corruption` damages files. `starter`, `small_index` and
//! `rich_index` have vocabularies and indexes.

mod binary;
mod corruption;
pub(crate) mod rich_index;
mod scratch;
mod service;
pub(crate) mod small_index;
pub(crate) mod starter;

pub(crate) use self::{
    binary::{
        RUNTIME, fail, fixture, manifest, minilm, root, run, run_with_small_files, saplink, signal, starter_index,
        succeed, wait,
    },
    corruption::{TestRng, damage},
    scratch::{ScratchDir, copy_dir},
    service::{Answer, Service, curl_http2, large_request, metric, shared, wait_for},
};
