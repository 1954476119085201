//! Tests of the contradictions, on the pairs of `tests/fixtures/opposites.tsv` and on any text.

use std::{collections::HashSet, fmt::Write, time::Instant};

use proptest::prelude::*;

use super::{ContradictionKind, contradiction, groups::GROUPS};
use crate::text::normalize;

/// Pairs of a mention and a name, with the kind of their contradiction or `agree`.
const PAIRS: &str = include_str!("../../tests/fixtures/opposites.tsv");

/// How the pairs of every second line fare.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rates {
    /// Contradicting pairs that are found.
    found: usize,
    /// Found pairs with the expected kind.
    kind: usize,
    /// Contradicting pairs that are missed.
    missed: usize,
    /// Agreeing pairs.
    agreeing: usize,
}

/// The rates of the lines whose number modulo 2 is `parity`, and the agreeing pairs that are
/// reported as contradictions.
fn rates(parity: usize) -> (Rates, String) {
    let (mut rates, mut false_alarms) = (Rates::default(), String::new());
    for (_, line) in (1..).zip(PAIRS.lines()).skip(1).filter(|(number, _)| number % 2 == parity) {
        let [expected, mention, name] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let found = contradiction(&normalize(mention), &normalize(name));
        match found {
            None if expected == "agree" => rates.agreeing += 1,
            Some(found) if expected == "agree" => writeln!(false_alarms, "{line}: {found:?}").unwrap(),
            None => rates.missed += 1,
            Some(found) => {
                rates.found += 1;
                rates.kind += usize::from(found.kind.as_str() == expected);
            }
        }
    }
    (rates, false_alarms)
}

#[test]
fn opposite_words_and_beginnings_contradict() {
    for (mention, name) in [
        ("drug susceptible tuberculosis", "drug resistant tuberculosis"),
        ("follicular thyroid adenoma", "follicular thyroid cancer"),
        ("benign mesothelioma", "mesothelioma"),
        ("malignant schwannoma", "schwannoma"),
        ("schwannoma", "malignant schwannoma"),
        ("hiv seronegativity", "hiv seropositivity"),
        ("22q11.2 duplication syndrome", "22q11.2 deletion syndrome"),
        ("forceful urinary stream", "weak urine stream"),
        ("excisional biopsy", "incisional biopsy"),
        ("adrenopathy", "adenopathy"),
        ("antidiuretics", "diuretics"),
        ("antithrombin", "thrombin"),
        ("25 hydroxycholecalciferol", "1,25 dihydroxycholecalciferol"),
        ("hepatoma", "hematoma"),
        ("myelopathy", "myopathy"),
        ("ureteroscopy", "urethroscopy"),
    ] {
        assert!(contradiction(mention, name).is_some(), "{mention} | {name}");
    }
    for (mention, name) in [
        ("malignant melanoma", "melanoma"),
        ("insulin resistance", "resistance to insulin"),
        ("drug resistant tuberculosis", "tuberculosis"),
        ("cancer of the lymph nodes", "lymphoma"),
        ("noncancerous fatty lump", "fatty lump"),
        ("toxic effect of vitamin a", "vitamin a toxicity"),
    ] {
        assert_eq!(contradiction(mention, name), None, "{mention} | {name}");
    }
}

#[test]
fn a_thing_is_not_what_it_is_called_after() {
    for (mention, name) in [
        ("west nile virus", "west nile fever"),
        ("zinc toxicity", "zinc deficiency"),
        ("hepatitis b vaccine", "hepatitis b"),
        ("penicillin", "penicillin allergy"),
        ("nf1 gene", "nf1"),
        ("gaba antagonists", "gaba"),
        ("gaba", "gaba agonist"),
        ("tracheostomy closure", "tracheostomy"),
        ("hernia repair", "hernia"),
        ("carpal tunnel release", "carpal tunnel syndrome"),
    ] {
        let found = contradiction(mention, name).map(|found| found.kind);
        assert_eq!(found, Some(ContradictionKind::Kind), "{mention} | {name}");
    }
    for (mention, name) in [
        ("zika", "zika virus"),
        ("beta blocker", "beta adrenergic blocking agent"),
        ("lead poisoning", "lead toxicity"),
        ("lead poisoning", "plumbism"),
        ("hepatitis b", "hepatitis b virus infection"),
        ("vaccine", "influenza vaccine"),
    ] {
        assert_eq!(contradiction(mention, name), None, "{mention} | {name}");
    }
}

#[test]
fn opposites_are_found_and_synonyms_agree() {
    // The tables were developed with the odd lines. The misses there are three: organs of different
    // groups, nephritis (often a synonym of nephropathy), and stems of different length.
    let (odd, false_alarms) = rates(1);
    assert_eq!(false_alarms, "");
    assert!(odd.found >= 213 && odd.missed <= 3 && odd.kind >= 211 && odd.agreeing == 228, "{odd:?}");
    let (even, false_alarms) = rates(0);
    assert_eq!(false_alarms, "");
    assert!(even.found >= 217 && even.missed == 0 && even.kind >= 213 && even.agreeing == 227, "{even:?}");
}

#[test]
fn a_contradiction_names_the_kind_and_the_words_of_both_keys() {
    for (mention, name, expected) in [
        ("late menopause", "premature menopause", ("course", "late", "premature")),
        ("non-diabetic", "type 2 diabetes mellitus", ("polarity", "non diabetic", "diabetes")),
        ("post-operative pain", "preoperative pain", ("course", "post operative", "preoperative")),
        ("MRSA-", "MRSA", ("polarity", "mrsa-", "mrsa")),
        ("appendicitis (-)", "appendicitis", ("polarity", "appendicitis-", "appendicitis")),
        ("chest pain -", "chest pain", ("polarity", "pain-", "pain")),
        ("(-) chest pain", "chest pain", ("polarity", "(-) chest", "chest")),
        ("\u{2212} lymphoma", "lymphoma", ("polarity", "(-) lymphoma", "lymphoma")),
        ("Wiskott-Aldrich syndrome (-)", "Wiskott-Aldrich syndrome", ("polarity", "aldrich syndrome-", "aldrich")),
        ("Crohn disease negative", "Crohn disease", ("polarity", "crohn negative", "crohn")),
        ("eye disorder (-)", "eye disorder", ("polarity", "eye disorder-", "eye")),
        ("copper deficiency -", "copper deficiency", ("polarity", "deficiency-", "deficiency")),
        ("HIV negative", "HIV", ("polarity", "hiv negative", "hiv")),
        ("no chest pain but SOB", "chest pain", ("polarity", "no chest", "chest")),
        ("fever without rash", "rash", ("polarity", "without rash", "rash")),
        ("w/out rash", "rash", ("polarity", "w out rash", "rash")),
        ("chest pain", "no chest pain", ("polarity", "chest", "no chest")),
        ("hyperkalaemia", "hypokalaemia", ("polarity", "hyperkalaemia", "hypokalaemia")),
        ("factor XI deficiency", "factor 9 deficiency", ("number", "xi", "9")),
        ("immunoglobulin A deficiency", "IgG deficiency", ("number", "immunoglobulin a", "igg")),
        ("T-cell lymphoma", "B-cell lymphoma", ("kind", "t", "b")),
    ] {
        let found = contradiction(&normalize(mention), &normalize(name)).unwrap();
        assert_eq!((found.kind.as_str(), found.mention.as_str(), found.name.as_str()), expected);
    }
}

#[test]
fn a_minus_denies_neither_other_words_nor_a_molecule() {
    for (mention, name) in [
        ("HCO3-", "HCO3"),
        ("(-)-carvone", "carvone"),
        ("HER2- breast cancer", "breast cancer"),
        ("post- operative pain", "postoperative pain"),
    ] {
        assert_eq!(contradiction(&normalize(mention), &normalize(name)), None, "{mention} and {name}");
    }
}

#[test]
fn amounts_and_years_are_no_labels() {
    for (mention, name) in [
        ("metformin 500 mg", "metformin 850 mg"),
        ("ibuprofen 200mg", "ibuprofen 400mg"),
        ("coronavirus infection 2019", "SARS-CoV-2 infection"),
        ("0.9% saline", "3% saline"),
        ("K+ 6.1", "vitamin K1"),
    ] {
        assert_eq!(contradiction(&normalize(mention), &normalize(name)), None, "{mention} and {name}");
    }
}

#[test]
fn a_measured_thing_that_is_low_or_high_is_no_special_kind_of_it() {
    for (mention, name) in [
        ("high hemoglobin", "elevated glycated hemoglobin"),
        ("low cholesterol", "bad cholesterol"),
        ("high fever", "Q fever"),
        ("growth hormone releasing hormone", "growth hormone"),
        ("good prognosis", "poor prognosis"),
        ("shortened bleeding time", "long bleeding time"),
        ("rheumatoid factor", "positive rheumatoid factor"),
        ("hemoglobin", "elevated hemoglobin"),
        ("Bartonella henselae", "Bartonella henselae infection"),
        ("ureteral stent removal", "ureteral stent"),
        ("tricuspid atresia", "tricuspid regurgitation"),
    ] {
        assert!(contradiction(&normalize(mention), &normalize(name)).is_some(), "{mention} and {name}");
    }
    for (mention, name) in [
        ("low platelets", "low platelet count"),
        ("high temperature", "elevated body temperature"),
        ("low back pain", "lower back pain"),
        ("elevated hemoglobin", "hemoglobin"),
        ("raised liver enzymes", "raised liver function tests"),
        ("short of breath", "shortness of breath"),
    ] {
        assert_eq!(contradiction(&normalize(mention), &normalize(name)), None, "{mention} and {name}");
    }
}

#[test]
fn the_values_of_a_group_have_no_word_in_common() {
    for values in GROUPS.iter().map(|group| group.values) {
        assert!((2..=u32::BITS as usize).contains(&values.len()), "{values:?}");
        let words: Vec<&str> = values.iter().flat_map(|words| words.split_whitespace()).collect();
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len(), "{values:?}");
    }
}

#[test]
fn a_long_text_is_compared_in_bounded_time() {
    for (mention, name) in [("hyperx ", "hypox hyperx "), ("type 1 ", "type 2 "), ("no a ", "a "), ("1 ", "2a ")] {
        let (mention, name) = (mention.repeat(1000 / mention.len()), name.repeat(1000 / name.len()));
        let start = Instant::now();
        for _ in 0..50 {
            contradiction(&mention, &name);
        }
        assert!(start.elapsed().as_secs() < 5, "{mention}");
    }
}

proptest! {
    #[test]
    fn a_text_does_not_contradict_itself(
        words in proptest::collection::vec(
            "\\PC{0,8}|no|non|without|or|and|type|[a-z]|[0-9]{1,3}[a-z]?|(un|a|in|hyper|hypo|pre|post)[a-z]{4,6}", 0..8),
    ) {
        let key = normalize(&words.join(" "));
        prop_assert_eq!(contradiction(&key, &key), None);
    }

    // Of measures it does: "high hemoglobin" is no glycated hemoglobin.
    #[test]
    fn the_order_of_the_texts_does_not_matter(
        a in "((no|non|left|right|type|stage|and|[a-c]|[1-3]|(un|a|hyper|hypo)?(stable|tension)) ){0,6}",
        b in "((no|non|left|right|type|stage|and|[a-c]|[1-3]|(un|a|hyper|hypo)?(stable|tension)) ){0,6}",
    ) {
        let (a, b) = (normalize(&a), normalize(&b));
        prop_assert_eq!(contradiction(&a, &b).is_some(), contradiction(&b, &a).is_some());
    }

    #[test]
    fn any_text_is_compared(a in "\\PC{0,200}", b in "\\PC{0,200}") {
        if let Some(found) = contradiction(&a, &b) {
            prop_assert!(!found.mention.is_empty() && !found.name.is_empty());
        }
    }
}
