//! How is each format that is one stream written?

use std::io::Write;

use anyhow::Context;

use super::{Job, Kind, Written, bodies, in_words};
use crate::cli::counting::Counting;
use crate::cli::output::{Format, Printer, distinct};
use crate::cli::summary::count;
use crate::cli::target::Stream;
use crate::config::Config;
use crate::export::graph::{Dot, Gexf};
use crate::export::parquet::{Columns, Parquet};
use crate::export::utc;
use crate::export::warc::{About, Warc};
use crate::store::{QueryError, Rows, Value};
use crate::visit::unix_ms;

/// Pages of a graph, if nothing else is said.
const GRAPH_LIMIT: u32 = 500;

/// csv, jsonl, parquet.
pub(super) fn rows(job: &Job<'_>, out: &mut (dyn Write + Send)) -> anyhow::Result<Written> {
    let args = job.args;
    let rows = if let Some(sql) = &args.query {
        Rows::of_query(sql)
    } else {
        let view = args.view.as_deref().unwrap_or("pages");
        job.export.rows(view, !args.with.is_empty()).map_err(in_words)?
    };
    let (number, bytes) = match args.format {
        Kind::Parquet => parquet(job, &rows, out)?,
        Kind::Csv => printed(job, &rows, Format::Csv, out)?,
        _ => printed(job, &rows, Format::Jsonl, out)?,
    };
    Ok(Written::new(number, "row", "rows", bytes))
}

fn printed(
    job: &Job<'_>,
    rows: &Rows,
    format: Format,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<(u64, u64)> {
    let mut stream = job.stream(out, job.args.gz)?;
    let with = &*job.args.with;
    let mut counting = Counting::start("rows", None, job.quiet);
    let printer = std::cell::RefCell::new(Printer::new(format, &mut stream, None));
    let columns = |columns: &[String]| {
        let own = columns.len() - usize::from(rows.has_page_id);
        let with = with.iter().map(|with| with.column().to_owned());
        let columns: Vec<_> = columns[..own].iter().cloned().chain(with).collect();
        printer.borrow_mut().columns(&columns)
    };
    let row = |row: &[Value]| {
        counting.add();
        if !rows.has_page_id {
            return printer.borrow_mut().row(row);
        }
        let mut whole = row[..row.len() - 1].to_vec();
        whole.extend(bodies::values(&job.export, row, with)?);
        printer.borrow_mut().row(&whole)
    };
    let number = job.export.run(rows, columns, row)?;
    printer.into_inner().finish().map_err(QueryError::Output)?;
    counting.finish();
    Ok((number, stream.finish().map_err(QueryError::Output)?))
}

fn parquet(job: &Job<'_>, rows: &Rows, out: &mut (dyn Write + Send)) -> anyhow::Result<(u64, u64)> {
    let columns = std::cell::RefCell::new(Columns::default());
    let name = |names: &[String]| {
        *columns.borrow_mut() = Columns::new(distinct(names));
        Ok(())
    };
    let see = |row: &[Value]| {
        columns.borrow_mut().see(row);
        job.interrupt.check()
    };
    job.export.run(rows, name, see)?;
    let stream = job.stream(out, false)?;
    let mut file = Parquet::begin(stream, &columns.into_inner())
        .context("these columns make no Parquet file")?;
    let mut counting = Counting::start("rows", None, job.quiet);
    let number = job.export.run(
        rows,
        |_| Ok(()),
        |row| {
            counting.add();
            file.push(row)
        },
    )?;
    counting.finish();
    let stream = file.finish().map_err(QueryError::Output)?;
    Ok((number, stream.finish().map_err(QueryError::Output)?))
}

/// A web archive.
pub(super) fn warc(job: &Job<'_>, out: &mut (dyn Write + Send)) -> anyhow::Result<Written> {
    let (config, seeds, _) = job.export.settings()?;
    let config = Config::stored(&config).context("the settings stored in the file")?;
    let seeds: Vec<String> = serde_json::from_str(&seeds).unwrap_or_default();
    let about = About {
        filename: &job.file_name(),
        written_at: &utc(u64::try_from(unix_ms() / 1000).unwrap_or_default()),
        seeds: &seeds.join(" "),
        user_agent: &config.fetch.user_agent(),
        obeyed_robots: config.politeness.robots,
    };
    // Each record is packed by itself.
    let stream = job.stream(out, false)?;
    let mut warc = Warc::begin(stream, job.args.gz, &about).map_err(QueryError::Output)?;
    let mut counting = Counting::start("answers", None, job.quiet);
    let number = job.export.fetches(|fetch| {
        counting.add();
        warc.fetch(&fetch)
    })?;
    counting.finish();
    let stream = warc.finish().map_err(QueryError::Output)?;
    let bytes = stream.finish().map_err(QueryError::Output)?;
    let mut written = Written::new(number, "answer", "answers", bytes);
    let without = job.export.fetches_without_body()?;
    if without > 0 {
        let are = if without == 1 {
            "1 answer is not in it: its body is".to_owned()
        } else {
            format!("{} answers are not in it: their bodies are", count(without))
        };
        written.notes.push(format!("{are} not stored (redirects, errors, what is no HTML)"));
    }
    Ok(written)
}

/// A graph.
pub(super) fn graph(job: &Job<'_>, out: &mut (dyn Write + Send)) -> anyhow::Result<Written> {
    enum Graph<W: Write> {
        Dot(Dot<W>),
        Gexf(Gexf<W>),
    }
    let limit = job.args.limit.unwrap_or(GRAPH_LIMIT);
    let stream = job.stream(out, job.args.gz)?;
    let graph = if job.args.format == Kind::Dot {
        Dot::begin(stream).map(Graph::Dot)
    } else {
        Gexf::begin(stream).map(Graph::Gexf)
    };
    let mut graph = graph.map_err(QueryError::Output)?;
    let mut ids = std::collections::HashSet::new();
    let nodes = job.export.nodes((limit > 0).then_some(limit), |node| {
        ids.insert(node.id);
        match &mut graph {
            Graph::Dot(dot) => dot.node(&node),
            Graph::Gexf(gexf) => gexf.node(&node),
        }
    })?;
    let mut counting = Counting::start("pages linked", Some(nodes), job.quiet);
    let mut edges = 0_u64;
    let mut in_order: Vec<_> = ids.iter().copied().collect();
    in_order.sort_unstable();
    for id in in_order {
        counting.add();
        job.export.edges(id, |edge| {
            if !ids.contains(&edge.target) {
                return Ok(());
            }
            edges += 1;
            match &mut graph {
                Graph::Dot(dot) => dot.edge(&edge),
                Graph::Gexf(gexf) => gexf.edge(&edge),
            }
        })?;
    }
    counting.finish();
    let stream = match graph {
        Graph::Dot(dot) => dot.finish(),
        Graph::Gexf(gexf) => gexf.finish(),
    };
    let bytes = stream.and_then(Stream::finish).map_err(QueryError::Output)?;
    let mut written = Written::new(nodes, "page", "pages", bytes);
    written.what.push_str(&format!(" and {} links", count(edges)));
    if limit > 0 && nodes == u64::from(limit) {
        let note =
            "These are the pages with most inlinks; --limit 0 takes all, --limit N another number";
        written.notes.push(note.to_owned());
    }
    Ok(written)
}
