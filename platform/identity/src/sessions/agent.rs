//! What kind of device a user agent speaks of, in words a person recognises. A hint for the list of devices, no more:
//! anybody can send any user agent.

use crate::pages::DeviceKind;

/// Browser, system and kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) kind: DeviceKind,
    pub(crate) browser: Option<&'static str>,
    pub(crate) system: Option<&'static str>,
}

/// First match counts: most browsers name others they are compatible with after themselves, and Chrome and Safari are
/// named by nearly all.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str, DeviceKind); 8] = [
    ("iPhone", "iOS", DeviceKind::Phone),
    ("iPad", "iPadOS", DeviceKind::Tablet),
    ("Android", "Android", DeviceKind::Tablet),
    ("Windows", "Windows", DeviceKind::Computer),
    ("Macintosh", "macOS", DeviceKind::Computer),
    ("CrOS", "ChromeOS", DeviceKind::Computer),
    ("Linux", "Linux", DeviceKind::Computer),
    ("X11", "Linux", DeviceKind::Computer),
];

impl Agent {
    pub(crate) fn read(user_agent: &str) -> Self {
        let browser = BROWSERS.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
        let system = SYSTEMS.iter().find(|(mark, ..)| user_agent.contains(mark));
        let kind = match system {
            // Android says "Mobile" on telephones only.
            Some((_, _, DeviceKind::Tablet))
                if user_agent.contains("Mobile") && !user_agent.contains("iPad") =>
            {
                DeviceKind::Phone
            }
            Some((_, _, kind)) => *kind,
            None => DeviceKind::Computer,
        };
        Self { kind, browser, system: system.map(|(_, name, _)| *name) }
    }

    /// "Firefox, Windows", as far as known.
    pub(crate) fn name(&self) -> Option<String> {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
            (one, other) => one.or(other).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Agent, DeviceKind};

    #[test]
    fn common_devices_have_names() {
        use DeviceKind::{Computer, Phone, Tablet};
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let agents = [
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36"),
                "Chrome, Windows",
                Computer,
            ),
            (
                format!(
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0"
                ),
                "Edge, Windows",
                Computer,
            ),
            (
                format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} Version/18.0 Mobile/15E148 Safari/604.1"
                ),
                "Safari, iOS",
                Phone,
            ),
            (
                format!(
                    "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) {WEBKIT} Version/18.0 Mobile/15E148 Safari/604.1"
                ),
                "Safari, iPadOS",
                Tablet,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:142.0) Gecko/20100101 Firefox/142.0"
                    .to_owned(),
                "Firefox, macOS",
                Computer,
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36"),
                "Chrome, Android",
                Phone,
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Safari/537.36"),
                "Chrome, Android",
                Tablet,
            ),
        ];
        for (text, name, kind) in agents {
            let agent = Agent::read(&text);
            assert_eq!((agent.name().as_deref(), agent.kind), (Some(name), kind), "{text}");
        }
        assert_eq!(Agent::read("something else").name(), None);
    }
}
