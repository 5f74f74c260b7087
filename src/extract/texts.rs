//! The texts of a page's links, side by side.
//!
//! A page has hundreds of short ones. In one piece of memory none of them costs an
//! allocation, neither where it is read nor in the thread that writes it.

/// Texts side by side, each found by its [`Span`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(String);

/// Which bytes of [`Texts`] are a text. The default is an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Texts {
    /// Nothing yet, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// Keeps a text.
    pub fn push(&mut self, text: &str) -> Span {
        let start = place(self.0.len());
        self.0.push_str(text);
        Span { start, end: place(self.0.len()) }
    }

    /// The text of `span`, which these texts gave.
    pub fn get(&self, span: Span) -> &str {
        &self.0[span.start as usize..span.end as usize]
    }

    /// Bytes of all texts.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text but empty ones.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Span {
    /// Bytes of the text.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the text is empty.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The first `bytes` of the text, which has as many.
    #[must_use]
    pub fn first(self, bytes: usize) -> Self {
        Self { end: self.start + place(bytes), ..self }
    }

    /// The last `bytes` of the text, which has as many.
    #[must_use]
    pub fn last(self, bytes: usize) -> Self {
        Self { start: self.end - place(bytes), ..self }
    }
}

fn place(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a body has a gibibyte at most")
}
