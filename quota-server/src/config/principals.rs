//! Who may call: the gateways of the configuration, their credentials, and what they may ask for.

use crate::document::Section;
use crate::principal::{
    Credential, CredentialDigest, Principal, Principals, Role, Scope,
    UNRESERVED_SETTLES_PER_HOUR_MAX,
};
use ferry_types::InvalidId;
use std::sync::Arc;

/// What a principal can be there for.
const ROLES: [(&str, Role); 2] = [("gateway", Role::Gateway), ("recovery", Role::Recovery)];
/// More than a server settles in an hour.
const CAP_MOST: u64 = 1_000_000_000;

pub(super) fn principals(root: &mut Section<'_>) -> Option<Principals> {
    let read = root.sections("principals", principal);
    let count = read.len();
    let all: Vec<Principal> = read.into_iter().flatten().collect();
    let none = root.required("principals", (count > 0).then_some(()));
    for (i, one) in all.iter().enumerate() {
        let earlier = all.iter().take(i);
        for other in earlier {
            if other.name == one.name {
                root.fault(
                    "principals",
                    format_args!("'{}' stands there twice", one.name),
                );
            }
            if other
                .credentials
                .iter()
                .any(|c| one.credentials.contains(c))
            {
                let (a, b) = (&other.name, &one.name);
                root.fault(
                    "principals",
                    format_args!("'{a}' and '{b}' share a credential"),
                );
            }
        }
    }
    none?;
    Some(Principals(all.into_iter().map(Arc::new).collect()))
}

fn principal(section: &mut Section<'_>) -> Option<Principal> {
    let name = section.parsed("name");
    let name = section.required("name", name);
    let tokens = digests(section, "token_sha256");
    let certificates = digests(section, "certificate_sha256");
    let credentials: Vec<Credential> = tokens
        .iter()
        .flatten()
        .map(|digest| Credential::Token(*digest))
        .chain(
            certificates
                .iter()
                .flatten()
                .map(|digest| Credential::Certificate(*digest)),
        )
        .collect();
    if credentials.is_empty() && tokens.is_some() && certificates.is_some() {
        let problem = "missing, and so is certificate_sha256: a gateway shows one of them";
        section.fault("token_sha256", problem);
    }
    let role = section.choice("role", &ROLES).unwrap_or_default();
    let scope = scope(section);
    let cap = section.integer("unreserved_settles_per_hour_max", 0, CAP_MOST);
    Some(Principal {
        role,
        scope: scope?,
        unreserved_settles_per_hour_max: cap.unwrap_or(UNRESERVED_SETTLES_PER_HOUR_MAX),
        ..Principal::gateway(name?, credentials)
    })
}

/// `None` after a fault.
fn scope(section: &mut Section<'_>) -> Option<Scope> {
    let tenants = listed(section, "tenants");
    let routes = listed(section, "routes");
    let parsed = tenants.map(|names| {
        let ids: Result<_, _> = names.iter().map(|name| name.parse()).collect();
        ids.map_err(|problem: InvalidId| section.fault("tenants", problem))
            .ok()
    });
    Some(Scope {
        tenants: match parsed {
            None => None,
            Some(tenants) => Some(tenants?),
        },
        routes: routes.map(|names| names.into_iter().collect()),
    })
}

/// A list that is there; one without anything in it is a fault.
fn listed(section: &mut Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let is_there = section.has(key);
    let names = section.texts(key);
    if !is_there {
        return None;
    }
    if names.is_empty() {
        section.fault(
            key,
            "lists nothing, and so would allow nothing: leave it out to allow all",
        );
    }
    Some(names)
}

/// `None` after a fault.
fn digests(section: &mut Section<'_>, key: &'static str) -> Option<Vec<CredentialDigest>> {
    let texts = section.texts(key);
    let parsed: Result<Vec<_>, _> = texts.iter().map(|t| CredentialDigest::parse(t)).collect();
    parsed.map_err(|problem| section.fault(key, problem)).ok()
}
