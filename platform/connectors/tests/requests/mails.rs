//! Mail to operations: one mail with its file, and links that only our own mails hold.

use platform_connectors::doors::{Attached, Settings, read_link};
use platform_connectors::requests::{Kind, State};
use platform_core::clock::{Clock, SystemClock};
use platform_core::mail::Outbox;
use platform_core::random::SystemRandom;
use serde_json::json;
use std::sync::Arc;

use crate::ground::Ground;

#[tokio::test]
async fn operations_are_mailed_once_and_answer_by_a_link() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let settings = Settings::Mail { to: "orders@techflow.example".into(), attach: Attached::Csv };
    doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
    let line = json!({ "sku": "PMP-50", "description": "=Pump \"50\"", "quantity": "2", "unit": "EA" });
    let payload = json!({ "lines": [line], "purchase_order": "PO-7" });
    let id = ground.submit(ground.reorder("form-0001", payload)).await.expect("taken").id;
    ground.work(&doors).await;
    assert_eq!(ground.request(id).await.state, State::HandedOver);
    ground.run("update requests set state = 'submitted'").await;
    doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers");
    ground.work(&doors).await;
    let outbox = Outbox::new(ground.sealer.clone(), Arc::new(SystemClock), Arc::new(SystemRandom));
    let mut operator = ground.db.operator("test", "look").await.expect("an operator");
    let mails = outbox.recent(&mut operator, Some("orders@techflow.example"), 9).await.expect("answers");
    assert_eq!(mails.len(), 1, "handed over twice, mailed once");
    let body = mails[0].body.clone().expect("kept");
    assert!(body.text.contains("2 x PMP-50") && body.text.contains("Maya Okafor"), "{}", body.text);
    let file = &body.attachments[0];
    assert_eq!(file.name, format!("{id}.csv"));
    assert!(file.text.contains("\"'=Pump \"\"50\"\"\""), "no formula: {}", file.text);
    let link =
        body.text.split("/answers/").nth(1).expect("a link").split_whitespace().next().expect("a token");
    let (now, mut tx) = (SystemClock.now(), ground.staff().await);
    let found = read_link(&mut tx, &ground.sealer, now, link).await.expect("answers").expect("ours");
    assert_eq!(found.request.id, id);
    let late = now + chrono::TimeDelta::days(61);
    assert!(read_link(&mut tx, &ground.sealer, late, link).await.expect("answers").is_none(), "it ends");
    for at in [0, 30, 50, 90] {
        let mut other = link.to_owned().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).expect("letters");
        assert!(read_link(&mut tx, &ground.sealer, now, &other).await.expect("answers").is_none(), "{at}");
    }
}
