//! The official OpenAI client understands the provider simulator: what the tests of the gateway stand on.

use ferry_examples::simulator::Simulator;
use ferry_tests::python::Python;
use serde_json::json;

#[tokio::test]
async fn the_official_client_understands_the_simulator() {
    let python = tokio::task::spawn_blocking(Python::install)
        .await
        .unwrap()
        .unwrap();
    let simulator = Simulator::start("sk-simulator").await.unwrap();
    let variables = [
        ("BASE_URL", simulator.base_url()),
        ("API_KEY", "sk-simulator".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let told = python.run("simulator.py", &variables).await.unwrap();

    let text = "The ferry leaves at dawn, crosses the bay and returns.The ferry leaves at";
    assert_eq!(told["models"], json!(["gpt-4o-mini", "gpt-4o"]));
    assert_eq!(told["chat"], text);
    assert_eq!(told["stream"], json!({"text": text, "usage": null}));
    assert_eq!(told["stream_with_usage"]["text"], text);
    assert_eq!(told["stream_with_usage"]["usage"]["completion_tokens"], 16);
    assert_eq!(told["async"], "The ferry leaves");
    assert_eq!(told["refused"], "invalid_api_key");
}
