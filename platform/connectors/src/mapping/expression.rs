//! The small expression language of mapping files.
//!
//! A mapping says where a value comes from: a column (`ord_no`), a joined column (`carrier.carr_name`) or a small
//! expression (`qty * price`, `case when shipped is null then 'open' end`). The text is never handed to a database:
//! it is read here, word by word, and written anew with quoted names, known functions and escaped literals. There
//! are no sub-queries, no statements, no functions with effects, and nothing younger than PostgreSQL 9.4.

use std::fmt::Write as _;

/// A column that an expression reads. Without an alias it belongs to the entity's own table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnRef {
    pub alias: Option<String>,
    pub column: String,
}

impl ColumnRef {
    /// The name as SQL; the entity's own table is always called `t`.
    #[must_use]
    pub fn sql(&self) -> String {
        match &self.alias {
            Some(alias) => format!("{}.{}", quoted(alias), quoted(&self.column)),
            None => format!("t.{}", quoted(&self.column)),
        }
    }
}

/// An expression that was read and is safe to put into a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    sql: String,
    columns: Vec<ColumnRef>,
    plain: bool,
}

impl Expression {
    /// Reads the text of a mapping.
    ///
    /// # Errors
    /// One sentence that names the place and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("is longer than {MAX_LENGTH} characters: make a view for it"));
        }
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, columns: Vec::new() };
        let sql = parser.disjunction()?;
        if let Some(token) = parser.peek() {
            return Err(format!("ends too late: {} was not expected", token.shown()));
        }
        let plain = parser.columns.len() == 1 && parser.columns[0].sql() == sql;
        Ok(Self { sql, columns: parser.columns, plain })
    }

    /// SQL in which the entity's own table is `t`.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Every column it reads.
    #[must_use]
    pub fn columns(&self) -> &[ColumnRef] {
        &self.columns
    }

    /// The column, when the expression is nothing but one: keys must be, so that an index serves them.
    #[must_use]
    pub fn plain(&self) -> Option<&ColumnRef> {
        self.plain.then(|| &self.columns[0])
    }
}

/// A name as SQL.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const MAX_LENGTH: usize = 1000;
const MAX_DEPTH: usize = 40;
const FUNCTIONS: &[&str] = &[
    "abs",
    "btrim",
    "ceil",
    "coalesce",
    "concat",
    "concat_ws",
    "date_trunc",
    "floor",
    "greatest",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "nullif",
    "replace",
    "right",
    "round",
    "rtrim",
    "split_part",
    "strpos",
    "substr",
    "to_char",
    "trim",
    "upper",
];
const TYPES: &[&str] = &[
    "bigint",
    "boolean",
    "date",
    "float8",
    "integer",
    "numeric",
    "smallint",
    "text",
    "timestamp",
    "timestamptz",
];
const WORDS: &[&str] = &[
    "and", "between", "case", "distinct", "else", "end", "false", "from", "in", "is", "like", "not", "null",
    "or", "then", "true", "when",
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Lower-cased, as PostgreSQL folds it.
    Word(String),
    Quoted(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Number(word) => format!("`{word}`"),
            Self::Quoted(name) => format!("`\"{name}\"`"),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

const SIGNS: &[&str] =
    &["::", "||", "<>", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", "."];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    columns: Vec<ColumnRef>,
}

type Sql = Result<String, String>;

impl Parser {
    fn disjunction(&mut self) -> Sql {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("is nested too deeply: make a view for it".into());
        }
        let mut sql = self.conjunction()?;
        while self.word("or") {
            sql = format!("({sql} or {})", self.conjunction()?);
        }
        self.depth -= 1;
        Ok(sql)
    }

    fn conjunction(&mut self) -> Sql {
        let mut sql = self.negation()?;
        while self.word("and") {
            sql = format!("({sql} and {})", self.negation()?);
        }
        Ok(sql)
    }

    fn negation(&mut self) -> Sql {
        let mut negations = 0;
        while self.word("not") {
            negations += 1;
        }
        let sql = self.comparison()?;
        Ok(if negations % 2 == 1 { format!("(not {sql})") } else { sql })
    }

    fn comparison(&mut self) -> Sql {
        let left = self.sum()?;
        for operator in ["<>", "!=", "<=", ">=", "<", ">", "="] {
            if self.sign(operator) {
                return Ok(format!("({left} {operator} {})", self.sum()?));
            }
        }
        if self.word("is") {
            let not = if self.word("not") { "not " } else { "" };
            if self.word("null") {
                return Ok(format!("({left} is {not}null)"));
            }
            self.expect_word("distinct")?;
            self.expect_word("from")?;
            return Ok(format!("({left} is {not}distinct from {})", self.sum()?));
        }
        let not = if self.word("not") { "not " } else { "" };
        if self.word("in") {
            self.expect("(")?;
            return Ok(format!("({left} {not}in ({}))", self.list()?));
        }
        if self.word("like") {
            return Ok(format!("({left} {not}like {})", self.sum()?));
        }
        if self.word("between") {
            let low = self.sum()?;
            self.expect_word("and")?;
            return Ok(format!("({left} {not}between {low} and {})", self.sum()?));
        }
        if not.is_empty() { Ok(left) } else { Err("expects `in`, `like` or `between` after `not`".into()) }
    }

    fn sum(&mut self) -> Sql {
        let mut sql = self.product()?;
        while let Some(operator) = self.one_of(&["+", "-", "||"]) {
            sql = format!("({sql} {operator} {})", self.product()?);
        }
        Ok(sql)
    }

    fn product(&mut self) -> Sql {
        let mut sql = self.cast()?;
        while let Some(operator) = self.one_of(&["*", "/", "%"]) {
            sql = format!("({sql} {operator} {})", self.cast()?);
        }
        Ok(sql)
    }

    fn cast(&mut self) -> Sql {
        if self.sign("-") {
            return Ok(format!("(- {})", self.primary()?));
        }
        let mut sql = self.primary()?;
        while self.sign("::") {
            let Some(Token::Word(name)) = self.next() else { return Err("expects a type after `::`".into()) };
            if !TYPES.contains(&name.as_str()) {
                return Err(format!("casts to `{name}`; known types: {}", TYPES.join(", ")));
            }
            sql = format!("({sql})::{name}");
        }
        Ok(sql)
    }

    fn primary(&mut self) -> Sql {
        match self.next() {
            Some(Token::Number(number)) => Ok(number),
            Some(Token::Text(text)) => Ok(format!("'{}'", text.replace('\'', "''"))),
            Some(Token::Sign("(")) => {
                let sql = self.disjunction()?;
                self.expect(")")?;
                Ok(format!("({sql})"))
            }
            Some(Token::Word(word)) => match word.as_str() {
                "null" | "true" | "false" => Ok(word),
                "case" => self.case(),
                _ if self.sign("(") => self.call(&word),
                _ if WORDS.contains(&word.as_str()) => Err(format!("has `{word}` where a value should be")),
                _ => self.column(word),
            },
            Some(Token::Quoted(name)) => self.column(name),
            Some(token) => Err(format!("has {} where a value should be", token.shown())),
            None => Err("ends too early".into()),
        }
    }

    fn column(&mut self, first: String) -> Sql {
        let reference = if self.sign(".") {
            match self.next() {
                Some(Token::Word(column) | Token::Quoted(column)) => ColumnRef { alias: Some(first), column },
                _ => return Err(format!("expects a column after `{first}.`")),
            }
        } else {
            ColumnRef { alias: None, column: first }
        };
        let sql = reference.sql();
        self.columns.push(reference);
        Ok(sql)
    }

    fn call(&mut self, name: &str) -> Sql {
        if !FUNCTIONS.contains(&name) {
            return Err(format!("calls `{name}`; known functions: {}", FUNCTIONS.join(", ")));
        }
        Ok(format!("{name}({})", self.list()?))
    }

    fn list(&mut self) -> Sql {
        let mut sql = self.disjunction()?;
        while self.sign(",") {
            let _ = write!(sql, ", {}", self.disjunction()?);
        }
        self.expect(")")?;
        Ok(sql)
    }

    fn case(&mut self) -> Sql {
        let mut sql = String::from("case");
        if !self.at_word("when") {
            let _ = write!(sql, " {}", self.disjunction()?);
        }
        if !self.at_word("when") {
            return Err("expects `when` after `case`".into());
        }
        while self.word("when") {
            let condition = self.disjunction()?;
            self.expect_word("then")?;
            let _ = write!(sql, " when {condition} then {}", self.disjunction()?);
        }
        if self.word("else") {
            let _ = write!(sql, " else {}", self.disjunction()?);
        }
        self.expect_word("end")?;
        Ok(format!("({sql} end)"))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn one_of(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        signs.iter().copied().find(|sign| self.sign(sign))
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.sign(sign) { Ok(()) } else { Err(self.instead(sign)) }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), String> {
        if self.word(word) { Ok(()) } else { Err(self.instead(word)) }
    }

    fn instead(&self, wanted: &str) -> String {
        self.peek().map_or_else(
            || format!("ends where `{wanted}` should be"),
            |found| format!("has {} where `{wanted}` should be", found.shown()),
        )
    }
}

#[cfg(test)]
mod tests {
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
}
