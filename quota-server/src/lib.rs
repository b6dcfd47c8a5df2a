//! The quota-and-ledger server, and ferry, its command line.
