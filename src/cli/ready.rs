//! What does a file lack for the reports that are wanted?
//!
//! One with few links, or whose crawl was stopped, lacks the index on link targets, and
//! one of an older program lacks views.

use std::path::Path;
use std::time::Duration;

use super::say;
use crate::crawler::secret;
use crate::store::{Error, Report, Reports, Store};
use crate::visit::unix_ms;

/// How long somebody waits before they want to know for what.
const NOTICEABLE: Duration = Duration::from_millis(300);

/// Makes what the file lacks for these reports; if that cannot be, says what to expect.
pub(super) async fn make_ready(
    path: &Path,
    crawl_id: i64,
    wanted: &[&Report],
    quiet: bool,
) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let (is_current, lacks_links) = {
        let reports = Reports::open(path)?;
        (reports.is_current()?, reports.lacks_links(crawl_id, wanted)?)
    };
    if is_current && !lacks_links {
        return Ok(());
    }
    let name = path.display();
    let store = match Store::open(path, secret(), unix_ms()).await {
        Ok(store) => store,
        Err(error @ (Error::InUse(_) | Error::Open(..) | Error::Lock(..) | Error::Database(_))) => {
            let why = if matches!(error, Error::InUse(_)) {
                "is in use".to_owned()
            } else {
                error.to_string()
            };
            if !is_current {
                say(&format!(
                    "note: {name} was made by another version of crawlite and {why}; some reports may fail"
                ));
            }
            if lacks_links && !quiet {
                say(&format!(
                    "note: {name} {why}, so its links are not indexed: one page stands for those that link, and inlinks may be blank"
                ));
            }
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if lacks_links {
        let made = store.index_links(crawl_id);
        tokio::pin!(made);
        tokio::select! {
            done = &mut made => done?,
            () = tokio::time::sleep(NOTICEABLE) => {
                if !quiet {
                    say(&format!(
                        "Building the index of links in {name}, once; that takes a second per million ..."
                    ));
                }
                made.await?;
            }
        }
    }
    store.close().await?;
    Ok(())
}
