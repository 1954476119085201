//! Names as somebody else might write them: with a slip of the pen, a word shortened, the words in another order.
//!
//! Invariant: what becomes of a name follows from the random numbers alone, and is never blank.

use crate::random::Random;

/// Letters of a word that is long enough to be misspelled or shortened.
const LONG: usize = 5;
/// Letters that a shortened word keeps at least.
const SHORTENED: usize = 4;

/// `name` with one change.
pub(super) fn altered(name: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> = (0..words.len()).filter(|&i| is_long(&words[i])).collect();
    let kind = random.below(4);
    if kind == 0 && words.len() > 1 {
        let place = 1 + random.below(words.len() - 1);
        words.rotate_left(place);
    } else if let Some(&place) = (!long.is_empty()).then(|| &long[random.below(long.len())]) {
        let letters: Vec<char> = words[place].chars().collect();
        words[place] = if kind == 1 { shortened(letters, random) } else { misspelled(letters, random) };
    }
    words.join(" ")
}

fn is_long(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && word.chars().count() >= LONG
}

/// The word's beginning, as notes have it.
fn shortened(mut letters: Vec<char>, random: &mut Random) -> String {
    letters.truncate(SHORTENED + random.below(letters.len() - SHORTENED));
    letters.into_iter().collect()
}

/// A letter that is missing, doubled, or exchanged with the next; the first stays.
fn misspelled(mut letters: Vec<char>, random: &mut Random) -> String {
    let place = 1 + random.below(letters.len() - 2);
    match random.below(3) {
        0 => drop(letters.remove(place)),
        1 => letters.insert(place, letters[place]),
        _ => letters.swap(place, place + 1),
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn all(name: &str) -> HashSet<String> {
        let mut random = Random::new(5);
        (0..2000).map(|_| altered(name, &mut random)).collect()
    }

    #[test]
    fn a_name_is_turned_shortened_or_misspelled() {
        let seen = all("acute heart attack");
        for one in
            ["heart attack acute", "attack acute heart", "acute hear attack", "acute heart attakc", "acte heart attack"]
        {
            assert!(seen.contains(one), "{one}");
        }
        let words = |name: &String| name.split(' ').count();
        assert!(seen.iter().all(|name| words(name) == 3));
    }

    #[test]
    fn short_words_and_codes_stay_what_they_are() {
        assert_eq!(all("MI"), HashSet::from(["MI".to_owned()]));
        assert_eq!(all("IL-2"), HashSet::from(["IL-2".to_owned()]));
        assert_eq!(all("T2 DM"), HashSet::from(["T2 DM".to_owned(), "DM T2".to_owned()]));
        assert!(all("\u{f6}dem\u{e4}tisch").iter().all(|name| name.starts_with('\u{f6}')));
    }
}
