//! A web site on loopback that remembers who asked for what, and when; and the
//! crawlite command, run as a person would.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod bombs;
pub(crate) mod payloads;
pub(crate) mod raw;
pub(crate) mod shapes;
#[cfg(target_os = "linux")]
pub(crate) mod watched;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) at: Instant,
}

/// What the server answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Before the answer begins.
    pub(crate) wait: Duration,
}

/// The start page of a site that shows the rows of a table: a link to each.
pub(crate) fn links_to_rows(count: usize) -> Answer {
    let links = (0..count).map(|n| format!("<a href=/r/{n}/>{n}</a>"));
    Answer::html(&links.collect::<String>())
}

/// Which row a path belongs to, and what of it.
pub(crate) fn row_of(path: &str) -> Option<(usize, &str)> {
    let (n, rest) = path.strip_prefix("/r/")?.split_once('/')?;
    Some((n.parse().ok()?, rest))
}

impl Answer {
    pub(crate) fn html(body: &str) -> Self {
        Self::new(200, "text/html; charset=utf-8", body.as_bytes())
    }

    pub(crate) fn new(status: u16, media_type: &str, body: &[u8]) -> Self {
        let headers = vec![("Content-Type".to_owned(), media_type.to_owned())];
        Self { status, headers, body: body.to_vec(), wait: Duration::ZERO }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, "text/plain", b"")
    }

    pub(crate) fn redirect(status: u16, target: &str) -> Self {
        Self::status(status).with("Location", target)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// An answer that promises so many bytes and hangs up after `body`.
    pub(crate) fn broken_off(body: &[u8], promised: usize) -> Self {
        Self::new(200, "text/html", body).with("Content-Length", &promised.to_string())
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

type Handler = dyn Fn(&Request, usize) -> Option<Answer> + Send + Sync;

/// The site. Its threads end with the process.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    seen: Arc<(Mutex<Vec<Request>>, Condvar)>,
}

impl Site {
    /// Serves fixed pages; everything else is 404.
    pub(crate) fn of(pages: &[(&str, Answer)]) -> Self {
        let pages: HashMap<String, Answer> =
            pages.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
        Self::start(move |request, _| pages.get(&request.path).cloned())
    }

    /// Serves what `handler` says; it is told how often the path was asked for before.
    pub(crate) fn start(
        handler: impl Fn(&Request, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1", handler)
    }

    pub(crate) fn start_at(
        host: &str,
        handler: impl Fn(&Request, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let handler: Arc<Handler> = Arc::new(handler);
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log) = (Arc::clone(&handler), Arc::clone(&log));
                std::thread::spawn(move || serve(&stream, &*handler, &log));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.0.lock().unwrap().clone()
    }

    /// The paths asked for, sorted, robots.txt and sitemap.xml left out.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.requests().into_iter().map(|request| request.path).collect();
        paths.retain(|path| path != "/robots.txt" && path != "/sitemap.xml");
        paths.sort();
        paths
    }

    /// Waits until `count` requests were seen.
    pub(crate) fn wait_for(&self, count: usize) {
        let (lock, changed) = &*self.seen;
        let seen = lock.lock().unwrap();
        let patience = Duration::from_mins(1);
        let (seen, _) =
            changed.wait_timeout_while(seen, patience, |seen| seen.len() < count).unwrap();
        assert!(seen.len() >= count, "{} of {count} requests within {patience:?}", seen.len());
    }
}

fn serve(stream: &TcpStream, handler: &Handler, log: &(Mutex<Vec<Request>>, Condvar)) {
    stream.set_nodelay(true).ok();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let before = {
            let mut seen = log.0.lock().unwrap();
            let before = seen.iter().filter(|other| other.path == request.path).count();
            seen.push(request.clone());
            log.1.notify_all();
            before
        };
        let Some(answer) = handler(&request, before).or(Some(Answer::status(404))) else { return };
        std::thread::sleep(answer.wait);
        let is_broken_off = answer.headers.iter().any(|(name, _)| name == "Content-Length");
        let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
        if !is_broken_off {
            head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
        }
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = stream;
        let written = stream.write_all(&[head.as_bytes(), &answer.body].concat());
        if written.is_err() || is_broken_off {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let at = Instant::now();
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
            None => return Some(Request { path, headers, at }),
        };
    }
}

/// A folder for files, and the command.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// The same with a variable in the environment of every command.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crawlite"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("CRAWLITE_FAULT").env_remove("CRAWLITE_USER");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Starts the command and leaves it running.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The rows of a query, cells joined by `|`.
    pub(crate) fn rows(&self, file: &str, sql: &str) -> Vec<String> {
        rows(&self.path(file), sql)
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The rows of a query, read without crawlite's own code, cells joined by `|`.
pub(crate) fn rows(file: &Path, sql: &str) -> Vec<String> {
    use tokio_rusqlite::rusqlite::{Connection, OpenFlags, types::ValueRef};
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = db.prepare(sql).unwrap();
    let columns = statement.column_count();
    let cell = |value: ValueRef<'_>| match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let row = |row: &tokio_rusqlite::rusqlite::Row<'_>| {
        Ok((0..columns).map(|at| cell(row.get_ref(at).unwrap())).collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}
