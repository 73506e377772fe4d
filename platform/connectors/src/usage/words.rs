//! The month's report in plain words, for a mail to the administrator of the source, and its figures for a spreadsheet.

use std::fmt::Write as _;

use super::month::{MonthReport, Reading};
use super::{DRY_RUN, Used};

/// The report as text of at most 100 columns.
#[must_use]
pub fn told(report: &MonthReport) -> String {
    let mut text = format!(
        "How the customer portal read {} in {} (days and hours in UTC)\n\n",
        report.name, report.month
    );
    let total = &report.total;
    if total.statements == 0 {
        text += "It read nothing in this month.\n";
    } else {
        what_was_read(&mut text, report, total);
    }
    what_stood_in_the_way(&mut text, total);
    stops(&mut text, report);
    promises(&mut text, report);
    text
}

fn what_was_read(text: &mut String, report: &MonthReport, total: &Used) {
    let _ = writeln!(
        text,
        "It sent {} statements, which took {} all together and gave {} rows, in {} of the month's hours.",
        total.statements,
        lasted(total.seconds),
        total.rows,
        report.hours
    );
    if let Some((hour, statements)) = report.busiest {
        let _ = writeln!(
            text,
            "The busiest hour began on {} with {statements} statements, {:.2} a second.",
            hour.format("%F at %H:%M"),
            rate(statements)
        );
    }
    if let Some((entity, hour, seconds)) = &report.longest {
        let _ = writeln!(
            text,
            "The longest statement took {} ({}, in the hour of {}).",
            lasted(*seconds),
            section(entity),
            hour.format("%F %H:%M")
        );
    }
    let _ = writeln!(text, "At most {} connections were open at once.\n", total.connections);
    let _ = writeln!(
        text,
        "{:18} {:>10} {:>12} {:>11} {:>9}  tables",
        "what", "statements", "rows", "time", "longest"
    );
    for reading in &report.readings {
        text.push_str(&line(reading));
    }
    text.push('\n');
}

fn line(reading: &Reading) -> String {
    let used = &reading.used;
    format!(
        "{:18} {:>10} {:>12} {:>11} {:>9}  {}\n",
        section(&reading.entity),
        used.statements,
        used.rows,
        lasted(used.seconds),
        lasted(used.longest_seconds),
        reading.tables.join(", ")
    )
}

fn what_stood_in_the_way(text: &mut String, total: &Used) {
    let count = |count: i64, what: &str| match count {
        0 => format!("No statement {what}."),
        1 => format!("1 statement {what}."),
        many => format!("{many} statements {what}."),
    };
    let _ =
        writeln!(text, "{}", count(total.lock_waits, "met somebody's lock and gave up after 0.2 seconds"));
    let _ =
        writeln!(text, "{}", count(total.timeouts, "was cancelled because it took longer than 2 seconds"));
    let _ =
        writeln!(text, "{}\n", count(total.failures, "ended otherwise than well (connection lost, refused)"));
}

fn stops(text: &mut String, report: &MonthReport) {
    if report.stops.is_empty() {
        text.push_str("Nobody stopped the reading.\n\n");
        return;
    }
    text.push_str("Reading was stopped:\n");
    for stop in &report.stops {
        let until = stop.resumed_at.map_or_else(
            || "until now".to_owned(),
            |at| {
                format!(
                    "until {} by {}",
                    at.format("%F %H:%M"),
                    stop.resumed_by.as_deref().unwrap_or_default()
                )
            },
        );
        let _ = writeln!(
            text,
            "  from {} by {} {until}: {}",
            stop.stopped_at.format("%F %H:%M"),
            stop.stopped_by,
            stop.reason
        );
    }
    text.push('\n');
}

/// What holds in every month, so that the reader can look for it on the other side.
fn promises(text: &mut String, report: &MonthReport) {
    if let Some(kept) = report.kept_from {
        let _ = writeln!(text, "Figures are kept for 90 days: those before {} are gone.", kept.format("%F"));
    }
    let pace = match report.allowed_per_second {
        0 => "as fast as pages are answered".to_owned(),
        allowed => {
            format!("at {allowed} statements a second at most, apart from orders that somebody has open")
        }
    };
    let _ = writeln!(
        text,
        "How it reads, to compare with the server's own log (application_name = portico): {pace};
read-only, one statement a transaction, at most two connections and one more for a trial of a mapping;
each statement ends after 2 seconds and waits 0.2 seconds at most for a lock; no transaction is left open,
no transaction id is taken, no temporary table is made. Requests of customers go into the inbox table,
where one is set up, by a role of its own; they are not counted here. To stop all of it at once:
the switch in the console, or `portico connector stop`.
A statement counts when it is sent, also when its answer was not waited for."
    );
}

/// A section of the mapping for people who never saw one.
#[must_use]
pub fn section(entity: &str) -> &str {
    match entity {
        "order" => "orders",
        "line" => "order lines",
        "shipment" => "shipments",
        "shipment_line" => "shipment contents",
        "event" => "order history",
        "customer" => "accounts",
        "invoice" => "invoices",
        "invoice_line" => "invoice lines",
        "invoice_document" => "invoice documents",
        "credit" => "credit",
        "address" => "addresses",
        "product" => "products",
        "catalogue" => "catalogue",
        "session" => "session settings",
        DRY_RUN => "trials",
        other => other,
    }
}

/// A span of time in the unit that fits.
#[must_use]
pub fn lasted(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn rate(statements: i64) -> f64 {
    statements as f64 / 3600.0
}
