//! The harness itself: the quota server as a program that can be killed and started again.

use ferry_tests::gateway;

#[tokio::test]
async fn the_server_keeps_its_money_over_a_crash() {
    let mut gateway = gateway!().envoys(0).balance("12.5").start().await.unwrap();
    let tenant = gateway.customer().tenant.clone();
    for _ in 0..2 {
        let balance = gateway.admin().balance(&tenant).await.unwrap();
        assert_eq!(
            (balance.available.as_str(), balance.currency.as_str()),
            ("12.500000000", "USD")
        );
        let first = gateway.server().id().unwrap();
        gateway.server_mut().crash().await.unwrap();
        assert_ne!(gateway.server().id().unwrap(), first);
    }
    let poor = gateway.new_customer("poor", "0").await.unwrap();
    assert_eq!(
        gateway.settled(&poor.tenant).await.unwrap().available,
        "0.000000000"
    );
    assert!(
        gateway
            .server()
            .metrics()
            .await
            .unwrap()
            .contains("# TYPE ferry_")
    );
    assert!(gateway.admin().verify().await.unwrap().clean);
    gateway.stop().await.unwrap();
}
