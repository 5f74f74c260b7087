//! A server that writes whatever bytes a test wants, over plain TCP or TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a behaviour writes to and reads from.
pub(crate) trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// Writes the answer to one request; the connection is closed when it returns.
pub(crate) type Behave = dyn Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync;

/// The answer of a server that has nothing there.
pub(crate) const NOT_FOUND: &[u8] =
    b"HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// The server. Its threads end with the process.
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// Answers every request but those for robots.txt, of which there is none.
    pub(crate) fn start(
        behave: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::with_robots(move |path, wire| match path {
            "/robots.txt" => wire.write_all(NOT_FOUND),
            _ => behave(path, wire),
        })
    }

    /// Answers every request, robots.txt included.
    pub(crate) fn with_robots(
        behave: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let behave: Arc<Behave> = Arc::new(behave);
        Self::accept(move |stream, log| one_request(&mut &stream, &*behave, log))
    }

    /// The same over TLS, with a certificate of `fixtures/tls`.
    pub(crate) fn tls(
        certificate: &str,
        behave: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let config = tls_config(certificate, &[]);
        Self::accept(move |mut stream, log| {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            one_request(&mut rustls::Stream::new(&mut tls, &mut stream), &behave, log);
            tls.send_close_notify();
            tls.complete_io(&mut stream).ok();
        })
    }

    /// A TLS server that says nothing but `h2` and leaves the rest to `speak`,
    /// which is called once per connection.
    pub(crate) fn http2(speak: impl Fn(&mut dyn Wire) + Send + Sync + 'static) -> Self {
        let config = tls_config("good", &[b"h2"]);
        Self::accept(move |mut stream, log| {
            log.lock().unwrap().push("connection".to_owned());
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            speak(&mut rustls::Stream::new(&mut tls, &mut stream));
        })
    }

    /// Plays every host by being the proxy, over plain HTTP and, through a tunnel, over
    /// TLS with a certificate that is none of theirs. The paths seen are whole URLs.
    pub(crate) fn proxy(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let config = tls_config("good", &[]);
        Self::accept(move |mut stream, log| {
            let Some(target) = read_head(&mut stream) else { return };
            let give = |url: String, wire: &mut dyn Wire| {
                wire.write_all(&answer(&url)).ok();
                log.lock().unwrap().push(url);
            };
            if target.starts_with("http://") {
                return give(target, &mut stream);
            }
            stream.write_all(b"HTTP/1.1 200 X\r\n\r\n").ok();
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut wire = rustls::Stream::new(&mut tls, &mut stream);
            let Some(path) = read_head(&mut wire) else { return };
            give(format!("https://{}{path}", target.trim_end_matches(":443")), &mut wire);
            tls.send_close_notify();
            tls.complete_io(&mut stream).ok();
        })
    }

    /// Reads no request: `speak` is called once per connection.
    pub(crate) fn silent(
        speak: impl Fn(&mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::accept(move |stream, _| drop(speak(&mut &stream)))
    }

    fn accept(each: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (each, log) = (Arc::new(each), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (each, log) = (Arc::clone(&each), Arc::clone(&log));
                std::thread::spawn(move || each(stream, &log));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    /// The paths asked for, in order, robots.txt left out; of an HTTP/2 server its connections.
    pub(crate) fn paths(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap().clone();
        seen.into_iter().filter(|path| path != "/robots.txt").collect()
    }
}

fn one_request(wire: &mut dyn Wire, behave: &Behave, log: &Mutex<Vec<String>>) {
    let Some(path) = read_head(wire) else { return };
    log.lock().unwrap().push(path.clone());
    // A client that has had enough hangs up: nothing is wrong with that.
    behave(&path, wire).ok();
}

/// The path of the request; byte by byte, so that nothing behind the head is taken.
fn read_head(wire: &mut dyn Wire) -> Option<String> {
    let mut reader = BufReader::with_capacity(1, wire);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = first.clone();
    while !line.trim_end().is_empty() {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    first.split(' ').nth(1).map(ToOwned::to_owned)
}

fn tls_config(certificate: &str, protocols: &[&[u8]]) -> Arc<rustls::ServerConfig> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls");
    let chain = vec![CertificateDer::from_pem_file(format!("{folder}/{certificate}.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

/// Writes `piece` again and again until the other side hangs up, or for a minute.
pub(crate) fn drip(wire: &mut dyn Wire, piece: &[u8], every: Duration) -> std::io::Result<()> {
    for _ in 0..60_000 / every.as_millis().max(1) {
        wire.write_all(piece)?;
        wire.flush()?;
        std::thread::sleep(every);
    }
    Ok(())
}

/// Writes `piece` without a pause until the other side hangs up, or for a minute.
pub(crate) fn flood(wire: &mut dyn Wire, piece: &[u8]) -> std::io::Result<()> {
    let began = Instant::now();
    let many = piece.repeat((64 * 1024 / piece.len()).max(1));
    while began.elapsed() < Duration::from_mins(1) {
        wire.write_all(&many)?;
    }
    Ok(())
}

/// Says nothing until the other side hangs up.
pub(crate) fn hang(wire: &mut dyn Wire) -> std::io::Result<()> {
    let mut byte = [0];
    while wire.read(&mut byte)? > 0 {}
    Ok(())
}
