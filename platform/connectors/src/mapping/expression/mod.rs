//! The small expression language of mapping files.
//!
//! A mapping says where a value comes from: a column (`ord_no`), a joined column (`carrier.carr_name`) or a small
//! expression (`qty * price`, `case when shipped is null then 'open' end`). The text is never handed to a database:
//! it is read here, word by word, and written anew with quoted names, known functions and escaped literals. There
//! are no sub-queries, no statements, no functions with effects, and nothing younger than PostgreSQL 9.4.

mod tokens;

use std::fmt::Write as _;

use tokens::{Token, tokens};

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
        while let Some(operator) = self.one_of(&["+", "-", "||", "->>"]) {
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
mod tests;
