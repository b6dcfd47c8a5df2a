//! Calls on a stream, as a gateway writes and reads them: what they carry stays encoded.
//!
//! These are the wire forms of [`ConverseRequest`](crate::v1::ConverseRequest) and
//! [`ConverseResponse`](crate::v1::ConverseResponse); tests hold them to the generated ones.

use crate::method;
use prost::encoding::{decode_varint, encode_varint};

/// Protobuf's wire type of a number.
const VARINT: u64 = 0;
/// Protobuf's wire type of bytes, text and messages.
const LENGTH_DELIMITED: u64 = 2;

/// The field of a method's request, and of its response.
fn field(method: &str) -> Option<u64> {
    match method {
        method::RESERVE => Some(3),
        method::RENEW => Some(4),
        method::SETTLE => Some(5),
        method::RELEASE => Some(6),
        method::LIST_MODELS => Some(7),
        _ => None,
    }
}

/// A call with its encoded request; `None` of a method that is not called on a stream.
#[must_use]
pub fn request(call: u64, method: &str, timeout_ms: u32, message: &[u8]) -> Option<Vec<u8>> {
    /// More than the numbers before the message take.
    const HEAD_BYTES_MAX: usize = 32;
    let field = field(method)?;
    let mut bytes = Vec::with_capacity(message.len().saturating_add(HEAD_BYTES_MAX));
    for (field, number) in [(1, call), (2, u64::from(timeout_ms))] {
        if number != 0 {
            encode_varint(key(field, VARINT), &mut bytes);
            encode_varint(number, &mut bytes);
        }
    }
    encode_varint(key(field, LENGTH_DELIMITED), &mut bytes);
    encode_varint(message.len() as u64, &mut bytes);
    bytes.extend_from_slice(message);
    Some(bytes)
}

const fn key(field: u64, wire_type: u64) -> u64 {
    field << 3 | wire_type
}

/// An answer with its encoded response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Whose answer it is; zero if the server is about to stop.
    pub call: u64,
    /// The response, or a gRPC status that is not OK.
    pub result: Result<&'a [u8], u32>,
}

/// Reads an answer; `None` if it is none. Fields that are not known are skipped.
#[must_use]
pub fn response(mut bytes: &[u8]) -> Option<Response<'_>> {
    let (mut call, mut status) = (0, 0);
    let mut message: &[u8] = &[];
    while !bytes.is_empty() {
        let key = decode_varint(&mut bytes).ok()?;
        let number = decode_varint(&mut bytes).ok()?;
        match (key >> 3, key & 7) {
            (1, VARINT) => call = number,
            (2, VARINT) => status = u32::try_from(number).ok()?,
            (_, VARINT) => {}
            (field, LENGTH_DELIMITED) => {
                let (value, rest) = bytes.split_at_checked(usize::try_from(number).ok()?)?;
                bytes = rest;
                if (3..=7).contains(&field) {
                    message = value;
                }
            }
            _ => return None,
        }
    }
    let result = if status == 0 {
        Ok(message)
    } else {
        Err(status)
    };
    Some(Response { call, result })
}

#[cfg(test)]
mod tests;
