//! The HTTP service: router, admission, errors, documentation.
//!
//! Reading order: `router` (the routes, and how to add one), `routes` (a file for each resource),
//! `request` (what a client sends, typed), `response` (what the service answers), `problem`
//! (errors), `linking` (from mentions to results, also for `saplink link`),
//! `app` (the state that routes share), `admission` (the queue), `middleware`, `auth`, `metrics`,
//! `hosts`, `base_path`, `server`, `connection`, `tls`.
//!
//! Files import each other in one direction: `router -> routes -> linking, app -> request, response
//! -> problem`.
//!
//! Invariants: this module depends neither on ONNX Runtime nor on the files of an index. The log
//! contains no mention, header or query string: a line about a request has its method, registered
//! route, status and duration.

mod admission;
mod app;
mod auth;
mod base_path;
mod concept_lookup;
mod connection;
mod hosts;
mod linking;
mod metrics;
mod middleware;
mod problem;
mod request;
mod request_id;
mod response;
mod router;
mod routes;
mod server;
mod tls;

pub use app::{App, AppOptions, ReloadRequest};
pub use auth::{Access, TokenSet, Tokens, TokensError};
pub use hosts::Hosts;
pub(crate) use linking::PendingResults;
pub use problem::Problem;
#[cfg(test)]
pub(crate) use problem::ProblemKind;
pub(crate) use request::split_lines;
pub use request::{LineSplitter, NumberedMention, max_line_bytes, read_line};
pub(crate) use response::{CandidateView, ContradictionView, LeftOutView, LinkResult, write_lines};
#[cfg(test)]
pub(crate) use response::{LinkStatus, SemanticTypeView};
pub use router::{openapi_json, route_paths, router};
pub use server::{ConnectionLimits, serve};
pub use tls::{Tls, TlsError, certificates};
