//! Is what the file has of a page still what its server has?
//!
//! A further crawl asks for a page that an earlier one stored only if it changed.
//! A 304 makes the stored body the answer: it is read again as if it had come over
//! the network, so that its links are found again and judged by the rules of now.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::{Hold, Read, Visitor, page};
use crate::engine::record::{Candidate, Kind};
use crate::fetch::{Condition, FetchError, Fetched, Head, Method, Request};
use crate::store::StoredAnswer;

/// A stored answer that its server may confirm.
struct Offer {
    answer: StoredAnswer,
    head: Head,
    /// What the request says.
    condition: Condition,
}

/// A request that was answered.
pub(super) struct Asked {
    pub(super) fetched: Fetched,
    /// Until its last byte.
    pub(super) elapsed: Duration,
    /// What is read already.
    pub(super) read: Option<(Read, Hold)>,
    /// Whether it is a 304 that confirms nothing we have, though we asked.
    pub(super) is_unconfirmed: bool,
}

impl Visitor {
    /// Asks for a candidate, which began then.
    pub(super) async fn ask(
        &self,
        candidate: &Candidate,
        method: Method,
        began: Instant,
        received: &AtomicU64,
    ) -> Result<Asked, FetchError> {
        let offer = self.offer(candidate).await;
        let condition = offer.as_ref().map(|offer| offer.condition.clone());
        let wants = |head: &Head| self.wants_body(candidate.kind, head);
        let condition = condition.as_ref();
        let request = Request { url: &candidate.url, method, condition, received };
        let mut fetched = self.fetcher.get(request, wants).await?;
        let elapsed = began.elapsed();
        let is_304 = fetched.head.status == 304;
        let read = match offer.filter(|_| is_304) {
            Some(offer) => self.confirm(candidate, offer, &mut fetched).await,
            None => is_304.then(not_asked),
        };
        Ok(Asked { is_unconfirmed: is_304 && read.is_none(), fetched, elapsed, read })
    }

    /// What the file has of a candidate and may be confirmed; nothing for a second
    /// request, which is for all.
    async fn offer(&self, candidate: &Candidate) -> Option<Offer> {
        let may_be_there =
            candidate.revisit && candidate.kind == Kind::Page && candidate.attempts == 0;
        let earlier = self.earlier.as_ref().filter(|_| may_be_there)?;
        // A file that cannot be read is for the writer to complain about.
        let answer = earlier.answer(candidate.id).await.ok()??;
        let head = Head::from_json(200, &answer.headers);
        let condition = Condition::of(&head)?;
        let varies = head.get_all("vary").flat_map(|value| value.split(',')).any(|name| {
            let name = name.trim();
            name.eq_ignore_ascii_case("user-agent") && !answer.same_agent
                || self.rules.given_headers.iter().any(|given| given.eq_ignore_ascii_case(name))
        });
        (!varies).then_some(Offer { answer, head, condition })
    }

    /// Makes a 304 the answer that it confirms; nothing if it confirms another one, or
    /// what is stored is damaged.
    async fn confirm(
        &self,
        candidate: &Candidate,
        offer: Offer,
        fetched: &mut Fetched,
    ) -> Option<(Read, Hold)> {
        if !offer.condition.is_confirmed_by(&fetched.head) {
            return None;
        }
        let Offer { answer, head, .. } = offer;
        let size = usize::try_from(answer.size_bytes).unwrap_or(usize::MAX);
        let _room = self.fetcher.room_for(size).await;
        let packed = self.earlier.as_ref()?.body(&answer, self.rules.max_body).await.ok()??;
        let head = head.freshened_by(&fetched.head);
        let (rules, candidate) = (Arc::clone(&self.rules), candidate.clone());
        let mut hold = self.room.for_body(size, false, size).await;
        let said = head.clone();
        let read = self.pool.run(move || {
            let body = packed.unpack()?;
            let read = page::read_stored(&candidate, &body, &said, &rules);
            Some(Read { body_bytes: Some(body.len() as u64), is_unchanged: true, ..read })
        });
        let read = read.await.ok()??;
        if read.page.as_ref()?.content_hash != answer.content_hash {
            return None;
        }
        hold.shrink_to(&read);
        fetched.head = head;
        Some((read, hold))
    }
}

/// What comes of a 304 to a request without a condition.
fn not_asked() -> (Read, Hold) {
    (Read { error: Some(FetchError::NotAsked), ..Read::default() }, Hold::default())
}
