//! Fuzzes the reader of tables.
//!
//! The first byte selects the dialect, and whether ids get a prefix; the rest is the table.
//!
//! Property: every statement is well-formed, and every input is read or gives an error; none causes
//! a panic.

#![no_main]

mod sink;

use libfuzzer_sys::fuzz_target;
use saplink::{
    domain::{Statement, semantic_type},
    terminology::{Dialect, TableOptions, read_table},
};

fn check(statement: &Statement) {
    match *statement {
        Statement::Atom(atom) => assert!(atom.language.len() == 3 && !atom.source.is_empty()),
        Statement::Type { tui, .. } => assert!(semantic_type::position(tui).is_some()),
        Statement::Definition { text, .. } => assert!(!text.is_empty()),
        _ => {}
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, table)) = data.split_first() else { return };
    let dialect = if choice & 1 == 0 { Dialect::Tabs } else { Dialect::Commas };
    let options = TableOptions { dialect, id_prefix: (choice & 2 == 0).then_some("SCTID") };
    sink::read(check, |reading| {
        let _ = read_table(table, &options, reading);
    });
});
