//! The ledger as its callers see it: every call in every state, random histories against a naive model, the journal's bytes,
//! and what `verify` finds.

#[cfg(test)]
mod closing;
#[cfg(test)]
mod corrections;
#[cfg(test)]
mod currencies;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod house;
#[cfg(test)]
mod house_journal;
#[cfg(test)]
mod house_replay;
#[cfg(test)]
mod house_reversals;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod model;
#[cfg(test)]
mod moments;
#[cfg(test)]
mod pricing;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod resellers;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod seal;
#[cfg(test)]
mod served;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod table;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod thaw;
#[cfg(test)]
mod told;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod windows;
#[cfg(test)]
mod world;
