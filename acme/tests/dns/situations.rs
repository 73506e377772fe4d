//! What can be wrong with a customer's DNS, one situation a row: the right code, who has to act, and the fix.

use std::sync::Arc;

use acme::dns::Sources;
use acme::probe::{Code, Level, Platform, Prober, Proof, Report, Want, Who};
use acme::testing::{DnsWorld, Temper};
use platform_core::clock::SystemClock;
use platform_core::random::SystemRandom;

pub(crate) const TARGET: &str = "abc234.edge.portico.example";
const PROOF: &str = "portico-verify=n0nce";

pub(crate) struct Situation {
    what: &'static str,
    /// The zone `z.example`, in which the host is `success`.
    zone: &'static str,
    /// What is odd beside the records.
    odd: fn(&DnsWorld),
    want: fn(&mut Want),
    code: Code,
    level: Level,
    who: Who,
    fix: &'static str,
    proof: Option<Proof>,
}

const fn row(
    what: &'static str,
    zone: &'static str,
    code: Code,
    level: Level,
    who: Who,
    fix: &'static str,
) -> Situation {
    Situation { what, zone, odd: |_| (), want: |_| (), code, level, who, fix, proof: None }
}

const fn theirs(what: &'static str, zone: &'static str, code: Code, fix: &'static str) -> Situation {
    row(what, zone, code, Level::Fail, Who::Customer, fix)
}

impl Situation {
    const fn odd(mut self, odd: fn(&DnsWorld)) -> Self {
        self.odd = odd;
        self
    }

    const fn want(mut self, want: fn(&mut Want)) -> Self {
        self.want = want;
        self
    }

    const fn proves(mut self, proof: Proof) -> Self {
        self.proof = Some(proof);
        self
    }
}

const CNAME: &str = "success CNAME abc234.edge.portico.example.";
const CNAME_AND_TXT: &str =
    "success CNAME abc234.edge.portico.example.\n_portico.success TXT \"portico-verify=n0nce\"";
const TXT_AND_PROXY: &str = "success A 104.16.1.1\n_portico.success TXT \"portico-verify=n0nce\"";

fn apex(want: &mut Want) {
    want.host = "z.example".into();
}

fn second_has(world: &DnsWorld, records: &str) {
    world.zone("ns2.z.example", "z.example", &format!("@ NS ns1.z.example.\n@ NS ns2.z.example.\n{records}"));
}

fn all(world: &DnsWorld, temper: Temper) {
    world.temper("ns1.z.example", temper);
    world.temper("ns2.z.example", temper);
}

#[rustfmt::skip]
fn situations() -> Vec<Situation> {
    use Code::*;
    let well = |what, zone, code| row(what, zone, code, Level::Ok, Who::Nobody, "");
    vec![
        // where the host points
        well("the CNAME at its target", CNAME, PointsHere).proves(Proof::Cname),
        well("a CNAME through another name", "success CNAME hop\nhop CNAME abc234.edge.portico.example.", PointsHere).proves(Proof::Cname),
        well("a CNAME through another zone", "success CNAME hop.other.example.", PointsHere)
            .odd(|world| world.zone("ns.nic.example", "other.example", "hop CNAME abc234.edge.portico.example."))
            .proves(Proof::Cname),
        theirs("no such name", "www A 192.0.2.1", NoName, "Add a CNAME record: success.z.example points to abc234"),
        theirs("a name without a record", "success TXT \"hello\"", NoRecord, "Add a CNAME record"),
        theirs("an empty name above another", "a.success A 192.0.2.1", NoRecord, "Add a CNAME record"),
        theirs("a CNAME elsewhere", "success CNAME www\nwww A 192.0.2.1", WrongCname, "from www.z.example to abc234"),
        theirs("a CNAME that dangles", "success CNAME gone.z.example.", CnameDangles, "from gone.z.example to abc234"),
        theirs("the target with the zone appended", "success CNAME abc234.edge.portico.example", DoubledTarget, "final dot"),
        theirs("the name with the zone twice", "success.z.example CNAME abc234.edge.portico.example.", DoubledName, "appends “.z.example”"),
        theirs("a target of an earlier claim", "success CNAME old567.edge.portico.example.", OldTarget, "to abc234"),
        theirs("a CNAME in a circle", "success CNAME two\ntwo CNAME success", CnameLoop, "Add a CNAME"),
        theirs("a CNAME at itself", "success CNAME success", CnameLoop, "Add a CNAME"),
        theirs("addresses elsewhere", "success A 192.0.2.1", WrongAddress, "Delete the A and AAAA records"),
        theirs("an IPv6 address elsewhere alone", "success AAAA 2001:db8::1", WrongAddress, "Delete the A and AAAA"),
        theirs("a stale AAAA beside our A", "success A 198.51.100.80\nsuccess AAAA 2001:db8::1", StaleAddress, "2001:db8::1"),
        theirs("a stale A beside ours", "success A 198.51.100.80\nsuccess A 192.0.2.9", StaleAddress, "192.0.2.9"),
        theirs("a CNAME beside addresses", "success CNAME abc234.edge.portico.example.\nsuccess A 192.0.2.1", CnameBesideOthers, "keep the CNAME"),
        theirs("a wildcard answers", "* A 192.0.2.1", WildcardAnswers, "wins over the wildcard"),
        theirs("a wildcard at the right target", "* CNAME other.z.example.\nother A 192.0.2.1", WildcardAnswers, "Add a CNAME"),
        well("a wildcard CNAME at the target", "* CNAME abc234.edge.portico.example.", PointsHere).proves(Proof::Cname),
        theirs("a CNAME at the top", "@ CNAME abc234.edge.portico.example.", CnameAtApex, "not possible").want(apex),
        theirs("the top without an address", "", NoRecord, "A and AAAA records with the").want(apex),
        well("the top with our addresses", "@ A 198.51.100.80\n_portico TXT \"portico-verify=n0nce\"", PointsHereByAddress)
            .want(apex).proves(Proof::Txt),
        well("the top flattened by its provider", "@ A 198.51.100.80\n@ AAAA 2001:db8:80::1\n_portico TXT \"portico-verify=n0nce\"", PointsHereByAddress)
            .want(apex).proves(Proof::Txt),
        row("behind Cloudflare's proxy", TXT_AND_PROXY, Proxied, Level::Note, Who::Customer, "grey cloud").proves(Proof::Txt),
        row("a host that nobody has claimed", "success A 192.0.2.1", Unclaimed, Level::Note, Who::Nobody, "Claim it first")
            .want(|want| (want.target, want.proof) = (None, None)),
        row("our target has no address", "success CNAME abc234.edge.elsewhere.example.", TargetUnresolved, Level::Fail, Who::Us, "*.edge.portico.example")
            .want(|want| want.target = Some("abc234.edge.elsewhere.example".into())).proves(Proof::Cname),
        // whose it is
        theirs("proxied without a proof", "success A 104.16.1.1", ProofMissing, "Add a TXT record at _portico.success.z.example"),
        theirs("the top without a proof", "@ A 198.51.100.80", ProofMissing, "Add a TXT record at _portico.z.example").want(apex),
        row("no proof where the CNAME will do", "www A 192.0.2.1", ProofMissing, Level::Note, Who::Customer, "once the CNAME is there"),
        theirs("the proof of an earlier claim", "success A 104.16.1.1\n_portico.success TXT \"portico-verify=0ld\"", ProofWrong, "Replace the text"),
        theirs("the proof in quotation marks", "success A 104.16.1.1\n_portico.success TXT 'portico-verify=n0nce'", ProofQuoted, "quotation marks"),
        theirs("the proof with the zone twice", "success A 104.16.1.1\n_portico.success.z.example TXT \"portico-verify=n0nce\"", ProofDoubled, "appends “.z.example”"),
        theirs("a host of another account", CNAME, ProofContested, "moves the host to this account").want(|want| want.contested = true),
        row("another claim's target, and a proof", "success CNAME old567.edge.portico.example.\n_portico.success TXT \"portico-verify=n0nce\"", OldTarget, Level::Note, Who::Customer, "to abc234")
            .proves(Proof::Txt),
        well("a host of another account, proven", CNAME_AND_TXT, ProofByTxt).want(|want| want.contested = true).proves(Proof::Txt),
        row("a host of another account, proven a moment ago", CNAME_AND_TXT, ProofContested, Level::Wait, Who::Nobody, "as soon as one of them does")
            .want(|want| want.contested = true)
            .odd(|world| (1..=3).for_each(|number| world.keep(number, "_portico.success.z.example TXT"))),
        well("the proof among other texts", "success A 104.16.1.1\n_portico.success TXT \"v=spf1 -all\"\n_portico.success TXT \"portico-verify=\" \"n0nce\"", ProofByTxt)
            .proves(Proof::Txt),
        // the servers
        row("one server lags behind", CNAME, ServersDiffer, Level::Wait, Who::Nobody, "ns2.z.example has an old copy").odd(|world| second_has(world, "")),
        row("the new target is not everywhere", CNAME, ServersDiffer, Level::Wait, Who::Nobody, "ns2.z.example").odd(|world| second_has(world, "success CNAME www")),
        row("one server is silent", CNAME, SilentServer, Level::Note, Who::Customer, "ns2.z.example does not answer")
            .odd(|world| world.temper("ns2.z.example", Temper::Silent)).proves(Proof::Cname),
        row("one server is lame", CNAME, LameServer, Level::Note, Who::Customer, "take it off")
            .odd(|world| world.temper("ns2.z.example", Temper::NotOwn)).proves(Proof::Cname),
        theirs("all servers refuse", CNAME, RefusingServer, "Set up z.example at ns1.z.example, ns2.z.example").odd(|world| all(world, Temper::Refuses)),
        theirs("all servers fail", CNAME, FailingServer, "Tell the DNS provider").odd(|world| all(world, Temper::Fails)),
        theirs("all servers are silent", CNAME, SilentServer, "does not answer").odd(|world| all(world, Temper::Silent)),
        theirs("all servers are lame", CNAME, LameServer, "does not serve this zone").odd(|world| all(world, Temper::NotOwn)),
        row("a server without an address", CNAME, ServerWithoutAddress, Level::Note, Who::Customer, "public address")
            .odd(|world| world.refer_unplaced("z.example", "ns3.nowhere.example")).proves(Proof::Cname),
        row("the registrar names other servers", CNAME, DelegationDiffers, Level::Note, Who::Customer, "at the registrar equal")
            .odd(|world| world.refer("z.example", &["ns.nic.example"])).proves(Proof::Cname),
        theirs("a domain that is not registered", "", Unregistered, "register").want(|want| want.host = "success.nobody.example".into()),
        theirs("wrong signatures", CNAME, DnssecBogus, "Remove the DS record").odd(|world| world.bogus("z.example")),
        row("resolvers remember the absence", CNAME, ResolversBehind, Level::Wait, Who::Nobody, "Wait")
            .odd(|world| world.keep(2, "success.z.example A")).proves(Proof::Cname),
        row("resolvers remember the old address", CNAME, ResolversBehind, Level::Wait, Who::Nobody, "Wait")
            .odd(|world| world.keep(1, "success.z.example. A 192.0.2.1")).proves(Proof::Cname),
        row("a resolver is silent", CNAME, ResolverSilent, Level::Note, Who::Us, "dns.servers")
            .odd(|world| world.temper("resolver3.test", Temper::Silent)).proves(Proof::Cname),
        // whether a certificate can be had
        well("no CAA", CNAME, CaaAllows).proves(Proof::Cname),
        well("a CNAME under a strict domain", "@ CAA 0 issue \"ca.example\"\nsuccess CNAME abc234.edge.portico.example.", CaaAllows).proves(Proof::Cname),
        row("a strict domain before the CNAME", "@ CAA 0 issue \"ca.example\"", CaaUntilCname, Level::Note, Who::Nobody, "Add the CAA record"),
        theirs("a strict domain behind a proxy", "@ CAA 0 issue \"ca.example\"\nsuccess A 104.16.1.1\n_portico.success TXT \"portico-verify=n0nce\"", CaaOtherIssuer, "Or add the CAA record")
            .proves(Proof::Txt),
        theirs("a strict domain at the top", "@ CAA 0 issue \"ca.example\"\n@ A 198.51.100.80", CaaOtherIssuer, "0 issue \"letsencrypt.org\"").want(apex),
        theirs("a domain without certificates", "@ CAA 0 issue \";\"\n@ A 198.51.100.80", CaaNobody, "Add the CAA record").want(apex),
        theirs("another account of our authority", "@ CAA 0 issue \"letsencrypt.org; accounturi=https://acme.example/9\"\n@ A 198.51.100.80", CaaAccount, "another account").want(apex),
        well("our very account", "@ CAA 0 issue \"letsencrypt.org; accounturi=https://acme.example/1\"\n@ A 198.51.100.80\n_portico TXT \"portico-verify=n0nce\"", CaaAllows)
            .want(apex).proves(Proof::Txt),
        theirs("another way of validation", "@ CAA 0 issue \"letsencrypt.org; validationmethods=dns-01\"\n@ A 198.51.100.80", CaaMethod, "not by http-01").want(apex),
        theirs("an unknown critical property", "@ CAA 128 tbs \"x\"\n@ A 198.51.100.80", CaaCritical, "critical flag").want(apex),
        theirs("issuewild forbids the wildcard", "@ CAA 0 issue \"letsencrypt.org\"\n@ CAA 0 issuewild \";\"\n@ A 198.51.100.80", CaaNobody, "0 issuewild \"letsencrypt.org\"")
            .want(|want| { apex(want); want.wildcard = true; }),
        theirs("servers that do not know CAA", "@ A 198.51.100.80", CaaUnreadable, "must answer questions for the type CAA").want(apex).odd(|world| all(world, Temper::NoCaa)),
        theirs("servers that drop CAA", "@ A 198.51.100.80", CaaUnreadable, "an empty answer is fine").want(apex).odd(|world| all(world, Temper::SilentOnCaa)),
        row("our own CAA forbids", "success CNAME abc234.edge.strict.example.", CaaOtherIssuer, Level::Fail, Who::Us, "Add the CAA record")
            .want(|want| want.target = Some("abc234.edge.strict.example".into())).proves(Proof::Cname),
        well("a delegated challenge", "success CNAME abc234.edge.portico.example.\n_acme-challenge.success CNAME abc234.acme.portico.example.", ChallengeDelegated)
            .want(delegated).proves(Proof::Cname),
        row("a TXT hides the delegation", "success CNAME abc234.edge.portico.example.\n_acme-challenge.success CNAME abc234.acme.portico.example.\n_acme-challenge.success TXT \"old\"", ChallengeShadowed, Level::Note, Who::Customer, "Delete the TXT record")
            .want(delegated).proves(Proof::Cname),
        theirs("a TXT hides the delegation that is needed", "_acme-challenge.success CNAME abc234.acme.portico.example.\n_acme-challenge.success TXT \"old\"", ChallengeShadowed, "Delete the TXT record")
            .want(|want| { delegated(want); want.method = "dns-01"; }),
        row("somebody else's delegation", "success CNAME abc234.edge.portico.example.\n_acme-challenge.success CNAME x.dcv.cloudflare.example.", ChallengeElsewhere, Level::Note, Who::Customer, "to abc234.acme.portico.example")
            .want(delegated).proves(Proof::Cname),
    ]
}

fn delegated(want: &mut Want) {
    want.delegation = Some("abc234.acme.portico.example".into());
}

/// Registry, platform, and the customer's zone on two servers.
pub(crate) async fn world(records: &str) -> DnsWorld {
    let mut world = DnsWorld::start().await;
    world.delegate("example", &["ns.nic.example"], "").await;
    let platform =
        "*.edge A 198.51.100.80\n*.edge AAAA 2001:db8:80::1\n*.edge CAA 0 issue \"letsencrypt.org\"";
    world.delegate("portico.example", &["ns.portico.example"], platform).await;
    world
        .delegate(
            "strict.example",
            &["ns.portico.example"],
            "*.edge A 198.51.100.80\n*.edge CAA 0 issue \"ca.example\"",
        )
        .await;
    world.delegate("z.example", &["ns1.z.example", "ns2.z.example"], records).await;
    world
}

pub(crate) fn prober(sources: Sources) -> Prober {
    let platform = Platform::new("portico.example");
    Prober::new(sources, platform, Arc::new(SystemClock), Arc::new(SystemRandom))
}

pub(crate) fn want() -> Want {
    let mut want = Want::nothing("success.z.example");
    (want.target, want.proof) = (Some(TARGET.into()), Some(PROOF.into()));
    want.accounts = vec!["https://acme.example/1".into()];
    want
}

async fn look(situation: &Situation) -> Report {
    let world = world(situation.zone).await;
    (situation.odd)(&world);
    let mut want = want();
    (situation.want)(&mut want);
    let mut prober = prober(world.sources());
    if situation.code == Code::CaaOtherIssuer && situation.who == Who::Us {
        let platform = Platform::new("strict.example");
        prober = Prober::new(world.sources(), platform, Arc::new(SystemClock), Arc::new(SystemRandom));
    }
    prober.probe(&want).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_situation_has_its_code_who_and_fix() {
    let mut faults = Vec::new();
    let situations = situations();
    let count = situations.len();
    for situation in &situations {
        let report = look(situation).await;
        let Some(check) = report.check(situation.code) else {
            let found: Vec<_> = report.checks.iter().map(|check| (check.code, check.level)).collect();
            faults.push(format!("{}: no {:?} in {found:?}", situation.what, situation.code));
            continue;
        };
        if (check.level, check.who) != (situation.level, situation.who) {
            faults.push(format!("{}: {:?} {:?}", situation.what, check.level, check.who));
        }
        if !check.fix.as_deref().unwrap_or_default().contains(situation.fix) {
            faults.push(format!("{}: the fix is {:?}", situation.what, check.fix));
        }
        if report.proof != situation.proof {
            faults.push(format!("{}: the proof is {:?}", situation.what, report.proof));
        }
        // What is well says so, and nobody has to do anything about it; what is not says what to do.
        for check in &report.checks {
            let bare = check.says.is_empty() || (check.level > Level::Ok) != check.fix.is_some();
            if bare || (check.level == Level::Ok && check.who != Who::Nobody) {
                faults.push(format!("{}: {check:?}", situation.what));
            }
        }
        // One fault is one fault: beside it only what cannot be otherwise.
        let fails = report.checks.iter().filter(|check| check.level == Level::Fail).count();
        let alone = matches!(
            situation.code,
            Code::RefusingServer
                | Code::FailingServer
                | Code::SilentServer
                | Code::LameServer
                | Code::Unregistered
        );
        if (situation.level < Level::Fail || alone) && fails > 1 {
            let found: Vec<_> = report.checks.iter().filter(|check| check.level == Level::Fail).collect();
            faults.push(format!("{}: also fails {found:?}", situation.what));
        }
    }
    assert!(faults.is_empty(), "{} of {count} situations:\n{}", faults.len(), faults.join("\n"));
    assert!(count >= 60, "{count}");
}

#[tokio::test]
async fn an_old_answer_is_told_with_its_end() {
    let world = world(CNAME).await;
    world.keep(2, "success.z.example. A 192.0.2.1");
    let report = prober(world.sources()).probe(&want()).await;
    let check = report.check(Code::ResolversBehind).unwrap();
    let left = (check.until.unwrap() - report.at).num_seconds();
    assert_eq!(left, 300);
    assert_eq!(check.seen.len(), 1);
    assert!(check.seen[0].said.ends_with("A 192.0.2.1"), "{check:?}");
    assert!(report.obstacles().next().is_none(), "an authority asks the zone's own servers");
}

#[tokio::test]
async fn without_a_walk_the_resolvers_decide() {
    let world = world(CNAME).await;
    let sources = Sources { roots: Vec::new(), ..world.sources() };
    let report = prober(sources).probe(&want()).await;
    assert_eq!(
        (report.proof, report.arrives, report.zone.as_deref()),
        (Some(Proof::Cname), Some(true), None)
    );
    assert_eq!(report.level(), Level::Ok, "{report:?}");
}

#[tokio::test]
async fn a_walk_that_is_cut_off_is_ours_to_mend_and_the_resolvers_decide() {
    let world = world(CNAME).await;
    let nowhere = std::net::Ipv4Addr::new(127, 255, 255, 250).into();
    let report = prober(Sources { roots: vec![nowhere], ..world.sources() }).probe(&want()).await;
    let check = report.check(Code::WalkCut).unwrap();
    assert_eq!((check.who, check.level), (Who::Us, Level::Note));
    assert!(check.fix.as_ref().unwrap().contains("port 53"));
    assert_eq!(report.proof, Some(Proof::Cname));
}

#[tokio::test]
async fn the_platforms_own_zone_is_looked_at_too() {
    let world = world("").await;
    let check = async |base: &str| {
        let platform = Platform::new(base);
        Prober::new(world.sources(), platform, Arc::new(SystemClock), Arc::new(SystemRandom)).own_zone().await
    };
    assert_eq!(check("portico.example").await.code, Code::TargetsReady);
    let strict = check("strict.example").await;
    assert_eq!((strict.code, strict.who), (Code::CaaOtherIssuer, Who::Us));
    let bare = check("z.example").await;
    assert_eq!((bare.code, bare.level), (Code::TargetUnresolved, Level::Fail));
    world.zone("ns.portico.example", "portico.example", "@ NS ns.portico.example.\n*.edge A 198.51.100.80");
    let open = check("portico.example").await;
    assert_eq!((open.code, open.level), (Code::TargetsWithoutCaa, Level::Note));
    assert!(open.fix.unwrap().contains("CAA 0 issue \"letsencrypt.org\" at *.edge.portico.example"));
}

#[tokio::test]
async fn the_report_is_kept_as_json() {
    let world = world("").await;
    let report = prober(world.sources()).probe(&want()).await;
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["checks"][1]["code"], "no_name");
    assert_eq!(json["checks"][1]["who"], "customer");
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

#[tokio::test]
async fn the_record_is_written_as_the_providers_form_wants_it() {
    let mut world = world("").await;
    world.delegate("net", &["ns.nic.net"], "").await;
    world.delegate("ovh.net", &["dns10.ovh.net", "ns10.ovh.net"], "").await;
    world.delegate("kunde.example", &["dns10.ovh.net", "ns10.ovh.net"], "").await;
    let mut want = want();
    want.host = "success.kunde.example".into();
    let report = prober(world.sources()).probe(&want).await;
    assert_eq!(report.provider.as_ref().unwrap().name, "OVHcloud");
    let fields = report.check(Code::NoName).unwrap().records[0].fields.clone().unwrap();
    assert_eq!((fields.host.as_str(), fields.value.as_str()), ("success", "abc234.edge.portico.example."));
}
