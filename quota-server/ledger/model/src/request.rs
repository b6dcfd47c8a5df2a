//! A request: its id, and what follows from its number.

/// A request: when its id was drawn, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Unix milliseconds in its id.
    pub drawn_ms: u64,
    /// The rest of its id, and what is asked for.
    pub number: u64,
}

/// What a call says of its request, beside what it always says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facts {
    /// Nothing else.
    Usual,
    /// It came by another route.
    Elsewhere,
    /// It came in the other mode.
    Switched,
    /// It was admitted while nobody could be asked.
    Offline,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asks {
    /// The most that its input can count.
    pub input: i64,
    /// The limit of output that its client asked for.
    pub limit: Option<i64>,
    /// So many choices, each up to the limit.
    pub choices: i64,
    /// Why nobody has a price for it.
    pub unsupported: Option<&'static str>,
}

/// So many requests of a book in a row come in one mode.
const PHASE: u64 = 20;

impl Request {
    /// What it asks for.
    #[must_use]
    pub const fn asks(&self) -> Asks {
        let (input, limit) = match self.number % 5 {
            0 => (40, Some(30)),
            1 => (0, Some(1)),
            2 => (40, None),
            3 => (300, Some(200)),
            _ => (15, None),
        };
        let usual = Asks {
            input,
            limit,
            choices: if self.number % 7 == 3 { 2 } else { 1 },
            unsupported: None,
        };
        match self.number % 41 {
            5 => Asks {
                choices: 9,
                unsupported: Some("too_many_choices"),
                ..usual
            },
            15 => Asks {
                unsupported: Some("service_tier_not_priced"),
                ..usual
            },
            25 => Asks {
                unsupported: Some("audio_not_priced"),
                ..usual
            },
            35 => Asks {
                input: 200_000,
                unsupported: Some("context_length_exceeded"),
                ..usual
            },
            _ => usual,
        }
    }

    /// Its gateway is in shadow mode, if it says what it usually says: it is switched to that, and back, from time to time.
    #[must_use]
    pub const fn is_shadow(&self, facts: Facts) -> bool {
        let usually = self.number / PHASE % 9 == 2;
        match facts {
            Facts::Switched => !usually,
            Facts::Usual | Facts::Elsewhere | Facts::Offline => usually,
        }
    }

    /// Which idempotency key it comes under.
    #[must_use]
    pub const fn under(&self) -> Option<u8> {
        match self.number % 5 {
            0 | 2 => Some((self.number / 5 % 3) as u8 + 1),
            _ => None,
        }
    }

    /// For which end user it is, as its client says.
    #[must_use]
    pub const fn user(&self) -> Option<u8> {
        match self.number % 4 {
            0 => None,
            user => Some(user as u8),
        }
    }

    /// What its input is thought to count.
    #[must_use]
    pub const fn estimate(&self) -> i64 {
        10
    }
}
