//! What a gateway may ask for.

use ferry_types::TenantId;
use std::collections::BTreeSet;

/// What a principal is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It reserves, and ends what it reserved.
    #[default]
    Gateway,
    /// It ends what others reserved and cannot end any more, from their access logs. It never reserves.
    Recovery,
}

/// Whom a principal may serve: `None` is everybody, and everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// These tenants.
    pub tenants: Option<BTreeSet<TenantId>>,
    /// Requests on these of Envoy's routes.
    pub routes: Option<BTreeSet<String>>,
}

impl Scope {
    /// Whether it has this tenant.
    #[must_use]
    pub fn has_tenant(&self, tenant: &TenantId) -> bool {
        self.tenants
            .as_ref()
            .is_none_or(|tenants| tenants.contains(tenant))
    }

    /// Whether it has this route.
    #[must_use]
    pub fn has_route(&self, route: &str) -> bool {
        self.routes
            .as_ref()
            .is_none_or(|routes| routes.contains(route))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_what_it_lists_or_everything() {
        let acme: TenantId = "acme".parse().expect("an id");
        let other: TenantId = "other".parse().expect("an id");
        let all = Scope::default();
        assert!(all.has_tenant(&acme) && all.has_route("any"));
        let some = Scope {
            tenants: Some([acme.clone()].into()),
            routes: Some(["openai".to_owned()].into()),
        };
        assert!(some.has_tenant(&acme) && !some.has_tenant(&other));
        assert!(some.has_route("openai") && !some.has_route(""));
    }
}
