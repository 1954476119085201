//! Compares the analysis of a mention with that of a name.
//!
//! Invariant: the result depends on the two texts alone, and swapping them finds a contradiction
//! too, but for things that a mention may leave out (`OMITTED_THINGS`) and for measures.

use super::{
    Contradiction, ContradictionKind,
    groups::{self, GROUPS},
    labels, table,
    word::Word,
    words::{Form, Words},
};

/// The first contradiction between a mention and a name.
pub(super) fn first(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    by_group(mention, name)
        .or_else(|| by_malignancy(mention, name))
        .or_else(|| by_thing(mention, name))
        .or_else(|| by_measure(mention, name))
        .or_else(|| by_claim(mention, name))
        .or_else(|| by_label(mention, name))
        .or_else(|| by_denial(mention, name))
        .or_else(|| by_form(mention, name))
}

fn contradiction(
    kind: ContradictionKind,
    (mention, mention_word): (&Words<'_>, usize),
    (name, name_word): (&Words<'_>, usize),
) -> Contradiction {
    Contradiction { kind, mention: mention.source(mention_word), name: name.source(name_word) }
}

/// Different values of one group: "left" and "right".
fn by_group(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    let pairs = mention.values.iter().zip(&name.values).zip(GROUPS).enumerate();
    for (group, ((&mine, &theirs), entry)) in pairs {
        if mine.count_ones() != 1 || theirs.count_ones() != 1 || mine == theirs {
            continue;
        }
        // Two prefixes say low and high of the same thing only on the same stem, see `by_form`.
        let are_affixes = group == groups::DIRECTION && !mention.has_direction_word && !name.has_direction_word;
        if are_affixes || (entry.needs_shared_word && !shares_words(mention, name, group)) {
            continue;
        }
        let word = |words: &Words<'_>| words.features.iter().find(|feature| feature.group == group).map(|it| it.word);
        return Some(contradiction(entry.kind, (mention, word(mention)?), (name, word(name)?)));
    }
    None
}

/// A tumor of unknown nature and a malignant one, or a benign one and one that is malignant unless
/// it is called benign: "tumor of the vagina" and "vaginal cancer", "benign mesothelioma" and
/// "mesothelioma".
fn by_malignancy(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    [(table::MALIGNANT, table::TUMORS), (table::BENIGN, table::MALIGNANT_TUMORS)].into_iter().find_map(
        |(marks, tumors)| {
            let (mine, theirs) = match (position(mention, marks), position(name, marks)) {
                (None, Some(theirs)) => (position(mention, tumors)?, theirs),
                (Some(mine), None) => (mine, position(name, tumors)?),
                _ => return None,
            };
            Some(contradiction(ContradictionKind::Polarity, (mention, mine), (name, theirs)))
        },
    )
}

/// The first word that is one of `list` and not denied.
fn position(words: &Words<'_>, list: &[&str]) -> Option<usize> {
    words.words.iter().position(|word| !word.is_denied() && list.contains(&word.text.as_str()))
}

/// A thing that is called after another one: "West Nile virus" and "West Nile fever", "zinc
/// toxicity" and "zinc deficiency", "hepatitis B vaccine" and "hepatitis B".
fn by_thing(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    if let Some((mine, theirs)) = other_thing(mention, name, table::THINGS) {
        return Some(contradiction(ContradictionKind::Kind, (mention, mine), (name, theirs)));
    }
    let of_name = other_thing(name, mention, &table::THINGS[table::OMITTED_THINGS..]);
    let (theirs, mine) = of_name.or_else(|| other_thing(name, mention, table::EFFECTS))?;
    Some(contradiction(ContradictionKind::Kind, (mention, mine), (name, theirs)))
}

/// The last word of `a` if it is one of `things` that `b` does not name although it has all words
/// of `a` before it, and the last word of `b`. "Releasing" counts with the word after it.
fn other_thing(a: &Words<'_>, b: &Words<'_>, things: &[&str]) -> Option<(usize, usize)> {
    let last = |words: &Words<'_>| words.words.iter().rposition(|word| !word.is_stop);
    let is_member = |group: &str, text: &str| group.split(' ').any(|member| member == text);
    let (thing, end) = (last(a)?, last(b)?);
    let is_relation = |position: &usize| table::RELATIONS.contains(&a.words[*position].text.as_str());
    let thing = thing.checked_sub(1).filter(is_relation).unwrap_or(thing);
    let group = things.iter().find(|group| is_member(group, &a.words[thing].text))?;
    let has = |text: &str| b.words.iter().any(|word| is_same_stem(text, &word.text));
    let mut others = a.words[..thing].iter().filter(|word| !word.is_stop).peekable();
    let is_called_after = others.peek().is_some() && others.all(|word| has(&word.text));
    (is_called_after && !b.words.iter().any(|word| is_member(group, &word.text))).then_some((thing, end))
}

/// A thing that is low or high, and a special kind of it: "high hemoglobin" and "elevated glycated
/// hemoglobin", "low cholesterol" and "bad cholesterol".
fn by_measure(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    let direction = mention.features.iter().find(|feature| feature.group == groups::DIRECTION)?.word;
    let things = words_outside(mention, groups::DIRECTION);
    let is_thing = |word: &str| things.iter().any(|thing| is_same_stem(thing, word));
    let has = |thing: &&str| name.words.iter().any(|word| is_same_stem(thing, &word.text));
    if !mention.has_direction_word || things.is_empty() || !things.iter().all(has) {
        return None;
    }
    let is_direction =
        |position: usize| name.features.iter().any(|it| it.group == groups::DIRECTION && it.word == position);
    let is_special = |(position, word): &(usize, &Word)| {
        let is_general = word.is_stop || table::MEASURED.contains(&word.text.as_str());
        !is_general && !is_thing(&word.text) && !is_direction(*position)
    };
    let (special, _) = name.words.iter().enumerate().find(is_special)?;
    Some(contradiction(ContradictionKind::Kind, (mention, direction), (name, special)))
}

/// A name that says low, high, negative or positive of a thing of which the mention says nothing:
/// "rheumatoid factor" and "positive rheumatoid factor".
fn by_claim(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    let claims = |group: usize| {
        let is_word = group == groups::SIGN || name.has_direction_word;
        // Low and high, or negative and positive, but not normal.
        is_word && mention.values[group] == 0 && matches!(name.values[group], 0b01 | 0b10)
    };
    let group = [groups::DIRECTION, groups::SIGN].into_iter().find(|&group| claims(group))?;
    let things = words_outside(name, group);
    let own = mention.words.iter().filter(|word| !word.is_stop).map(|word| word.text.as_str()).collect::<Vec<_>>();
    let are_in =
        |some: &[&str], others: &[&str]| some.iter().all(|word| others.iter().any(|other| is_same_stem(word, other)));
    let is_denied = mention.words.iter().any(Word::is_denied);
    if things.is_empty() || is_denied || !are_in(&things, &own) || !are_in(&own, &things) {
        return None;
    }
    let claim = name.features.iter().find(|feature| feature.group == group)?.word;
    let thing = mention.words.iter().rposition(|word| !word.is_stop)?;
    Some(contradiction(ContradictionKind::Polarity, (mention, thing), (name, claim)))
}

/// Whether the words outside a group agree: the last ones, or all of the shorter text.
fn shares_words(mention: &Words<'_>, name: &Words<'_>, group: usize) -> bool {
    let (mine, theirs) = (words_outside(mention, group), words_outside(name, group));
    let agrees = |word: &str, others: &[&str]| others.iter().any(|other| is_same_stem(word, other));
    let (short, long) = if mine.len() <= theirs.len() { (&mine, &theirs) } else { (&theirs, &mine) };
    let is_last_same = matches!((mine.last(), theirs.last()), (Some(a), Some(b)) if is_same_stem(a, b));
    is_last_same || (!short.is_empty() && short.iter().all(|word| agrees(word, long)))
}

/// The words of a text that have a meaning and are no members of a group.
fn words_outside<'a>(words: &'a Words<'_>, group: usize) -> Vec<&'a str> {
    let is_member = |position: usize| words.features.iter().any(|it| it.group == group && it.word == position);
    let others = words.words.iter().enumerate().filter(|(position, word)| !word.is_stop && !is_member(*position));
    others.map(|(_, word)| word.text.as_str()).collect()
}

/// Different numbers or letters of one slot: "type 1" and "type 2".
fn by_label(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    let (mine, theirs) = labels::contradicting(&mention.labels, &name.labels)?;
    let kind = if mine.is_kind() { ContradictionKind::Kind } else { ContradictionKind::Number };
    Some(contradiction(kind, (mention, mine.word), (name, theirs.word)))
}

/// A word that one text denies and the other affirms: "non diabetic" and "diabetic".
fn by_denial(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    let (mine, theirs) =
        denied(mention, name).or_else(|| denied(name, mention).map(|(theirs, mine)| (mine, theirs)))?;
    Some(contradiction(ContradictionKind::Polarity, (mention, mine), (name, theirs)))
}

/// A word that `a` denies, and the word of `b` that affirms it.
fn denied(a: &Words<'_>, b: &Words<'_>) -> Option<(usize, usize)> {
    let affirmed = |words: &Words<'_>, is_same: &dyn Fn(&str) -> bool| {
        words.words.iter().position(|word| {
            let is_open = !word.is_denied() && !word.is_stop && !word.is_never_denied();
            is_open && is_same(&word.text)
        })
    };
    // "no appetite" agrees with "loss of appetite", but a sign denies the whole term: "eye
    // disorder -".
    let is_signed = a.words.last().is_some_and(|word| word.text.ends_with('-'));
    if b.is_lacking && !is_signed {
        return None;
    }
    for (position, word) in a.words.iter().enumerate().filter(|(_, word)| word.is_denied()) {
        let text = word.text.trim_end_matches('-');
        if b.words.iter().any(|other| other.is_denied() && is_same_stem(text, other.text.trim_end_matches('-'))) {
            return None;
        }
        let is_same = |other: &str| is_same_stem(text, other.trim_end_matches('+'));
        if let Some(found) = affirmed(b, &is_same).filter(|_| affirmed(a, &is_same).is_none()) {
            return Some((position, found));
        }
    }
    for denial in &a.denials {
        let is_same = |other: &str| other == denial.stem || is_close_stem(&denial.stem, other, 5);
        if let Some(found) = affirmed(b, &is_same).filter(|_| affirmed(a, &is_same).is_none()) {
            return Some((denial.word, found));
        }
    }
    None
}

/// Different affixes on one stem: "preoperative" and "postoperative".
fn by_form(mention: &Words<'_>, name: &Words<'_>) -> Option<Contradiction> {
    let has = |words: &Words<'_>, wanted: &Form, stem: &Form| {
        words.forms.iter().any(|form| form.value == wanted.value && is_same_form(form, stem))
    };
    for mine in &mention.forms {
        for theirs in &name.forms {
            let differs = mine.value != theirs.value && is_same_form(mine, theirs) && !are_synonyms(mine, theirs);
            if differs && !has(mention, theirs, mine) && !has(name, mine, theirs) {
                let kind = kind_of(mine.family)?;
                return Some(contradiction(kind, (mention, mine.word), (name, theirs.word)));
            }
        }
    }
    None
}

/// Whether two words have an affix of one family on the same stem.
fn is_same_form(a: &Form, b: &Form) -> bool {
    if a.family != b.family {
        return false;
    }
    if a.family < table::PREFIXES.len() {
        return is_same_stem(&a.stem, &b.stem);
    }
    let (short, long) = if a.stem.len() <= b.stem.len() { (&a.stem, &b.stem) } else { (&b.stem, &a.stem) };
    long.strip_prefix(short.as_str()).is_some_and(|rest| rest.len() <= 2)
}

/// Whether the table says that two affixes mean the same on a stem.
fn are_synonyms(a: &Form, b: &Form) -> bool {
    let has_stem = |form: &Form, stem: &str| {
        if form.family < table::PREFIXES.len() { form.stem.starts_with(stem) } else { form.stem.ends_with(stem) }
    };
    table::SYNONYMOUS_AFFIXES.iter().any(|&(stem, first, second)| {
        let affixes = (a.affix, b.affix);
        (affixes == (first, second) || affixes == (second, first)) && has_stem(a, stem) && has_stem(b, stem)
    })
}

fn kind_of(family: usize) -> Option<ContradictionKind> {
    table::PREFIXES.iter().chain(table::SUFFIXES).nth(family).map(|family| family.kind)
}

/// Whether two words have the same stem: "diabetic" and "diabetes".
fn is_same_stem(a: &str, b: &str) -> bool {
    a == b || is_close_stem(a, b, 4)
}

/// Whether two words start with `min` equal letters and differ only in an ending: of four letters,
/// or longer after a long start ("transplant" and "transplantation").
fn is_close_stem(a: &str, b: &str, min: usize) -> bool {
    let equal = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let longest = (equal / 2).max(4);
    equal >= min && a.len() - equal <= longest && b.len() - equal <= longest
}
