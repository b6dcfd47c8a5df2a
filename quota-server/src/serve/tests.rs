//! What is seen of a server that is asked to stop: its probes say so, and a call in flight is waited for.

use super::*;
use std::path::Path;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const PRICES: &str = "
version = '1'
currency = 'USD'
[[model]]
name = 'echo'
provider = 'simulator'
context_tokens_max = 1000
output_tokens_max = 500
output_limit_field = 'max_tokens'
price = { input = '1', output = '2' }
cost = { input = '1', output = '2' }
";

async fn start(folder: &Path, drain_ms: u64) -> Server {
    let digest = "0".repeat(64);
    let config = format!(
        "prices = 'prices.toml'\ndrain_ms = {drain_ms}\n\
         [[principals]]\nname = 'edge'\ntoken_sha256 = '{digest}'\n\
         [grpc]\nlisten = 'unix:quota.sock'\n[http]\nlisten = 'unix:http.sock'\n"
    );
    let config = Config::parse(&config, folder).expect("a good configuration");
    let prices = PriceBook::parse(PRICES).expect("a good table");
    Server::start(config, prices).await.expect("start")
}

async fn ready(folder: &Path) -> u16 {
    let client = reqwest::Client::builder()
        .unix_socket(folder.join("http.sock"))
        .build();
    let answer = client
        .expect("a client")
        .get("http://ferry/readyz")
        .send()
        .await;
    answer.expect("an answer").status().as_u16()
}

async fn serving(folder: &Path, service: &str) -> ServingStatus {
    let target = format!("unix:{}", folder.join("quota.sock").display());
    let target = tonic::transport::Endpoint::try_from(target).expect("a target");
    let mut health = HealthClient::new(target.connect().await.expect("connect"));
    let service = service.to_owned();
    let answer = health.check(HealthCheckRequest { service }).await;
    answer.expect("an answer").into_inner().status()
}

#[tokio::test]
async fn probes_say_that_it_drains_while_it_still_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), 1_000).await;
    let quota = "ferry.quota.v1.QuotaService";
    assert_eq!(ready(folder.path()).await, 200);
    assert_eq!(serving(folder.path(), quota).await, ServingStatus::Serving);

    server.draining.begin();
    server.health.not_serving().await;
    assert_eq!(ready(folder.path()).await, 503);
    assert_eq!(
        serving(folder.path(), quota).await,
        ServingStatus::NotServing
    );
    assert_eq!(serving(folder.path(), "").await, ServingStatus::NotServing);
    let admin = crate::admin::Client::at(&server.addresses().admin, None).expect("a client");
    assert!(!admin.status().await.expect("a status").ready);
    server.stop().await.expect("stop");
    assert!(!folder.path().join("quota.sock").exists());
}

#[tokio::test]
async fn an_engine_that_has_stopped_is_not_ready_and_ends_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = start(folder.path(), 1_000).await;
    server.engine.close();
    assert!(matches!(server.failed().await, ServeError::EngineFailed(_)));
    assert_eq!(ready(folder.path()).await, 503);
    let admin = crate::admin::Client::at(&server.addresses().admin, None).expect("a client");
    let error = admin.tenant("acme").await.expect_err("no tenant");
    assert_eq!(error.code(), Some("unknown_tenant"), "reading goes on");
    let new = wire::CreateTenant {
        id: "acme".into(),
        ..wire::CreateTenant::default()
    };
    let error = admin.create_tenant(&new).await.expect_err("stopped");
    assert_eq!(error.code(), Some("unavailable"));
}

#[tokio::test]
async fn a_call_in_flight_is_waited_for_and_an_idle_connection_is_not() {
    for (calls, expected) in [(0, None), (1, Some(1))] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = start(folder.path(), 100).await;
        // Says nothing, and never goes away by itself.
        let idle = std::os::unix::net::UnixStream::connect(folder.path().join("quota.sock"));
        let _idle = idle.expect("connect");
        serving(folder.path(), "").await;
        let _calls: Vec<_> = (0..calls).map(|_| server.draining.call()).collect();
        let in_flight = match server.stop().await {
            Ok(()) => None,
            Err(ServeError::DrainTimeout {
                calls,
                after_ms: 100,
            }) => Some(calls),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(in_flight, expected);
    }
}

#[tokio::test]
async fn nothing_is_left_open_when_a_listener_cannot_be_had() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("http.sock"), "a file").expect("write");
    let config = format!(
        "prices = 'p'\n[[principals]]\nname = 'edge'\ntoken_sha256 = '{}'\n\
         [grpc]\nlisten = 'unix:quota.sock'\n[http]\nlisten = 'unix:http.sock'\n",
        "0".repeat(64)
    );
    let config = Config::parse(&config, folder.path()).expect("a good configuration");
    let prices = PriceBook::parse(PRICES).expect("a good table");
    let error = Server::start(config, prices).await.err().expect("a fault");
    assert!(
        error.to_string().ends_with("a file that is no socket"),
        "{error}"
    );
    assert!(!folder.path().join("quota.sock").exists());
    assert!(!folder.path().join("ferry-admin.sock").exists());
    // The database is free again.
    std::fs::remove_file(folder.path().join("http.sock")).expect("remove");
    let server = start(folder.path(), 100).await;
    server.stop().await.expect("stop");
}
