//! A request is taken once, with all that belongs to it, and moves by the rules.

use platform_connectors::requests::{self, Error, Kind, State, Step};
use platform_core::audit::Actor;
use platform_core::clock::SystemClock;
use platform_core::random::SystemRandom;
use serde_json::json;

use crate::ground::Ground;

async fn step(ground: &Ground, id: platform_core::id::RequestId, step: Step) -> Result<bool, Error> {
    let mut tx = ground.staff().await;
    let moved = requests::advance(&mut tx, &SystemClock, &SystemRandom, id, &step).await?;
    tx.commit().await?;
    Ok(moved)
}

#[tokio::test]
async fn the_same_form_is_one_request() {
    let ground = Ground::new().await;
    let payload = json!({ "lines": [{ "sku": "PMP-50", "quantity": "2" }] });
    let both = tokio::join!(
        ground.submit(ground.reorder("form-0001", payload.clone())),
        ground.submit(ground.reorder("form-0001", payload.clone()))
    );
    let (one, two) = (both.0.expect("taken"), both.1.expect("known"));
    assert_eq!(one.id, two.id);
    assert_eq!(u8::from(one.new) + u8::from(two.new), 1, "two tabs at once are one request");
    let other = ground.submit(ground.reorder("form-0001", json!({ "lines": [] }))).await;
    assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
    let counts = "select concat_ws(' ', (select count(*) from requests), (select count(*) from request_events),
        (select count(*) from jobs where kind = 'hand_over_request'), (select count(*) from jobs where kind = 'tell_request'),
        (select count(*) from audit_log where object_kind = 'request'))";
    assert_eq!(ground.value(counts).await, "1 1 1 1 1");
}

#[tokio::test]
async fn nothing_is_left_of_what_was_rolled_back() {
    let ground = Ground::new().await;
    let mut tx = ground.customer().await;
    let new = ground.reorder("form-0002", json!({}));
    requests::submit(&mut tx, &SystemClock, &SystemRandom, new).await.expect("taken");
    drop(tx);
    let counts = "select concat_ws(' ', (select count(*) from requests), (select count(*) from jobs))";
    assert_eq!(ground.value(counts).await, "0 0");
}

#[tokio::test]
async fn a_request_goes_its_way_and_no_other() {
    let ground = Ground::new().await;
    let mut new = ground.reorder("form-0003", json!({ "total": "12" }));
    new.approval = true;
    let id = ground.submit(new).await.expect("taken").id;
    let hand_overs = "select count(*)::text from jobs where kind = 'hand_over_request'";
    assert_eq!(ground.value(hand_overs).await, "0", "nobody has said yes");
    let early = step(&ground, id, Step::to(State::Accepted, Actor::System)).await;
    assert!(matches!(early, Err(Error::Unlawful { .. })), "{early:?}");
    let noor = Actor::Contact(ground.noor);
    assert!(step(&ground, id, Step::to(State::Submitted, noor)).await.expect("she may"));
    assert_eq!(ground.value(hand_overs).await, "1");
    assert!(step(&ground, id, Step::to(State::HandedOver, Actor::System)).await.expect("it left"));
    let accepted =
        Step { erp_number: Some("SO-48001".to_owned()), ..Step::to(State::Accepted, Actor::System) };
    assert!(step(&ground, id, accepted.clone()).await.expect("taken"));
    assert!(!step(&ground, id, accepted).await.expect("said twice"), "an answer may come twice");
    assert!(!step(&ground, id, Step::to(State::HandedOver, Actor::System)).await.expect("late note"));
    let no = step(&ground, id, Step::to(State::Rejected, Actor::System)).await;
    assert!(matches!(no, Err(Error::Unlawful { .. })), "{no:?}");
    let mut tx = ground.customer().await;
    let request = requests::get(&mut tx, id).await.expect("answers").expect("seen");
    assert_eq!((request.state, request.erp_number.as_deref()), (State::Accepted, Some("SO-48001")));
    assert_eq!(request.approver_name.as_deref(), Some("Noor Haddad"));
    let events = requests::events(&mut tx, id).await.expect("answers");
    let states: Vec<State> = events.iter().map(|event| event.state).collect();
    assert_eq!(states, [State::AwaitingApproval, State::Submitted, State::HandedOver, State::Accepted]);
    assert_eq!(events[0].actor_name.as_deref(), Some("Maya Okafor"));
}

#[tokio::test]
async fn what_is_leaving_cannot_be_taken_back() {
    let ground = Ground::new().await;
    let (stays, leaves) = (ground.submitted("form-0004").await, ground.submitted("form-0005").await);
    let maya = Actor::Contact(ground.maya);
    assert!(step(&ground, stays, Step::to(State::Withdrawn, maya)).await.expect("nobody has it"));
    let mut tx = ground.staff().await;
    assert!(requests::begin_hand_over(&mut tx, stays).await.expect("answers").is_none(), "withdrawn");
    let begun = requests::begin_hand_over(&mut tx, leaves).await.expect("answers").expect("begun");
    assert_eq!(begun.attempts, 1);
    requests::note_failure(&mut tx, leaves, "the inbox does not answer").await.expect("noted");
    tx.commit().await.expect("kept");
    let late = step(&ground, leaves, Step::to(State::Withdrawn, maya)).await;
    assert!(matches!(late, Err(Error::Leaving)), "{late:?}");
    let mut tx = ground.customer().await;
    let request = requests::get(&mut tx, leaves).await.expect("answers").expect("seen");
    assert_eq!(request.last_error.as_deref(), Some("the inbox does not answer"));
    let pending = requests::pending(&mut tx, Kind::Reorder).await.expect("answers");
    assert_eq!(pending.iter().map(|request| request.id).collect::<Vec<_>>(), [leaves]);
    let submitted = requests::open_in(&mut tx, Kind::Reorder, State::Submitted, 9).await.expect("answers");
    assert_eq!(submitted.len(), 1);
}

#[tokio::test]
async fn another_customer_sees_nothing_and_moves_nothing() {
    let ground = Ground::new().await;
    let id = ground.submitted("form-0006").await;
    let scope = platform_core::Scope::customer(ground.tenant, ground.halvorsen);
    let mut tx = ground.db.tenant(scope).await.expect("a transaction");
    assert!(requests::get(&mut tx, id).await.expect("answers").is_none());
    assert!(requests::of_customer(&mut tx, None, 10).await.expect("answers").is_empty());
    assert!(requests::events(&mut tx, id).await.expect("answers").is_empty());
    let withdrawn = Step::to(State::Withdrawn, Actor::Contact(ground.sverre));
    let moved = requests::advance(&mut tx, &SystemClock, &SystemRandom, id, &withdrawn).await;
    assert!(matches!(moved, Err(Error::NotFound)), "{moved:?}");
    drop(tx);
    let mut tx = ground.customer().await;
    let kinds = [None, Some(Kind::Reorder), Some(Kind::AddressChange)];
    for (kind, count) in kinds.into_iter().zip([1, 1, 0]) {
        assert_eq!(requests::of_customer(&mut tx, kind, 10).await.expect("answers").len(), count);
    }
}

#[tokio::test]
async fn a_hand_over_that_gave_up_is_asked_for_again() {
    let ground = Ground::new().await;
    ground.submitted("form-0007").await;
    let mut owner = ground.database.owner().await;
    let give_up = "update jobs set failed_at = now() where kind = 'hand_over_request'";
    sqlx::query(give_up).execute(&mut owner).await.expect("arranged");
    for expected in [1, 0] {
        let mut tx = ground.staff().await;
        let asked = requests::retry(&mut tx, &SystemClock, &SystemRandom, Kind::Reorder).await;
        assert_eq!(asked.expect("answers"), expected, "once is enough");
        tx.commit().await.expect("kept");
    }
}
