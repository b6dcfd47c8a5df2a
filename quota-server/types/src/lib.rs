//! Money, prices, tokens, usage and ids: the words that every other crate speaks.
