//! The plugin is replaced while requests are under way and settlements wait: the old one is let go only when it has told all.

use std::fs;
use std::path::{Path, PathBuf};

use ferry_examples::gateway::{Customer, Gateway};
use ferry_examples::progress::Progress;
use ferry_examples::simulator::{Act, Gate, Point, Script};
use ferry_examples::{toolchain, workspace};
use ferry_tests::books::{audit, tagged};
use ferry_tests::client::{Client, question, with};
use ferry_tests::gateway;
use ferry_tests::prices::{PLAIN, TABLE, tokens};
use ferry_tests::stats;
use serde_json::json;

const PAID_IN: i64 = 1_000_000_000;
/// Where the plugin's configuration begins and ends in Envoy's.
const NAME: &str = "          - name: ferry.gateway\n";
const TYPED: &str = "            typed_config:\n";
const NEXT: &str = "          - name: envoy.filters.http.router\n";
const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// The gateway filter's configuration in a file of its own, which Envoy watches.
struct Discovered {
    file: PathBuf,
    /// What stands in the complete configuration.
    whole: String,
}

impl Discovered {
    fn new(folder: &Path) -> Self {
        let path = workspace::root().join("envoy/plain/envoy.yaml");
        let text = fs::read_to_string(path).unwrap();
        let (_, rest) = text.split_once(NAME).unwrap();
        let (whole, _) = rest.split_once(NEXT).unwrap();
        Self {
            file: folder.join("plugin.yaml"),
            whole: whole.to_owned(),
        }
    }

    /// What stands there instead.
    fn reference(&self) -> String {
        format!(
            "            config_discovery:\n              config_source: {{ path_config_source: {{ path: {} }} }}\n              \
             type_urls: [ {TYPE} ]\n",
            self.file.display()
        )
    }

    /// Replaces the plugin by one with another setting, which changes nothing for these tests.
    fn put(&self, batch_items: u64) {
        let module = toolchain::filter_module(&Progress::silent()).unwrap();
        let typed = self
            .whole
            .strip_prefix(TYPED)
            .unwrap()
            .replace("/etc/envoy/ferry_filter.wasm", module.to_str().unwrap())
            .replace(
                r#""quota_cluster": "ferry-quota","#,
                &format!(r#""quota_cluster": "ferry-quota", "limits": {{ "batch_items": {batch_items} }},"#),
            );
        // Its lines are indented by more than a document needs, which is as good.
        let text = format!(
            "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  \
             name: ferry.gateway\n  typed_config:\n{typed}"
        );
        let new = self.file.with_extension("new");
        fs::write(&new, text).unwrap();
        // Envoy looks for a file that is moved into its place.
        fs::rename(new, &self.file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_tells_all_before_it_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Discovered::new(folder.path());
    plugin.put(100);
    let whole: &'static str = plugin.whole.clone().leak();
    let gateway = gateway!().prices(TABLE).balance("1");
    let gateway = gateway.change(whole, plugin.reference()).start().await;
    let mut gateway = gateway.unwrap();
    let customer = gateway.customer().clone();

    // One is under way when the plugin is replaced, and one has ended of which the quota server does not know yet.
    let gate = Gate::shut();
    let script = script().at(Point::Start, Act::Hold(gate.clone()));
    gateway.simulator().unwrap().script(script);
    let under_way = ask(&gateway, &customer, "under way");
    gate.arrived(1).await;
    let ended = ask(&gateway, &customer, "ended");
    gate.arrived(2).await;
    gateway.server_mut().kill().unwrap();
    replace(&gateway, &plugin, 101).await;
    gate.open();
    under_way.await.unwrap();
    ended.await.unwrap();
    // Once more, with settlements that wait in the old one.
    replace(&gateway, &plugin, 102).await;
    gateway.server_mut().start().await.unwrap();
    gateway.simulator().unwrap().script(self::script());
    ask(&gateway, &customer, "after").await.unwrap();
    for tag in ["under way", "ended", "after"] {
        let record = tagged(&gateway, &customer, tag).await.unwrap();
        assert!(record.flags.is_empty(), "{record:#?}");
        assert_eq!(record.usage, tokens(30, 20), "{record:#?}");
    }
    let left = audit(&gateway, &customer, PAID_IN).await.unwrap();
    let charge = PLAIN.charge(&tokens(30, 20)).unwrap();
    assert_eq!(left, PAID_IN - 3 * charge);
    stats::delivered(gateway.envoy(0).unwrap()).await.unwrap();
    gateway.stop().await.unwrap();
}

fn script() -> Script {
    Script {
        input_tokens: Some(30),
        ..Script::tokens(20)
    }
}

fn ask(gateway: &Gateway, customer: &Customer, tag: &str) -> tokio::task::JoinHandle<()> {
    let client = Client::of(gateway, customer).unwrap().tagged(tag).unwrap();
    let body = with(question(PLAIN.model, 40), json!({"max_tokens": 50}));
    tokio::spawn(async move {
        let answer = client.chat(&body).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    })
}

/// Replaces the plugin, and waits until Envoy has taken the new one.
async fn replace(gateway: &Gateway, plugin: &Discovered, batch_items: u64) {
    let envoy = gateway.envoy(0).unwrap();
    let updates = "extension_config_discovery.http_filter.ferry.gateway.config_reload";
    let before = stats::count(envoy, updates).await.unwrap();
    plugin.put(batch_items);
    stats::reaches(envoy, updates, before + 1).await.unwrap();
}
