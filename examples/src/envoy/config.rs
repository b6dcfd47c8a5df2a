//! One run's configuration of Envoy: the files in `envoy/` with its own ports, paths and secrets, in a folder of their own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::render::{self, Replacement, render};
use crate::workspace;

/// Where the distributions keep the authorities that sign web sites.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Who answers the requests.
#[derive(Debug, Clone)]
pub enum Provider {
    /// The simulator, or any other server in plain text on this machine; and the key it asks for.
    Simulator {
        /// Where it listens.
        address: SocketAddr,
        /// Its bearer key.
        key: String,
    },
    /// OpenAI.
    OpenAi {
        /// Its bearer key.
        key: String,
    },
}

impl Provider {
    /// The provider's name, in price tables and in `x-ferry-provider-1`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Simulator { .. } => "simulator",
            Self::OpenAi { .. } => "openai",
        }
    }

    /// The bearer key that it asks for.
    pub fn key(&self) -> &str {
        match self {
            Self::Simulator { key, .. } | Self::OpenAi { key } => key,
        }
    }

    fn secret(&self) -> Replacement {
        let literal = match self {
            Self::Simulator { .. } => "replace-with-the-simulators-key",
            Self::OpenAi { .. } => "replace-with-your-openai-key",
        };
        (literal, self.key().to_owned())
    }
}

/// What a run puts into Envoy's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The filter's module.
    pub module: PathBuf,
    /// The quota server's Unix socket.
    pub quota_socket: PathBuf,
    /// The token by which the quota server knows this gateway.
    pub gateway_token: String,
    /// Who answers.
    pub provider: Provider,
    /// Further pieces of `envoy/plain/envoy.yaml` to replace, such as a route's settings.
    pub changes: Vec<Replacement>,
}

impl Config {
    /// Writes the whole configuration into `folder` and returns the file for `envoy -c`. Ports are left to the system.
    ///
    /// # Errors
    /// A file of `envoy/` does not hold what is to be replaced, or the folder cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let module = render::path(&self.module)?;
        let secrets = folder.join("secrets");
        fs::create_dir_all(&secrets)
            .with_context(|| format!("failed to make the folder {}", secrets.display()))?;
        let name = self.provider.name();
        let secret = |name: &str| render::path(&secrets.join(format!("{name}.yaml")));
        let providers = folder.join("providers.yaml");

        let mut replacements = vec![
            ("port_value: 9901", "port_value: 0".to_owned()),
            (
                "address: 0.0.0.0, port_value: 10000",
                "address: 127.0.0.1, port_value: 0".to_owned(),
            ),
            ("/etc/envoy/ferry_filter.wasm", module.clone()),
            ("/etc/envoy/providers.yaml", render::path(&providers)?),
            ("/run/ferry/quota.sock", render::path(&self.quota_socket)?),
            (
                "/etc/envoy/secrets/ferry-gateway.yaml",
                secret("ferry-gateway")?,
            ),
            (
                "cluster: openai # in shadow mode",
                format!("cluster: {name} # in shadow mode"),
            ),
        ];
        replacements.extend(self.changes.iter().cloned());
        let config = folder.join("envoy.yaml");
        put("plain/envoy.yaml", &replacements, &config)?;

        let mut replacements = vec![("/etc/envoy/ferry_filter.wasm", module)];
        match &self.provider {
            Provider::Simulator { address, .. } => replacements.extend([
                ("/etc/envoy/secrets/simulator.yaml", secret(name)?),
                (
                    "address: 127.0.0.1, port_value: 8081",
                    format!(
                        "address: \"{}\", port_value: {}",
                        address.ip(),
                        address.port()
                    ),
                ),
            ]),
            Provider::OpenAi { .. } => replacements.extend([
                ("/etc/envoy/secrets/openai.yaml", secret(name)?),
                ("/etc/ssl/certs/ca-certificates.crt", authorities()?),
            ]),
        }
        put(&format!("providers/{name}.yaml"), &replacements, &providers)?;

        let token = ("replace-with-the-gateway-token", self.gateway_token.clone());
        put(
            "secrets/ferry-gateway.yaml",
            &[token],
            &secrets.join("ferry-gateway.yaml"),
        )?;
        put(
            &format!("secrets/{name}.yaml"),
            &[self.provider.secret()],
            &secrets.join(format!("{name}.yaml")),
        )?;
        Ok(config)
    }
}

/// Renders a file of `envoy/` into another that only we may read.
fn put(source: &str, replacements: &[Replacement], place: &Path) -> anyhow::Result<()> {
    let source = workspace::root().join("envoy").join(source);
    let text = fs::read_to_string(&source)
        .with_context(|| format!("failed to read {}", source.display()))?;
    let text = render(&text, replacements)
        .with_context(|| format!("failed to render {}", source.display()))?;
    let mut file = fs::File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(place)
        .with_context(|| format!("failed to write {}", place.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .with_context(|| format!("failed to write {}", place.display()))
}

fn authorities() -> anyhow::Result<String> {
    let found = AUTHORITIES
        .iter()
        .find(|path| Path::new(path).is_file())
        .context("this machine has no file of certificate authorities: install ca-certificates")?;
    Ok((*found).to_owned())
}

#[cfg(test)]
mod tests;
