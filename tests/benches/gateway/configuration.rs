//! Envoy's configuration for the targets that are not Ferry: Ferry's own, with what is Ferry's cut out, and nothing else changed.
//!
//! So listener, access log, routes, limits and the provider's cluster are the same in all, and stay the same. A cut fails if what
//! it looks for is not there any more.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ferry_examples::envoy::config::{Config, Provider};

/// Asks the service about each request's headers, and waits for its word. Bodies are not sent.
const EXT_AUTHZ: &str = r#"          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: false
              grpc_service:
                envoy_grpc: { cluster_name: ferry-quota }
                timeout: 10s
"#;

/// What stands where Ferry's filter stood.
#[derive(Clone, Copy, Debug)]
pub enum Filter<'a> {
    /// Nothing.
    None,
    /// An ext_authz filter that asks the service at this socket.
    ExtAuthz(&'a Path),
}

/// Writes a configuration and what belongs to it into `folder`. Returns its path.
pub fn write(folder: &Path, filter: Filter<'_>, provider: Provider) -> Result<PathBuf> {
    let (in_place, socket) = match filter {
        Filter::None => ("", Path::new("/nowhere")),
        Filter::ExtAuthz(socket) => (EXT_AUTHZ, socket),
    };
    let route = format!("                  cluster: {}\n", provider.name());
    let ferry = Config {
        module: PathBuf::from("/nowhere"),
        quota_socket: socket.to_path_buf(),
        gateway_token: "none".to_owned(),
        provider,
        changes: Vec::new(),
    };
    let envoy = ferry.write(folder)?;
    Text::read(&envoy)?
        .cut("          - name: ferry.gateway\n", "          - name: envoy.filters.http.router\n", in_place)?
        .cut("                  # The filter writes the provider", "                  # A stream may last", &route)?
        .cut("        http_filters:\n        # The gateway's token", END, "")?
        // A cluster from a file comes after the routes that name it.
        .cut("            virtual_hosts:\n", "            - name:", "            validate_clusters: false\n            virtual_hosts:\n")?
        .write(&envoy)?;
    let providers = folder.join("providers.yaml");
    Text::read(&providers)?
        .cut(
            "      - name: ferry.upstream\n",
            "      - name: ferry.provider_credential\n",
            "",
        )?
        .write(&providers)?;
    Ok(envoy)
}

/// Marks a cut that goes to the end of the text.
const END: &str = "";

/// A configuration on its way to another.
struct Text {
    name: String,
    text: String,
}

impl Text {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        Ok(Self {
            name: path.display().to_string(),
            text,
        })
    }

    /// Puts `by` in the place of what begins with `from` and ends before `to`.
    fn cut(mut self, from: &str, to: &str, by: &str) -> Result<Self> {
        let missing = |what: &str| format!("{} has no {:?} any more", self.name, what.trim());
        let start = self.text.find(from).with_context(|| missing(from))?;
        let rest = &self.text[start..];
        let length = if to == END {
            rest.len()
        } else {
            rest.find(to).with_context(|| missing(to))?
        };
        self.text.replace_range(start..start + length, by);
        Ok(self)
    }

    fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, &self.text).with_context(|| format!("failed to write {}", path.display()))
    }
}
