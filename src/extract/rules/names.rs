//! What may a table and its columns be called, so that any tool can ask for them?

/// Bytes of a name at most.
const MAX_BYTES: usize = 60;

/// Columns that every table has.
pub(super) const OWN_COLUMNS: [&str; 3] = ["url", "position", "page_id"];

/// Beginnings of names that SQLite keeps for itself, and that private tables have.
const PREFIXES: [&str; 5] = ["sqlite_", "pragma_", "json_", "page_search", "extract_"];

/// Words of SQL that cannot be names unless they stand in quotes.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "add", "all", "alter", "and", "as", "autoincrement", "between", "case", "check", "collate", "commit", "constraint",
    "create", "current_date", "current_time", "current_timestamp", "default", "deferrable", "delete", "distinct", "drop",
    "else", "escape", "exists", "foreign", "from", "group", "having", "if", "in", "index", "insert", "intersect", "into",
    "is", "isnull", "join", "limit", "not", "nothing", "notnull", "null", "oid", "on", "or", "order", "primary",
    "references", "returning", "_rowid_", "rowid", "select", "set", "table", "then", "to", "transaction", "union",
    "unique", "update", "using", "values", "when", "where",
];

/// # Errors
/// Why the table cannot be called so, in words.
pub(super) fn table(name: &str, is_taken: &dyn Fn(&str) -> bool) -> Result<(), String> {
    identifier(name)?;
    let lower = name.to_ascii_lowercase();
    if let Some(prefix) = PREFIXES.iter().find(|prefix| lower.starts_with(**prefix)) {
        return Err(format!("`{name}`: names that begin with `{prefix}` are not free"));
    }
    if is_taken(&lower) {
        return Err(format!("`{name}` is a table or view of crawlite; choose another name"));
    }
    Ok(())
}

/// # Errors
/// Why the column cannot be called so, in words.
pub(super) fn column(name: &str) -> Result<(), String> {
    identifier(name)?;
    if OWN_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(format!("every row has a column `{name}` already; choose another name"));
    }
    Ok(())
}

fn identifier(name: &str) -> Result<(), String> {
    let mut bytes = name.bytes();
    let starts_well = bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
    if !starts_well || !bytes.all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return Err(format!(
            "`{name}` is no name in SQL: a letter, then letters, digits and underscores"
        ));
    }
    if name.len() > MAX_BYTES {
        return Err(format!("`{name}` has more than {MAX_BYTES} characters"));
    }
    if WORDS.iter().any(|word| word.eq_ignore_ascii_case(name)) {
        return Err(format!("`{name}` is a word of SQL; choose another name, such as `{name}_`"));
    }
    Ok(())
}
