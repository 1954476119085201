//! Terminologies, concepts and searches through the library.

mod damage;
mod filters;
mod formats;
mod open_data;
mod replay;
mod search;
mod starter;
pub(crate) mod terminologies;
