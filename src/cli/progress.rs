//! What does a person see while the crawl runs?
//!
//! One calm block on a terminal, a plain line every 10 s elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::output::sanitize;
use super::say;
use super::summary::{bytes, count, span};
use crate::config::Config;
use crate::crawl::Numbers;

/// Time over which the speed is measured.
const WINDOW: Duration = Duration::from_secs(10);
/// Pages of which nothing is said in general.
const FEW_PAGES: u64 = 5;
/// Time between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the numbers until their sender is gone.
pub(super) async fn show(
    mut numbers: watch::Receiver<Numbers>,
    config: Config,
    stop: CancellationToken,
) {
    let is_terminal = std::io::stderr().is_terminal();
    let bar = is_terminal.then(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").expect("a template that is right"),
        );
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    });
    let began = Instant::now();
    let mut samples: std::collections::VecDeque<(Instant, u64)> = [(began, 0)].into();
    let mut last_line = began;
    while numbers.changed().await.is_ok() {
        let now = Instant::now();
        let current = numbers.borrow_and_update().clone();
        samples.push_back((now, current.visits));
        while samples.len() > 2 && now - samples[0].0 > WINDOW {
            samples.pop_front();
        }
        let speed = speed(&samples);
        let mut text = lines(&current, &config, speed, now - began);
        if stop.is_cancelled() {
            let in_flight = current.engine.in_flight;
            text.push(format!(
                "Stopping: waiting for {in_flight} requests in flight, at most 30 s; Ctrl-C again gives them up"
            ));
        }
        match &bar {
            Some(bar) => bar.set_message(text.join("\n  ")),
            None if now - last_line >= LINE_EVERY => {
                last_line = now;
                say(&text.join("; "));
            }
            None => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

#[expect(clippy::cast_precision_loss, reason = "a speed to look at")]
fn speed(samples: &std::collections::VecDeque<(Instant, u64)>) -> f64 {
    let ((from, before), (to, after)) = (samples[0], samples[samples.len() - 1]);
    (after - before) as f64 / (to - from).as_secs_f64().max(0.001)
}

fn lines(numbers: &Numbers, config: &Config, speed: f64, elapsed: Duration) -> Vec<String> {
    let engine = &numbers.engine;
    let errors = if numbers.errors == 0 {
        String::new()
    } else {
        format!(" · {} errors", count(numbers.errors))
    };
    let mut lines = vec![format!(
        "{} pages · {} to go{errors} · {} · {}",
        count(numbers.pages),
        count(engine.waiting + engine.in_flight as u64),
        bytes(numbers.bytes),
        span(elapsed),
    )];
    lines.push(format!("{speed:.1}/s, {}{}", brake(numbers, config), estimate(numbers, speed)));
    if let Some(since) = engine.unreachable {
        lines.push(format!(
            "no host can be reached, for {}: is the network down? Nothing is lost, trying on",
            span(since)
        ));
    }
    if numbers.html >= FEW_PAGES && numbers.scripted * 2 > numbers.html {
        lines.push(format!(
            "{} of {} pages show their content only to those who run scripts, which crawlite does not",
            count(numbers.scripted),
            count(numbers.html)
        ));
    }
    for (server, delay) in engine.slowed.iter().take(3) {
        let delay = crate::config::Span(*delay);
        lines.push(
            sanitize(&format!("{server} asks for less: {delay} between requests")).into_owned(),
        );
    }
    for origin in engine.parked.iter().take(3) {
        lines.push(
            sanitize(&format!("{origin} is parked: its pages wait for a resume")).into_owned(),
        );
    }
    lines
}

/// What keeps the crawl from being faster, in words.
fn brake(numbers: &Numbers, config: &Config) -> String {
    let engine = &numbers.engine;
    if engine.in_flight >= config.fetch.concurrency {
        return format!("all {} requests in flight", engine.in_flight);
    }
    match &engine.next {
        Some((server, delay, wait)) if !delay.is_zero() => {
            let delay_text = crate::config::Span(Duration::from_millis(
                u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            ));
            if *wait > Duration::from_secs(5) {
                return sanitize(&format!("waiting {} for {server}", span(*wait))).into_owned();
            }
            let hint =
                if config.politeness.delay.is_none() { "; your own site? --my-site" } else { "" };
            format!("held by the {delay_text} delay{hint}")
        }
        _ if engine.in_flight == 0 => "nothing in flight".to_owned(),
        _ if engine.waiting > 0 => format!("{} at once per host", config.politeness.per_host),
        _ => format!("{} in flight", engine.in_flight),
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn estimate(numbers: &Numbers, speed: f64) -> String {
    let waiting = numbers.engine.waiting as f64;
    if waiting < 50.0 || speed < 0.01 {
        return String::new();
    }
    let seconds = (waiting / speed).min(1e9);
    format!("; at least {} for what is known", span(Duration::from_secs_f64(seconds)))
}
