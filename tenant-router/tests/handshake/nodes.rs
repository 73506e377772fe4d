//! Two nodes over one database: sessions are resumed across them, and a host that is given back is gone from both.

use std::time::{Duration, Instant};

use crate::ground::{Ground, host};
use rustls::{HandshakeKind, NamedGroup};
use tenant_router::{Kind, UnknownHost};

const NAME: &str = "success.brightwater.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_one_node_is_resumed_at_another() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "live").await;
    ground.certificate(&[NAME]).await;
    let (one, two) = (ground.node(|_| ()).await, ground.node(|_| ()).await);
    let client = ground.client(&[b"http/1.1"]);
    let (page, kind) = one.page(&client, NAME).await.unwrap();
    assert!(page.contains("tenant=techflow"), "{page}");
    assert_eq!(kind, HandshakeKind::Full);
    for node in [&two, &one, &two] {
        let (page, kind) = node.page(&client, NAME).await.unwrap();
        assert!(page.contains("tenant=techflow"), "{page}");
        assert_eq!(kind, HandshakeKind::Resumed);
    }
    let stream = one.connect(&ground.client(&[b"h2"]), NAME).await.unwrap();
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_not_resumed_under_another_name() {
    let ground = Ground::new().await;
    for slug in ["techflow", "lumen"] {
        ground.tenant(slug).await;
    }
    ground.certificate(&["*.portico.localhost"]).await;
    let node = ground.node(|_| ()).await;
    let client = ground.client(&[b"http/1.1"]);
    node.page(&client, "techflow.portico.localhost").await.unwrap();
    let (_, kind) = node.page(&client, "lumen.portico.localhost").await.unwrap();
    assert_eq!(kind, HandshakeKind::Full);
    // One certificate for both, with one query.
    assert_eq!(node.certs.statistics().loads, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_given_back_is_gone_from_all_nodes_with_its_sessions() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    for unknown in [UnknownHost::Alert, UnknownHost::NeutralPage] {
        let name = format!("{}.brightwater.example", if unknown == UnknownHost::Alert { "a" } else { "b" });
        let domain = ground.domain(tenant, &name, "live").await;
        ground.certificate(&[&name]).await;
        let (one, two) = (
            ground.node(|config| config.unknown = unknown).await,
            ground.node(|config| config.unknown = unknown).await,
        );
        let client = ground.client(&[b"http/1.1"]);
        one.page(&client, &name).await.unwrap();
        let (_, kind) = two.page(&client, &name).await.unwrap();
        assert_eq!(kind, HandshakeKind::Resumed);
        // A connection that was open before.
        let mut open = two.connect(&client, &name).await.unwrap();

        let release =
            format!("update domains set state = 'released', ended_at = now() where id = '{domain}'");
        ground.sql(&release).await;
        let begin = Instant::now();
        for node in [&one, &two] {
            while node.table.get(&host(&name)).unwrap().kind != Kind::Tombstone {
                assert!(begin.elapsed() < Duration::from_secs(5));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let took = begin.elapsed();
        println!("gone from both after {took:?}");
        assert!(took < Duration::from_millis(250), "{took:?}");
        for node in [&one, &two] {
            let refused = node.page(&client, &name).await.unwrap_err();
            assert!(refused.to_string().contains(if unknown == UnknownHost::Alert {
                "alert"
            } else {
                "certificate"
            }));
        }
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        open.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        open.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("techflow"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_swapped_in_on_all_nodes() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "live").await;
    ground.certificate(&[NAME]).await;
    let (one, two) = (ground.node(|_| ()).await, ground.node(|_| ()).await);
    let served = async |node: &crate::ground::Node| {
        let stream = node.connect(&ground.client(&[b"h2"]), NAME).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let old = served(&one).await;
    assert_eq!(served(&two).await, old);
    ground.certificate(&[NAME]).await;
    let begin = Instant::now();
    for node in [&one, &two] {
        while served(node).await == old {
            assert!(begin.elapsed() < Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    println!("renewed on both after {:?}", begin.elapsed());
    assert_eq!(served(&one).await, served(&two).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_of_thousands_does_not_delay_the_end_of_a_domain() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    let domain = ground.domain(tenant, NAME, "live").await;
    let node = ground.node(|_| ()).await;
    ground
        .sql(&format!(
            "insert into domains (tenant_id, id, host, label, nonce, state, claimed_at)
             select '{tenant}', overlay(md5(n::text)::text placing '7' from 13 for 1)::uuid,
                    'n' || n || '.import.example', md5('l' || n), 'n', 'live', now()
               from generate_series(1, 5000) n"
        ))
        .await;
    ground
        .sql(&format!("update domains set state = 'released', ended_at = now() where id = '{domain}'"))
        .await;
    let begin = Instant::now();
    while node.table.get(&host(NAME)).unwrap().kind != Kind::Tombstone {
        assert!(begin.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("gone {:?} after 5,000 others came", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    while node.table.len() != 5002 {
        assert!(begin.elapsed() < Duration::from_secs(10), "{} hosts", node.table.len());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
