//! TLS-ALPN-01: Pebble looks at one node for an answer that lies in the database. Without an open order, or beside other
//! protocols, there is no challenge.

use std::sync::Arc;

use acme::testing::{Pebble, PebbleOptions};
use acme::wire::Wire;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, OrderStatus,
};
use platform_core::clock::SystemClock;
use tokio::io::AsyncReadExt;

use crate::ground::Ground;

const NAME: &str = "success.brightwater.example";
const ORDER: &str = "0199d0a0-0000-7000-8000-000000000001";

async fn answer_with(ground: &Ground, kind: &str, digest: &[u8]) {
    let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    ground
        .sql(&format!(
            "with o as (insert into acme_orders (id, host, step, due, created_at)
                        values ('{ORDER}', '{NAME}', 'challenged', now(), now()) returning id)
             insert into acme_challenges (host, kind, token, answer, order_id, expires)
             select '{NAME}', '{kind}', 'token', '{digest}', id, now() + interval '1 day' from o"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pebble_is_satisfied_over_acme_tls() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    // Verified, and no certificate: as it is when the first one is ordered.
    ground.domain(tenant, NAME, "verified").await;
    let node = ground.node(|_| ()).await;
    let options =
        PebbleOptions { tls_port: Some(node.https.port()), nonce_reject: 0, ..PebbleOptions::asking_at(1) };
    let pebble = Pebble::start(options).await;
    let wire = Wire::new(Some(&pebble.ca_file), Arc::new(SystemClock)).unwrap();
    let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let (account, _) = Account::builder_with_http(Box::new(wire))
        .create(&new, pebble.directory.clone(), None)
        .await
        .unwrap();
    let mut order = account.new_order(&NewOrder::new(&[Identifier::Dns(NAME.to_owned())])).await.unwrap();

    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        let mut challenge = authorization.challenge(ChallengeType::TlsAlpn01).unwrap();
        answer_with(&ground, "tls-alpn-01", challenge.key_authorization().digest().as_ref()).await;
        challenge.set_ready().await.unwrap();
    }
    let status = order.poll_ready(&instant_acme::RetryPolicy::default()).await.unwrap();
    assert_eq!(status, OrderStatus::Ready);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_answered_only_while_its_order_is_open_and_only_under_its_protocol() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "live").await;
    ground.certificate(&[NAME]).await;
    let node = ground.node(|_| ()).await;
    let asking = ground.client(&[b"acme-tls/1"]);
    let refused = async |client, name: &str| node.connect(client, name).await.unwrap_err().to_string();

    // No order is open.
    assert!(refused(&asking, NAME).await.contains("alert"));
    // Another kind of order is.
    answer_with(&ground, "http-01", &[7; 32]).await;
    assert!(refused(&asking, NAME).await.contains("alert"));
    ground.sql(&format!("delete from acme_orders where id = '{ORDER}'")).await;

    answer_with(&ground, "tls-alpn-01", &[7; 32]).await;
    // Its certificate is self-signed, so an ordinary client sees that it got the challenge's.
    assert!(refused(&asking, NAME).await.contains("certificate"));
    // Other names have no challenge, known or not.
    assert!(refused(&asking, "techflow.portico.localhost").await.contains("alert"));
    assert!(refused(&asking, "nobody.example").await.contains("alert"));
    // Beside another protocol it is a visitor's hello.
    for alpn in [&[b"http/1.1" as &[u8], b"acme-tls/1"], &[b"acme-tls/1", b"http/1.1"]] {
        let (page, _) = node.page(&ground.client(alpn), NAME).await.unwrap();
        assert!(page.contains("tenant=techflow"), "{page}");
    }
    ground.sql(&format!("delete from acme_orders where id = '{ORDER}'")).await;
    assert!(refused(&asking, NAME).await.contains("alert"), "closed with its order");
    // No stream of either kind says anything by itself.
    let mut quiet = node.connect(&ground.client(&[b"http/1.1"]), NAME).await.unwrap();
    let said = tokio::time::timeout(std::time::Duration::from_millis(100), quiet.read_u8()).await;
    assert!(said.is_err());
}
