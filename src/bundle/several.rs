//! One page of several searches about one person, one behind the other.
//!
//! Part of `bundle`. Each search was cut, merged and ordered as it would be alone; here their entries are
//! put together until the page is full, and the link to the next page says where to go on.

use std::time::Duration;

use super::{Answer, Frame, Page};
use crate::{
    error::Result,
    federation::State,
    query::{Query, page::Cursor},
};

/// A page in the making.
pub struct Several<'a> {
    page: Page<'a>,
    is_full: bool,
}

impl<'a> Several<'a> {
    /// An empty page of this question.
    pub fn new(whole: &'a Query, frame: Frame<'a>, known_current: Duration) -> Self {
        // How much there is in all is known of none of the searches that come later.
        let page = Page { total: None, ..Page::new(whole, frame, known_current) };
        Self { page, is_full: false }
    }

    /// Is there no room for more?
    pub const fn is_full(&self) -> bool {
        self.is_full
    }

    /// Adds what the search of this number found; `is_last` if no other follows.
    pub fn add(&mut self, number: usize, is_last: bool, mut found: Page<'_>) {
        found.cut();
        let Page { entries, sent, statements, next, known_current, query, .. } = found;
        let room = self.page.query.count.saturating_sub(self.page.entries.len());
        let source = u8::try_from(number).unwrap_or(u8::MAX);
        let is_more = entries.len() > room;
        self.page.entries.extend(entries.into_iter().take(room));
        self.page.sent.extend(sent);
        self.page.known_current = self.page.known_current.min(known_current);
        for statement in statements {
            match self.page.statements.iter_mut().find(|known| known.node == statement.node) {
                None => self.page.statements.push(statement),
                // A source is as complete as the least of its parts.
                Some(known) if known.state == State::Complete => known.state = statement.state,
                Some(_) => {}
            }
        }
        self.is_full = self.page.entries.len() >= self.page.query.count;
        self.page.next = if is_more {
            let last = self.page.entries.last();
            let after = last.map(|last| (last.at(&query.sort), last.id().to_owned()));
            // Where nothing of this search found room, it starts the next page.
            let after = after.filter(|_| room > 0);
            Some(Cursor { source, after, peer: None })
        } else if let Some(next) = next {
            Some(Cursor { source, ..next })
        } else if self.is_full && !is_last {
            Some(Cursor { source: source.saturating_add(1), after: None, peer: None })
        } else {
            None
        };
    }

    /// The finished page.
    ///
    /// # Errors
    /// As [`Page::close`].
    pub fn close(self) -> Result<Answer> {
        self.page.write()
    }
}
