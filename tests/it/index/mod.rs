//! The index through the library: terminologies, concepts, searches, damage.

pub(crate) mod damage;
pub(crate) mod filters;
pub(crate) mod open_data;
pub(crate) mod replay;
pub(crate) mod starter;
pub(crate) mod terminologies;
