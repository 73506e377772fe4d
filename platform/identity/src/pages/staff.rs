//! Pages of the second factor, and of a person's own safety at the console.

use chrono::{DateTime, Utc};
use platform_web::Problems;
use platform_web::pages::Field;
use serde::Serialize;
use themes::{Page, Registry, Sample, samples};

use super::{Device, DeviceKind};
use crate::staff::Qr;

pub(super) fn register(registry: Registry) -> Registry {
    registry
        .page::<SecondFactor>(include_str!("../html/staff/second_factor.html"))
        .page::<Enrolment>(include_str!("../html/staff/enrolment.html"))
        .page::<RecoveryCodes>(include_str!("../html/staff/recovery_codes.html"))
        .page::<Security>(include_str!("../html/staff/security.html"))
        .keys(&[
            "second_factor.code.wrong",
            "second_factor.code.shape",
            "second_factor.recovery.wrong",
            "second_factor.recovery.shape",
            "flash.second_factor_removed",
        ])
}

/// `GET /console/second-factor`; posts `code` or `recovery`, `next` and `csrf` there.
#[derive(Debug, Clone, Serialize)]
pub struct SecondFactor {
    pub email: String,
    /// The session is whole; something dangerous asks once more.
    pub again: bool,
    pub code: Field,
    pub recovery: Field,
    pub next: String,
    pub problems: Problems,
}

impl Page for SecondFactor {
    const TEMPLATE: &'static str = "identity/second_factor.html";

    fn samples() -> Vec<Sample<Self>> {
        let first = SecondFactor {
            email: "astrid.lund@techflow.example".to_owned(),
            again: false,
            code: Field::default(),
            recovery: Field::default(),
            next: "/console".to_owned(),
            problems: Problems::default(),
        };
        let wrong = SecondFactor {
            code: Field::wrong("493 021", "second_factor.code.wrong"),
            problems: Problems::of_one("code", "second_factor.code.wrong"),
            ..first.clone()
        };
        let recovery = SecondFactor {
            recovery: Field::wrong("7Q4MK-2XD9", "second_factor.recovery.shape"),
            problems: Problems::of_one("recovery", "second_factor.recovery.shape"),
            ..first.clone()
        };
        let again = SecondFactor { again: true, ..first.clone() };
        vec![
            Sample::new("first", first),
            Sample::new("wrong", wrong),
            Sample::new("recovery", recovery),
            Sample::new("again", again),
        ]
    }
}

/// `GET /console/second-factor/enrolment`; begun by a POST there, confirmed by one to `.../confirmation`.
#[derive(Debug, Clone, Serialize)]
pub struct Enrolment {
    /// The role demands it: there is no way around.
    pub demanded: bool,
    /// Another authenticator is in use until this one is confirmed.
    pub replaces: bool,
    pub begun: Option<Begun>,
    pub next: String,
    pub problems: Problems,
}

/// The secret of a factor that waits for its first code.
#[derive(Debug, Clone, Serialize)]
pub struct Begun {
    pub qr: Option<Qr>,
    /// Base32 in groups of four.
    pub secret: String,
    /// The same as a link, for an authenticator on this device.
    pub uri: String,
    pub code: Field,
}

impl Page for Enrolment {
    const TEMPLATE: &'static str = "identity/enrolment.html";

    fn samples() -> Vec<Sample<Self>> {
        let start = Enrolment {
            demanded: true,
            replaces: false,
            begun: None,
            next: "/console".to_owned(),
            problems: Problems::default(),
        };
        let uri = "otpauth://totp/TechFlow%20Industries:astrid.lund@techflow.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                   &issuer=TechFlow%20Industries&algorithm=SHA1&digits=6&period=30";
        let begun = Begun {
            qr: Qr::of(uri),
            secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".to_owned(),
            uri: uri.to_owned(),
            code: Field::default(),
        };
        let wrong = Enrolment {
            begun: Some(Begun { code: Field::wrong("12345", "second_factor.code.shape"), ..begun.clone() }),
            problems: Problems::of_one("code", "second_factor.code.shape"),
            ..start.clone()
        };
        let replacing = Enrolment { demanded: false, replaces: true, begun: Some(begun), ..start.clone() };
        let offered = Enrolment { demanded: false, ..start.clone() };
        vec![
            Sample::new("start", start),
            Sample::new("offered", offered),
            Sample::new("begun", replacing),
            Sample::new("wrong", wrong),
        ]
    }
}

/// Ten codes, shown once.
#[derive(Debug, Clone, Serialize)]
pub struct RecoveryCodes {
    pub codes: Vec<String>,
    pub next: String,
}

impl Page for RecoveryCodes {
    const TEMPLATE: &'static str = "identity/recovery_codes.html";

    fn samples() -> Vec<Sample<Self>> {
        let codes = [
            "7Q4MK-2XD9A",
            "0HV3T-9KQ2R",
            "B6N1W-Z4T8E",
            "4YJ5C-RM07P",
            "KD83S-6GFA1",
            "XW2P9-0VQ5N",
            "3TEH7-J1ZBD",
            "M9RC6-84KYS",
            "G5A0F-NW2XQ",
            "P7ZV1-TD3HJ",
        ];
        let page = RecoveryCodes { codes: codes.map(str::to_owned).into(), next: "/console".to_owned() };
        vec![Sample::new("ten", page)]
    }
}

/// `GET /console/security`.
#[derive(Debug, Clone, Serialize)]
pub struct Security {
    pub devices: Vec<Device>,
    pub factor: Option<FactorState>,
    /// The role demands a second factor.
    pub demanded: bool,
}

/// A second factor that is set up.
#[derive(Debug, Clone, Serialize)]
pub struct FactorState {
    pub since: DateTime<Utc>,
    /// Recovery codes that were not used yet.
    pub codes_left: u32,
}

impl Page for Security {
    const TEMPLATE: &'static str = "console/security.html";

    fn samples() -> Vec<Sample<Self>> {
        let device = |id: &str, kind, browser: &str, system: &str, minutes: i64, current| Device {
            id: id.to_owned(),
            kind,
            browser: Some(browser.to_owned()),
            system: Some(system.to_owned()),
            signed_in_at: samples::minutes(minutes - 200),
            last_seen_at: samples::minutes(minutes),
            ends_at: samples::minutes(minutes + 500),
            current,
        };
        let here = device("a", DeviceKind::Computer, "Firefox", "Linux", 0, true);
        let phone = device("b", DeviceKind::Phone, "Safari", "iOS", -95, false);
        let with = Security {
            devices: vec![here.clone(), phone],
            factor: Some(FactorState { since: samples::minutes(-90_000), codes_left: 8 }),
            demanded: true,
        };
        let few = Security {
            factor: Some(FactorState { since: samples::minutes(-90_000), codes_left: 1 }),
            demanded: false,
            ..with.clone()
        };
        let without = Security { devices: vec![here], factor: None, demanded: false };
        vec![
            Sample::new("with-factor", with),
            Sample::new("few-codes", few),
            Sample::new("without-factor", without),
        ]
    }
}
