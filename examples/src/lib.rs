//! The quickstart, the provider simulator, and what starts a whole gateway on one machine.
