//! The programs of `examples/`, on the starter index.

use crate::support::{RUNTIME, root, starter_index};

#[path = "../../examples/link_mentions.rs"]
#[expect(dead_code, reason = "`main` is not called")]
mod link_mentions;

#[test]
fn link_mentions_prints_candidates() {
    let service = link_mentions::open(&RUNTIME, &root().join("models/saplink-mini"), starter_index()).unwrap();
    let mentions = ["heart attack", "diabetis mellitus", "  "].map(str::to_owned).to_vec();
    let mut printed = vec![];
    link_mentions::print_candidates(&service, mentions, &mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    for expected in [
        "heart attack: Linked\n  C0027051  myocardial infarction  (Exact, score 1.000,",
        "diabetis mellitus: Linked\n  C0011849  diabetes mellitus  (Corrected,",
        "  : text: write at least one letter or digit\n",
    ] {
        assert!(printed.contains(expected), "{printed}");
    }
}
