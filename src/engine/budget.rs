//! May another page of this host, or below this path, be fetched?
//!
//! Counts distinct pages when they start, whatever comes of them, so that a limit
//! is exact: never one page more. What is beyond is set aside.

use std::collections::HashMap;
use std::str::FromStr;

use crate::canonical::CanonicalUrl;
use crate::refusal::{Reason, Refusal};

/// `/blog/=100`: so many pages whose path begins so, on each host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What paths begin with.
    pub path: Box<str>,
    /// Pages at most.
    pub pages: u64,
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no budget: give a path and a number, such as /blog/=100");
        let (path, pages) = text.rsplit_once('=').ok_or_else(wrong)?;
        if !path.starts_with('/') {
            return Err(wrong());
        }
        Ok(Self { path: path.into(), pages: pages.trim().parse().map_err(|_| wrong())? })
    }
}

/// How much of each budget is used.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    per_host: Option<u64>,
    budgets: Vec<Budget>,
    /// By server.
    hosts: HashMap<Box<str>, u64>,
    /// By server and index of the budget.
    paths: HashMap<(Box<str>, usize), u64>,
}

impl Budgets {
    /// Nothing used yet.
    pub fn new(per_host: Option<u64>, budgets: Vec<Budget>) -> Self {
        Self { per_host, budgets, ..Self::default() }
    }

    /// Whether there is nothing to count.
    pub fn is_empty(&self) -> bool {
        self.per_host.is_none() && self.budgets.is_empty()
    }

    /// What stands against one more page, if a budget is used up.
    ///
    /// # Errors
    /// That budget.
    pub fn judge(&self, url: &CanonicalUrl) -> Result<(), Refusal> {
        let server = url.server();
        if let Some(limit) = self.per_host
            && self.hosts.get(server).copied().unwrap_or_default() >= limit
        {
            return Err(Refusal::new(Reason::Budget, format!("{limit} pages of {server}")));
        }
        for index in self.of(url) {
            let Budget { path, pages } = &self.budgets[index];
            if self.paths.get(&(server.into(), index)).copied().unwrap_or_default() >= *pages {
                return Err(Refusal::new(Reason::Budget, format!("{path}={pages}")));
            }
        }
        Ok(())
    }

    /// The budgets that a page counts towards, in words, with what is used of each.
    pub fn in_words(&self, url: &CanonicalUrl) -> Vec<String> {
        let server = url.server();
        let used = self.hosts.get(server).copied().unwrap_or_default();
        let of_host = self.per_host.map(|limit| format!("{used} of {limit} pages of {server}"));
        let of_paths = self.of(url).into_iter().map(|index| {
            let Budget { path, pages } = &self.budgets[index];
            let used = self.paths.get(&(server.into(), index)).copied().unwrap_or_default();
            format!("{used} of {pages} pages below {path}")
        });
        of_host.into_iter().chain(of_paths).collect()
    }

    /// A page starts, or was started in an earlier run.
    pub fn count(&mut self, url: &CanonicalUrl) {
        if self.is_empty() {
            return;
        }
        *self.hosts.entry(url.server().into()).or_default() += 1;
        for index in self.of(url) {
            *self.paths.entry((url.server().into(), index)).or_default() += 1;
        }
    }

    /// A page that started counts as if it had not.
    pub(super) fn give_back(&mut self, url: &CanonicalUrl) {
        if let Some(used) = self.hosts.get_mut(url.server()) {
            *used = used.saturating_sub(1);
        }
        for index in self.of(url) {
            if let Some(used) = self.paths.get_mut(&(url.server().into(), index)) {
                *used = used.saturating_sub(1);
            }
        }
    }

    /// The budgets that a page counts towards.
    fn of(&self, url: &CanonicalUrl) -> Vec<usize> {
        let is_below = |budget: &Budget| url.path_and_query().starts_with(&*budget.path);
        (0..self.budgets.len()).filter(|index| is_below(&self.budgets[*index])).collect()
    }
}
