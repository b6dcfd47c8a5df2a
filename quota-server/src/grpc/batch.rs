//! Batches answered per item, in order: what cannot be read does not keep the rest from being carried out.

use super::answer::Outcome;
use crate::engine::Answered;
use ferry_api::InvalidField;
use ferry_api::bound::BATCH_ITEMS_MAX;
use std::marker::PhantomData;
use tonic::Status;

/// Which items of a batch could be read.
pub(super) struct Batch<C> {
    items: Vec<Result<(), InvalidField>>,
    calls: PhantomData<C>,
}

impl<C> Batch<C> {
    /// Reads every item; gives the calls that could be read, in order.
    pub(super) fn read<W>(wire: Vec<W>) -> Result<(Self, Vec<C>), Status>
    where
        C: TryFrom<W, Error = InvalidField>,
    {
        if wire.len() > BATCH_ITEMS_MAX {
            let message = format!("items: more than {BATCH_ITEMS_MAX}");
            return Err(Status::invalid_argument(message));
        }
        let mut calls = Vec::with_capacity(wire.len());
        let items = wire
            .into_iter()
            .map(|item| C::try_from(item).map(|call| calls.push(call)));
        let items = items.collect();
        let batch = Self {
            items,
            calls: PhantomData,
        };
        Ok((batch, calls))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Puts the answers back in the order of the items.
    pub(super) fn write<A, R>(
        self,
        answers: Vec<Answered<A>>,
        write: impl Fn(Answered<A>) -> (R, Outcome),
        error: impl Fn(ItemFault) -> R,
    ) -> Vec<(R, Outcome)> {
        let mut answers = answers.into_iter();
        let one = |item| match item {
            Ok(()) => match answers.next() {
                Some(answer) => write(answer),
                None => (error(ItemFault::unanswered()), Outcome::error("internal")),
            },
            Err(field) => (error(ItemFault::invalid(&field)), Outcome::error("invalid")),
        };
        self.items.into_iter().map(one).collect()
    }
}

/// Why one item was not carried out: a gRPC status code, and what it is about.
pub(super) struct ItemFault {
    pub(super) code: tonic::Code,
    pub(super) message: String,
}

impl ItemFault {
    fn invalid(field: &InvalidField) -> Self {
        Self {
            code: tonic::Code::InvalidArgument,
            message: field.to_string(),
        }
    }

    fn unanswered() -> Self {
        Self {
            code: tonic::Code::Internal,
            message: "the engine gave no answer".to_owned(),
        }
    }
}
