//! The chains of a log that several processes share: each record is tied to the one before it.
//!
//! Beside [`super::tree`]: a process adds to its own chain at once, the tree comes to it later, so
//! between the two a record is kept in its place by its *link*, a hash under a key that the database
//! does not have. Who has the key finds every record that was changed, moved, put in or taken out;
//! who has not can still count the numbers. Knows no database. Design 9.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec,
};

use aws_lc_rs::hmac;

use crate::{
    error::Result,
    store::postgres::{
        Ledger,
        ledger::{End, Record},
    },
};

/// How many records of the tree, and how many batches beyond it, are read at once.
const PAGE: usize = 500;
const BATCHES: usize = 16;

/// Makes links.
#[derive(Clone)]
pub struct LinkKey(hmac::Key);

impl LinkKey {
    /// The key of the log whose node key this is.
    pub fn of_node(node_key: &[u8; 32]) -> Self {
        let from = hmac::Key::new(hmac::HMAC_SHA256, node_key);
        let key = hmac::sign(&from, b"links of the audit log's chains");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// The end of a chain that ended in `before`, once this frame has been added.
    pub fn next(&self, before: End, chain: &str, frame: &[u8]) -> End {
        let number = before.number + 1;
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(&before.link);
        mac.update(&(chain.len() as u64).to_be_bytes());
        mac.update(chain.as_bytes());
        mac.update(&number.to_be_bytes());
        mac.update(frame);
        let mut link = [0; 32];
        link.iter_mut().zip(mac.sign().as_ref()).for_each(|(to, from)| *to = *from);
        End { number, link }
    }
}

/// What a walk over a shared log meets.
pub enum Met {
    /// A place of the tree, and its record if it is there.
    Placed {
        /// 0, 1, 2, ...
        place: u64,
        /// Chain of the record.
        chain: Arc<str>,
        /// Number of the record.
        number: u64,
        /// The record.
        record: Option<Record>,
    },
    /// A record that was in no tree when the walk passed the tree's end.
    Waiting(Record),
}

/// Walks a shared log: the tree from its first leaf, then what is not in it yet, chain by chain. It
/// blocks on the database, and may go on while the log is written.
pub struct Walk {
    ledger: Ledger,
    met: VecDeque<Met>,
    next: u64,
    /// Numbers of the last records met.
    last: BTreeMap<Arc<str>, u64>,
    /// Chains still to be followed beyond the tree; none while the walk is in it.
    beyond: Option<vec::IntoIter<Arc<str>>>,
    /// The chain that is followed.
    chain: Option<Arc<str>>,
}

impl Walk {
    /// From the beginning.
    pub fn new(ledger: Ledger) -> Self {
        let (met, last) = (VecDeque::new(), BTreeMap::new());
        Self { ledger, met, next: 0, last, beyond: None, chain: None }
    }

    fn read_on(&mut self) -> Result<()> {
        let Some(beyond) = &mut self.beyond else { return self.read_tree() };
        let Some(chain) = self.chain.take().or_else(|| beyond.next()) else { return Ok(()) };
        let after = self.last.get(&chain).copied().unwrap_or_default();
        let records = self.ledger.wait(self.ledger.records(&chain, after, BATCHES))?;
        if let Some(last) = records.last() {
            self.last.insert(Arc::clone(&chain), last.number);
            self.met.extend(records.into_iter().map(Met::Waiting));
            self.chain = Some(chain);
        }
        Ok(())
    }

    fn read_tree(&mut self) -> Result<()> {
        let page = self.ledger.wait(self.ledger.placed(self.next, PAGE))?;
        let Some(last) = page.last() else {
            self.beyond = Some(self.ledger.wait(self.ledger.chains())?.into_iter());
            return Ok(());
        };
        self.next = last.place + 1;
        for one in page {
            let at = self.last.entry(Arc::clone(&one.chain)).or_default();
            *at = one.number.max(*at);
            let (place, chain, number) = (one.place, one.chain, one.number);
            self.met.push_back(Met::Placed { place, chain, number, record: one.record });
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.chain.is_none() && self.beyond.as_ref().is_some_and(|rest| rest.as_slice().is_empty())
    }
}

impl Iterator for Walk {
    type Item = Result<Met>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(met) = self.met.pop_front() {
                return Some(Ok(met));
            }
            if self.is_over() {
                return None;
            }
            if let Err(error) = self.read_on() {
                (self.chain, self.beyond) = (None, Some(Vec::new().into_iter()));
                return Some(Err(error));
            }
        }
    }
}
