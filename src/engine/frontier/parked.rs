//! Which origins are left until a resume?

use super::{FIRST, Frontier};
use crate::engine::record::{OriginId, ServerId};

impl Frontier {
    /// Whether all URLs of an origin are left to the rows until a resume.
    pub(in crate::engine) fn is_parked(&self, origin: OriginId) -> bool {
        self.queue(origin).is_parked
    }

    /// Those that have something pending.
    pub(in crate::engine) fn parked(&self) -> impl Iterator<Item = OriginId> {
        (1_u32..)
            .zip(&self.queues)
            .filter(|(_, queue)| queue.is_parked && queue.pending > 0)
            .map(|(id, _)| OriginId(id))
    }

    /// Leaves the URLs of an origin where they are until a resume: on disk.
    pub(in crate::engine) fn park(&mut self, origin: OriginId) {
        let queue = self.queue_mut(origin);
        let pending = queue.pending;
        if !std::mem::replace(&mut queue.is_parked, true) {
            self.waiting -= pending;
        }
        self.share_out(origin);
        self.cut(origin, FIRST);
        self.set_open(origin, false);
    }

    /// Parks all origins of a server that are not parked yet, and names them.
    pub(in crate::engine) fn park_server(&mut self, server: ServerId) -> Vec<OriginId> {
        let mut origins: Vec<_> = self.origins_of(server).collect();
        origins.retain(|origin| !self.queue(*origin).is_parked);
        origins.reverse();
        origins.iter().for_each(|origin| self.park(*origin));
        origins
    }

    /// A URL of a parked origin that was done is a pending row again.
    pub(in crate::engine) fn reopen(&mut self, origin: OriginId) {
        let queue = self.queue_mut(origin);
        debug_assert!(queue.is_parked, "so it waits on disk");
        queue.pending += 1;
    }
}
