//! The words of a mapping's expression: names, literals, numbers and signs; anything else is refused.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Lower-cased, as PostgreSQL folds it.
    Word(String),
    Quoted(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

impl Token {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Number(word) => format!("`{word}`"),
            Self::Quoted(name) => format!("`\"{name}\"`"),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

const SIGNS: &[&str] =
    &["->>", "::", "||", "<>", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", "."];

/// Cuts a text into its words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => {
                let (token, length) = delimited(rest, first)?;
                tokens.push(token);
                length
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length =
                    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_ascii_lowercase()));
                length
            }
            '0'..='9' => {
                let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                if rest[..length].matches('.').count() > 1 || rest[..length].ends_with('.') {
                    return Err(format!("holds `{}`, which is no number", &rest[..length]));
                }
                tokens.push(Token::Number(rest[..length].to_owned()));
                length
            }
            _ if rest.starts_with("--") || rest.starts_with("/*") => {
                return Err("holds a comment: write it outside of the text".into());
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| format!("holds {first:?}, which means nothing here"))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A literal or a quoted name: ends at its own delimiter, which is doubled to stand for itself.
fn delimited(rest: &str, delimiter: char) -> Result<(Token, usize), String> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\0' {
            return Err("holds a zero byte".into());
        }
        if c != delimiter {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == delimiter) {
            value.push(c);
            chars.next();
        } else {
            let token = if delimiter == '\'' { Token::Text(value) } else { Token::Quoted(value) };
            return Ok((token, at + 1));
        }
    }
    Err(format!("opens {delimiter} and never closes it"))
}
