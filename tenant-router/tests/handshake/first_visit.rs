//! First visits: a thousand at once are one query; a certificate that is on its way is waited for; nobody waits without
//! end; a database that is away is asked once, and everybody hears of it.

use std::time::{Duration, Instant};

use crate::ground::Ground;

const NAME: &str = "success.brightwater.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_visits_are_one_query() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "live").await;
    ground.certificate(&[NAME]).await;
    let node = ground.node(|_| ()).await;
    let visits = (0..1000).map(|_| {
        let certs = node.certs.clone();
        tokio::spawn(async move { certs.get(NAME).await.unwrap().unwrap() })
    });
    let mut all = Vec::new();
    for visit in visits.collect::<Vec<_>>() {
        all.push(visit.await.unwrap());
    }
    assert_eq!(node.certs.statistics().loads, 1);
    assert!(
        all.windows(2).all(|pair| std::sync::Arc::ptr_eq(&pair[0].config, &pair[1].config)),
        "one for all"
    );
    let client = ground.client(&[b"http/1.1"]);
    assert!(node.page(&client, NAME).await.unwrap().0.contains("tenant=techflow"));
    assert_eq!(node.certs.statistics().loads, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_who_gives_up_leaves_the_load_to_the_others() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "live").await;
    ground.certificate(&[NAME]).await;
    let node = ground.node(|_| ()).await;
    let (first, second) = (node.certs.clone(), node.certs.clone());
    let first = tokio::spawn(async move { first.get(NAME).await });
    let second = tokio::spawn(async move { second.get(NAME).await });
    first.abort();
    assert!(second.await.unwrap().unwrap().is_some());
    assert_eq!(node.certs.statistics().loads, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_on_its_way_is_waited_for() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "verified").await;
    let node = ground.node(|_| ()).await;
    let client = ground.client(&[b"http/1.1"]);
    let begin = Instant::now();
    let visits = (0..20).map(|_| node.page(&client, NAME));
    let issuing = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        ground.certificate(&[NAME]).await;
        begin.elapsed()
    };
    let (pages, issued) = tokio::join!(join_all(visits), issuing);
    let late = begin.elapsed() - issued;
    println!("served {late:?} after the certificate came");
    assert!(late < Duration::from_millis(500), "{late:?}");
    for page in pages {
        assert!(page.unwrap().0.contains("tenant=techflow"));
    }
    // The first look, the hint's, and no more than one for each second of waiting.
    let loads = node.certs.statistics().loads;
    assert!(loads <= 3, "{loads} queries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_without_end_and_not_all_may_wait() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "verified").await;
    ground.domain(tenant, "off.brightwater.example", "live").await;
    let node = ground
        .node(|config| {
            config.arrival = Duration::from_millis(3000);
            // They all come from one address here.
            config.limits.waiting_per_client = config.limits.waiting;
        })
        .await;
    let client = ground.client(&[b"http/1.1"]);
    let begin = Instant::now();
    let outcomes = join_all((0..300).map(|_| async {
        let outcome = node.connect(&client, NAME).await;
        (outcome.unwrap_err().to_string(), begin.elapsed())
    }))
    .await;
    assert!(outcomes.iter().all(|(error, _)| error.contains("alert")), "{outcomes:?}");
    let (late, early): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|(_, at)| *at >= Duration::from_millis(3000));
    assert_eq!((late.len(), early.len()), (256, 44), "256 wait, the others are turned away");
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());

    // Whoever goes makes room at once.
    for _ in 0..3 {
        let gone: Vec<_> = join_all((0..256).map(|_| start(&node, &client))).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(gone);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let begin = Instant::now();
    assert!(node.connect(&client, NAME).await.is_err());
    assert!(begin.elapsed() >= Duration::from_millis(2900), "there was room to wait: {:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_heard_of_by_all_and_keeps_nobody_served_waiting() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    for name in [NAME, "other.brightwater.example"] {
        ground.domain(tenant, name, "live").await;
        ground.certificate(&[name]).await;
    }
    let node = ground.node(|_| ()).await;
    let client = ground.client(&[b"http/1.1"]);
    node.page(&client, "other.brightwater.example").await.unwrap();
    ground.sql("alter table certificates rename to hidden").await;
    let loads = node.certs.statistics().loads;
    let outcomes = join_all((0..200).map(|_| node.certs.get(NAME))).await;
    assert!(outcomes.iter().all(Result::is_err));
    // One, unless it fails before all have asked: a fault is told to those who wait and is not kept.
    let asked = node.certs.statistics().loads - loads;
    assert!((1..20).contains(&asked), "{asked} queries for 200 visitors");
    assert!(node.page(&client, "other.brightwater.example").await.unwrap().0.contains("tenant=techflow"));
    ground.sql("alter table hidden rename to certificates").await;
    assert!(node.page(&client, NAME).await.unwrap().0.contains("tenant=techflow"));
}

/// Sends a hello and reads nothing.
async fn start(
    node: &crate::ground::Node,
    client: &std::sync::Arc<rustls::ClientConfig>,
) -> tokio::net::TcpStream {
    use tokio::io::AsyncWriteExt;
    let name = rustls_pki_types::ServerName::try_from(NAME).unwrap();
    let mut connection = rustls::ClientConnection::new(client.clone(), name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    let mut stream = tokio::net::TcpStream::connect(node.https).await.unwrap();
    stream.write_all(&hello).await.unwrap();
    stream
}

async fn join_all<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in all.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
