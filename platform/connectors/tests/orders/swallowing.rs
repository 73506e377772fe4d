//! A line to the ERP that swallows what is sent, as a firewall does that has lost its memory: no error, no end, no answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use platform_connectors::sync::Refreshed;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

use crate::erp::Erp;
use crate::world::{World, eventually};

/// A port that leads to the ERP, until it swallows.
struct Line {
    port: u16,
    now: Arc<Now>,
}

#[derive(Default)]
struct Now {
    swallows: AtomicBool,
    /// Packets, in both directions.
    carried: AtomicU32,
}

impl Line {
    async fn to(erp: &Erp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (socket, now) = (erp.socket.join(".s.PGSQL.5432"), Arc::<Now>::default());
        tokio::spawn(accept(listener, socket, Arc::clone(&now)));
        Self { port, now }
    }

    fn url(&self, erp: &Erp) -> String {
        format!("postgres://portal_reader@127.0.0.1:{}/{}?sslmode=disable", self.port, erp.name)
    }

    fn swallow(&self, swallows: bool) {
        self.now.swallows.store(swallows, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, now: Arc<Now>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = UnixStream::connect(&socket).await else { continue };
        let ((from, to), (back, forth)) = (client.into_split(), server.into_split());
        tokio::spawn(carry(from, forth, Arc::clone(&now)));
        tokio::spawn(carry(back, to, Arc::clone(&now)));
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    now: Arc<Now>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        if !now.swallows.load(Ordering::Relaxed) {
            now.carried.fetch_add(1, Ordering::Relaxed);
            to.write_all(&buffer[..count]).await?;
        }
    }
}

#[tokio::test]
async fn a_line_that_swallows_costs_a_few_waits_and_then_none() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let line = Line::to(&erp).await;
    world.connect_orderflow(&line.url(&erp)).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    let order = world.order(&key).await;
    // A busy machine may take longer than a reader waits.
    eventually("it is read while somebody waits", || async {
        running.refresher.refresh(world.tenant, order).await == Refreshed::Now
    })
    .await;

    line.swallow(true);
    let (began, mut waits) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        assert_eq!(running.refresher.refresh(world.tenant, order).await, Refreshed::Later);
        assert!(asked.elapsed() < Duration::from_millis(450), "a page waited {:?}", asked.elapsed());
        waits += u32::from(asked.elapsed() > Duration::from_millis(200));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!((1..=6).contains(&waits), "{waits} pages waited");
    eventually("the state says so", || async { world.connector().await.state == "failing" }).await;
    let said = world.connector().await.last_error.unwrap_or_default();
    assert!(said.contains("within 3 s"), "{said}");

    line.swallow(false);
    let back = eventually("it lives again", || async { world.connector().await.state == "live" }).await;
    assert!(back < Duration::from_secs(40), "{back:?}");
    erp.simulate(&["--once", "ship", "--order", &key, "--all"]);
    eventually("news arrive again", || async { world.word(&key, "status").await == "shipped" }).await;
    running.stop().await;
}

#[tokio::test]
async fn many_orders_that_are_opened_at_once_are_read_at_once() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let line = Line::to(&erp).await;
    world.connect_orderflow(&line.url(&erp)).await;
    let running = world.start();
    world.loaded().await;
    world.books_loaded().await;
    let ids = world
        .value("select string_agg(id::text, ' ') from (select id from orders where deleted_at is null order by id limit 60) o")
        .await;
    let before = line.now.carried.load(Ordering::Relaxed);
    let mut opened = Vec::new();
    for id in ids.split(' ') {
        let (refresher, tenant) = (running.refresher.clone(), world.tenant);
        let order = id.parse().expect("an id");
        opened.push(tokio::spawn(async move { refresher.refresh(tenant, order).await }));
    }
    for each in opened {
        // on a busy machine a page may have gone on without it
        each.await.expect("no panic");
    }
    // each order alone is five statements, there and back
    let carried = line.now.carried.load(Ordering::Relaxed) - before;
    assert!(carried < 60 * 10 / 2, "{carried} packets for 60 orders");
    running.stop().await;
}
