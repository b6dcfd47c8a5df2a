//! The filter without its host: events in, effects out.
