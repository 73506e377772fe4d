//! What a slice may rely on: escaping, strictness, packs, locales, mails.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use themes::{
    Flash, MailPage, Money, Page, Registry, RenderError, Sample, Scheme, Shell, Skin, Themes, Tone, View,
    samples,
};

#[derive(Serialize)]
struct Probe {
    text: String,
    day: NaiveDate,
    at: DateTime<Utc>,
    price: Money,
    count: u32,
}

fn probe() -> Probe {
    Probe {
        text: "<b>\"Tom\" & 'Ann'/</b>".to_owned(),
        day: samples::day(5),
        at: samples::minutes(-3),
        price: Money::new(rust_decimal::Decimal::new(12_345, 1), "EUR"),
        count: 3,
    }
}

impl Page for Probe {
    const TEMPLATE: &'static str = "probe/probe.html";

    fn samples() -> Vec<Sample<Self>> {
        vec![Sample::new("one", probe())]
    }
}

impl MailPage for Probe {
    const NAME: &'static str = "probe/mail/probe";

    fn samples() -> Vec<Sample<Self>> {
        vec![Sample::new("one", probe())]
    }
}

const BODY: &str =
    r#"{% extends "layout/portal.html" %}{% block title %}Probe{% endblock %}{% block content %}"#;

fn build(content: &str) -> Themes {
    let source: &'static str = Box::leak(format!("{BODY}{content}{{% endblock %}}").into_boxed_str());
    let registry = Registry::new().page::<Probe>(source).mail::<Probe>(
        "About {{ page.text }}\n",
        "Hello {{ page.text }}, {{ page.day|day }}",
        "<p>Hello {{ page.text }}</p>",
    );
    Themes::build(registry).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn render_as(themes: &Themes, skin: &Skin, locale: &str, shell: &Shell) -> Result<String, RenderError> {
    let zone = chrono_tz::Europe::Oslo;
    let view = View { skin, locale: themes.locale(locale), zone, now: samples::now(), shell };
    themes.render(&view, &probe())
}

fn render(content: &str) -> Result<String, RenderError> {
    render_as(&build(content), &Skin::new(samples::techflow()), "en", &shell())
}

fn shell() -> Shell {
    samples::shell(Scheme::System, "en", "shell/home.html")
}

#[test]
fn html_is_escaped_and_addresses_stay_readable() {
    let page = render("<p title=\"{{ page.text }}\">{{ page.text }}</p>").unwrap();
    let escaped = "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Ann&#39;/&lt;/b&gt;";
    assert!(page.contains(&format!("<p title=\"{escaped}\">{escaped}</p>")), "{page}");
}

#[test]
fn filters_speak_the_readers_language() {
    let themes = build(
        "{{ page.day|day }}|{{ page.at|ago }}|{{ page.price|money }}|{{ t(\"home.lead.arriving\", count=page.count) }}",
    );
    let skin = Skin::new(samples::techflow());
    let english = render_as(&themes, &skin, "en", &shell()).unwrap();
    assert!(
        english.contains("title=\"Thursday 26 November 2026\"><span aria-hidden=\"true\">Thu 26 Nov</span>")
    );
    assert!(
        english.contains("3 min ago")
            && english.contains("€1,234.50")
            && english.contains("3 arrive this week.")
    );
    let arabic = render_as(&themes, &skin, "ar", &shell()).unwrap();
    assert!(arabic.contains("<html lang=\"ar\" dir=\"rtl\"") && arabic.contains("قبل 3 دقائق"));
}

#[test]
fn arguments_of_messages_are_escaped_unless_they_are_markup() {
    assert!(render("{{ t(\"order.title\", number=page.text) }}").unwrap().contains("Order &lt;b&gt;"));
    let markup = "{% set bold %}<b>{{ page.text }}</b>{% endset %}{{ t(\"order.title\", number=bold) }}";
    assert!(render(markup).unwrap().contains("Order <b>&lt;b&gt;"));
}

#[test]
fn mistakes_are_errors_and_never_blanks() {
    for wrong in [
        "{{ page.nothing }}",
        "{{ t(\"no.such.key\") }}",
        "{{ t(\"order.title\") }}",
        "{{ t(\"order.title\", number=\"1\", more=2) }}",
        "{{ t(\"home.lead.late\") }}",
        "{{ icon(\"no-such-icon\") }}",
        "{{ asset(\"no-such.css\") }}",
        "{{ page.text|day }}",
        "{{ page.text|money }}",
        "{{ page.day|clock }}",
    ] {
        assert!(render(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn broken_templates_are_all_reported_at_once() {
    let registry =
        Registry::new().partial("a.html", "{% if %}").partial("b.html", "{{").partial("layout/base.html", "");
    let Err(faults) = Themes::build(registry) else { panic!("built") };
    let named = |name: &str| faults.iter().any(|fault| fault.at.starts_with(name));
    assert!(named("a.html") && named("b.html") && named("layout/base.html"), "{faults:#?}");
}

#[test]
fn the_error_page_cannot_fail() {
    let themes = build("{{ page.nothing }}");
    let (skin, shell) = (Skin::neutral(), Shell::default());
    let view = View {
        skin: &skin,
        locale: themes.locale("en"),
        zone: chrono_tz::UTC,
        now: samples::now(),
        shell: &shell,
    };
    let page = themes.render_error(&view, &probe(), Some("R-1"));
    assert!(page.contains("R-1") && page.contains("</html>"));
}

#[test]
fn a_flash_from_a_forged_cookie_shows_nothing() {
    let flash =
        |key: &str| Shell { flash: Some(Flash { tone: Tone::Success, key: key.to_owned() }), ..shell() };
    let (themes, skin) = (build("x"), Skin::new(samples::lumen()));
    assert!(!render_as(&themes, &skin, "en", &flash("no-such-key")).unwrap().contains("data-flash"));
    assert!(render_as(&themes, &skin, "en", &flash("saved")).unwrap().contains("Saved."));
}

#[test]
fn terms_can_be_renamed() {
    let mut brand = samples::harrow();
    brand.terms.insert("Orders".to_owned(), "Commissions & more".to_owned());
    let page = render_as(&build("{{ t(\"orders.title\") }}"), &Skin::new(brand), "en", &shell()).unwrap();
    assert!(page.contains("Commissions &amp; more"));
}

#[test]
fn a_neutral_page_names_nobody() {
    let page = render_as(&build("x"), &Skin::neutral(), "en", &Shell::default()).unwrap().to_lowercase();
    assert!(page.contains("<title>probe</title>"));
    assert!(!page.contains("techflow") && !page.contains("portico"));
}

#[test]
fn mails_escape_html_and_leave_text_alone() {
    let themes = build("x");
    let (skin, shell) = (Skin::new(samples::lumen()), Shell::default());
    let view = View {
        skin: &skin,
        locale: themes.locale("en"),
        zone: chrono_tz::UTC,
        now: samples::now(),
        shell: &shell,
    };
    let mail = themes.mail(&view, &probe()).unwrap();
    assert_eq!(mail.subject, "About <b>\"Tom\" & 'Ann'/</b>");
    assert_eq!(mail.text, "Hello <b>\"Tom\" & 'Ann'/</b>, Thu 26 Nov");
    assert_eq!(mail.html, "<p>Hello &lt;b&gt;&quot;Tom&quot; &amp; &#39;Ann&#39;/&lt;/b&gt;</p>");
}
