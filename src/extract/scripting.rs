//! Does a page show its content only to those who run its scripts?

/// Words below which a page that has scripts says too little by itself.
const FEW_WORDS: u32 = 50;
/// Words below which it says nothing at all.
const NO_WORDS: u32 = 20;
/// Links below which a page with so few words leads nowhere.
const FEW_LINKS: usize = 2;
/// Bytes of a noscript plea that are kept.
const MAX_PLEA_BYTES: usize = 160;

/// What speaks for it.
#[derive(Default)]
pub(super) struct Scripting {
    scripts: u32,
    /// The id of an element in which scripts usually build an application.
    root: Option<&'static str>,
    /// What the page says to those without scripts.
    plea: Vec<u8>,
}

impl Scripting {
    /// A script that runs begins.
    pub(super) fn script(&mut self) {
        self.scripts = self.scripts.saturating_add(1);
    }

    /// An element has this `id`.
    pub(super) fn id(&mut self, id: &str) {
        const ROOTS: [&str; 9] = [
            "root",
            "app",
            "__next",
            "__nuxt",
            "app-root",
            "___gatsby",
            "q-app",
            "svelte",
            "main-app",
        ];
        self.root = self.root.or_else(|| ROOTS.into_iter().find(|root| *root == id));
    }

    /// A piece of text within noscript.
    pub(super) fn noscript(&mut self, text: &[u8]) {
        super::push_folded(&mut self.plea, text, MAX_PLEA_BYTES);
    }

    /// The evidence that the page needs scripts; `None` if it says enough without.
    pub(super) fn evidence(&self, words: u32, links: usize) -> Option<String> {
        if self.scripts == 0 || words >= FEW_WORDS {
            return None;
        }
        let plea = super::folded_text(&self.plea);
        let pleads = plea.to_ascii_lowercase().contains("javascript");
        let beside = format!("{words} words, {links} links and {} scripts", self.scripts);
        if pleads {
            Some(format!("noscript: {plea} ({beside})"))
        } else if let Some(root) = self.root {
            Some(format!("application root #{root} ({beside})"))
        } else {
            (words < NO_WORDS && links < FEW_LINKS).then_some(beside)
        }
    }
}
