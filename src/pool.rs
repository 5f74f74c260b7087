//! Where is CPU work done, so that the network never waits for it?
//!
//! A few threads, as many as there are cores. One call per page does all of its
//! work. The queue before them is as long as the pool is wide; whoever comes
//! later waits without holding a thread. A panic in a call is its result.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::fault::panic_text;

/// Stack of a thread, in bytes.
const STACK_BYTES: usize = 4 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// The call panicked; what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked(pub String);

/// The processor time of this thread so far, for who gives up what takes too long. It
/// does not depend on what else the machine does.
#[cfg(unix)]
pub fn spent() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// The time since 1970, where there is no other.
#[cfg(not(unix))]
pub fn spent() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// The handle on the threads; clones share them. They end when the last is dropped.
#[derive(Clone, Debug)]
pub struct Pool {
    jobs: mpsc::Sender<Job>,
}

impl Pool {
    /// Starts `threads` threads. Join what comes back once every handle is dropped.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(threads: usize) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (jobs, queue) = mpsc::channel::<Job>(threads.max(1));
        let queue = Arc::new(Mutex::new(queue));
        let mut handles = Vec::with_capacity(threads);
        for _ in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            let thread = Builder::new().name("work".into()).stack_size(STACK_BYTES);
            handles.push(thread.spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                    let Some(job) = job else { return };
                    job();
                }
            })?);
        }
        Ok((Self { jobs }, handles))
    }

    /// Runs `work` on a thread of the pool. A dropped future leaves it running
    /// to its end, its result unheard.
    ///
    /// # Errors
    /// If it panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // A closure that panicked is dropped, so nobody sees what it left half done.
            let outcome = catch_unwind(AssertUnwindSafe(work));
            done.send(outcome.map_err(|panic| Panicked(panic_text(&*panic)))).ok();
        });
        self.jobs.send(job).await.map_err(|_| Panicked("the work pool is gone".into()))?;
        result.await.map_err(|_| Panicked("the work pool is gone".into()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_result_of_its_call_alone() {
        let (pool, threads) = Pool::start(1).unwrap();
        assert_eq!(pool.run(|| -> u8 { panic!("ouch") }).await, Err(Panicked("ouch".into())));
        assert_eq!(pool.run(|| 7).await, Ok(7));
        drop(pool);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
