//! A batch of one: a frozen book goes on, once all of it was verified.

use super::book_work::BookWork;
use crate::engine::call::BookView;
use crate::engine::thaw::ThawAnswer;
use crate::store::{Store, StoreError, Touch};
use ferry_ledger::{Event, Position, ThawBook, UnixMs};
use ferry_types::TenantId;

/// Decides and writes, ready to be committed; `None` if there is no such tenant. What has been in memory of the book is not used: it
/// is from before somebody mended the rows.
pub(in crate::engine) fn thaw_tenant(
    store: &mut dyn Store,
    tenant: &TenantId,
    order: &ThawBook,
    now: UnixMs,
) -> Result<Option<ThawAnswer>, StoreError> {
    let touch = Touch::new(tenant.clone());
    let Some(book) = store.load(std::slice::from_ref(&touch))?.pop().flatten() else {
        return Ok(None);
    };
    if let Err(why) = order.fits(book.frozen, &book.head) {
        return Ok(Some(why.into()));
    }
    let frozen_for = store.thaw(tenant)?;
    let mut work = BookWork::new(touch, Some(book));
    work.carry(
        &Event::Thawed(Box::new(order.thaw(frozen_for.clone()))),
        now,
    );
    if let Some(why) = work.broken() {
        return Err(StoreError::Corrupt(why.to_owned()));
    }
    store.persist(work.change().as_slice())?;
    Ok(work.book().map(|book| ThawAnswer::Done {
        frozen_for,
        head: book.head,
        book: Some(BookView {
            tenant: tenant.clone(),
            currency: book.currency,
            position: Position {
                place: book.head.place(),
                available: book.available(now),
            },
            head: book.head,
        }),
    }))
}
