//! One message that survives one redirect, in a cookie. Only its key travels, so a forged cookie can at most show one
//! of our own sentences.

use std::time::Duration;

use themes::{Flash, Tone};

use crate::cookie::{self, Cookie};

pub(crate) fn cookie(tone: Tone, key: &str) -> Cookie {
    let tone = match tone {
        Tone::Neutral => "neutral",
        Tone::Info => "info",
        Tone::Success => "success",
        Tone::Warning => "warning",
        Tone::Danger => "danger",
    };
    Cookie::new(cookie::FLASH, format!("{tone}.{key}")).max_age(Duration::from_secs(60))
}

pub(crate) fn decode(value: &str) -> Option<Flash> {
    let (tone, key) = value.split_once('.')?;
    let tone = match tone {
        "neutral" => Tone::Neutral,
        "info" => Tone::Info,
        "success" => Tone::Success,
        "warning" => Tone::Warning,
        "danger" => Tone::Danger,
        _ => return None,
    };
    let clean = key.len() <= 64
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    clean.then(|| Flash { tone, key: key.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_and_noise_does_not() {
        let header = cookie(Tone::Success, "devices.ended").header().unwrap();
        let value = header.to_str().unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
        let flash = decode(&value).unwrap();
        assert_eq!((flash.tone, flash.key.as_str()), (Tone::Success, "devices.ended"));
        assert!(decode("success").is_none() && decode("loud.x").is_none() && decode("info.<b>").is_none());
    }
}
