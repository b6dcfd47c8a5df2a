//! The ledger: pure, deterministic decisions about money, and the journal they leave.
