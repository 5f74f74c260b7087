//! Under which number is a name known?

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Names, numbered from 0 in the order in which they came. They lie in one text: with
/// memory of its own, twice, and a place in a map, each would take five times as much.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// Where each ends in the text.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hash: DefaultHashBuilder,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name with this number, which was given.
    pub(super) fn name(&self, number: u32) -> &str {
        name(&self.text, &self.ends, number)
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let is_it = |number: &u32| self.name(*number) == name;
        self.numbers.find(self.hash.hash_one(name), is_it).copied()
    }

    /// Numbers a name that has no number yet.
    pub(super) fn add(&mut self, name: &str) -> u32 {
        let number = u32::try_from(self.ends.len()).expect("fewer names than URLs");
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let Self { text, ends, numbers, hash } = self;
        let hash_of = |number: &u32| hash.hash_one(self::name(text, ends, *number));
        numbers.insert_unique(hash.hash_one(name), number, hash_of);
        number
    }
}

fn name<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let at = number as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &text[start..ends[at]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_number_and_each_number_its_name() {
        let mut names = Names::default();
        let all: Vec<_> =
            (0..1000_u32).map(|n| "h".repeat(n as usize % 7) + &n.to_string()).collect();
        for (number, name) in (0..).zip(&all) {
            assert_eq!(names.number(name), None);
            assert_eq!(names.add(name), number);
        }
        for (number, name) in (0..).zip(&all) {
            assert_eq!((names.number(name), names.name(number)), (Some(number), &**name));
        }
        assert_eq!((names.len(), names.number("")), (1000, None));
    }
}
