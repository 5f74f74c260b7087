//! `crawlite page`: everything about one page.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::{Map, json};
use url::Url;

use super::left_out::{in_quotes, word};
use super::output::{Shown, sanitize};
use super::summary::{bytes, count};
use super::{Exit, Usage};
use crate::extract::{EMPTY_ALT, Markup, main_text};
use crate::store::{Body, MAX_STEPS, OnePage, OnePageError, PageLinks, Standing, Step, Value};

/// Bytes of a body that are looked at to tell whether it is text.
const SNIFFED_BYTES: usize = 4096;

/// Show everything about one page
#[derive(Debug, Args)]
#[command(after_help = "\
URL may be spelt in any way, lack its scheme, or be a path on the host of the seed:
  crawlite page example.org.db /docs/intro
  crawlite page example.org.db example.org/docs/intro --markdown | less
  crawlite page example.org.db /docs/intro --body > intro.html
  crawlite page example.org.db / --format json | jq .fields.title")]
pub(super) struct PageArgs {
    /// File to look into
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Page to show
    #[arg(value_name = "URL")]
    url: String,
    /// Crawl to show it in; the one that the views show if not given
    #[arg(long, value_name = "ID")]
    crawl: Option<i64>,
    /// Links of each list that are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    format: String,
    #[command(flatten)]
    part: Part,
}

/// One part of a page, printed alone
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false, conflicts_with = "format")]
struct Part {
    /// Print the body as it was sent, its compression undone
    #[arg(long)]
    body: bool,
    /// Print the headers of the answer
    #[arg(long)]
    headers: bool,
    /// Print the main text
    #[arg(long)]
    text: bool,
    /// Print the main text as Markdown
    #[arg(long)]
    markdown: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// If the file cannot be read, does not know the URL, or `out` cannot be written.
pub(super) fn run(args: &PageArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let page = OnePage::open(&args.file, &args.url, args.crawl).map_err(in_words)?;
    let part = args.part;
    if part.body {
        print_body(&page, out)?;
    } else if part.headers {
        let fields = page.fields()?;
        let status = field(&fields, "status").ok_or_else(|| nothing(&page, "answer"))?;
        writeln!(out, "{} {status}", field(&fields, "http_version").unwrap_or_default())?;
        for (name, value) in headers(&fields) {
            writeln!(out, "{}: {}", sanitize(&name), sanitize(&value))?;
        }
    } else if part.text || part.markdown {
        let markup = if part.markdown { Markup::Markdown } else { Markup::Plain };
        print_main_text(&page, markup, out)?;
    } else if args.format == "json" {
        writeln!(out, "{}", to_json(&page, args.limit)?)?;
    } else {
        print(&page, &args.file, args.limit, out)?;
    }
    Ok(Exit::Finished)
}

/// Shows a page as `page` does without further arguments; whether the file knows it.
///
/// # Errors
/// As [`run`].
pub(super) fn print_known(file: &Path, url: &str, out: &mut impl Write) -> anyhow::Result<bool> {
    match OnePage::open(file, url, None) {
        Ok(page) => print(&page, file, 10, out).map(|()| true),
        Err(OnePageError::NotFound(..) | OnePageError::NoUrl(..)) => Ok(false),
        Err(error) => Err(in_words(error)),
    }
}

fn in_words(error: OnePageError) -> anyhow::Error {
    match error {
        OnePageError::Store(error) => error.into(),
        OnePageError::Query(error) => error.into(),
        OnePageError::NotFound(url, near) if near.is_empty() => {
            Usage(anyhow!("{url} is not in the file; no crawl has met it")).into()
        }
        OnePageError::NotFound(url, near) => {
            Usage(anyhow!("{url} is not in the file; did you mean {}?", near.join(" or "))).into()
        }
        error => Usage(error.into()).into(),
    }
}

/// There is no such thing of the page, and why.
fn nothing(page: &OnePage, what: &str) -> anyhow::Error {
    let crawl_id = page.crawl_id();
    let standings = page.standings().unwrap_or_default();
    let here = standings.iter().find(|standing| standing.crawl_id == crawl_id);
    let why = here.map_or_else(|| "it does not know the URL".to_owned(), outcome);
    anyhow!("crawl {crawl_id} has no {what} of {}: {why}", page.url)
}

fn body(page: &OnePage) -> anyhow::Result<Body> {
    page.body()?.ok_or_else(|| nothing(page, "stored body"))
}

fn print_body(page: &OnePage, out: &mut impl Write) -> anyhow::Result<()> {
    let body = body(page)?;
    if !std::io::stdout().is_terminal() {
        return out.write_all(&body.bytes).map_err(Into::into);
    }
    if body.bytes[..body.bytes.len().min(SNIFFED_BYTES)].contains(&0) {
        return Err(Usage(anyhow!("the body is binary; pipe it, or redirect it to a file")).into());
    }
    show(&body.text(), out)
}

fn print_main_text(page: &OnePage, markup: Markup, out: &mut impl Write) -> anyhow::Result<()> {
    let body = body(page)?;
    let url = Url::parse(&page.url).context("a URL that was fetched")?;
    let text = main_text(&body.html(), &url, markup).text;
    if std::io::stdout().is_terminal() {
        show(&text, out)
    } else {
        out.write_all(text.as_bytes()).map_err(Into::into)
    }
}

fn show(text: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut shown = Shown::new(out);
    shown.write_all(text.as_bytes())?;
    shown.flush().map_err(Into::into)
}

/// A column that is not NULL, as text.
fn field(fields: &[(String, Value)], name: &str) -> Option<String> {
    let (_, value) = fields.iter().find(|(column, _)| column == name)?;
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

fn headers(fields: &[(String, Value)]) -> Vec<(String, String)> {
    let json = field(fields, "headers").unwrap_or_default();
    let object: Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap_or_default();
    let one = |(name, values): (&String, &serde_json::Value)| {
        let values = values.as_array().cloned().unwrap_or_default();
        let name = name.clone();
        let texts = values.into_iter().filter_map(|value| value.as_str().map(str::to_owned));
        texts.map(move |value| (name.clone(), value)).collect::<Vec<_>>()
    };
    object.iter().flat_map(one).collect()
}

fn to_json(page: &OnePage, limit: usize) -> anyhow::Result<serde_json::Value> {
    let fields = page.fields()?;
    let mut object = Map::new();
    for (name, value) in &fields {
        let value = match value {
            Value::Integer(number) => json!(number),
            Value::Real(number) => json!(number),
            // Columns that hold JSON are part of it.
            Value::Text(text) if text.starts_with(['{', '[']) => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            _ => json!(field(&fields, name)),
        };
        object.insert(name.clone(), value);
    }
    Ok(json!({
        "url": page.url,
        "crawl_id": page.crawl_id(),
        "crawls": page.standings()?,
        "fields": object,
        "way": page.way()?,
        "inlinks": page.inlinks(limit)?,
        "outlinks": page.outlinks(limit)?,
    }))
}

/// What came of a URL in a crawl, in words.
fn outcome(standing: &Standing) -> String {
    let detail = standing.detail.as_deref().unwrap_or_default();
    match (&*standing.state, &standing.reason, standing.status, &standing.error) {
        ("done", _, Some(status), _) => format!("answered {status}"),
        ("done", _, None, Some(error)) => format!("gave no answer ({error})"),
        ("pending", ..) => "is still to be fetched".to_owned(),
        (state, Some(reason), ..) if detail.is_empty() => format!("{state}: {reason}"),
        (state, Some(reason), ..) => format!("{state}: {reason} ({detail})"),
        (state, ..) => state.to_owned(),
    }
}

fn print(page: &OnePage, file: &Path, limit: usize, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", sanitize(&page.url))?;
    let fields = page.fields()?;
    let standings = page.standings()?;
    let here = standings.iter().find(|standing| standing.crawl_id == page.crawl_id());
    print_fields(&fields, here, out)?;
    if let Some(release) = page.release()? {
        let pattern = here.and_then(|here| here.detail.clone()).unwrap_or_default();
        let command = release.replace("FILE", &word(&file.display().to_string()));
        let command = command.replace("'PATTERN' (the detail)", &in_quotes(&pattern));
        writeln!(out, "  to fetch it  {}", sanitize(&command))?;
    }
    print_way(&page.way()?, out)?;
    let inlinks = page.inlinks(limit)?;
    writeln!(out, "\nInlinks: {}", count(inlinks.total))?;
    print_links(&inlinks, out)?;
    for kind in page.outlinks(limit)? {
        writeln!(out, "\nOutlinks <{}>: {}", sanitize(&kind.kind), count(kind.total))?;
        print_links(&kind, out)?;
    }
    if standings.len() > 1 {
        writeln!(out, "\nCrawls")?;
        print_standings(&standings, out)?;
    }
    let headers = headers(&fields);
    if !headers.is_empty() {
        writeln!(out, "\nHeaders")?;
    }
    for (name, value) in headers {
        writeln!(out, "  {}: {}", sanitize(&name), sanitize(&value))?;
    }
    Ok(())
}

fn print_fields(
    fields: &[(String, Value)],
    here: Option<&Standing>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let get = |name: &str| field(fields, name);
    let mut line = |name: &str, value: Option<String>| match value {
        Some(value) => writeln!(out, "  {name:<12} {}", sanitize(&value)),
        None => Ok(()),
    };
    line(
        "state",
        here.map_or_else(|| Some("unknown to this crawl".to_owned()), |here| Some(outcome(here))),
    )?;
    line("redirect", get("redirect_to"))?;
    let from = get("ip").map(|ip| format!(" from {ip}")).unwrap_or_default();
    line("answer", get("http_version").map(|version| format!("{version}{from}")))?;
    line("type", get("content_type"))?;
    for (name, column) in [("title", "title"), ("description", "description"), ("h1", "h1")] {
        line(name, get(column))?;
    }
    line("canonical", get("claimed_canonical"))?;
    line("robots", get("robots_directives"))?;
    line(
        "indexable",
        get("indexable").map(|yes| match get("indexability_reason") {
            Some(reason) if yes == "0" => format!("no: {reason}"),
            _ => "yes".to_owned(),
        }),
    )?;
    let charset = get("charset").map(|charset| format!(" ({charset})")).unwrap_or_default();
    line("language", get("lang").map(|lang| format!("{lang}{charset}")))?;
    let main = get("main_words").map(|words| format!(", {words} in the main text"));
    line("words", get("words").map(|words| words + &main.unwrap_or_default()))?;
    line("scripts", get("needs_javascript"))?;
    let size = |name: &str| get(name).and_then(|text| text.parse().ok()).map(bytes);
    let wire = size("wire_bytes").map(|wire| format!("{wire} on the wire"));
    let cut = if get("is_cut").as_deref() == Some("1") { ", cut at a limit" } else { "" };
    line(
        "size",
        match (size("body_bytes"), wire) {
            (Some(body), Some(wire)) => Some(format!("{body}, {wire}{cut}")),
            (None, wire) => wire,
            (body, None) => body,
        },
    )?;
    let first = get("first_byte_ms").map(|first| format!(", {first} ms to the first byte"));
    line("time", get("elapsed_ms").map(|all| format!("{all} ms{}", first.unwrap_or_default())))?;
    line("fetched", get("fetched_at").map(|at| format!("{at} UTC")))?;
    line("content", get("content_hash").map(|hash| hash[..hash.len().min(16)].to_owned()))?;
    line("depth", here.and_then(|here| here.depth).map(|depth| depth.to_string()))
}

fn print_way(way: &[Step], out: &mut impl Write) -> std::io::Result<()> {
    if way.len() < 2 {
        return Ok(());
    }
    let is_cut = way.len() > MAX_STEPS as usize;
    writeln!(out, "\nThe {}way from the seed", if is_cut { "end of the " } else { "" })?;
    for step in way {
        let by = match (&step.by, step.anchor.as_deref().filter(|anchor| !anchor.trim().is_empty()))
        {
            (Some(by), _) if by == "redirect" || by == "sitemap" => format!("  ({by})"),
            (_, Some(anchor)) => format!("  \"{anchor}\""),
            (Some(by), None) => format!("  <{by}>"),
            (None, None) => String::new(),
        };
        writeln!(out, "  {}{}", sanitize(&step.url), sanitize(&by))?;
    }
    Ok(())
}

fn print_links(links: &PageLinks, out: &mut impl Write) -> std::io::Result<()> {
    for link in &links.links {
        let outcome = link.outcome.as_ref().map(|outcome| format!("{outcome:<10} "));
        let mut notes = Vec::new();
        match &*link.anchor {
            "" if link.kind == "img" => notes.push("no alt".to_owned()),
            "" => {}
            EMPTY_ALT => notes.push("alt=\"\"".to_owned()),
            anchor => notes.push(format!("\"{anchor}\"")),
        }
        if links.kind.is_empty() && link.kind != "a" {
            notes.push(format!("<{}>", link.kind));
        }
        notes.push(format!("in {}", link.region));
        notes.extend(link.rel.as_ref().map(|rel| format!("rel={rel}")));
        if link.times > 1 {
            notes.push(format!("{} times", link.times));
        }
        writeln!(
            out,
            "  {}{}  {}",
            sanitize(&outcome.unwrap_or_default()),
            sanitize(&link.url),
            sanitize(&notes.join(", "))
        )?;
    }
    let more = links.total - i64::try_from(links.links.len()).unwrap_or_default();
    if more > 0 {
        writeln!(out, "  and {} more; --limit shows them", count(more))?;
    }
    Ok(())
}

fn print_standings(standings: &[Standing], out: &mut impl Write) -> std::io::Result<()> {
    for (at, standing) in standings.iter().enumerate() {
        let before = standings.get(at + 1);
        let content = match (&standing.content, before.and_then(|before| before.content.as_ref())) {
            (Some(now), Some(before)) if now == before => format!(", content {now}, unchanged"),
            (Some(now), Some(_)) => format!(", content {now}, changed"),
            (Some(now), None) => format!(", content {now}"),
            (None, _) => String::new(),
        };
        let at = standing.fetched_at.as_ref().map(|at| format!(" at {at} UTC")).unwrap_or_default();
        let line = format!("  {:<4} {}{at}{content}", standing.crawl_id, outcome(standing));
        writeln!(out, "{}", sanitize(&line))?;
    }
    Ok(())
}
