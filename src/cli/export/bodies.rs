//! Which bodies go with the rows of pages?

use std::io;

use clap::ValueEnum;
use url::Url;

use crate::extract::{Markup, main_text};
use crate::store::{Export, QueryError, Value};

/// What is made of a stored body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum With {
    /// The page as it was sent, as text
    Html,
    /// Its main text
    Text,
    /// Its main text as Markdown
    Markdown,
}

impl With {
    /// The column that holds it.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "text",
            Self::Markdown => "markdown",
        }
    }
}

/// The columns of `with` for a row of pages that begins with its URL and ends
/// with the id of its page version; NULL where no body is stored.
pub(super) fn values(export: &Export, row: &[Value], with: &[With]) -> io::Result<Vec<Value>> {
    let (Some(Value::Text(url)), Some(Value::Integer(page_id))) = (row.first(), row.last()) else {
        return Ok(vec![Value::Null; with.len()]);
    };
    let body = export.body(*page_id).map_err(|error: QueryError| io::Error::other(error))?;
    let url = Url::parse(url).map_err(io::Error::other)?;
    let Some(body) = body else { return Ok(vec![Value::Null; with.len()]) };
    let html = body.html();
    let value = |with: &With| match with {
        With::Html => body.text().into_owned(),
        With::Text => main_text(&html, &url, Markup::Plain).text,
        With::Markdown => main_text(&html, &url, Markup::Markdown).text,
    };
    Ok(with.iter().map(|with| Value::Text(value(with))).collect())
}
