//! Languages as UMLS abbreviates them (LAT).
//!
//! Source: UMLS Reference Manual, appendix "Languages", which follows ISO 639-2/B except for
//! Croatian; ISO 639-1 and ISO 639-2/T for the other codes.

/// Abbreviation in UMLS, code in ISO 639-1, and code in ISO 639-2/T where it differs from UMLS.
const LANGUAGES: [(&str, &str, &str); 49] = [
    ("ENG", "en", ""),
    ("ALB", "sq", "sqi"),
    ("ARA", "ar", ""),
    ("ARM", "hy", "hye"),
    ("BAQ", "eu", "eus"),
    ("BEL", "be", ""),
    ("BEN", "bn", ""),
    ("BUL", "bg", ""),
    ("CAT", "ca", ""),
    ("CHI", "zh", "zho"),
    ("CZE", "cs", "ces"),
    ("DAN", "da", ""),
    ("DUT", "nl", "nld"),
    ("EST", "et", ""),
    ("FIN", "fi", ""),
    ("FRE", "fr", "fra"),
    ("GEO", "ka", "kat"),
    ("GER", "de", "deu"),
    ("GLE", "ga", ""),
    ("GLG", "gl", ""),
    ("GRE", "el", "ell"),
    ("HEB", "he", ""),
    ("HIN", "hi", ""),
    ("HUN", "hu", ""),
    ("ICE", "is", "isl"),
    ("IND", "id", ""),
    ("ITA", "it", ""),
    ("JPN", "ja", ""),
    ("KOR", "ko", ""),
    ("LAT", "la", ""),
    ("LAV", "lv", ""),
    ("LIT", "lt", ""),
    ("MAC", "mk", "mkd"),
    ("MAY", "ms", "msa"),
    ("NOR", "no", ""),
    ("PER", "fa", "fas"),
    ("POL", "pl", ""),
    ("POR", "pt", ""),
    ("RUM", "ro", "ron"),
    ("RUS", "ru", ""),
    ("SCR", "hr", "hrv"),
    ("SLO", "sk", "slk"),
    ("SLV", "sl", ""),
    ("SPA", "es", ""),
    ("SWE", "sv", ""),
    ("THA", "th", ""),
    ("TUR", "tr", ""),
    ("UKR", "uk", ""),
    ("VIE", "vi", ""),
];

/// The abbreviation in UMLS (LAT) of a language tag such as `nl`, `nl-BE`, `nld` or `DUT`. Three
/// letters that are no known code stay, in capitals.
pub fn language_abbreviation(tag: &str) -> Option<String> {
    let code = tag.split(['-', '_']).next().unwrap_or(tag);
    let is = |other: &str| !other.is_empty() && other.eq_ignore_ascii_case(code);
    let known = LANGUAGES.iter().find(|(lat, two, three)| is(lat) || is(two) || is(three));
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    known.map(|(lat, ..)| (*lat).to_owned()).or_else(|| is_code.then(|| code.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_several_standards_are_one_language() {
        for tag in ["nl", "NL", "nl-BE", "nld", "dut", "DUT"] {
            assert_eq!(language_abbreviation(tag).as_deref(), Some("DUT"), "{tag}");
        }
        assert_eq!(language_abbreviation("xyz").as_deref(), Some("XYZ"));
        for tag in ["", "x", "dutch", "12", "n1d", "é"] {
            assert_eq!(language_abbreviation(tag), None, "{tag}");
        }
    }
}
