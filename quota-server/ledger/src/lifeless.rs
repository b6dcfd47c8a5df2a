//! What becomes of a lease that ran out without a sign of life: no renewal, no settle, no release.
//!
//! Each offer pins it, so that what expires later, at whichever server and under whatever is configured by then, is ended as it was
//! promised, and so that a journal says by itself what its expiries must charge.

/// The policy for requests that nothing is known of when their leases run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifeless {
    /// What was held is free again, and nothing is charged.
    #[default]
    Release,
    /// It is charged as any request without evidence: the input's estimate and the learned median of the output.
    Charge,
}

impl Lifeless {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::Release, Self::Charge];

    /// The stable name, as in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Charge => "charge",
        }
    }
}
