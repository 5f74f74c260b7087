//! What does a person look for, in the language of the full-text index?
//!
//! Words are taken as they are: all of them must occur, in any order. `"two
//! words"` must stand side by side, `word*` may go on, `-word` must not occur.

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// An expression of FTS5.
    pub(super) expression: String,
}

/// Why nothing can be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// There are none.
    #[error("no words to look for")]
    None,
    /// The index knows words, and this is none.
    #[error("`{0}` has no letter or digit to look for")]
    NoWord(String),
    /// Everything that does not have a word is too much.
    #[error("only words that must not occur; add one that must, or use --missing")]
    OnlyWithout,
}

impl Words {
    /// Reads what a person wrote.
    ///
    /// # Errors
    /// See [`BadWords`].
    pub fn parse(raw: &str) -> Result<Self, BadWords> {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for term in terms(raw) {
            let is_without = term.starts_with('-') && term.len() > 1;
            let text = if is_without { &term[1..] } else { &*term };
            let is_prefix = text.len() > 1 && text.ends_with('*');
            let text = text.trim_end_matches('*').trim_matches('"');
            if !text.contains(char::is_alphanumeric) {
                return Err(BadWords::NoWord(term));
            }
            let quoted = format!("\"{}\"", spread(text).replace('"', " "));
            let list = if is_without { &mut without } else { &mut with };
            list.push(if is_prefix { quoted + "*" } else { quoted });
        }
        if with.is_empty() {
            return Err(if without.is_empty() { BadWords::None } else { BadWords::OnlyWithout });
        }
        let mut expression = with.join(" AND ");
        if !without.is_empty() {
            expression = format!("({expression}) NOT ({})", without.join(" OR "));
        }
        Ok(Self { expression })
    }

    /// An expression of FTS5 as it is.
    pub fn of_expression(expression: impl Into<String>) -> Self {
        Self { expression: expression.into() }
    }
}

/// The words of a text; what stands between quotes is one.
fn terms(raw: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut term = String::new();
    let mut is_quoted = false;
    for c in raw.chars() {
        is_quoted ^= c == '"';
        if c.is_whitespace() && !is_quoted {
            terms.push(std::mem::take(&mut term));
        } else {
            term.push(c);
        }
    }
    terms.push(term);
    terms.retain(|term| !term.is_empty());
    terms
}

/// Sets every character of a script that is written without blanks apart, so that
/// each is a word of its own to the index.
pub(super) fn spread(text: &str) -> String {
    let mut spread = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_ideograph(c) {
            spread.extend([' ', c, ' ']);
        } else {
            spread.push(c);
        }
    }
    spread
}

/// Undoes [`spread`] in what is shown.
pub(super) fn gathered(text: &str) -> String {
    let mut gathered = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    // Whether the last character that is no mark of a match is an ideograph.
    let mut after_ideograph = false;
    while let Some(c) = rest.next() {
        let is_mark = c == super::BEGIN || c == super::END;
        let next = rest.clone().find(|c| *c != super::BEGIN && *c != super::END && *c != ' ');
        if c == ' ' && (after_ideograph || next.is_some_and(is_ideograph)) {
            continue;
        }
        if !is_mark {
            after_ideograph = is_ideograph(c);
        }
        gathered.push(c);
    }
    gathered
}

/// Kana and Han (Unicode blocks 3040 to 30FF, 3400 to 9FFF, F900 to FAFF, 20000 on).
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_an_expression_that_means_them() {
        #[rustfmt::skip]
        let cases = [
            ("one",                 Ok("\"one\"")),
            ("one two",             Ok("\"one\" AND \"two\"")),
            ("  \"one two\" three", Ok("\"one two\" AND \"three\"")),
            ("pre*",                Ok("\"pre\"*")),
            ("one -two -three",     Ok("(\"one\") NOT (\"two\" OR \"three\")")),
            ("AND OR NEAR(x)",      Ok("\"AND\" AND \"OR\" AND \"NEAR(x)\"")),
            ("C++ std::vec",        Ok("\"C++\" AND \"std::vec\"")),
            ("title:x ^y",          Ok("\"title:x\" AND \"^y\"")),
            ("漢字x",               Ok("\" 漢  字 x\"")),
            ("\"open",              Ok("\"open\"")),
            ("a\"b",                Ok("\"a b\"")),
            ("",                    Err(BadWords::None)),
            ("a &&",                Err(BadWords::NoWord("&&".into()))),
            ("-",                   Err(BadWords::NoWord("-".into()))),
            ("*",                   Err(BadWords::NoWord("*".into()))),
            ("-a",                  Err(BadWords::OnlyWithout)),
        ];
        for (raw, expected) in cases {
            let found = Words::parse(raw).map(|words| words.expression);
            assert_eq!(found, expected.map(str::to_owned), "{raw}");
        }
    }

    #[test]
    fn what_was_spread_is_shown_as_it_was() {
        for text in ["plain words, two", "漢字とかな abc 漢", "a 漢 b", ""] {
            let squeezed: String = text.split(' ').collect();
            let shown: String = gathered(&spread(text)).split(' ').collect();
            assert_eq!(shown, squeezed, "{text}");
        }
        assert_eq!(gathered(&spread("学习编程")), "学习编程");
    }
}
