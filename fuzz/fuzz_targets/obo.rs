//! An OBO file.
//!
//! Invariant: it is read, or there is an error.

#![no_main]

mod taker;

use libfuzzer_sys::fuzz_target;
use saplink::terminology::{OntologyOptions, read_obo};

fuzz_target!(|data: &[u8]| {
    taker::read(
        |_| {},
        |reading| {
            let _ = read_obo(data, &OntologyOptions::default(), reading);
        },
    );
});
