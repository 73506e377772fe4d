//! Renders every page x sample x pack x locale x scheme strictly, and finds message keys that nobody uses.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use chrono_tz::Tz;

use crate::{
    page::{Entry, Output},
    render::{Fault, RenderError, Themes},
    samples,
    skin::Skin,
    view::{Scheme, View},
};

/// What a check saw.
#[derive(Debug, Default)]
pub struct Report {
    /// Pages and mails rendered.
    pub rendered: usize,
    pub faults: Vec<Fault>,
}

impl Themes {
    /// Renders everything with the sample brands, and into `out` as `<locale>/<brand>/<scheme>/<page>.<sample>.html`
    /// beside the assets when it is given. Serve that folder as `/` to look at it.
    #[must_use]
    pub fn check(&self, out: Option<&Path>) -> Report {
        let mut report = Report { faults: self.key_faults(), ..Report::default() };
        for brand in samples::brands() {
            let skin = Skin::new(brand);
            self.note(&mut report, out.map(|out| self.write_skin(out, &skin)).unwrap_or(Ok(())), "assets");
            for locale in self.locales().iter() {
                for scheme in [Scheme::Light, Scheme::Dark] {
                    for entry in &self.registry {
                        let shell = samples::shell(scheme, locale.tag(), entry.name);
                        let zone = Tz::Europe__Oslo;
                        let view = View { skin: &skin, locale, zone, now: samples::now(), shell: &shell };
                        self.check_entry(&mut report, &view, entry, out);
                    }
                }
            }
        }
        report
    }

    fn check_entry(&self, report: &mut Report, view: &View, entry: &Entry, out: Option<&Path>) {
        let samples = (entry.samples)();
        if samples.is_empty() {
            report.faults.push(Fault { at: entry.context.to_owned(), problem: "has no samples".to_owned() });
        }
        for (sample, render) in samples {
            let shell = samples::trimmed(view.shell, sample);
            let view = &View { shell: &shell, ..*view };
            let at = || {
                let scheme = if view.shell.scheme == Scheme::Dark { "dark" } else { "light" };
                let pack = view.skin.brand().pack.name();
                format!(
                    "{}/{pack}/{scheme}/{}.{sample}",
                    view.locale.tag(),
                    entry.name.trim_end_matches(".html")
                )
            };
            let rendered = render(self, view).and_then(|output| {
                // A render must not depend on what came before it.
                if text(&output) == text(&render(self, view)?) {
                    Ok(output)
                } else {
                    Err(unstable(entry.name))
                }
            });
            match rendered {
                Ok(output) => {
                    report.rendered += 1;
                    report.faults.extend(markup_faults(&at(), &output));
                    self.note(
                        report,
                        out.map(|out| write(&out.join(at()), &output)).unwrap_or(Ok(())),
                        &at(),
                    );
                }
                Err(error) => {
                    report.faults.push(Fault { at: at(), problem: format!("{error}: {:#}", error.source) });
                }
            }
        }
    }

    fn note(&self, report: &mut Report, result: std::io::Result<()>, at: &str) {
        if let Err(error) = result {
            report.faults.push(Fault { at: at.to_owned(), problem: error.to_string() });
        }
    }

    fn write_skin(&self, out: &Path, skin: &Skin) -> std::io::Result<()> {
        let assets = self.assets();
        let all = assets.paths().filter_map(|path| Some((path, assets.get(path, false)?)));
        let own = [skin.stylesheet_path(), skin.icon_path()];
        let own = own.into_iter().filter_map(|path| Some((path, skin.asset(path, false)?)));
        for (path, asset) in all.chain(own) {
            write_file(&out.join(path.trim_start_matches('/')), asset.bytes)?;
        }
        Ok(())
    }

    /// Keys that a template names and no locale has, and keys that nothing names.
    fn key_faults(&self) -> Vec<Fault> {
        let (mut exact, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
        for (_, source) in &self.templates {
            named_keys(source, &mut exact, &mut prefixes);
        }
        exact.extend(self.keys.iter().copied());
        let locale = self.locale("en");
        let known: BTreeSet<&str> = locale.keys().collect();
        let fault =
            |key: &str, problem: &str| Fault { at: format!("message {key}"), problem: problem.to_owned() };
        let missing = exact.difference(&known).map(|key| fault(key, "is used and does not exist"));
        let is_used = |key: &str| {
            let own = ["term.", "time.", "paper."].iter().any(|area| key.starts_with(area));
            own || exact.contains(key) || prefixes.iter().any(|prefix| key.starts_with(prefix))
        };
        let unused = known.iter().filter(|key| !is_used(key)).map(|key| fault(key, "is never used"));
        missing.chain(unused).collect()
    }
}

/// Finds `t("key"` and `t("prefix." ~`, and the same for `has_message`.
fn named_keys<'a>(source: &'a str, exact: &mut BTreeSet<&'a str>, prefixes: &mut BTreeSet<&'a str>) {
    for (at, _) in source.match_indices("t(\"").chain(source.match_indices("has_message(\"")) {
        let called =
            source[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_');
        let Some((key, after)) = source[at..].split_once('"').and_then(|(_, rest)| rest.split_once('"'))
        else {
            continue;
        };
        if !called {
            continue;
        }
        if after.trim_start().starts_with('~') {
            prefixes.insert(key)
        } else {
            exact.insert(key)
        };
    }
}

fn text(output: &Output) -> &str {
    match output {
        Output::Page(html) => html,
        Output::Mail(mail) => &mail.html,
    }
}

fn unstable(template: &str) -> RenderError {
    let source = minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "two renders differ");
    RenderError { template: template.to_owned(), source }
}

/// What a strict engine cannot see: inline code that the content security policy would refuse, and left-over braces.
fn markup_faults(at: &str, output: &Output) -> Vec<Fault> {
    let Output::Page(html) = output else { return Vec::new() };
    let banned =
        [" style=\"", " onclick=", " onload=", "javascript:", "{{", "{%", "=\"\" alt", "<script>", "<style>"];
    let found = banned.iter().filter(|text| html.contains(**text));
    let mut faults: Vec<Fault> =
        found.map(|text| Fault { at: at.to_owned(), problem: format!("contains {text}") }).collect();
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]);
    faults.extend(
        twice.map(|pair| Fault { at: at.to_owned(), problem: format!("id {} is there twice", pair[0]) }),
    );
    faults
}

fn write(path: &Path, output: &Output) -> std::io::Result<()> {
    let with = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
    match output {
        Output::Page(html) => write_file(&with("html"), html.as_bytes()),
        Output::Mail(mail) => {
            write_file(&with("html"), mail.html.as_bytes())?;
            write_file(&with("txt"), format!("{}\n\n{}", mail.subject, mail.text).as_bytes())
        }
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}
