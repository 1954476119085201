//! Augmentation: writes a name as another person might, with a typing error, a shortened word or
//! another order of the words.
//!
//! Invariant: the altered name depends only on the name and the random numbers, and is never blank.

use crate::random::Random;

/// Minimum number of letters of a word that is misspelled or shortened.
const MIN_ALTERED_LETTERS: usize = 5;
/// Minimum number of letters of a shortened word.
const MIN_SHORTENED_LETTERS: usize = 4;

/// `name` with one change, or as it is if no word is long enough.
pub(super) fn altered(name: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> = (0..words.len()).filter(|&i| is_alterable(&words[i])).collect();
    let kind = random.below(4);
    if kind == 0 && words.len() > 1 {
        let shift = 1 + random.below(words.len() - 1);
        words.rotate_left(shift);
    } else if let Some(&word) = (!long.is_empty()).then(|| &long[random.below(long.len())]) {
        let letters: Vec<char> = words[word].chars().collect();
        words[word] = if kind == 1 { shortened(letters, random) } else { misspelled(letters, random) };
    }
    words.join(" ")
}

fn is_alterable(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && word.chars().count() >= MIN_ALTERED_LETTERS
}

/// The first letters of a word, as clinical notes abbreviate it.
fn shortened(mut letters: Vec<char>, random: &mut Random) -> String {
    letters.truncate(MIN_SHORTENED_LETTERS + random.below(letters.len() - MIN_SHORTENED_LETTERS));
    letters.into_iter().collect()
}

/// Drops a letter, doubles it, or exchanges it with the next one. The first letter stays.
fn misspelled(mut letters: Vec<char>, random: &mut Random) -> String {
    let position = 1 + random.below(letters.len() - 2);
    match random.below(3) {
        0 => drop(letters.remove(position)),
        1 => letters.insert(position, letters[position]),
        _ => letters.swap(position, position + 1),
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The forms of `name` in 2,000 alterations.
    fn forms(name: &str) -> HashSet<String> {
        let mut random = Random::new(5);
        (0..2000).map(|_| altered(name, &mut random)).collect()
    }

    #[test]
    fn reorders_shortens_and_misspells_words() {
        let forms = forms("acute heart attack");
        for form in
            ["heart attack acute", "attack acute heart", "acute hear attack", "acute heart attakc", "acte heart attack"]
        {
            assert!(forms.contains(form), "{form}");
        }
        let words = |name: &String| name.split(' ').count();
        assert!(forms.iter().all(|name| words(name) == 3));
    }

    #[test]
    fn short_words_and_codes_do_not_change() {
        assert_eq!(forms("MI"), HashSet::from(["MI".to_owned()]));
        assert_eq!(forms("IL-2"), HashSet::from(["IL-2".to_owned()]));
        assert_eq!(forms("T2 DM"), HashSet::from(["T2 DM".to_owned(), "DM T2".to_owned()]));
        assert!(forms("\u{f6}dem\u{e4}tisch").iter().all(|name| name.starts_with('\u{f6}')));
    }
}
