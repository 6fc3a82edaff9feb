//! Documents of different people go into the store together, so that one fsync serves many.
//!
//! Part of `mylife load`. Documents that meet at one person, one identity code or one id stand in one
//! chain and go one after another, in their order; chains go side by side, a bounded number of them.
//! What came of each is told in the order of the documents. It must not judge or commit by itself:
//! that is for `native` and `commit`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::task::JoinSet;

use super::Tally;
use crate::{
    audit::step::{Author, Request},
    chance::base32,
    cli::{documents::Found, exit::Exit, output::Progress},
    commit::{self, Desk},
    error::{Error, Result},
    gateway::{Gateway, write::conversion::Converted},
    native::{self, Native, Rules, Typed},
    source::local::Local,
    store::{DocumentKind, IdentityMac},
};

/// Chains that go side by side.
const CHAINS: usize = 64;
/// Documents in memory that have been read and wait for their turn.
const WAITING: usize = 1024;

/// A gateway that is loaded, and in whose name.
pub(super) struct Loader {
    /// The gateway.
    pub(super) gateway: Arc<Gateway>,
    /// The client that owns the documents.
    pub(super) client: String,
    /// Its organisation, `urn:oid:...`.
    pub(super) organization: String,
}

/// What became of one document.
pub(super) enum Became {
    /// It was not there before.
    New,
    /// It was: another version, or the same.
    Known,
    /// Paths and what is wrong at each.
    Refused(Vec<(String, String)>),
}

/// At what two documents can meet, so that their order counts.
#[derive(Eq, Hash, PartialEq)]
enum Meeting {
    Person(String),
    Document(String),
    Code(IdentityMac),
    Compartment(Arc<str>),
}

/// A document on its way: its row among those read, and itself.
type Waiting = (usize, Native);

/// Documents that were read and are not in the store yet.
pub(super) struct Abreast<'a> {
    loader: Arc<Loader>,
    progress: &'a Progress,
    rows: Vec<(String, Option<Became>)>,
    chains: Vec<Vec<Waiting>>,
    meetings: HashMap<Meeting, usize>,
}

impl<'a> Abreast<'a> {
    /// None yet.
    pub(super) fn new(loader: Loader, progress: &'a Progress) -> Self {
        Self {
            loader: Arc::new(loader),
            progress,
            rows: Vec::new(),
            chains: Vec::new(),
            meetings: HashMap::new(),
        }
    }

    /// Takes one more; those that wait go first if it cannot stand among them.
    ///
    /// # Errors
    /// What would fail for every document: the store, the log.
    pub(super) async fn take(&mut self, found: Found, tally: &mut Tally) -> Result<()> {
        let judged = native::validate(&found.bytes, &self.loader.rules());
        match judged {
            Ok(document) => self.put(found.place, document, tally).await,
            Err(faults) => {
                let told = faults.into_iter().map(|fault| (fault.path, fault.say)).collect();
                self.refuse(found.place, told);
                Ok(())
            }
        }
    }

    /// The same of what a filter made, or did not make.
    ///
    /// # Errors
    /// As [`Abreast::take`].
    pub(super) async fn take_made(
        &mut self,
        place: String,
        made: Result<Converted<'_>>,
        tally: &mut Tally,
    ) -> Result<()> {
        let told = match made {
            Err(error) => refusal(error)?,
            Ok(made) => match made.judged(native::validate(&made.bytes, &self.loader.rules())) {
                Ok(document) => return self.put(place, document, tally).await,
                Err(faults) => {
                    let told = |fault: native::Fault| {
                        let say = made.filter.told(&fault.say);
                        (fault.path, say)
                    };
                    faults.into_iter().map(told).collect()
                }
            },
        };
        self.refuse(place, told);
        Ok(())
    }

    fn refuse(&mut self, place: String, faults: Vec<(String, String)>) {
        self.rows.push((place, Some(Became::Refused(faults))));
        self.progress.step();
    }

    async fn put(&mut self, place: String, document: Native, tally: &mut Tally) -> Result<()> {
        let mut meetings = self.loader.meetings(&document).await?;
        let met: BTreeSet<usize> =
            meetings.iter().filter_map(|at| self.meetings.get(at).copied()).collect();
        let no_room = met.is_empty() && self.chains.len() == CHAINS;
        let chain = if met.len() > 1 || no_room || self.rows.len() >= WAITING {
            self.land(tally).await?;
            // What has landed may be where this one belongs.
            meetings = self.loader.meetings(&document).await?;
            None
        } else {
            met.first().copied()
        };
        let row = self.rows.len();
        self.rows.push((place, None));
        let at = chain.unwrap_or(self.chains.len());
        match self.chains.get_mut(at) {
            Some(chain) => chain.push((row, document)),
            None => self.chains.push(vec![(row, document)]),
        }
        self.meetings.extend(meetings.into_iter().map(|meeting| (meeting, at)));
        Ok(())
    }

    /// Commits all that wait. Where one fails for a reason of the store, its chain ends there, the
    /// others go on to their ends, and the failure of the first document is given back.
    ///
    /// # Errors
    /// As [`Abreast::take`].
    pub(super) async fn land(&mut self, tally: &mut Tally) -> Result<()> {
        self.meetings.clear();
        let mut flights = JoinSet::new();
        for chain in self.chains.drain(..) {
            flights.spawn(one_after_another(Arc::clone(&self.loader), chain));
        }
        let mut failed: Option<(usize, Error)> = None;
        while let Some(landed) = flights.join_next().await {
            for (row, became) in landed.map_err(Error::internal)? {
                self.progress.step();
                match (became, self.rows.get_mut(row)) {
                    (Ok(became), Some((_, told))) => *told = Some(became),
                    (Ok(_), None) => {}
                    (Err(error), _) => {
                        if failed.as_ref().is_none_or(|(first, _)| row < *first) {
                            failed = Some((row, error));
                        }
                    }
                }
            }
        }
        if let Some((_, error)) = failed {
            return Err(error);
        }
        for (place, became) in self.rows.drain(..) {
            match became {
                Some(Became::New) => tally.new += 1,
                Some(Became::Known) => tally.known += 1,
                Some(Became::Refused(faults)) => tally.refused.push((place, faults)),
                None => return Err(Error::internal("a document was lost on its way")),
            }
        }
        Ok(())
    }
}

/// One chain; it ends at the first failure that is not the document's own.
async fn one_after_another(
    loader: Arc<Loader>,
    chain: Vec<Waiting>,
) -> Vec<(usize, Result<Became>)> {
    let mut all = Vec::with_capacity(chain.len());
    for (row, document) in chain {
        let became = loader.commit(&document).await;
        let ends = became.is_err();
        all.push((row, became));
        if ends {
            break;
        }
    }
    all
}

impl Loader {
    fn local(&self) -> Result<&Local> {
        let local = self.gateway.reach.sources.local.as_deref();
        local.ok_or_else(|| Error::invalid("This gateway holds no data: holds_data = false."))
    }

    fn rules(&self) -> Rules<'_> {
        let gateway = &self.gateway;
        Rules {
            schemas: &gateway.schemas,
            now: gateway.clock.now(),
            test_range: gateway.limits.test_range,
            limits: gateway.limits.document,
        }
    }

    /// Where a document can meet another, in what waits and in what is stored.
    async fn meetings(&self, document: &Native) -> Result<Vec<Meeting>> {
        let (local, typed) = (self.local()?, document.typed());
        let person = typed.person().as_str();
        let known = local.store().local(&self.client, DocumentKind::Person, person).await?;
        let mut all = vec![Meeting::Person(person.to_owned())];
        all.extend(known.map(|place| Meeting::Compartment(place.patient)));
        match typed {
            Typed::Assessment(_) | Typed::Plan(_) => {
                all.push(Meeting::Document(typed.id().as_str().to_owned()));
            }
            Typed::Person(person) => {
                if let Some(code) = &person.identity_code {
                    let code = self.gateway.keys.identity_mac(code.reveal());
                    all.push(Meeting::Code(code));
                    all.extend(local.find(code).await?.map(Meeting::Compartment));
                }
            }
        }
        Ok(all)
    }

    /// Commits one document, or tells why it is refused.
    async fn commit(&self, document: &Native) -> Result<Became> {
        let gateway = &self.gateway;
        let request = Request::alone(base32(&*gateway.chance, 16), "");
        let desk = Desk {
            node: &gateway.node,
            local: self.local()?,
            directory: &gateway.terms.directory,
            keys: &gateway.keys,
            chance: &*gateway.chance,
            log: &gateway.log,
            author: Author::Operator { client: &self.client, organization: &self.organization },
            request: &request,
            now: gateway.clock.now(),
            most: gateway.limits.documents,
        };
        match commit::native(&desk, document).await {
            Ok(written) if written.created => Ok(Became::New),
            Ok(_) => Ok(Became::Known),
            Err(error) => Ok(Became::Refused(refusal(error)?)),
        }
    }
}

/// What is told of a document that is refused.
///
/// # Errors
/// What would fail for each of the others too: storage, or a machine that can start no process.
fn refusal(error: Error) -> Result<Vec<(String, String)>> {
    if Exit::of(error.kind()) != Exit::Usage {
        return Err(error);
    }
    let places = match error.expression() {
        [] => vec!["$".to_owned()],
        places => places.to_vec(),
    };
    Ok(places.into_iter().map(|path| (path, error.say().to_owned())).collect())
}
