//! The calls of the service, read and checked: who asks, for which reservation, and what.

use crate::bound::FILTER_VERSION_BYTES_MAX;
use crate::invalid::{InvalidField, bounded, required};
use crate::settlement::{attempts_from, cause_from};
use crate::v1;
use ferry_types::{KeyDigest, RequestFacts, ReservationId, Settlement, TenantId, Usage};

/// Who asks: the customer's key as the filter digested it, and the filter itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The filter's version.
    pub filter_version: String,
    /// What stands for the customer's key.
    pub key_digest: KeyDigest,
    /// The tenant that an earlier answer named.
    pub tenant: Option<TenantId>,
}

/// Reserve: decide one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Drawn by the filter for this request.
    pub id: ReservationId,
    /// Who asks.
    pub caller: Caller,
    /// The request as the filter measured it.
    pub facts: RequestFacts,
}

/// One item of Renew: the reservation lives, and has used this much so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Which reservation.
    pub id: ReservationId,
    /// Who asks.
    pub caller: Caller,
    /// Cumulative.
    pub usage: Usage,
    /// Output tokens per choice that it shall be allowed in all; 0 to leave them as they are.
    pub output_tokens_target: u64,
}

/// One item of Settle: how a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Which reservation.
    pub id: ReservationId,
    /// Who asks.
    pub caller: Caller,
    /// The end, complete in itself.
    pub settlement: Settlement,
}

/// One item of Release: nothing was sent to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which reservation.
    pub id: ReservationId,
    /// Who asks.
    pub caller: Caller,
}

impl TryFrom<v1::Caller> for Caller {
    type Error = InvalidField;

    fn try_from(wire: v1::Caller) -> Result<Self, InvalidField> {
        let v1::Caller {
            filter_version,
            key_digest,
            tenant_id,
        } = wire;
        let tenant = match tenant_id.as_str() {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|e| InvalidField::new("tenant_id", e))?,
            ),
        };
        Ok(Self {
            filter_version: bounded(filter_version, FILTER_VERSION_BYTES_MAX, "filter_version")?,
            key_digest: KeyDigest::from_bytes(&key_digest)
                .ok_or_else(|| InvalidField::new("key_digest", "not 32 bytes"))?,
            tenant,
        })
    }
}

impl From<&Caller> for v1::Caller {
    fn from(caller: &Caller) -> Self {
        let Caller {
            filter_version,
            key_digest,
            tenant,
        } = caller;
        Self {
            filter_version: filter_version.clone(),
            key_digest: key_digest.as_bytes().to_vec(),
            tenant_id: tenant.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::ReserveRequest> for Reserve {
    type Error = InvalidField;

    fn try_from(wire: v1::ReserveRequest) -> Result<Self, InvalidField> {
        let v1::ReserveRequest {
            reservation_id,
            caller,
            facts,
        } = wire;
        Ok(Self {
            id: id_from(&reservation_id)?,
            caller: caller_from(caller)?,
            facts: facts_from(facts)?,
        })
    }
}

impl From<&Reserve> for v1::ReserveRequest {
    fn from(call: &Reserve) -> Self {
        let Reserve { id, caller, facts } = call;
        Self {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(caller.into()),
            facts: Some(facts.into()),
        }
    }
}

impl TryFrom<v1::RenewItem> for Renew {
    type Error = InvalidField;

    fn try_from(wire: v1::RenewItem) -> Result<Self, InvalidField> {
        let v1::RenewItem {
            reservation_id,
            caller,
            usage,
            output_tokens_target,
        } = wire;
        Ok(Self {
            id: id_from(&reservation_id)?,
            caller: caller_from(caller)?,
            usage: required(usage, "usage")?.into(),
            output_tokens_target,
        })
    }
}

impl From<&Renew> for v1::RenewItem {
    fn from(call: &Renew) -> Self {
        let Renew {
            id,
            caller,
            usage,
            output_tokens_target,
        } = call;
        Self {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(caller.into()),
            usage: Some((*usage).into()),
            output_tokens_target: *output_tokens_target,
        }
    }
}

impl TryFrom<v1::SettleItem> for Settle {
    type Error = InvalidField;

    fn try_from(wire: v1::SettleItem) -> Result<Self, InvalidField> {
        let v1::SettleItem {
            reservation_id,
            caller,
            facts,
            output_tokens_max,
            cause,
            attempts,
            latency_ms,
            status,
        } = wire;
        Ok(Self {
            id: id_from(&reservation_id)?,
            caller: caller_from(caller)?,
            settlement: Settlement {
                facts: facts_from(facts)?,
                output_tokens_max,
                cause: cause_from(cause)?,
                attempts: attempts_from(attempts)?,
                latency_ms,
                status,
            },
        })
    }
}

impl From<&Settle> for v1::SettleItem {
    fn from(call: &Settle) -> Self {
        let Settle {
            id,
            caller,
            settlement,
        } = call;
        let Settlement {
            facts,
            output_tokens_max,
            cause,
            attempts,
            latency_ms,
            status,
        } = settlement;
        Self {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(caller.into()),
            facts: Some(facts.into()),
            output_tokens_max: *output_tokens_max,
            cause: v1::EndCause::from(*cause).into(),
            attempts: attempts.iter().map(v1::Attempt::from).collect(),
            latency_ms: *latency_ms,
            status: *status,
        }
    }
}

impl TryFrom<v1::ReleaseItem> for Release {
    type Error = InvalidField;

    fn try_from(wire: v1::ReleaseItem) -> Result<Self, InvalidField> {
        let v1::ReleaseItem {
            reservation_id,
            caller,
        } = wire;
        Ok(Self {
            id: id_from(&reservation_id)?,
            caller: caller_from(caller)?,
        })
    }
}

impl From<&Release> for v1::ReleaseItem {
    fn from(call: &Release) -> Self {
        let Release { id, caller } = call;
        Self {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(caller.into()),
        }
    }
}

impl TryFrom<v1::ListModelsRequest> for Caller {
    type Error = InvalidField;

    fn try_from(wire: v1::ListModelsRequest) -> Result<Self, InvalidField> {
        let v1::ListModelsRequest { caller } = wire;
        caller_from(caller)
    }
}

fn id_from(bytes: &[u8]) -> Result<ReservationId, InvalidField> {
    ReservationId::from_bytes(bytes).map_err(|e| InvalidField::new("reservation_id", e))
}

fn caller_from(wire: Option<v1::Caller>) -> Result<Caller, InvalidField> {
    Caller::try_from(required(wire, "caller")?).map_err(|e| e.within("caller"))
}

fn facts_from(wire: Option<v1::RequestFacts>) -> Result<RequestFacts, InvalidField> {
    RequestFacts::try_from(required(wire, "facts")?).map_err(|e| e.within("facts"))
}

#[cfg(test)]
mod tests;
