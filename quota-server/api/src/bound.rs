//! Most bytes in each string of the contract, so that no message can fill a record with text of its own making.
//!
//! A gateway cuts what a provider reported to these bounds ([`cut`]); what a client wrote beyond them is refused by the filter.

/// A model's name: the longest in use are paths such as `accounts/…/models/…`, below 128 bytes.
pub const MODEL_BYTES_MAX: usize = 256;
/// One attribution tag.
pub const TAG_BYTES_MAX: usize = ferry_types::request::TAG_BYTES_MAX;
/// A service tier: the known ones have at most 8 letters.
pub const SERVICE_TIER_BYTES_MAX: usize = 32;
/// A route's name: what a mesh generates out of namespace, name and rule.
pub const ROUTE_BYTES_MAX: usize = 256;
/// A provider's name in the price table.
pub const PROVIDER_BYTES_MAX: usize = 64;
/// A provider's request id: the known ones have at most 40 letters.
pub const PROVIDER_REQUEST_ID_BYTES_MAX: usize = 128;
/// The filter's version.
pub const FILTER_VERSION_BYTES_MAX: usize = 32;
/// Tries at providers within one request: Envoy's retries are far fewer.
pub const ATTEMPTS_MAX: usize = 16;
/// Items in one batch: what the outbox gathers in 20 ms under load, with room.
pub const BATCH_ITEMS_MAX: usize = 1024;
/// An encoded message: a full batch of settlements with every string at its usual length fits several times over.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest prefix of `text` within `bytes_max` that ends between two characters.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> &str {
    (0..=bytes_max.min(text.len()))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_cut_keeps_characters_whole() {
        for (text, bytes_max, kept) in [
            ("", 4, ""),
            ("gpt-4o", 6, "gpt-4o"),
            ("gpt-4o", 5, "gpt-4"),
            ("añb", 2, "a"),
            ("añb", 3, "añ"),
        ] {
            assert_eq!(cut(text, bytes_max), kept);
        }
    }
}
