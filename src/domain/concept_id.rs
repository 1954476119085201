//! The syntax of concept ids.

/// Maximum bytes of a concept id.
const MAX_CONCEPT_ID_BYTES: usize = 64;

/// Whether `id` can name a concept: a CUI of UMLS (`C` and seven digits) or a prefixed id of
/// another vocabulary (`HP:0001250`).
pub fn is_concept_id(id: &str) -> bool {
    let is_cui = || id.len() == 8 && id.starts_with('C') && id[1..].bytes().all(|b| b.is_ascii_digit());
    let is_prefixed = || {
        let is_word =
            |s: &str, extra: &[u8]| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
        id.split_once(':').is_some_and(|(prefix, local)| is_word(prefix, b"_.") && is_word(local, b"_.-"))
    };
    id.len() <= MAX_CONCEPT_ID_BYTES && id.is_ascii() && (is_cui() || is_prefixed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concept_ids() {
        for good in ["C0027051", "HP:0001250", "ORPHA:558", "MESH:D009203", "CHEBI:15365"] {
            assert!(is_concept_id(good), "{good}");
        }
        for bad in
            ["", "C002705", "C00270510", "c0027051", "HP:", ":1", "C0027O51", "HP:00 1", "é:1", "../x:1", "HP:1/2"]
        {
            assert!(!is_concept_id(bad), "{bad}");
        }
    }
}
