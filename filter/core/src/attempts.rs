//! The notes that the provider chains leave in filter state: one entry for each attempt, in order.
//!
//! The upstream instance writes, the gateway instance reads at the end. An entry is `provider started status answered`, the
//! times on the host's monotonic clock; entries are parted by commas. What cannot be read is skipped: notes are evidence, not
//! instructions.

/// Most attempts that are noted; Envoy's own retries stop far below.
const ATTEMPTS_MAX: usize = 32;

/// One try at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptNote {
    /// The provider's name.
    pub provider: String,
    /// When its chain saw the request.
    pub started_ms: u64,
    /// The status it answered; 0 while it has not.
    pub status: u32,
    /// When its answer's headers came; 0 while they have not.
    pub answered_ms: u64,
}

/// Reads the notes.
#[must_use]
pub fn parse(text: &str) -> Vec<AttemptNote> {
    text.split(',')
        .filter_map(parse_one)
        .take(ATTEMPTS_MAX)
        .collect()
}

fn parse_one(entry: &str) -> Option<AttemptNote> {
    let mut fields = entry.split(' ');
    let provider = fields
        .next()
        .filter(|provider| !provider.is_empty())?
        .to_owned();
    let started_ms = fields.next()?.parse().ok()?;
    let status = fields.next()?.parse().ok()?;
    let answered_ms = fields.next()?.parse().ok()?;
    fields.next().is_none().then_some(AttemptNote {
        provider,
        started_ms,
        status,
        answered_ms,
    })
}

/// The notes after an attempt began.
#[must_use]
pub fn begun(text: &str, provider: &str, now_ms: u64) -> String {
    let mut notes = parse(text);
    let note = AttemptNote {
        provider: provider.to_owned(),
        started_ms: now_ms,
        status: 0,
        answered_ms: 0,
    };
    if notes.len() < ATTEMPTS_MAX {
        notes.push(note);
    } else if let Some(last) = notes.last_mut() {
        *last = note;
    }
    print(&notes)
}

/// The notes after the last attempt was answered.
#[must_use]
pub fn answered(text: &str, status: u32, now_ms: u64) -> String {
    let mut notes = parse(text);
    if let Some(last) = notes.last_mut() {
        last.status = status;
        last.answered_ms = now_ms;
    }
    print(&notes)
}

fn print(notes: &[AttemptNote]) -> String {
    let entry = |note: &AttemptNote| {
        let AttemptNote {
            provider,
            started_ms,
            status,
            answered_ms,
        } = note;
        format!("{provider} {started_ms} {status} {answered_ms}")
    };
    notes.iter().map(entry).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_noted_in_order() {
        let text = answered(&begun("", "openai", 5), 500, 9);
        let text = begun(&text, "azure", 12);
        assert_eq!(text, "openai 5 500 9,azure 12 0 0");
        let text = answered(&text, 200, 20);
        let notes = parse(&text);
        let first = AttemptNote {
            provider: "openai".into(),
            started_ms: 5,
            status: 500,
            answered_ms: 9,
        };
        let second = AttemptNote {
            provider: "azure".into(),
            started_ms: 12,
            status: 200,
            answered_ms: 20,
        };
        assert_eq!(notes, [first, second]);
    }

    #[test]
    fn what_cannot_be_read_is_skipped_and_the_number_is_bounded() {
        for text in [
            "",
            ",",
            "a",
            "a 1",
            "a 1 2",
            "a 1 2 3 4",
            "a x 2 3",
            " 1 2 3",
        ] {
            assert_eq!(parse(text), [], "{text}");
        }
        assert_eq!(answered("", 200, 1), "");
        let mut text = String::new();
        for now_ms in 0..100 {
            text = begun(&text, "p", now_ms);
        }
        assert_eq!(parse(&text).len(), ATTEMPTS_MAX);
        assert_eq!(parse(&text).last().map(|note| note.started_ms), Some(99));
    }
}
