//! The syntax of concept ids.

/// Maximum bytes of a concept id.
const MAX_CONCEPT_ID_BYTES: usize = 64;

/// Whether `id` is a CUI of UMLS: `C` and seven digits.
pub fn is_cui(id: &str) -> bool {
    id.len() == 8 && id.starts_with('C') && id.bytes().skip(1).all(|b| b.is_ascii_digit())
}

/// Whether `id` can name a concept: a CUI, or an id of another vocabulary with its prefix
/// (`HP:0001250`, and `CVCL_0030` in vocabularies that write no colon).
pub fn is_concept_id(id: &str) -> bool {
    let is_word =
        |s: &str, extra: &[u8]| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
    let is_prefixed = || match (id.split_once(':'), id.split_once('_')) {
        (Some((prefix, local)), _) => is_word(prefix, b"_.") && is_word(local, b"_.-"),
        // Without a colon, two words with an underscore are an id only if there is a digit.
        (None, Some((prefix, local))) => {
            prefix.starts_with(|c: char| c.is_ascii_alphabetic())
                && is_word(prefix, b"")
                && is_word(local, b"_.-")
                && local.bytes().any(|b| b.is_ascii_digit())
        }
        (None, None) => false,
    };
    id.len() <= MAX_CONCEPT_ID_BYTES && id.is_ascii() && (is_cui(id) || is_prefixed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concept_ids() {
        for good in ["C0027051", "HP:0001250", "ORPHA:558", "MESH:D009203", "CHEBI:15365", "CVCL_0030"] {
            assert!(is_concept_id(good), "{good}");
        }
        for bad in [
            "",
            "C002705",
            "C00270510",
            "c0027051",
            "HP:",
            ":1",
            "C0027O51",
            "HP:00 1",
            "é:1",
            "../x:1",
            "HP:1/2",
            "part_of",
            "_1",
            "1_1",
            "a b_1",
        ] {
            assert!(!is_concept_id(bad), "{bad}");
        }
        assert!(is_cui("C0027051") && !is_cui("CVCL_0030") && !is_cui("C002705é"));
    }
}
