//! From the root to a zone's own servers, and what each of them says.

use std::net::SocketAddr;
use std::sync::Arc;

use acme::dns::{Client, Data, Guard, Kind, Mode, Said, Sources, Trouble, WalkError, walk::Walker};
use acme::testing::{DnsWorld, Temper};
use platform_core::random::SystemRandom;

async fn world() -> DnsWorld {
    let mut world = DnsWorld::start().await;
    world.delegate("example", &["ns.nic.example"], "").await;
    world
        .delegate(
            "brightwater.example",
            &["ns1.brightwater.example", "ns2.brightwater.example"],
            "success CNAME abc.edge.portico.example.\nwww A 192.0.2.7\n*.any TXT \"one\" \"two\"\ndeep.under A 192.0.2.8",
        )
        .await;
    world
}

fn client(sources: &Sources) -> Client {
    Client::new(Arc::new(SystemRandom), sources.patience)
}

fn walker(sources: Sources) -> Walker {
    Walker::new(client(&sources), sources)
}

#[tokio::test]
async fn the_walk_finds_the_zone_and_all_its_servers() {
    let world = world().await;
    let zone = walker(world.sources()).zone("success.brightwater.example").await.unwrap();
    assert_eq!(zone.apex, "brightwater.example");
    assert_eq!(zone.delegated, ["ns1.brightwater.example", "ns2.brightwater.example"]);
    assert_eq!(zone.listed.as_ref(), Some(&zone.delegated));
    for server in &zone.servers {
        assert_eq!(server.addresses, [std::net::IpAddr::from(world.address(&server.name))]);
    }
    // The registry's zone answers for a name that nobody registered.
    let zone = walker(world.sources()).zone("success.nobody.example").await.unwrap();
    assert_eq!(zone.apex, "example");
}

#[tokio::test]
async fn a_cut_below_and_servers_elsewhere_are_followed() {
    let mut world = world().await;
    world.delegate("hosting.example", &["ns.hosting.example"], "").await;
    let host = world.address("ns.hosting.example");
    // Both zones on one server: it answers for the lower one at once, without sending anybody there.
    world.zone(
        "ns.hosting.example",
        "marine.example",
        "@ NS ns.hosting.example.\nportal NS ns.hosting.example.",
    );
    world.zone(
        "ns.hosting.example",
        "portal.marine.example",
        "@ NS ns.hosting.example.\nsuccess A 192.0.2.9",
    );
    world.refer("marine.example", &["ns.hosting.example"]);
    let zone = walker(world.sources()).zone("success.portal.marine.example").await.unwrap();
    assert_eq!(zone.apex, "portal.marine.example");
    assert_eq!(zone.servers[0].addresses, [std::net::IpAddr::from(host)]);
}

#[tokio::test]
async fn each_kind_of_answer_is_told_apart() {
    let world = world().await;
    let client = client(&world.sources());
    let server = SocketAddr::new(world.address("ns1.brightwater.example").into(), world.sources().port);
    let own = async |name: &str, kind| {
        client.said(server, &format!("{name}.brightwater.example"), kind, Mode::Own).await
    };
    assert_eq!(own("www", Kind::A).await.to_string(), "A 192.0.2.7");
    assert_eq!(own("success", Kind::A).await.to_string(), "CNAME abc.edge.portico.example");
    assert_eq!(own("success", Kind::Cname).await.data(), [Data::Cname("abc.edge.portico.example".into())]);
    assert_eq!(own("www", Kind::Txt).await, Said::NoRecord { chain: vec![], keep: Some(300) });
    assert_eq!(own("under", Kind::A).await, Said::NoRecord { chain: vec![], keep: Some(300) });
    assert_eq!(own("none", Kind::A).await, Said::NoName { chain: vec![], keep: Some(300) });
    assert_eq!(own("x.any", Kind::Txt).await.data(), [Data::Txt("onetwo".into())]);

    for (temper, trouble) in [
        (Temper::Silent, Trouble::Silent),
        (Temper::Refuses, Trouble::Refused),
        (Temper::Fails, Trouble::Fails(None)),
        (Temper::NotOwn, Trouble::Lame),
    ] {
        world.temper("ns1.brightwater.example", temper);
        assert_eq!(own("www", Kind::A).await, Said::Failed(trouble));
    }
    for temper in [Temper::CutsShort, Temper::Old] {
        world.temper("ns1.brightwater.example", temper);
        assert_eq!(own("www", Kind::A).await.to_string(), "A 192.0.2.7", "{temper:?}");
    }
    let nobody = SocketAddr::new(std::net::Ipv4Addr::new(127, 255, 255, 250).into(), server.port());
    let said = client.said(nobody, "a.example", Kind::A, Mode::Own).await;
    assert!(matches!(said, Said::Failed(Trouble::Unreachable(_))), "{said:?}");
}

#[tokio::test]
async fn resolvers_follow_keep_and_check() {
    let mut world = world().await;
    world.delegate("portico.example", &["ns.portico.example"], "*.edge A 192.0.2.80").await;
    let client = client(&world.sources());
    let [first, second, _] = world.resolvers()[..] else { panic!("three resolvers") };
    let host = "success.brightwater.example";
    let said = client.said(first, host, Kind::A, Mode::Resolver).await;
    assert_eq!(said.to_string(), "CNAME abc.edge.portico.example -> A 192.0.2.80");
    world.keep(2, &format!("{host} A"));
    let said = client.said(second, host, Kind::A, Mode::Resolver).await;
    assert!(matches!(said, Said::NoName { .. }), "{said:?}");

    world.bogus("brightwater.example");
    let said = client.said(first, host, Kind::A, Mode::Resolver).await;
    assert_eq!(said.to_string(), "fails (SERVFAIL, signature does not verify)");
    let said = client.said(first, host, Kind::A, Mode::Unchecked).await;
    assert_eq!(said.data().len(), 1, "{said:?}");

    world.zone("ns1.brightwater.example", "brightwater.example", "a CNAME b\nb CNAME a");
    let own = SocketAddr::new(world.address("ns1.brightwater.example").into(), first.port());
    let said = client.said(own, "a.brightwater.example", Kind::A, Mode::Own).await;
    assert_eq!(said, Said::Failed(Trouble::Loop));
}

#[tokio::test]
async fn a_walk_that_is_cut_off_says_where() {
    let world = world().await;
    world.temper("ns.nic.example", Temper::Silent);
    let error = walker(world.sources()).zone("success.brightwater.example").await.unwrap_err();
    assert_eq!(error, WalkError::Cut { zone: "example".into(), trouble: Trouble::Silent });

    world.temper("ns.nic.example", Temper::Well);
    for server in ["ns1.brightwater.example", "ns2.brightwater.example"] {
        world.temper(server, Temper::Refuses);
    }
    let zone = walker(world.sources()).zone("success.brightwater.example").await.unwrap();
    assert_eq!((zone.apex.as_str(), zone.servers.len(), zone.listed), ("brightwater.example", 2, None));
}

#[tokio::test]
async fn registries_are_remembered_and_silent_servers_cost_no_time_while_others_answer() {
    let mut world = DnsWorld::start().await;
    let registry = ["a.nic.example", "b.nic.example", "c.nic.example"];
    world.delegate("example", &registry, "").await;
    world.delegate("brightwater.example", &["ns1.brightwater.example"], "success A 192.0.2.1").await;
    let walker = walker(world.sources());
    walker.zone("success.brightwater.example").await.unwrap();
    let roots = world.asked("a.root-servers.test");
    for server in &registry[..2] {
        world.temper(server, Temper::Silent);
    }
    let begin = std::time::Instant::now();
    let zone = walker.zone("other.brightwater.example").await.unwrap();
    assert_eq!(zone.apex, "brightwater.example");
    assert!(begin.elapsed() < world.sources().patience, "{:?}", begin.elapsed());
    assert_eq!(world.asked("a.root-servers.test"), roots, "the root is not asked again");
}

#[tokio::test]
async fn a_stranger_cannot_send_us_to_our_own_network() {
    let world = world().await;
    // Only the root is trusted by its configuration here; what it names is on loopback.
    let sources = Sources { guard: Guard::Public, ..world.sources() };
    let error = walker(sources).zone("success.brightwater.example").await.unwrap_err();
    assert_eq!(error, WalkError::Cut { zone: String::new(), trouble: Trouble::Forbidden });
    assert_eq!(world.asked("ns1.brightwater.example"), 0);
}
