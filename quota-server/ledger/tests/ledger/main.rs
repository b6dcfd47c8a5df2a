//! The ledger as its callers see it: every call in every state, random histories against a naive model, the journal's bytes,
//! and what `verify` finds.

#[cfg(test)]
mod table;
#[cfg(test)]
mod world;
