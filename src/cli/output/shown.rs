//! How does text of any length reach a terminal without being obeyed?

use std::io::{self, Write};

use super::sanitize;

/// Bytes of a line that are held at most; a longer one is written in parts.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Passes lines on, each made harmless by [`sanitize`]; line breaks and tabs stay.
pub(in crate::cli) struct Shown<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Shown<W> {
    pub(in crate::cli) fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    /// Writes the bytes that are held.
    fn pass(&mut self) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.line);
        for (at, piece) in text.split('\t').enumerate() {
            let gap = if at > 0 { "\t" } else { "" };
            write!(self.out, "{gap}{}", sanitize(piece))?;
        }
        self.line.clear();
        Ok(())
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            self.line.extend_from_slice(text);
            if text.len() < piece.len() {
                self.pass()?;
                self.out.write_all(b"\n")?;
            } else if self.line.len() > MAX_LINE_BYTES {
                self.pass()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_and_escapes_do_not() {
        let mut out = Vec::new();
        let mut shown = Shown::new(&mut out);
        shown.write_all("a\tb\u{1b}[2J\n\nä\u{202e}".as_bytes()).unwrap();
        shown.write_all(b"\xff\nlast").unwrap();
        shown.flush().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a\tb\\u{1b}[2J\n\nä\\u{202e}\u{fffd}\nlast");
    }
}
