//! Limits beside the balance: how many requests, tokens or how much money may go through in a window, or be in flight at once.
//!
//! A limit has counters: one, or one for each key, end user or other tag. A request holds what it may come to on every counter that
//! applies to it, all or nothing; when it ends, what it came to takes the place of that, in the window in which it came. What is
//! recorded is never refused: a request that comes to more than it held takes its counters above the bound, and the next one waits.
//! A bound of nothing lets nothing through.
//!
//! Counters go by the limit's number, which stays when its bound is changed. What a client says about a request can only bring more
//! limits upon it, and what it leaves out, or makes up beyond `subjects_max`, is counted together. In shadow mode nothing counts.

pub mod counter;
mod fold;
pub mod measure;
mod order;
pub mod reached;
mod room;
pub mod window;

use crate::offer::Offer;
use crate::reservation::Owner;
use counter::Subject;
use ferry_types::{KeyId, RequestFacts};
use measure::Measure;
use window::{Span, Window};

pub(crate) use order::{remove, set, set_zone};

/// Most limits of a tenant.
pub const LIMITS_MAX: usize = 64;

/// A limit, and the window that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it says.
    pub terms: LimitTerms,
    /// What its counters are kept under: the journal's entry that set it first.
    pub number: u64,
    /// The window that it counts in; `None` before the first request.
    pub window: Option<Window>,
    /// Named subjects that anything counts for in it.
    pub subjects: u64,
}

/// What a limit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitTerms {
    /// What it counts.
    pub measure: Measure,
    /// How long, before it begins anew.
    pub span: Span,
    /// What it applies to.
    pub scope: LimitScope,
    /// What it counts apart; `None` if all is counted together.
    pub each: Option<Each>,
    /// The most that each counter lets through: requests, tokens, or the currency's smallest units.
    pub bound: u64,
    /// Most subjects that are counted apart; the rest is counted together.
    pub subjects_max: u32,
}

/// What a limit applies to: all that is said must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitScope {
    /// Requests with this key.
    pub key: Option<KeyId>,
    /// To this model, by its name in the price table.
    pub model: Option<String>,
    /// With this `x-ferry-feature`.
    pub feature: Option<String>,
    /// With this `x-ferry-environment`.
    pub environment: Option<String>,
    /// With this `x-ferry-end-user`.
    pub end_user: Option<String>,
}

/// What a limit counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Each {
    /// Keys.
    Key,
    /// Models, by their names in the price table.
    Model,
    /// Features, as the client says.
    Feature,
    /// Environments, as the client says.
    Environment,
    /// End users, as the client says.
    EndUser,
}

impl Each {
    /// Every kind, in the order of their stored codes.
    pub const ALL: [Self; 5] = [
        Self::Key,
        Self::Model,
        Self::Feature,
        Self::Environment,
        Self::EndUser,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::Feature => "feature",
            Self::Environment => "environment",
            Self::EndUser => "end_user",
        }
    }
}

/// A request, as limits look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) facts: &'a RequestFacts,
    pub(crate) offer: Option<&'a Offer>,
}

impl<'a> Asked<'a> {
    /// The model by its name in the price table, whatever alias the client knows; as the client named it, if it has no price.
    fn model(&self) -> &'a str {
        let offered = self.offer.map(|offer| offer.model.as_str());
        offered.unwrap_or(&self.facts.model)
    }

    fn of(&self, each: Each) -> &'a str {
        let tags = &self.facts.tags;
        match each {
            Each::Key => self.owner.key.as_str(),
            Each::Model => self.model(),
            Each::Feature => &tags.feature,
            Each::Environment => &tags.environment,
            Each::EndUser => &tags.end_user,
        }
    }
}

impl LimitScope {
    /// Whether it applies to all of a tenant's requests.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// What it says of each kind.
    pub fn said(&self) -> impl Iterator<Item = (Each, &str)> {
        let of = |each| {
            let said = match each {
                Each::Key => self.key.as_ref().map(KeyId::as_str),
                Each::Model => self.model.as_deref(),
                Each::Feature => self.feature.as_deref(),
                Each::Environment => self.environment.as_deref(),
                Each::EndUser => self.end_user.as_deref(),
            };
            said.map(|said| (each, said))
        };
        Each::ALL.into_iter().filter_map(of)
    }

    fn suits(&self, asked: &Asked<'_>) -> bool {
        self.said().all(|(each, said)| asked.of(each) == said)
    }
}

impl LimitTerms {
    /// Which counter a request counts on, were there room for its name; `None` if the limit does not apply to it.
    pub(crate) fn subject(&self, asked: &Asked<'_>) -> Option<Subject> {
        if !self.scope.suits(asked) {
            return None;
        }
        let named = self.each.map(|each| asked.of(each));
        Some(match named {
            None => Subject::Whole,
            Some("") => Subject::Unset,
            Some(name) => Subject::Named(name.into()),
        })
    }
}
