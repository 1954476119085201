//! Fuzzes the reader of OBO Graphs files.
//!
//! Property: every input is read or gives an error; none causes a panic.

#![no_main]

mod sink;

use libfuzzer_sys::fuzz_target;
use saplink::terminology::{OntologyOptions, read_obograph};

fuzz_target!(|data: &[u8]| {
    sink::read(
        |_| {},
        |reading| {
            let _ = read_obograph(data, &OntologyOptions::default(), reading);
        },
    );
});
