//! Has the person asked a long piece of work to stop?

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether Ctrl-C was pressed. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

/// The work was stopped where it could be.
#[derive(Debug, thiserror::Error)]
#[error("stopped; nothing half done is left")]
pub(super) struct Interrupted;

impl Interrupt {
    /// Watches for Ctrl-C as long as the program runs: the first asks to stop,
    /// the second ends the process at once.
    pub(super) fn watch() -> Self {
        let interrupt = Self::default();
        let asked = interrupt.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                if tokio::signal::ctrl_c().await.is_err() {
                    return;
                }
                if asked.0.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
        interrupt
    }

    /// Whether it was pressed.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error once it was pressed.
    ///
    /// # Errors
    /// [`Interrupted`], within an [`io::Error`].
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_set() { Err(io::Error::other(Interrupted)) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether an error says that the work was stopped.
pub(super) fn is_interrupted(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Interrupted>)
}
