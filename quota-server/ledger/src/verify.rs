//! The second look: replays a book's journal, and compares what the store says with what follows from it.
//!
//! Feed a [`Verifier`] every entry in order, then turn it into the [`Replayed`] book, show it every row of the store, and
//! finish. The first difference ends it, with its place. Refusals that are kept beside the journal are not verified.

use crate::apply::Misfit;
use crate::book::{Book, Head, Key, PostedTopUp, TopUpRef};
use crate::event::Event;
use crate::invariant::{self, Broken};
use crate::journal::Entry;
use crate::journal::codec::InvalidEncoding;
use crate::month::Month;
use crate::offer::{Candidate, Offer};
use crate::reservation::Reservation;
use crate::seal::MonthEnds;
use crate::totals::Totals;
use crate::transaction::Transaction;
use ferry_types::{Currency, Exchange, KeyId, Rates, ReservationId, TenantId};
use std::collections::BTreeSet;

/// Something in the store is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The entry cannot be read.
    #[error("entry {seq}: the content cannot be read")]
    Unreadable {
        /// Its number.
        seq: u64,
        /// Why.
        #[source]
        source: InvalidEncoding,
    },
    /// The entry breaks an invariant.
    #[error("entry {seq}")]
    Broken {
        /// Its number.
        seq: u64,
        /// Which.
        #[source]
        source: Broken,
    },
    /// The entry does not fit what came before.
    #[error("entry {seq}: it does not fit what came before")]
    Misfit {
        /// Its number.
        seq: u64,
        /// Why.
        #[source]
        source: Misfit,
    },
    /// The entry is priced by a version that is not known.
    #[error("entry {seq}: price version '{price_version}' has no model '{model}'")]
    UnknownPrice {
        /// Its number.
        seq: u64,
        /// The version.
        price_version: String,
        /// The model.
        model: String,
    },
    /// The entry is priced by other prices than its version's.
    #[error("entry {seq}: other prices than those of '{model}' in version '{price_version}'")]
    OtherPrice {
        /// Its number.
        seq: u64,
        /// The version.
        price_version: String,
        /// The model.
        model: String,
    },
    /// A seal tells of another entry than the last one before the month's end.
    #[error(
        "entry {seq}: the seal of {month} does not tell of the last entry before the month's end"
    )]
    Sealed {
        /// Its number.
        seq: u64,
        /// The month.
        month: Month,
    },
    /// The journal is empty.
    #[error("the journal is empty")]
    Empty,
    /// The book's row differs from the replay.
    #[error("{field} is stored as {stored}, but the journal says {replayed}")]
    Book {
        /// What.
        field: &'static str,
        /// In the store.
        stored: String,
        /// By the journal.
        replayed: String,
    },
    /// A row differs from the replay.
    #[error("{row}: {field} is not what the journal says")]
    Row {
        /// Which row.
        row: String,
        /// The first field that differs.
        field: &'static str,
    },
    /// The store has a row that the journal does not know.
    #[error("{row}: the journal does not know it")]
    UnknownRow {
        /// Which row.
        row: String,
    },
    /// The journal tells of a row that the store does not have.
    #[error("{row}: the store does not have it")]
    MissingRow {
        /// Which row.
        row: String,
    },
}

/// What a price version says of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// What the customer's price was made from, if the table is in another currency.
    pub exchange: Option<Exchange>,
    /// What the customer pays.
    pub customer: Rates,
    /// What each provider takes.
    pub costs: Vec<(String, Rates)>,
}

/// The price tables that were ever used.
pub trait Prices {
    /// What this version says of this model to whoever pays in this currency; `None` if that is not known.
    fn priced(&self, price_version: &str, model: &str, currency: Currency) -> Option<Priced>;
}

/// Replays a journal.
#[derive(Debug)]
pub struct Verifier<'a, P> {
    tenant: TenantId,
    prices: &'a P,
    book: Option<Book>,
    month_ends: MonthEnds,
    totals: Totals,
}

impl<'a, P: Prices> Verifier<'a, P> {
    /// Of this tenant's journal, from its first entry on.
    pub fn new(tenant: TenantId, prices: &'a P) -> Self {
        Self {
            tenant,
            prices,
            book: None,
            month_ends: MonthEnds::default(),
            totals: Totals::ZERO,
        }
    }

    /// Takes the next entry, and says what it moves between accounts.
    ///
    /// # Errors
    /// The first [`Difference`] in it.
    pub fn entry(&mut self, entry: &Entry) -> Result<Transaction, Difference> {
        let seq = entry.seq;
        let broken = |source| Difference::Broken { seq, source };
        let head = self.book.as_ref().map_or(Head::START, |book| book.head);
        invariant::i7_order(&head, entry).map_err(broken)?;
        invariant::i6_chain(&head, entry, &self.tenant).map_err(broken)?;
        let event = Event::decode(entry.kind, &entry.content)
            .map_err(|source| Difference::Unreadable { seq, source })?;
        self.check_price(seq, &event)?;
        self.month_ends.pass(head, entry.time);
        if let Event::MonthSealed(sealed) = &event
            && !self.month_ends.agree(sealed)
        {
            let month = sealed.month;
            return Err(Difference::Sealed { seq, month });
        }
        let misfit = |source| misfit(seq, source);
        let replayed = match &mut self.book {
            Some(book) => book.apply(&event, entry.time).map_err(misfit)?,
            None => {
                let (book, replayed) =
                    Book::open(self.tenant.clone(), &event, entry.time).map_err(misfit)?;
                self.book = Some(book);
                replayed
            }
        };
        self.totals.add(&replayed.transaction);
        // Encodings are canonical: what was read would be written as the same bytes.
        let same = replayed.entry == *entry;
        same.then_some(replayed.transaction)
            .ok_or(Difference::Broken {
                seq,
                source: Broken {
                    invariant: invariant::Invariant::I6,
                    finding: "the entry's content is not in its canonical form",
                },
            })
    }

    fn check_price(&self, seq: u64, event: &Event) -> Result<(), Difference> {
        let offer = match event {
            Event::Reserved(reserved) => Some(&reserved.offer),
            Event::Settled(settled) | Event::Adjusted(settled) => settled.offer.as_ref(),
            Event::TenantOpened { .. }
            | Event::TenantStateSet(_)
            | Event::TenantClosed(_)
            | Event::OverageSet(_)
            | Event::ResellerSet(_)
            | Event::ZoneSet(_)
            | Event::LimitSet { .. }
            | Event::LimitRemoved(_)
            | Event::GrantIssued { .. }
            | Event::GrantExpired { .. }
            | Event::KeyIssued { .. }
            | Event::KeyStateSet { .. }
            | Event::ToppedUp(_)
            | Event::Transferred(_)
            | Event::Renewed { .. }
            | Event::Released { .. }
            | Event::Expired(_)
            | Event::Parked(_)
            | Event::Corrected(_)
            | Event::MonthSealed(_)
            | Event::Thawed(_) => None,
        };
        let Some(offer) = offer else {
            return Ok(());
        };
        let (price_version, model) = (offer.price_version.clone(), offer.model.clone());
        match self.prices.priced(&price_version, &model, offer.currency) {
            None => Err(Difference::UnknownPrice {
                seq,
                price_version,
                model,
            }),
            Some(priced) if !is_priced_so(offer, &priced) => Err(Difference::OtherPrice {
                seq,
                price_version,
                model,
            }),
            Some(_) => Ok(()),
        }
    }

    /// The book that the journal makes.
    ///
    /// # Errors
    /// [`Difference`] if there was no entry, or if the whole does not hold together.
    pub fn replayed(self) -> Result<Replayed, Difference> {
        let book = self.book.ok_or(Difference::Empty)?;
        let seq = book.head.seq;
        invariant::i4_held_is_the_sum(&book)
            .and_then(|()| invariant::i4_counters_are_the_sum(&book))
            .and_then(|()| invariant::i5_rows_answer_again(&book))
            .and_then(|()| invariant::i11_records_are_the_lines(&self.totals, &book))
            .map_err(|source| Difference::Broken { seq, source })?;
        Ok(Replayed {
            reservations: book.reservations.keys().copied().collect(),
            keys: book.keys.keys().cloned().collect(),
            top_ups: book.top_ups.keys().cloned().collect(),
            book,
        })
    }
}

/// What an entry that cannot be carried out differs in.
pub(crate) fn misfit(seq: u64, source: Misfit) -> Difference {
    match source {
        Misfit::Broken(source) => Difference::Broken { seq, source },
        Misfit::Overflow | Misfit::FreedMoreThanHeld | Misfit::WrongState(_) => {
            Difference::Misfit { seq, source }
        }
    }
}

fn is_priced_so(offer: &Offer, priced: &Priced) -> bool {
    let cost_is_so = |candidate: &Candidate| {
        priced
            .costs
            .iter()
            .any(|(provider, cost)| *provider == candidate.provider && *cost == candidate.cost)
    };
    offer.customer == priced.customer
        && offer.exchange == priced.exchange
        && offer.candidates.iter().all(cost_is_so)
}

/// The book that a journal makes, and what of it the store has not shown yet.
#[derive(Clone, Debug)]
pub struct Replayed {
    book: Book,
    reservations: BTreeSet<ReservationId>,
    keys: BTreeSet<KeyId>,
    top_ups: BTreeSet<TopUpRef>,
}

impl Replayed {
    /// The book.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Compares the book's own row; its maps are not looked at.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn compare_book(&self, stored: &Book) -> Result<(), Difference> {
        let (book, currency) = (&self.book, self.book.currency);
        let head = |book: &Book| format!("{} at {}", book.head.seq, book.head.time.0);
        let hash = |book: &Book| hex(&book.head.hash);
        let fields = [
            ("the name", stored.name.clone(), book.name.clone()),
            (
                "the currency",
                stored.currency.to_string(),
                currency.to_string(),
            ),
            (
                "the state",
                stored.state.name().into(),
                book.state.name().into(),
            ),
            (
                "the balance",
                stored.posted.display(currency).to_string(),
                book.posted.display(currency).to_string(),
            ),
            (
                "what is held",
                stored.held.display(currency).to_string(),
                book.held.display(currency).to_string(),
            ),
            (
                "the overage policy",
                format!("{:?}", stored.overage),
                format!("{:?}", book.overage),
            ),
            (
                "the time zone",
                stored.zone.to_string(),
                book.zone.to_string(),
            ),
            (
                "the reseller",
                format!("{:?}", stored.reseller),
                format!("{:?}", book.reseller),
            ),
            ("the journal's end", head(stored), head(book)),
            ("the journal's hash", hash(stored), hash(book)),
        ];
        for (field, stored, replayed) in fields {
            if stored != replayed {
                return Err(Difference::Book {
                    field,
                    stored,
                    replayed,
                });
            }
        }
        Ok(())
    }

    /// Compares a reservation's row.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn compare_reservation(&mut self, stored: &Reservation) -> Result<(), Difference> {
        let row = || format!("reservation {}", stored.id);
        let Some(replayed) = self.book.reservations.get(&stored.id) else {
            return Err(Difference::UnknownRow { row: row() });
        };
        self.reservations.remove(&stored.id);
        let differs = [
            ("the owner", replayed.owner != stored.owner),
            ("the state", replayed.state.name() != stored.state.name()),
            ("the hold", replayed.hold != stored.hold),
            ("the offer", replayed.offer != stored.offer),
            ("the request", replayed.facts != stored.facts),
            ("what it came to", replayed.state != stored.state),
        ];
        first_field(&differs, row)
    }

    /// Compares a key's row.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn compare_key(&mut self, id: &KeyId, stored: &Key) -> Result<(), Difference> {
        let row = || format!("key {id}");
        let Some(replayed) = self.book.keys.get(id) else {
            return Err(Difference::UnknownRow { row: row() });
        };
        self.keys.remove(id);
        let differs = [
            ("the label", replayed.label != stored.label),
            ("the state", replayed.state != stored.state),
            (
                "the time of its issue",
                replayed.issued_at != stored.issued_at,
            ),
            ("its end", replayed.expires_at != stored.expires_at),
        ];
        first_field(&differs, row)
    }

    /// Compares a top-up's row.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn compare_top_up(
        &mut self,
        reference: &TopUpRef,
        stored: &PostedTopUp,
    ) -> Result<(), Difference> {
        let row = || top_up_row(reference);
        let Some(replayed) = self.book.top_ups.get(reference) else {
            return Err(Difference::UnknownRow { row: row() });
        };
        self.top_ups.remove(reference);
        let differs = [
            ("the amount", replayed.amount != stored.amount),
            ("the time", replayed.at != stored.at),
            ("the entry", replayed.seq != stored.seq),
        ];
        first_field(&differs, row)
    }

    /// Ends the comparison: the store must have shown every row.
    ///
    /// # Errors
    /// [`Difference`] names the first row that the store does not have.
    pub fn finish(self) -> Result<Book, Difference> {
        let reservation = self
            .reservations
            .first()
            .map(|id| format!("reservation {id}"));
        let key = self.keys.first().map(|id| format!("key {id}"));
        let top_up = self.top_ups.first().map(top_up_row);
        match reservation.or(key).or(top_up) {
            Some(row) => Err(Difference::MissingRow { row }),
            None => Ok(self.book),
        }
    }
}

fn top_up_row(reference: &TopUpRef) -> String {
    format!(
        "top-up {} of {}",
        reference.external_reference, reference.source
    )
}

fn first_field(
    differs: &[(&'static str, bool)],
    row: impl Fn() -> String,
) -> Result<(), Difference> {
    match differs.iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Err(Difference::Row { row: row(), field }),
        None => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
