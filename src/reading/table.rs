//! The words and phrases that qualify a term, as data.
//!
//! Phrases are keys of [`super::tokens`]: lower case, without the dots of abbreviations, tokens
//! joined by single spaces.
//!
//! Invariant: no phrase stands for a word that changes the term: "acute", "chronic", "early",
//! "late", "low", "high", "positive" and signs are in no phrase of their own. "negative" denies the
//! term only before it, or as the answer behind a mark ("MRSA: negative"), because "HIV negative"
//! is a term.

use std::{collections::HashMap, sync::LazyLock};

use super::LeftOutKind::{self, *};

/// The number of tokens of the longest phrase.
pub(super) const MAX_PHRASE: usize = 5;

/// When a phrase qualifies the term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    /// Only in a mention with a dose: "IV" is also a numeral, and "oral" a place.
    WithDose,
    /// Only with a word of a set as the next word or the one behind it: "L" is also a letter of
    /// names.
    Before(Words),
    /// Only if the word before it is not in a set: "food allergy" is no allergy to a term.
    NotBehind(Words),
    /// Only in a mention without the name of a test, whose result it would be.
    NoTest,
    /// Only with a mark behind it: "allergies: latex". The mark is left out too.
    BeforeMark,
}

use Condition::{Always, Before, BeforeMark, NoTest, NotBehind, WithDose};

type Meaning = (LeftOutKind, Condition);
pub(super) type Phrases = &'static [(LeftOutKind, Condition, &'static [&'static str])];

/// Phrases before the term.
#[rustfmt::skip]
pub(super) const BEFORE: Phrases = &[
    (Negated, Always, &[
        "no", "not", "nil", "never", "never had", "without", "w/o", "without any", "without evidence of",
        "without signs of", "denies", "denied", "denying", "deny", "denies any", "denies having",
        "does not have", "doesn't have", "do not have", "don't have", "did not have", "didn't have",
        "has not had", "has no", "had no", "have no", "with no", "negative for", "neg for", "is negative for",
        "was negative for", "tested negative for", "no evidence of", "no evidence for", "no e/o", "no sign of",
        "no signs of", "no signs or symptoms of", "no symptoms of", "no indication of", "no suggestion of",
        "no suspicion of", "no complaint of", "no complaints of", "no more",
        "no known", "no new", "no further", "no other", "no significant", "no obvious", "no overt",
        "no definite", "no clear", "no current", "no active", "no recent", "no such", "absence of", "lack of",
        "free of", "free from", "ruled out", "ruled out for", "r/o'd", "excluded", "unlikely", "not likely",
        "less likely", "low suspicion for", "low suspicion of", "declines", "is without", "was without",
        "without obvious", "without significant", "without known", "without overt", "without new",
        "without clear", "without associated", "without apparent", "w/out", "without signs or symptoms of", "without history of",
        "no suspicion for", "no concern for", "no concern of", "no concerns for", "no clinical evidence of",
        "no radiographic evidence of", "no clinical signs of", "no definite evidence of", "no findings of",
        "no suspicion", "no evidence", "no sign", "lacks", "lacking", "lacked", "neither", "nor", "cannot be",
        "can't be", "cannot have", "does not appear to have", "doesn't appear to have",
        "does not seem to have", "does not appear to be", "not consistent with", "not suggestive of", "not c/w",
        "not concerning for", "not suspicious for", "inconsistent with", "rather than", "instead of",
        "as opposed to", "doubt", "doubts", "doubtful", "doubtful for", "highly unlikely", "very unlikely",
        "zero", "0", "\u{f8}", "\u{2205}", "no apparent", "no visible", "no associated", "no prior",
        "no previous", "no past", "never has had", "has never had", "never took", "never taken", "not on",
        "not taking", "refuses", "refused", "declined", "avoid", "avoids", "avoiding",
    ]),
    (Negated, NoTest, &["neg", "negative"]),
    (Family, Always, &[
        "family history of", "family history", "family history positive for", "family hx of", "family hx",
        "fam hx of", "fam hx", "famhx", "fhx", "fhx of", "fh", "fh of", "f/h", "f/h of", "f/h/o", "fh/o",
        "fh positive for", "family history significant for", "strong family history of",
        "positive family history of", "paternal history of", "maternal history of", "familial history of",
        "family medical history of", "strong family hx of", "strong family history", "strong fhx of",
        "strong fh of", "positive family hx of", "positive fhx of", "significant family history of",
        "significant family hx of", "fam history of", "fam history", "fmhx", "fmh", "fam hx positive for",
        "fhx positive for", "fhx significant for", "fhx notable for", "+fhx of", "+fh of", "+ fhx of", "+ fh of",
        "family hx positive for", "family hx significant for",
    ]),
    (Allergy, Always, &[
        "allergic to", "is allergic to", "allergy to", "allergies to", "known allergy to", "drug allergy to",
        "allergic reaction to", "adverse reaction to", "adverse reactions to", "adverse drug reaction to",
        "bad reaction to", "reaction to", "reactions to", "hypersensitivity to", "hypersensitive to",
        "intolerant of", "intolerant to", "intolerance to", "intolerance of", "intolerances to", "not tolerating",
        "not tolerate", "did not tolerate", "does not tolerate", "didn't tolerate", "doesn't tolerate",
        "cannot tolerate", "can't tolerate", "could not tolerate", "unable to tolerate", "failed to tolerate",
    ]),
    (Allergy, BeforeMark, &[
        "allergy", "allergies", "drug allergy", "drug allergies", "known allergies", "allergic", "intolerance",
        "intolerances", "adverse reaction", "adverse reactions", "adr", "adrs",
    ]),
    (Possible, Always, &[
        "possible", "possibly", "poss", "probable", "probably", "prob", "likely", "most likely", "very likely",
        "suspected", "suspect", "suspicion of", "suspicion for", "suspicious for", "suspicious of", "query",
        "r/o", "rule out", "rule-out", "to rule out", "to r/o", "cannot rule out", "can't rule out",
        "can not rule out", "could not rule out", "unable to rule out", "cannot r/o", "cannot exclude",
        "can't exclude", "can not exclude", "not ruled out", "not excluded", "presumed", "presumptive",
        "questionable", "question of", "concern for", "concerning for", "concerned for", "worrisome for",
        "suggestive of", "suggests", "suggesting", "c/w", "consistent with", "compatible with",
        "in keeping with", "evaluate for", "eval for", "evaluation for", "assess for", "may have", "might have",
        "may be", "might be", "could be", "could have", "appears to have", "seems to have", "ddx",
        "differential diagnosis", "differential includes", "ruling out", "potential", "maybe", "perhaps", "?",
        "ddx includes", "equivocal", "equivocal for", "impending", "appears to be", "seems to be",
        "suspicions of", "possibility of", "possibility for", "likelihood of", "worry for", "worried for",
        "concern of", "concerned about", "vs", "versus",
        // The term is feared, looked for or prevented.
        "risk of", "risk for", "at risk of", "at risk for", "at high risk for", "at high risk of",
        "at increased risk for", "at increased risk of", "high risk for", "high risk of", "increased risk for",
        "increased risk of", "risk factors for", "risk factor for", "screen for", "screened for", "screening for",
        "screening of", "prophylaxis for", "prophylaxis of", "prophylaxis against", "ppx for", "ppx", "ppx of",
        "prevention of", "to prevent", "watch for", "watching for", "watch out for", "monitor for",
        "monitoring for", "monitored for", "look for", "looking for", "observe for", "check for", "test for",
        "tested for", "testing for", "workup for", "work-up for", "work up for", "w/u for", "w/u", "evaluated for",
        "precautions for", "precautions against", "if", "if any", "return if", "call if", "call for", "return for",
        "in case of",
    ]),
    (Historical, Always, &[
        "h/o", "hx of", "hx", "hx/o", "history of", "a history of", "pmh", "pmh of", "pmhx", "pmhx of", "p/h/o",
        "ph/o", "psh", "psh of", "pshx", "pshx of", "past history of", "past hx of", "past medical history",
        "past medical history of", "past surgical history", "past surgical history of", "medical history of",
        "surgical history of", "personal history of", "prior history of", "previous history of",
        "remote history of", "known history of", "long history of", "longstanding history of",
        "significant history of", "past medical history significant for", "pmh significant for",
        "pmh notable for", "pmhx significant for", "history significant for", "history notable for", "s/p",
        "status post", "status-post", "prior", "previous", "previously", "past", "resolved", "former",
        "used to have", "previously had", "no longer", "no longer has", "no longer have", "no longer had",
        "no longer on", "no longer taking", "no longer takes", "no longer with", "formerly", "formerly had",
        "hx significant for", "hx notable for", "resolution of",
        // A drug that was ended or paused.
        "d/c", "d/c'd", "d/ced", "dc'd", "dced", "discontinue", "discontinued", "discontinuing", "stop", "stop taking",
        "stopped taking", "off", "off of", "taken off", "came off", "weaned off", "hold", "holding", "holds",
        "to hold",
    ]),
    (Reported, Always, &[
        "c/o", "complains of", "complaining of", "complained of", "complaint of", "complaints of",
        "complains about", "chief complaint", "chief complaint of", "chief complaints", "cc", "presents with",
        "presented with", "presenting with", "presenting w/", "presented w/", "presents w/", "presents for",
        "presented for", "presenting for", "presents c/o", "p/w", "reports", "reported", "reporting",
        "reports having", "endorses", "endorsed", "endorsing", "admits to", "admitted with", "admitted for",
        "states", "notes", "noted", "noted to have", "noticed", "has", "had", "have", "having", "has had",
        "has been having", "have been having", "i have", "i've had", "i had", "with", "w/", "is", "was", "been",
        "gets", "got", "getting", "has got", "suffers from", "suffering from", "suffered from", "suffered",
        "experiencing", "experiences", "experienced", "feels", "feeling", "felt", "known", "known case of",
        "k/c/o", "kc/o", "known to have", "dx", "dx of", "dx w/", "dx with", "dx'd with", "diagnosis",
        "diagnosis of", "diagnosed with", "diagnosed as", "was diagnosed with", "has been diagnosed with",
        "final diagnosis", "primary diagnosis", "working diagnosis", "impression", "imp", "assessment",
        "found to have", "was found to have", "evidence of", "e/o", "signs of", "symptoms of", "s/s of",
        "s/sx of", "positive for", "pos for", "is positive for", "tested positive for", "ruled in for", "on",
        "currently on", "taking", "takes", "take", "currently taking", "started on", "maintained on",
        "prescribed", "rx", "continue", "continue on", "cont", "treated for", "treated with", "tx for",
        "tx with", "being treated for", "underwent", "significant for", "notable for", "remarkable for",
        "shows", "showed", "showing", "revealed", "reveals", "demonstrates", "demonstrated", "the", "an", "my",
        "his", "her", "their", "your", "this", "these", "those", "developed", "develops", "developing",
        "there is", "there was", "there are", "here for", "seen for", "died of", "died from",
        "passed away from", "follow up for", "follow-up for", "f/u for", "f/u",
    ]),
    (Route, Always, &["iv", "intravenous", "po", "per os"]),
    (Route, WithDose, &[
        "oral", "orally", "im", "intramuscular", "sc", "sq", "subq", "subcut", "subcutaneous", "sl",
        "sublingual", "pr", "rectal", "topical", "transdermal", "nebulized", "nebulised", "inhaled",
        "intranasal", "nasal", "vaginal", "pv", "ophthalmic", "otic", "intrathecal", "intra-articular",
    ]),
    (Frequency, Always, &["daily", "once daily", "twice daily", "weekly", "nightly", "occasional", "prn", "stat"]),
    (Time, Always, &[
        "currently", "current", "now", "today", "recent", "recently", "ongoing", "presently", "yesterday",
        "on admission", "at admission", "on discharge", "on arrival", "on presentation", "on exam",
        "on examination", "o/e", "overnight", "longstanding", "long-standing", "long standing",
    ]),
    (Degree, Always, &[
        "mild", "mildly", "moderate", "moderately", "mod", "severe", "severely", "sev", "slight", "slightly",
        "marked", "markedly", "massive", "massively", "profound", "significant", "minimal", "minimally",
        "mild to moderate", "mild-to-moderate", "mild-moderate", "moderate to severe", "moderate-to-severe",
        "moderate-severe", "mod-severe", "mod to severe", "mild or moderate", "mild to severe",
        "moderately severe", "worsening", "worsening of", "worsened", "worse", "increasingly severe", "stable",
        "resolving", "improving", "improved", "some", "few", "fewer", "a few", "a little", "a lot of",
        "lots of", "a bit of", "a touch of", "a degree of", "some degree of", "mild degree of", "new onset",
        "new onset of", "new-onset", "newly diagnosed", "recent onset", "recent-onset", "recent onset of",
        "sudden onset", "sudden onset of", "sudden-onset", "gradual onset", "gradual onset of", "gradual-onset",
        "acute onset", "acute onset of", "acute-onset", "onset of", "uncontrolled", "poorly controlled",
        "poorly-controlled", "well controlled", "well-controlled", "excruciating", "terrible", "horrible",
        "awful", "intense", "bad", "really bad", "very bad", "severe worsening", "episode of", "episodes of",
        "an episode of", "several episodes of", "bouts of", "a bout of", "bout of",
    ]),
    (Unspecified, Always, &["unspecified", "unspec"]),
    (Laterality, Always, SIDES),
    (Acute, Before(Words::Chronic), &["acute on", "acute-on"]),
    (Laterality, Before(Words::BodyParts), SHORT_SIDES),
];

/// Phrases after the term.
#[rustfmt::skip]
pub(super) const AFTER: Phrases = &[
    (Negated, Always, &[
        "denied", "ruled out", "ruled-out", "was ruled out", "is ruled out", "has been ruled out",
        "were ruled out", "r/o'd", "excluded", "was excluded", "has been excluded", "unlikely", "is unlikely",
        "less likely", "not likely", "not present", "is not present", "not seen", "not identified", "not noted",
        "not found", "not detected", "not evident", "not reported", "is denied", "are denied", "was denied",
        "were denied", "no", "none", "nil", "never", "absent", "is absent", "was absent", "are absent", "were absent",
        "denies", "pt denies", "patient denies", "doubtful", "is doubtful", "doubted", "highly unlikely",
        "very unlikely", "was not seen", "is not seen", "were not seen", "was not found", "is not found",
        "was not present", "are not present", "not observed", "not visualized", "not visualised",
        "not appreciated", "not apparent", "not demonstrated", "not there", "lacking", "is r/o'd", "was r/o'd",
        "are excluded", "is excluded", "were excluded", "have been ruled out", "refused", "declined",
    ]),
    (Negated, NoTest, &["free"]),
    (Family, Always, &[
        "in family", "in the family", "runs in family", "runs in the family", "on mother's side",
        "on father's side", "on maternal side", "on paternal side", "on the maternal side", "on the paternal side",
        "on her mother's side", "on his mother's side", "on her father's side", "on his father's side",
    ]),
    (Allergy, NotBehind(Words::Irritants), &[
        "allergy", "allergies", "allergy status", "intolerance", "intolerant", "not tolerated",
        "poorly tolerated",
    ]),
    (Possible, Always, &[
        "possible", "possibly", "probable", "probably", "likely", "is likely", "most likely", "suspected",
        "is suspected", "is possible", "not ruled out", "not excluded", "cannot be excluded",
        "cannot be ruled out", "can't be excluded", "can't be ruled out", "not yet ruled out",
        "to be ruled out", "presumed", "questionable", "r/o", "?", "equivocal", "is questionable", "was suspected",
        "was possible", "is probable", "risk", "risks", "risk factors", "prophylaxis", "ppx", "precautions",
        "screening", "work-up", "workup", "w/u", "vs", "versus",
    ]),
    (Historical, Always, &[
        "resolved", "has resolved", "now resolved", "in the past", "in past", "as a child", "previously",
        "is resolved", "was resolved", "have resolved", "since resolved", "d/c'd", "d/ced", "dc'd",
        "dced", "discontinued", "was discontinued", "is discontinued", "has been discontinued", "stopped",
        "was stopped", "is stopped", "has been stopped", "held", "was held", "is held", "being held",
        "has been held", "on hold", "is on hold", "was d/c'd", "was dc'd",
    ]),
    (Dose, Always, &["tablet", "tablets", "tabs", "suspension", "susp"]),
    (Dose, WithDose, FORMS),
    (Dose, WithDose, &[
        "er", "xr", "sr", "mr", "ec", "e/c", "chewable", "eye drops", "eye drop", "ear drops", "eye ointment",
        "nasal spray", "oral solution", "oral suspension", "oral tablet", "oral tablets", "oral capsule",
        "oral capsules",
    ]),
    (Route, Always, &[
        "po", "per os", "by mouth", "orally", "intravenously", "intramuscularly", "subcutaneously", "subcut",
        "ivpb", "iv push", "iv drip", "iv infusion", "via neb", "via nebulizer", "via nebuliser", "per rectum",
        "via g-tube", "via ng tube", "via peg", "sublingually", "topically",
    ]),
    (Route, WithDose, &[
        "oral", "iv", "ivp", "intravenous", "im", "intramuscular", "sc", "sq", "subq", "sub q", "s/c",
        "subcutaneous", "sl", "sublingual", "pr", "rectal", "rectally", "pv", "vaginal", "vaginally", "topical",
        "top", "td", "transdermal", "neb", "nebs", "nebulized", "nebulised", "inh", "inhaled", "inhalation",
        "intranasal", "nasal", "in each nostril", "intrathecal", "it", "id", "io", "in both eyes", "ou", "ng",
        "peg", "to affected area", "to skin",
    ]),
    (Frequency, Always, &[
        "bid", "tid", "qid", "qd", "qday", "q day", "qhs", "qam", "qpm", "q am", "q pm", "qod", "qwk", "qweek",
        "prn", "bd", "tds", "qds", "nocte", "mane", "daily", "nightly", "weekly", "monthly", "hourly",
        "once daily", "twice daily", "three times daily", "four times daily", "once weekly", "twice weekly",
        "at bedtime", "before bed", "at night", "as needed", "as required", "as directed", "if needed",
        "prn pain", "every other day", "alternate days", "per day", "before meals", "after meals", "with meals",
        "with food", "in the morning", "in the evening", "every morning", "every evening", "every night",
        "at times", "on and off", "off and on", "from time to time", "per week", "every so often",
    ]),
    (Frequency, WithDose, &["od", "on", "om", "hs", "ac", "pc", "stat", "once"]),
    (Time, Always, &[
        "today", "yesterday", "last night", "this morning", "this afternoon", "this evening", "tonight",
        "overnight", "last week", "last month", "last year", "this week", "this month", "this year", "recently",
        "currently", "now", "right now", "at present", "at this time", "on admission", "at admission",
        "on discharge", "at discharge", "on arrival", "at presentation", "on presentation", "on exam",
        "on examination", "o/e", "at baseline", "all day", "all night", "all week", "years ago", "months ago",
        "weeks ago", "days ago", "long ago", "a while ago", "lately", "these days", "ongoing", "in the ed",
        "in ed", "in the er",
    ]),
    (Degree, Always, &[
        "mild", "moderate", "severe", "worsening", "worsened", "getting worse", "is worse", "worse", "stable",
        "resolving", "improving", "improved", "mild to moderate", "mild-moderate", "moderate to severe",
        "moderate-severe", "uncontrolled", "poorly controlled", "well controlled", "well-controlled",
        "new onset", "is stable", "is worsening", "is improving",
    ]),
    (Unspecified, Always, &[
        "nos", "unspecified", "unspec", "not otherwise specified", "not specified", "type unspecified",
        "unspecified type", "of unspecified type", "site unspecified", "unspecified site", "of unspecified site",
        "cause unspecified", "unspecified cause", "of unspecified cause", "unspecified side",
    ]),
    (Laterality, Always, SIDES),
    (Laterality, Always, &[
        "l>r", "r>l", "on left", "on right", "on the left", "on the right", "on left side", "on right side",
        "on the left side", "on the right side", "on both sides", "on his left", "on her left", "on my left",
        "on his right", "on her right", "on my right",
    ]),
];

/// Phrases that answer for the term behind a mark (`:`, `-`, `=`) or in parentheses.
#[rustfmt::skip]
pub(super) const ANSWERS: Phrases = &[
    (Negated, NoTest, &["negative", "neg", "0", "zero", "\u{f8}", "\u{2205}"]),
    (Negated, Always, &["no", "none", "not", "nope"]),
    (Historical, Always, &["past", "stop", "hold"]),
];

/// Sides, which are left out at any place.
#[rustfmt::skip]
const SIDES: &[&str] = &[
    "left", "right", "bilateral", "bilaterally", "bilat", "b/l", "both", "left-sided", "right-sided",
    "left sided", "right sided", "left side", "right side", "both sides", "left and right", "left or right",
    "right and left", "right or left", "l sided", "r sided", "l-sided", "r-sided", "lt sided", "rt sided",
    "(l)", "(r)", "(lt)", "(rt)",
];

/// Short forms of sides, which are also letters of names: "L-carnitine", "RT-PCR".
const SHORT_SIDES: &[&str] = &["l", "r", "lt", "rt", "bl", "rgt"];

/// Forms of drugs, which are also words of other terms: "eye drops", "joint injection".
#[rustfmt::skip]
const FORMS: &[&str] = &[
    "tablet", "tablets", "tab", "tabs", "capsule", "capsules", "cap", "caps", "pill", "pills", "puff", "puffs",
    "spray", "sprays", "drop", "drops", "gtt", "gtts", "suspension", "susp", "solution", "soln", "syrup",
    "elixir", "injection", "injections", "inj", "cream", "ointment", "oint", "gel", "lotion", "patch",
    "patches", "inhaler", "mdi", "hfa", "suppository", "suppositories", "sachet", "sachets", "vial", "vials",
    "ampoule", "ampoules", "amp", "lozenge", "powder", "infusion", "bolus",
];

/// Phrases with a word of the tables that are terms or mean something else: nothing before them or
/// in them is left out by that word.
#[rustfmt::skip]
const PROTECTED: &[&str] = &[
    "a fib", "a flutter", "iv drug", "iv drugs", "iv line", "iv access", "iv catheter", "iv cannula", "iv site",
    "iv ventricle", "iv nerve", "iv cranial", "iv contrast", "intravenous drug", "intravenous line",
    "intravenous access", "intravenous catheter", "intravenous contrast", "with contrast", "without contrast",
    "right to left", "left to right", "right to", "left to", "right of", "left of", "left ama", "left against",
    "left without", "left over", "left handed", "right handed", "right hand dominant", "left hand dominant",
    "right now", "r on", "severe acute respiratory", "severe combined", "severe congenital", "mild cognitive",
    "minimal change", "minimal residual", "moderate intensity", "significant other", "not only", "not sure", "not certain", "no show",
    "no synthase", "daily living", "history of present", "past pointing", "on and", "his bundle",
    "current smoker", "former smoker", "previous smoker", "past smoker", "never smoker", "never smoked",
    "potential space", "off balance", "off label", "off and", "off pump", "off food", "off my", "d/c home", "d/c to", "stop and", "hold and",
    // Weakness of one side (hemiparesis) is another finding than weakness, so the side stays.
    "left weakness", "right weakness", "left-sided weakness", "right-sided weakness", "left sided weakness",
    "right sided weakness", "l sided weakness", "r sided weakness", "l-sided weakness", "r-sided weakness",
    "left numbness", "right numbness", "left-sided numbness", "right-sided numbness", "left sided numbness",
    "right sided numbness", "l sided numbness", "r sided numbness", "l-sided numbness", "r-sided numbness",
    "left paralysis", "right paralysis", "left-sided paralysis", "right-sided paralysis",
    "left sided paralysis", "right sided paralysis", "l sided paralysis", "r sided paralysis",
    "l-sided paralysis", "r-sided paralysis",
    "stop codon", "not tolerating po", "not tolerating oral", "not tolerating diet", "not tolerating feeds", "if not",
];

/// Words before a number that belongs to the name: "type 2", "vitamin B 12".
#[rustfmt::skip]
const NUMBERED: &[&str] = &[
    "type", "types", "factor", "stage", "grade", "class", "phase", "level", "vitamin", "vit", "chromosome",
    "trisomy", "monosomy", "tetrasomy", "deletion", "duplication", "group", "category", "variant", "subtype",
    "serotype", "strain", "number", "no", "version", "zone", "segment", "region", "nerve", "lead", "degree",
    "generation", "collagen", "interleukin", "omega", "fragile", "gravida", "para", "g", "p", "q", "nyha",
    "asa", "ckd", "dm", "hpv", "hsv", "hepatitis", "covid", "cov", "exon", "intron", "codon", "schedule",
    "room", "size", "step", "isotope", "digit", "finger", "toe", "rib", "icd", "band", "code",
];

/// Names of tests and vital signs: any number behind them is a value.
#[rustfmt::skip]
const TESTS: &[&str] = &[
    "hr", "bp", "sbp", "dbp", "temp", "temperature", "tmax", "fever", "rr", "spo2", "sao2", "po2", "pco2",
    "pao2", "paco2", "sat", "sats", "saturation", "pulse", "na", "na+", "k+", "mg++", "mg2+", "ca++", "ca2+",
    "hco3", "bicarb", "phos", "sodium", "potassium", "chloride", "magnesium", "calcium", "bicarbonate", "hgb",
    "hb", "haemoglobin", "hemoglobin", "hct", "hematocrit", "haematocrit", "plt", "plts", "platelets",
    "platelet", "wbc", "wcc", "rbc", "mcv", "anc", "glucose", "glu", "bg", "bgl", "bs", "fbs", "fsbs", "sugar",
    "bun", "urea", "cr", "creat", "creatinine", "egfr", "gfr", "ast", "alt", "alp", "ggt", "bili", "bilirubin",
    "tbili", "albumin", "alb", "lipase", "amylase", "inr", "pt", "ptt", "aptt", "ef", "lvef", "bmi", "weight",
    "height", "gcs", "mmse", "moca", "a1c", "hba1c", "hgba1c", "ferritin", "tsh", "t4", "ft4", "ldl", "hdl",
    "ldh", "crp", "esr", "troponin", "trop", "tni", "tnt", "bnp", "ntprobnp", "nt-probnp", "lactate",
    "cholesterol", "chol", "triglycerides", "tg", "trigs", "ph", "psa", "d-dimer", "ddimer", "cd4", "count",
    "score", "rate", "pressure", "dig", "digoxin", "lithium", "apgar", "phq-9", "phq9", "gad-7", "gad7", "qtc",
    "qt", "procalcitonin", "pct", "cpk", "hcg", "b-hcg", "uric",
];

/// Parts of the body and shorthand with a side, behind "L", "R", "lt", "rt".
#[rustfmt::skip]
const BODY_PARTS: &[&str] = &[
    "arm", "leg", "hip", "knee", "ankle", "foot", "feet", "hand", "wrist", "elbow", "shoulder", "eye", "eyes",
    "ear", "ears", "breast", "kidney", "lung", "chest", "flank", "side", "sided", "face", "facial", "cheek",
    "jaw", "neck", "thigh", "calf", "groin", "buttock", "heel", "toe", "toes", "finger", "fingers", "thumb",
    "forearm", "femur", "femoral", "tibia", "tibial", "fibula", "humerus", "humeral", "radius", "ulna",
    "clavicle", "scapula", "rib", "ribs", "ovary", "ovarian", "testis", "testicle", "testicular", "adrenal",
    "renal", "pleural", "inguinal", "iliac", "carotid", "subclavian", "upper", "lower", "lobe", "hemisphere",
    "frontal", "parietal", "temporal", "occipital", "mca", "aca", "pca", "ica", "tkr", "tka", "thr", "tha",
    "bka", "aka", "dvt", "hemiparesis", "hemiplegia", "hemineglect", "weakness", "nephrectomy", "mastectomy",
    "lumpectomy", "oophorectomy", "orchiectomy", "pneumothorax", "ptx", "hydronephrosis", "cva", "basilar",
    "base", "rll", "lll", "rul", "lul", "nostril", "eyelid", "cornea", "retina", "hemithorax", "axilla",
    "axillary", "sciatica", "extremity", "limb", "acl", "mcl", "meniscus", "achilles", "hallux", "cataract",
    "otitis", "temple", "tonsil",
];

/// Names of tests and of what they examine, whose result "negative" is.
#[rustfmt::skip]
const TEST_NAMES: &[&str] = &[
    "test", "tests", "testing", "result", "results", "culture", "cultures", "screen", "screens", "screening",
    "serology", "serologies", "biopsy", "biopsies", "swab", "swabs", "scan", "scans", "pcr", "panel", "titer",
    "titers", "titre", "antigen", "antibody", "antibodies", "smear", "stain", "imaging", "urinalysis", "ua",
    "ct", "mri", "xray", "x-ray", "ultrasound", "us", "ekg", "ecg", "echo", "assay", "margin", "margins", "sign",
    "pressure", "affect", "feedback", "symptom", "symptoms", "thoughts", "t3", "t4", "psa", "testosterone", "thyroxine",
    "cortisol", "carnitine", "metanephrine", "metanephrines", "predictive", "inotropic", "gram",
];

/// Words before "allergy" and "intolerance" that are part of the term.
#[rustfmt::skip]
const IRRITANTS: &[&str] = &[
    "drug", "food", "seasonal", "environmental", "skin", "contact", "known", "severe", "mild", "medication",
    "medications", "multiple", "no", "hx", "history", "latex", "nasal", "eye", "animal", "respiratory",
    "exercise", "activity", "heat", "cold", "glucose", "carbohydrate", "lactose", "gluten", "fructose", "feeding",
    "orthostatic", "effort", "alcohol", "distress", "uncertainty", "new", "other", "any", "of", "the", "and",
    "perennial", "spring", "atopic", "pos", "positive", "loudness", "frustration", "histamine", "galactose", "sucrose", "protein", "fat",
];

/// Words behind "no" that say that a term is present and stays: "no improvement in asthma".
#[rustfmt::skip]
const CHANGES: &[&str] = &[
    "improvement", "improvements", "change", "changes", "worsening", "relief", "response", "progression",
    "recurrence", "resolution", "improving", "better", "worse", "difference", "deterioration",
];

/// Words that deny a change in "no improvement of".
const CHANGE_DENIALS: &[&str] = &["no", "not", "without", "w/o", "w/out", "nil", "zero"];

/// Relatives of the patient, and other persons in contact.
#[rustfmt::skip]
pub(super) const RELATIVES: &[&str] = &[
    "mother", "father", "mom", "mum", "dad", "parent", "parents", "sister", "sisters", "brother", "brothers",
    "sibling", "siblings", "aunt", "uncle", "cousin", "grandmother", "grandfather", "grandparent",
    "grandparents", "grandma", "grandpa", "son", "daughter", "niece", "nephew", "relative", "relatives",
    "husband", "wife", "spouse", "partner", "family", "mgm", "mgf", "pgm", "pgf", "half-brother", "half-sister",
    "mothers", "fathers", "sons", "daughters", "aunts", "uncles", "cousins", "grandmothers", "grandfathers",
    "nieces", "nephews", "mgms", "mgfs", "stepmother", "stepfather", "stepbrother", "stepsister", "stepson",
    "stepdaughter", "mother-in-law", "father-in-law", "granddaughter", "grandson", "grandchild", "grandchildren",
    "great-grandmother", "great-grandfather", "boyfriend", "girlfriend", "fiance", "fiancee", "roommate",
    "roommates", "housemate", "flatmate", "coworker", "co-worker", "classmate", "neighbor", "neighbour", "friend",
];

/// Relatives that are followed by the term itself: "sister asthma". The other relatives also start
/// names ("family planning", "partner abuse").
#[rustfmt::skip]
const KIN: &[&str] = &[
    "mother", "father", "mom", "mum", "dad", "sister", "sisters", "brother", "brothers", "aunt", "uncle",
    "cousin", "grandmother", "grandfather", "grandparent", "grandparents", "grandma", "grandpa", "son", "daughter",
    "niece", "nephew", "mgm", "mgf", "pgm", "pgf", "half-brother", "half-sister", "aunts", "uncles", "cousins",
];

/// Words before a relative: "his maternal aunt".
#[rustfmt::skip]
const RELATIVE_WORDS: &[&str] = &[
    "my", "his", "her", "their", "the", "a", "an", "pt's", "patient's", "patients", "maternal", "paternal",
    "great", "first", "degree", "first-degree", "one", "two", "both", "older", "younger", "half", "elder",
    "twin", "mat", "pat", "second", "second-degree", "several", "many", "deceased",
];

/// Persons who have the term.
#[rustfmt::skip]
const SUBJECTS: &[&str] = &[
    "patient", "pt", "pat", "client", "he", "she", "they", "man", "woman", "male", "female", "boy", "girl",
    "lady", "gentleman", "m", "f", "child",
];

/// Words before a person.
const SUBJECT_WORDS: &[&str] =
    &["the", "this", "a", "an", "our", "old", "year", "yr", "yo", "y/o", "years", "yrs", "y"];

/// Words that join the assertion before them: "complains of" + "the".
pub(super) const GLUE: &[&str] = &["of", "the", "a", "an", "any", "his", "her", "my", "their", "having"];

/// Words that a reading neither starts nor ends with: it would be cut from the middle of a phrase.
#[rustfmt::skip]
const DANGLING: &[&str] = &[
    "and", "or", "of", "to", "but", "than", "with", "w/", "in", "on", "at", "by", "for", "from", "per", "as",
    "not", "no", "non", "without", "w/o", "nor", "if", "due", "is", "was", "are", "were", "be", "been", "has",
    "had", "have", "the", "an", "more", "less", "very", "extremely", "too", "most", "least", "-", "+", "/", "&",
    "vs", "versus", "un", "after", "before", "during", "while", "until", "unless", "because", "that", "which",
    "who", "when", "over", "under", "into", "onto", "between", "against", "like", "so", "then", "<", ">", "=",
    "<=", ">=", "may", "can", "cannot", "could", "should", "would", "will", "does", "did", "do", "his", "her",
    "my", "their", "its", "prior",
];

/// Words that are no term alone.
#[rustfmt::skip]
const STOP_WORDS: &[&str] = &[
    "it", "this", "that", "these", "those", "any", "some", "all", "other", "others", "there", "here", "patient",
    "pt", "she", "he", "they", "i", "we", "you", "yes", "one", "two", "three", "time", "times", "day", "days",
    "week", "weeks", "month", "months", "year", "years", "evidence", "history", "hx", "known", "new", "acute",
    "chronic", "early", "late", "low", "high", "positive", "negative", "pos", "neg", "sided", "side", "only",
    "also", "etc", "onset", "change", "changes", "issues", "problem", "problems", "concern", "concerns",
    "complaint", "complaints", "symptoms", "signs", "dose", "take",
];

/// Words that end what "no" denies: a mention with them says that something is present.
#[rustfmt::skip]
const EXCEPTIONS: &[&str] = &[
    "but", "except", "excepting", "however", "although", "though", "only", "until", "unless", "besides",
    "other", "apart", "has", "reports", "endorses", "complains", "c/o", "admits", "positive", "yes", "present",
];

/// Words of a group in parentheses that change the term.
#[rustfmt::skip]
const CHANGING: &[&str] = &[
    "acute", "chronic", "subacute", "early", "late", "low", "high", "positive", "negative", "pos", "neg",
    "elevated", "decreased", "increased", "reduced", "normal", "abnormal", "no", "not", "nil", "never", "non",
    "without", "w/o", "with", "denies", "denied", "none", "absent", "present", "ruled", "r/o", "unlikely",
    "possible", "likely", "probable", "suspected", "excluded", "query", "history", "hx", "h/o", "family",
    "congenital", "acquired", "primary", "secondary", "benign", "malignant", "fetal", "neonatal", "maternal",
    "type", "stage", "grade", "class", "factor", "absence", "lack", "loss", "deficiency", "deficient", "excess",
    "excluding", "except", "male", "female", "adult", "juvenile", "infantile", "pediatric", "allergy",
    "allergic", "resistant", "sensitive", "susceptible", "failed", "refused", "stopped", "discontinued", "held",
];

/// Units of time.
#[rustfmt::skip]
const TIME_UNITS: &[&str] = &[
    "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour",
    "hours", "d", "day", "days", "night", "nights", "wk", "wks", "w", "week", "weeks", "mo", "mos", "mth",
    "mths", "month", "months", "y", "yr", "yrs", "year", "years", "decade", "decades", "weekend", "morning",
    "evening",
];

/// Units of a dose, alone or before a `/`.
#[rustfmt::skip]
const DOSE_UNITS: &[&str] = &[
    "mg", "mgs", "milligram", "milligrams", "mcg", "ug", "\u{b5}g", "microgram", "micrograms", "g", "gm", "gms",
    "gram", "grams", "ml", "mls", "cc", "unit", "units", "u", "iu", "meq", "mmol", "ng",
];

/// What a dose is given per, behind a `/`.
#[rustfmt::skip]
const DOSE_PER: &[&str] = &[
    "kg", "day", "d", "h", "hr", "hour", "min", "dose", "tab", "tablet", "cap", "ml", "puff", "actuation",
    "spray", "g", "wk", "week", "24h", "m2", "mg",
];

/// Units of measured values, complete.
#[rustfmt::skip]
const VALUE_UNITS: &[&str] = &[
    "mmol/l", "umol/l", "\u{b5}mol/l", "nmol/l", "pmol/l", "mol/l", "mg/dl", "g/dl", "ug/dl", "mcg/dl",
    "\u{b5}g/dl", "ng/dl", "g/l", "mg/l", "ug/l", "mcg/l", "\u{b5}g/l", "ng/l", "meq/l", "ng/ml", "pg/ml",
    "u/l", "iu/l", "miu/l", "mu/l", "u/ml", "miu/ml", "k/ul", "k/mm3", "/ul", "/mm3", "cells/mm3", "cells/ul",
    "/hpf", "/min", "ml/min", "mm/hr", "mmhg", "mm hg", "cmh2o", "bpm", "cm", "mm", "kg", "kgs", "lb", "lbs",
    "kg/m2", "ms", "msec", "mosm/kg", "mosm/l", "\u{b0}c", "\u{b0}f", "deg", "degrees", "celsius", "fahrenheit",
    "breaths/min", "beats/min", "x10^9/l", "10^9/l", "x10e9/l", "fl", "inches", "pounds", "percent",
    "ml/min/1.73m2", "mmol/mol",
];

/// Months, days of the week and other points of a calendar, behind "in", "on" and "since".
#[rustfmt::skip]
const CALENDAR: &[&str] = &[
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue", "tues", "wed",
    "thu", "thurs", "fri", "spring", "summer", "autumn", "winter",
];

/// More points in time, behind "since" only: "in childhood" is part of names.
#[rustfmt::skip]
const SINCE: &[&str] = &[
    "yesterday", "today", "morning", "afternoon", "evening", "night", "noon", "midnight", "week", "month",
    "year", "weekend", "birth", "childhood", "infancy", "adolescence", "admission", "discharge", "surgery",
    "then", "breakfast", "lunch", "dinner", "waking", "awakening", "arrival", "onset", "age",
];

/// Words inside a time: "since early last year".
pub(super) const TIME_MODIFIERS: &[&str] =
    &["last", "this", "the", "early", "late", "mid", "his", "her", "my", "of", "her", "age"];

/// Words before a number of days: "for about the past 3 days".
#[rustfmt::skip]
pub(super) const DURATION_WORDS: &[&str] = &[
    "the", "past", "last", "about", "approximately", "approx", "almost", "nearly", "over", "at", "least", "a",
    "an", "few", "several", "many", "some", "couple", "of", "more", "than", "~", "roughly", "around",
    "previous", "preceding",
];

/// Numbers as words.
pub(super) const NUMBER_WORDS: &[&str] =
    &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "half"];

/// Frequencies that are written for drugs only; with one of them a mention has a dose.
pub(super) const DOSING: &[&str] = &["bid", "tid", "qid", "qd", "qhs", "qod", "bd", "tds", "qds", "prn"];

/// Marks that stand alone between a term and an answer: "fever - no".
pub(super) const DASHES: &[&str] = &["-", "--", "="];

/// A set of words of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Words {
    Protected,
    Numbered,
    Tests,
    TestNames,
    Irritants,
    Changes,
    ChangeDenials,
    BodyParts,
    Chronic,
    Relatives,
    Kin,
    BeforeRelative,
    Subjects,
    BeforeSubject,
    Dangling,
    Stop,
    Exceptions,
    Changing,
    Forms,
    TimeUnits,
    DoseUnits,
    DosePer,
    ValueUnits,
    Calendar,
    Since,
}

const SETS: [(Words, &[&str]); 25] = [
    (Words::Protected, PROTECTED),
    (Words::Numbered, NUMBERED),
    (Words::Tests, TESTS),
    (Words::TestNames, TEST_NAMES),
    (Words::Irritants, IRRITANTS),
    (Words::Changes, CHANGES),
    (Words::ChangeDenials, CHANGE_DENIALS),
    (Words::BodyParts, BODY_PARTS),
    (Words::Chronic, &["chronic"]),
    (Words::Relatives, RELATIVES),
    (Words::Kin, KIN),
    (Words::BeforeRelative, RELATIVE_WORDS),
    (Words::Subjects, SUBJECTS),
    (Words::BeforeSubject, SUBJECT_WORDS),
    (Words::Dangling, DANGLING),
    (Words::Stop, STOP_WORDS),
    (Words::Exceptions, EXCEPTIONS),
    (Words::Changing, CHANGING),
    (Words::Forms, FORMS),
    (Words::TimeUnits, TIME_UNITS),
    (Words::DoseUnits, DOSE_UNITS),
    (Words::DosePer, DOSE_PER),
    (Words::ValueUnits, VALUE_UNITS),
    (Words::Calendar, CALENDAR),
    (Words::Since, SINCE),
];

/// What each word belongs to, one bit for each of [`Words`].
static MEMBERS: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut members = HashMap::new();
    for (set, words) in SETS {
        for &word in words {
            *members.entry(word).or_default() |= 1 << set as u32;
        }
    }
    members
});

static BEFORE_PHRASES: LazyLock<HashMap<&'static str, Meaning>> = LazyLock::new(|| by_phrase(BEFORE));
static AFTER_PHRASES: LazyLock<HashMap<&'static str, Meaning>> = LazyLock::new(|| by_phrase(AFTER));
static ANSWER_PHRASES: LazyLock<HashMap<&'static str, Meaning>> = LazyLock::new(|| by_phrase(ANSWERS));

fn by_phrase(table: Phrases) -> HashMap<&'static str, Meaning> {
    let mut map = HashMap::new();
    for &(kind, condition, phrases) in table {
        for &phrase in phrases {
            map.entry(phrase).or_insert((kind, condition));
        }
    }
    map
}

/// Whether a word or phrase is in a set.
pub(super) fn is_in(set: Words, phrase: &str) -> bool {
    MEMBERS.get(phrase).is_some_and(|bits| bits & (1 << set as u32) != 0)
}

/// What a phrase before the term says, and when.
pub(super) fn before(phrase: &str) -> Option<Meaning> {
    BEFORE_PHRASES.get(phrase).copied()
}

/// What a phrase after the term says, and when.
pub(super) fn after(phrase: &str) -> Option<Meaning> {
    AFTER_PHRASES.get(phrase).copied()
}

/// What a phrase says as an answer behind a mark, and when.
pub(super) fn answer(phrase: &str) -> Option<Meaning> {
    ANSWER_PHRASES.get(phrase).copied()
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::Tokens, *};

    #[test]
    fn phrases_are_keys_with_one_meaning() {
        for table in [BEFORE, AFTER, ANSWERS] {
            let mut meanings = HashMap::new();
            for &(kind, condition, phrases) in table {
                for &phrase in phrases {
                    let tokens = Tokens::new(phrase);
                    assert_eq!(tokens.phrase(0..tokens.len()), phrase);
                    assert!(tokens.len() <= MAX_PHRASE, "{phrase:?}");
                    // A form that counts in every mention may also be in the list of all forms.
                    let (first, _) = *meanings.entry(phrase).or_insert((kind, condition));
                    assert_eq!(first, kind, "{phrase:?}");
                }
            }
        }
    }

    #[test]
    fn no_phrase_changes_the_term() {
        for word in
            ["acute", "chronic", "early", "late", "low", "high", "positive", "negative", "+", "-", "neg", "pos", "non"]
        {
            // "neg" and "negative" deny the term behind them, unless it is a test.
            let denies = |(kind, condition)| (kind, condition) == (Negated, NoTest);
            assert!(before(word).is_none_or(denies) && after(word).is_none(), "{word}");
        }
    }

    #[test]
    fn the_sets_are_complete() {
        for (set, words) in SETS {
            assert!(words.iter().all(|word| is_in(set, word)), "{set:?}");
        }
        assert_eq!(SETS.map(|(set, _)| set as usize), std::array::from_fn(|i| i));
        assert!(!is_in(Words::Tests, "type") && !is_in(Words::Numbered, ""));
    }
}
