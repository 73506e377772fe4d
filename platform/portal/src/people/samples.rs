//! Sample data of the slice's pages.

use platform_identity::Role;
use platform_web::Problems;
use themes::{Sample, samples};

use super::pages::{FilterLink, Invite, People, Row, Somebody};
use super::person::{Show, Standing, Typed};

fn row(name: &str, email: &str, role: Role, standing: Standing, me: bool) -> Row {
    let seen = match standing {
        Standing::Active => Some(samples::minutes(if me { 0 } else { -3 * 1440 })),
        Standing::Invited | Standing::Deactivated => None,
    };
    let initials = name.split(' ').filter_map(|word| word.chars().next()).take(2).collect();
    Row {
        id: "018f6b2e-7c1a-7d5e-9f00-00000000a001".to_owned(),
        name: name.to_owned(),
        initials,
        email: email.to_owned(),
        role,
        standing,
        last_seen_at: seen,
        invited_at: samples::minutes(-9 * 1440),
        me,
    }
}

fn maya() -> Row {
    row("Maya Okafor", "maya.okafor@brightwater.example", Role::Admin, Standing::Active, true)
}

fn jonas() -> Row {
    row("Jonas Lindqvist", "jonas.lindqvist@brightwater.example", Role::User, Standing::Invited, false)
}

fn list(show: Show, query: &str, rows: Vec<Row>) -> People {
    let link = |show: Show, count| FilterLink { show, href: format!("/people?show={}", show.word()), count };
    let counts = [84, 2, 3, 5];
    People {
        show,
        query: query.to_owned(),
        filters: Show::ALL.into_iter().zip(counts).map(|(show, count)| link(show, count)).collect(),
        rows,
        newer: None,
        older: None,
        csv: "/people/list.csv".to_owned(),
    }
}

pub(super) fn lists() -> Vec<Sample<People>> {
    let long = row(
        "Wilhelmina Theodora van Oldenbarnevelt-Hohenzollern",
        "wilhelmina.van-oldenbarnevelt.procurement-department@subsidiary.brightwater-utilities.example",
        Role::Champion,
        Standing::Active,
        false,
    );
    let left = row("Lea Novak", "lea.novak@brightwater.example", Role::User, Standing::Deactivated, false);
    let mut several = list(Show::All, "", vec![jonas(), left, maya(), long]);
    several.older = Some("/people?before=-018f6b2e7c1a7d5e9f0000000000a001".to_owned());
    vec![
        Sample::new("several", several),
        Sample::new("alone", list(Show::All, "", vec![maya()])),
        Sample::new("no-match", list(Show::All, "quokka", vec![])),
        Sample::new("none-invited", list(Show::Invited, "", vec![])),
    ]
}

pub(super) fn invites() -> Vec<Sample<Invite>> {
    let wrong = Typed::new("", "jonas@brightwater", "");
    let taken = Typed::new("Jonas Lindqvist", "jonas.lindqvist@brightwater.example", "user");
    vec![
        Sample::new(
            "empty",
            Invite::new(&Typed { role: "user".to_owned(), ..Typed::default() }, Problems::default()),
        ),
        Sample::new("wrong", Invite::new(&wrong, wrong.problems(true))),
        Sample::new("taken", Invite::new(&taken, Problems::of_one("email", "people.wrong.taken"))),
    ]
}

pub(super) fn people() -> Vec<Sample<Somebody>> {
    let somebody = |person: Row, problems| {
        let typed = Typed::new(&person.name, &person.email, person.role.word());
        Somebody::new(person, &typed, problems)
    };
    let active =
        row("Ines Duarte", "ines.duarte@brightwater.example", Role::Champion, Standing::Active, false);
    let left = row("Lea Novak", "lea.novak@brightwater.example", Role::User, Standing::Deactivated, false);
    let last = Row { me: false, ..maya() };
    vec![
        Sample::new("active", somebody(active, Problems::default())),
        Sample::new("invited", somebody(jonas(), Problems::default())),
        Sample::new("deactivated", somebody(left, Problems::default())),
        Sample::new("me", somebody(maya(), Problems::default())),
        Sample::new("last-admin", somebody(last, Problems::of_one("role", "people.wrong.last"))),
    ]
}
