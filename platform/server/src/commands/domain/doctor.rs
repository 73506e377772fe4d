//! `portico domain doctor`: everything about one host, as a report that can go into a mail.

use std::process::ExitCode;

use acme::probe::{Check, Code, Level, Report, Sighting, Who};
use clap::Args;
use serde_json::json;
use tenant_router::domains::check::Diagnosis;

use super::{answer, checker, parse, tenant_id, word};
use crate::stack::Stack;

/// Longest line before it is broken.
const WIDTH: usize = 100;
/// Where the words begin, behind the labels.
const INDENT: usize = 12;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The host, such as success.customer.com.
    host: String,
    /// Whose claim the report is about, where several tenants have claimed the host. Otherwise the holder's, or the
    /// newest.
    #[arg(long)]
    tenant: Option<String>,
    /// Answers as JSON, as the console's wizard has it.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let host = parse(&self.host)?;
        let tenant = match &self.tenant {
            Some(slug) => Some(tenant_id(stack, slug).await?),
            None => None,
        };
        let found = checker(stack)?.diagnose(&host, tenant).await?;
        let state = found.domain.as_ref().map(|domain| domain.state);
        let value = json!({ "state": state, "report": found.report });
        answer(self.json, &value, &text(&found));
        Ok(exit(&found.report))
    }
}

/// 0: well; 1: somebody has to act; 3: only time is needed.
pub(super) fn exit(report: &Report) -> ExitCode {
    match report.level() {
        Level::Ok | Level::Note => ExitCode::SUCCESS,
        Level::Wait => ExitCode::from(3),
        Level::Fail => ExitCode::FAILURE,
    }
}

fn text(found: &Diagnosis) -> String {
    let report = &found.report;
    let mut lines = vec![format!("{}   looked at {} UTC", report.host, report.at.format("%F %R"))];
    let claim = match &found.domain {
        Some(domain) => format!("{}, claimed {}", word(domain), domain.claimed_at.format("%F %R")),
        None => "nobody has claimed it".to_owned(),
    };
    lines.push(line("state", &claim));
    if found.others > 0 {
        lines.push(line("", &format!("{} more claims of it wait", found.others)));
    }
    lines.push(lines_of(report));
    lines.join("\n")
}

/// The report without the line about the claim.
pub(super) fn lines(report: &Report) -> String {
    lines_of(report)
}

fn lines_of(report: &Report) -> String {
    let mut lines = Vec::new();
    if let Some(zone) = &report.zone {
        let provider = report.provider.as_ref().map_or_else(String::new, |host| format!(" at {}", host.name));
        lines.push(line("zone", &format!("{zone}{provider} ({})", report.servers.join(", "))));
    }
    if let Some(proxy) = &report.proxy {
        lines.push(line("proxy", proxy));
    }
    lines.push(line("verdict", &verdict(report)));
    // What has to be done comes first.
    let mut checks: Vec<&Check> = report.checks.iter().collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.level));
    for check in checks {
        lines.push(String::new());
        lines.extend(described(check));
    }
    if let Some(next) = report.next_look {
        lines.push(String::new());
        lines.push(line("next look", &format!("{} UTC, by itself", next.format("%F %R"))));
    }
    lines.join("\n")
}

fn verdict(report: &Report) -> String {
    let count = |level| report.checks.iter().filter(|check| check.level == level).count();
    match (count(Level::Fail), count(Level::Wait)) {
        (0, 0) if report.check(Code::Unclaimed).is_some() => {
            "nobody has claimed it, so nothing is expected of it".to_owned()
        }
        (0, 0) => "all is well".to_owned(),
        (0, _) => "nothing to do but wait".to_owned(),
        (1, _) => "one thing to do".to_owned(),
        (number, _) => format!("{number} things to do"),
    }
}

fn described(check: &Check) -> Vec<String> {
    let mark = match check.level {
        Level::Ok => "ok",
        Level::Note => "note",
        Level::Wait => "WAIT",
        Level::Fail => "TO DO",
    };
    let mut lines = vec![line(mark, &format!("{} [{}]", check.says, check.code))];
    if check.level == Level::Ok {
        return lines;
    }
    if !check.expected.is_empty() {
        lines.push(line("  expected", &check.expected));
    }
    let label = |at: usize| if at == 0 { "  seen" } else { "" };
    lines.extend(check.seen.iter().enumerate().map(|(at, seen)| line(label(at), &sighting(seen))));
    if let Some(fix) = &check.fix {
        lines.push(line(&format!("  {}", who(check.who)), fix));
    }
    for record in &check.records {
        match &record.fields {
            Some(form) => {
                let host = if form.host.is_empty() { "(empty)" } else { &form.host };
                lines.push(line("  form", &format!("{} at {}", form.provider, form.link)));
                lines.push(line("", &format!("Type: {}   Name: {host}   Value: {}", form.kind, form.value)));
            }
            None => {
                lines.push(line("  record", &format!("{} {} {}", record.name, record.kind, record.value)));
            }
        }
    }
    if let Some(until) = check.until {
        let text = format!("other resolvers may keep the old answer until {} UTC", until.format("%F %R"));
        lines.push(line("  until", &text));
    }
    lines
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Customer => "customer",
        Who::Us => "platform",
        Who::Authority => "authority",
        Who::Nobody => "nobody",
    }
}

fn sighting(seen: &Sighting) -> String {
    format!("{}   by {}", seen.said, seen.by.join(", "))
}

/// A label and its words, broken where the line would be too long.
fn line(label: &str, words: &str) -> String {
    let mut text = format!("{label:INDENT$}");
    let mut column = text.chars().count();
    for word in words.split(' ') {
        let length = word.chars().count();
        if column > INDENT && column + length > WIDTH {
            text = text.trim_end().to_owned();
            text += &format!("\n{:INDENT$}", "");
            column = INDENT;
        }
        text += word;
        text += " ";
        column += length + 1;
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_broken_and_aligned() {
        let text = line("TO DO", &"word ".repeat(40));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(lines[1].starts_with(&format!("{:INDENT$}word", "")), "{text}");
        assert_eq!(line("state", "live"), "state       live");
    }
}
