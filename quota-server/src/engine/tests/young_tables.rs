//! A PostgreSQL whose tables are young: nobody has counted what is in them yet.

use super::cluster::Cluster;
use super::fixture::{Fixture, whole_use};
use super::servers::until;
use ferry_examples::postgres::connect;

/// Enough that reading a whole table would have seemed the cheapest way to whoever has not counted.
const REQUESTS: i64 = 100;

/// What a batch asks for is found by its keys from the first request on: a plan that reads all would be kept while the table grows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_reads_no_table_from_end_to_end() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url_of(&database);
    let fixture = Fixture::on(database, REQUESTS).await;
    for _ in 0..REQUESTS {
        let (id, _) = fixture.granted().await;
        fixture.settle(id, whole_use()).await;
    }
    fixture.close().await;
    let client = connect(&url).await.unwrap();
    until("the database has counted how rows were found", async || {
        let sql = "SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'reservations'";
        let by_key: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        by_key >= 2 * REQUESTS
    })
    .await;
    let whole = "SELECT relname FROM pg_stat_user_tables WHERE seq_tup_read > 0 AND relname IN \
                 ('reservations', 'refusals', 'keys', 'grants', 'top_ups', 'corrections', 'transfers', 'journal')";
    let read = client.query(whole, &[]).await.unwrap();
    let read: Vec<String> = read.iter().map(|row| row.get(0)).collect();
    assert_eq!(read, Vec::<String>::new(), "read from end to end");
}
