//! How much does a page say, and which fingerprint has its main text?
//!
//! The main text is what stands in `<main>` and `<article>`, or, where a page has
//! neither, everything outside navigation, header, footer and aside. It is never
//! collected: words are counted and hashed as they pass by, and groups of
//! [`SHINGLE`] words in a row become the features of a SimHash (Charikar 2002;
//! Manku, Jain, Das Sarma 2007). The fingerprint depends on the words alone, not
//! on the pieces in which the text comes.

/// Words of main text below which a fingerprint says nothing.
const MIN_FINGERPRINT_WORDS: u32 = 50;
/// Words in a row that make one feature.
const SHINGLE: usize = 3;
/// Digits of the counters: a body of 10 MiB has fewer than 2^24 words.
const PLANES: usize = 24;
/// Digits into which almost every count carries.
const ALWAYS: usize = 8;

/// What a piece of text belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// `<main>`, `<article>`.
    Main,
    /// Navigation, header, footer, aside.
    Boilerplate,
    /// Shown only without scripts.
    Noscript,
    /// None of these.
    #[default]
    Elsewhere,
}

// A word's hash is FNV-1a of its lower case.
const PRIME: u64 = 0x0100_0000_01b3;
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn add_byte(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(PRIME)
}

/// First bytes of U+3000 to U+9FFF: kana and Han, each character a word of its own.
const IDEOGRAPHS: std::ops::RangeInclusive<u8> = 0xe3..=0xe9;

/// Each byte that just goes on a word, in lower case; 0 for the others.
static LOWER: [u8; 256] = {
    let mut lower = [0; 256];
    let mut byte = 1_u8;
    while byte < u8::MAX {
        let is_other =
            byte.is_ascii_whitespace() || byte >= *IDEOGRAPHS.start() && byte <= *IDEOGRAPHS.end();
        if !is_other {
            lower[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    lower
};

/// The words of a page, as they pass by.
#[derive(Default)]
pub(super) struct Text {
    place: Place,
    main: Fingerprint,
    elsewhere: Fingerprint,
    boilerplate_words: u32,
    /// The hash of the word so far; `None` between words.
    word: Option<u64>,
    /// Whether the word is one character of a script that is written without blanks.
    is_ideograph: bool,
}

impl Text {
    /// What comes belongs to `place`.
    pub(super) fn set_place(&mut self, place: Place) {
        if place != self.place {
            self.end_word();
            self.place = place;
        }
    }

    /// A piece of text; it may begin and end within a word.
    pub(super) fn push(&mut self, text: &[u8]) {
        let mut word = self.word;
        let mut rest = text;
        loop {
            if !self.is_ideograph && !rest.is_empty() {
                let mut hash = word.unwrap_or(BASIS);
                let mut length = 0;
                for byte in rest {
                    let lower = LOWER[usize::from(*byte)];
                    if lower == 0 {
                        break;
                    }
                    hash = add_byte(hash, lower);
                    length += 1;
                }
                if length > 0 {
                    word = Some(hash);
                }
                rest = &rest[length..];
            }
            let Some((&byte, after)) = rest.split_first() else { break };
            rest = after;
            if byte.is_ascii_whitespace() {
                if word.is_some() {
                    self.word = word.take();
                    self.end_word();
                }
                continue;
            }
            let is_ideograph = IDEOGRAPHS.contains(&byte);
            let ends_ideograph = self.is_ideograph && !(0x80..=0xbf).contains(&byte);
            if is_ideograph || ends_ideograph {
                self.word = word.take();
                self.end_word();
                self.is_ideograph = is_ideograph;
            }
            word = Some(add_byte(word.unwrap_or(BASIS), byte.to_ascii_lowercase()));
        }
        self.word = word;
    }

    /// A word does not go on beyond this place.
    pub(super) fn end_word(&mut self) {
        self.is_ideograph = false;
        let Some(word) = self.word.take() else { return };
        match self.place {
            Place::Main => self.main.push(word),
            Place::Elsewhere => self.elsewhere.push(word),
            Place::Boilerplate => {
                self.boilerplate_words = self.boilerplate_words.saturating_add(1);
            }
            Place::Noscript => {}
        }
    }

    /// Words outside scripts, styles and noscript so far.
    pub(super) fn words(&self) -> u32 {
        self.boilerplate_words.saturating_add(self.main.words).saturating_add(self.elsewhere.words)
    }

    /// Words of the main text, and its fingerprint if there are enough.
    pub(super) fn main(&self) -> (u32, Option<u64>) {
        let main = if self.main.words > 0 { &self.main } else { &self.elsewhere };
        (main.words, (main.words >= MIN_FINGERPRINT_WORDS).then(|| main.simhash()))
    }
}

/// The features of a text, counted for each bit of their hashes.
#[derive(Default)]
struct Fingerprint {
    words: u32,
    features: u32,
    /// The hashes of the words before, the last one first.
    before: [u64; SHINGLE - 1],
    /// 64 counters side by side: plane `n` holds digit `n` of each.
    planes: [u64; PLANES],
}

impl Fingerprint {
    fn push(&mut self, word: u64) {
        self.words = self.words.saturating_add(1);
        let [last, last_but_one] = self.before;
        // The lines of a drawing or a table of zeros would drown what the text says.
        if word == last {
            return;
        }
        self.before = [word, last];
        if self.words as usize >= SHINGLE {
            self.count(mix(word ^ last.rotate_left(17) ^ last_but_one.rotate_left(34)));
        }
    }

    fn count(&mut self, feature: u64) {
        self.features = self.features.saturating_add(1);
        let mut carry = feature;
        let (low, high) = self.planes.split_at_mut(ALWAYS);
        // No early end here: where the carry runs out cannot be foreseen, and a
        // wrong guess costs the processor more than the rest of the planes.
        for plane in low {
            carry = add_digit(plane, carry);
        }
        for plane in high {
            if carry == 0 {
                return;
            }
            carry = add_digit(plane, carry);
        }
    }

    /// The bits that more than half of the features have.
    fn simhash(&self) -> u64 {
        (0..64).fold(0, |hash, bit| {
            let digit = |plane: &u64| u32::from(plane >> bit & 1 == 1);
            let count = self.planes.iter().rev().fold(0_u32, |sum, plane| sum << 1 | digit(plane));
            hash | u64::from(count > self.features / 2) << bit
        })
    }
}

/// Adds a bit to each counter's digit; gives what is carried to the next.
fn add_digit(plane: &mut u64, carry: u64) -> u64 {
    let both = *plane & carry;
    *plane ^= carry;
    both
}

/// Spreads every bit over all others (the finalizer of MurmurHash3).
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[&str]) -> Text {
        let mut text = Text::default();
        pieces.iter().for_each(|piece| text.push(piece.as_bytes()));
        text.end_word();
        text
    }

    fn distance(one: &str, other: &str) -> u32 {
        let hash = |all: &str| text(&[all]).main().1.expect("enough words");
        (hash(one) ^ hash(other)).count_ones()
    }

    fn essay(seed: u64, words: u64) -> String {
        (0..words).map(|n| format!("w{} ", mix(n ^ seed << 32) % 500)).collect()
    }

    #[test]
    fn a_word_said_many_times_in_a_row_makes_no_texts_alike() {
        let drawn = |seed| format!("{}{}{}", essay(seed, 150), "| ".repeat(900), essay(seed, 40));
        assert!(distance(&drawn(1), &drawn(2)) > 12);
        assert_eq!(distance(&drawn(1), &drawn(1).replace("| | |", "|")), 0);
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_the_pieces() {
        let whole = essay(1, 80);
        let pieces: Vec<&str> =
            whole.as_bytes().chunks(7).map(|c| std::str::from_utf8(c).unwrap()).collect();
        assert_eq!(text(&pieces).main(), text(&[&whole]).main());
        assert_eq!(text(&["Ein  WORT\n", "no", "ch "]).words(), 3);
    }

    #[test]
    fn near_texts_are_near_and_others_are_not() {
        let one = essay(1, 600);
        let edited = one.replacen("w1", "changed", 1);
        assert!(distance(&one, &edited) <= 3, "one word in 600");
        assert!(distance(&one, &essay(2, 600)) > 12, "another text");
        assert_eq!(distance(&one, &one.to_uppercase()), 0);
        assert_eq!(text(&["too few words"]).main(), (3, None));
    }

    #[test]
    fn scripts_without_blanks_have_a_word_a_character() {
        assert_eq!(text(&["我们 abc学习x"]).words(), 6);
        assert_eq!(text(&["한국어 단어"]).words(), 2);
    }

    #[test]
    fn what_stands_in_main_is_the_main_text() {
        let mut text = Text::default();
        text.push(b"before ");
        text.set_place(Place::Boilerplate);
        text.push(b"home about contact");
        text.set_place(Place::Main);
        text.push(b"the text");
        text.set_place(Place::Noscript);
        text.push(b"please enable");
        text.set_place(Place::Elsewhere);
        assert_eq!((text.words(), text.main().0), (6, 2));
    }
}
