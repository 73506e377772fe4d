//! What an expression becomes, and what does not get through.

use super::*;

fn sql(text: &str) -> String {
    Expression::parse(text).map_or_else(|fault| format!("fault: {fault}"), |e| e.sql().to_owned())
}

#[test]
fn names_are_quoted_and_literals_escaped() {
    assert_eq!(sql("Ord_No"), "t.\"ord_no\"");
    assert_eq!(sql("\"Ord\"\"No\""), "t.\"Ord\"\"No\"");
    assert_eq!(sql("carrier.name"), "\"carrier\".\"name\"");
    assert_eq!(sql("'it''s' || ord_no"), "('it''s' || t.\"ord_no\")");
    assert_eq!(sql("coalesce(a, b::date)"), "coalesce(t.\"a\", (t.\"b\")::date)");
}

#[test]
fn predicates_and_cases() {
    assert_eq!(
        sql("a not in ('X', 'Y') and b is null"),
        "((t.\"a\" not in ('X', 'Y')) and (t.\"b\" is null))"
    );
    assert_eq!(
        sql("case when shipped is not null then 'S' else 'O' end"),
        "(case when (t.\"shipped\" is not null) then 'S' else 'O' end)"
    );
    assert_eq!(sql("a * b * (1 - c)"), "((t.\"a\" * t.\"b\") * ((1 - t.\"c\")))");
    assert_eq!(sql("d between 1 and 2 or not e"), "((t.\"d\" between 1 and 2) or (not t.\"e\"))");
}

#[test]
fn only_a_bare_column_is_plain() {
    assert!(Expression::parse("ord_no").is_ok_and(|e| e.plain().is_some()));
    assert!(Expression::parse("so.id").is_ok_and(|e| e.plain().is_some()));
    assert!(Expression::parse("ord_no + 1").is_ok_and(|e| e.plain().is_none()));
    assert!(Expression::parse("1").is_ok_and(|e| e.plain().is_none()));
}

#[test]
fn nothing_else_gets_through() {
    let deep = "(".repeat(100);
    for text in [
        "",
        "a; drop table x",
        "(select 1)",
        "pg_sleep(9)",
        "a -- b",
        "a /* b */",
        "$1",
        "a::regclass",
        "\\x",
        "a.b.c",
        "'open",
        "\"open",
        "a b",
        "in (1)",
        "case a end",
        "case when a then b",
        "a not b",
        "1.2.3",
        "1.",
        "f(",
        "E'\\''",
        "current_user",
        "lo_import('/etc/passwd')",
        "a = any(b)",
        "\u{0}",
        &deep,
        &"a".repeat(2000),
    ] {
        match Expression::parse(text) {
            Err(_) => {}
            // a word is a column name, whatever it means elsewhere
            Ok(e) => assert_eq!(e.sql(), format!("t.\"{text}\"")),
        }
    }
}
