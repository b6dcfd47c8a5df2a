use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Config, Provider};
use crate::envoy::{obtain::obtain, validate};
use crate::progress::Progress;
use crate::{toolchain, workspace};

fn config(provider: Provider) -> Config {
    Config {
        module: toolchain::filter_module(&Progress::silent()).unwrap(),
        quota_socket: "/tmp/quota.sock".into(),
        gateway_token: "the gateway's token".to_owned(),
        provider,
        changes: Vec::new(),
    }
}

fn providers() -> [Provider; 2] {
    let key = "the provider's key".to_owned();
    let address = "127.0.0.1:1".parse().unwrap();
    [
        Provider::OpenAi { key: key.clone() },
        Provider::Simulator { address, key },
    ]
}

#[test]
fn envoy_accepts_what_stands_in_the_folder() {
    let envoy = obtain(&Progress::silent()).unwrap();
    for provider in providers() {
        let folder = tempfile::tempdir().unwrap();
        let written = config(provider).write(folder.path()).unwrap();
        // In validation Envoy leaves out what comes from files, so that the providers go into the main file here.
        let text = fs::read_to_string(&written).unwrap();
        let cluster = fs::read_to_string(folder.path().join("providers.yaml")).unwrap();
        let (_, cluster) = cluster
            .split_once("type.googleapis.com/envoy.config.cluster.v3.Cluster\n")
            .unwrap();
        let cluster = cluster
            .replace("\n  ", "\n    ")
            .replacen("  name:", "  - name:", 1);
        let whole = folder.path().join("whole.yaml");
        fs::write(&whole, format!("{text}{cluster}")).unwrap();
        for file in [written, whole] {
            validate(&envoy, &file).unwrap();
        }
    }
}

#[test]
fn secrets_are_ours_alone_and_nothing_of_the_defaults_is_left() {
    for provider in providers() {
        let name = provider.name();
        let folder = tempfile::tempdir().unwrap();
        config(provider).write(folder.path()).unwrap();
        for (file, secret) in [
            ("ferry-gateway", "the gateway's token"),
            (name, "the provider's key"),
        ] {
            let path = folder.path().join("secrets").join(format!("{file}.yaml"));
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(&format!("\"{secret}\"")), "{text}");
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        for file in ["envoy.yaml", "providers.yaml"] {
            let text = fs::read_to_string(folder.path().join(file)).unwrap();
            let told = |line: &&str| !line.trim().starts_with('#');
            for line in text.lines().filter(told) {
                assert!(
                    !line.contains("/etc/envoy") && !line.contains("/run/ferry"),
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn a_change_that_fits_nowhere_is_named() {
    let [provider, _] = providers();
    let mut config = config(provider);
    config.changes.push(("\"mode\": \"off\"", String::new()));
    let folder = tempfile::tempdir().unwrap();
    let error = format!("{:#}", config.write(folder.path()).unwrap_err());
    assert!(
        error.contains("mode") && error.contains("envoy.yaml"),
        "{error}"
    );
}

/// Whoever disables the gateway filter on a route must not disable a provider's guard: per-route settings go by name.
#[test]
fn filters_in_a_providers_chain_have_names_of_their_own() {
    let names = |file: &str| {
        let text = fs::read_to_string(workspace::root().join("envoy").join(file)).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).map(str::to_owned).collect();
        lines
            .windows(3)
            .filter(|lines| lines[2].contains("/envoy.extensions.filters.http."))
            .map(|lines| lines[0].trim_start_matches("- name: ").to_owned())
            .collect::<Vec<_>>()
    };
    let listener = names("plain/envoy.yaml");
    assert_eq!(
        listener,
        [
            "ferry.gateway",
            "envoy.filters.http.router",
            "ferry.gateway_token",
            "envoy.filters.http.upstream_codec"
        ]
    );
    for provider in ["providers/openai.yaml", "providers/simulator.yaml"] {
        // The guard stands before the credential.
        assert_eq!(
            names(provider),
            [
                "ferry.upstream",
                "ferry.provider_credential",
                "envoy.filters.http.upstream_codec"
            ]
        );
    }
}
