//! What a statement may name: an allow-list, asked by `SQLite` while it prepares.
//!
//! `SQLite` asks again for what tables of modules prepare inside (full-text
//! search, `pragma_table_info`), so the list holds for those as well.

use std::sync::{Arc, OnceLock};

use tokio_rusqlite::rusqlite;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The refusal of a statement that changes something without saying what.
pub(super) const WRITES: &str = "only SELECT is allowed here: this would write";

/// Those that only read the schema, as `PRAGMA x` and as `FROM pragma_x`.
/// `data_version` is what full-text search asks before it reads.
#[rustfmt::skip]
const PRAGMAS: &[&str] = &[
    "collation_list", "compile_options", "data_version", "database_list", "foreign_key_list",
    "function_list", "index_info", "index_list", "index_xinfo", "module_list", "pragma_list",
    "table_info", "table_list", "table_xinfo",
];

/// What `SQLite` brings that neither reads nor writes outside the file, and ours.
/// Left out for their cost on large values: `json_patch` (quadratic) and
/// `zeroblob` (its bytes appear only when they are read, past every check).
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    // text and bytes
    "char", "concat", "concat_ws", "format", "glob", "hex", "instr", "length", "like", "lower",
    "ltrim", "octet_length", "printf", "quote", "replace", "rtrim", "soundex", "substr",
    "substring", "trim", "unhex", "unicode", "unistr", "unistr_quote", "upper",
    // choice and type
    "coalesce", "if", "ifnull", "iif", "likelihood", "likely", "nullif", "subtype", "typeof",
    "unlikely",
    // numbers
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos",
    "cosh", "degrees", "exp", "floor", "ln", "log", "log10", "log2", "max", "min", "mod", "pi",
    "pow", "power", "radians", "random", "randomblob", "round", "sign", "sin", "sinh", "sqrt",
    "tan", "tanh", "trunc",
    // aggregates and windows
    "avg", "count", "cume_dist", "dense_rank", "first_value", "group_concat", "lag", "last_value",
    "lead", "median", "nth_value", "ntile", "percent_rank", "percentile", "percentile_cont",
    "percentile_disc", "rank", "row_number", "string_agg", "sum", "total",
    // dates
    "current_date", "current_time", "current_timestamp", "date", "datetime", "julianday",
    "strftime", "time", "timediff", "unixepoch",
    // JSON
    "->", "->>", "json", "json_array", "json_array_insert", "json_array_length",
    "json_error_position", "json_extract", "json_group_array", "json_group_object", "json_insert",
    "json_object", "json_pretty", "json_quote", "json_remove", "json_replace", "json_set",
    "json_type", "json_valid", "jsonb", "jsonb_array", "jsonb_array_insert", "jsonb_extract",
    "jsonb_group_array", "jsonb_group_object", "jsonb_insert", "jsonb_object", "jsonb_remove",
    "jsonb_replace", "jsonb_set",
    // full-text search
    "bm25", "fts5_get_locale", "fts5_insttoken", "fts5_locale", "fts5_source_id", "highlight",
    "match", "snippet",
    // SQLite about itself
    "changes", "last_insert_rowid", "sqlite_compileoption_get", "sqlite_compileoption_used",
    "sqlite_source_id", "sqlite_version", "total_changes",
    // ours
    "unpack",
];

/// Answers `SQLite`, and remembers the first refusal of a run.
#[derive(Default)]
pub(super) struct Guard(Arc<OnceLock<String>>);

impl Guard {
    /// The hook to install for this run.
    pub(super) fn hook(&self) -> impl FnMut(AuthContext<'_>) -> Authorization + Send + 'static {
        let first = Arc::clone(&self.0);
        move |context| match refusal(&context.action) {
            None => Authorization::Allow,
            Some(words) => {
                first.get_or_init(|| words);
                Authorization::Deny
            }
        }
    }

    /// What was refused, if the run failed for that.
    pub(super) fn refusal(self) -> Option<String> {
        self.0.get().cloned()
    }
}

/// Why not, in words; `None` if allowed.
fn refusal(action: &AuthAction<'_>) -> Option<String> {
    use AuthAction as Action;
    let would = match action {
        Action::Select | Action::Recursive | Action::Read { .. } => return None,
        Action::Function { function_name: name } if FUNCTIONS.contains(name) => return None,
        Action::Function { function_name: name } => {
            return Some(format!("the function {name}() is not allowed here"));
        }
        Action::Pragma { pragma_name: name, .. }
            if PRAGMAS.contains(&name.to_ascii_lowercase().as_str()) =>
        {
            return None;
        }
        Action::Pragma { pragma_name: name, .. } => {
            return Some(format!(
                "PRAGMA {name} is not allowed here; to look around: \
                 SELECT * FROM pragma_table_list, or pragma_table_info('pages')"
            ));
        }
        Action::Attach { .. } => "open another file (ATTACH)",
        Action::Unknown { .. } | Action::Detach { .. } => "open or close another file (ATTACH)",
        Action::Insert { table_name: name }
        | Action::Update { table_name: name, .. }
        | Action::Delete { table_name: name }
            if name.starts_with("sqlite_") =>
        {
            "change the schema"
        }
        Action::Insert { .. } => "write (INSERT)",
        Action::Update { .. } => "write (UPDATE)",
        Action::Delete { .. } => "write (DELETE)",
        Action::Transaction { .. } | Action::Savepoint { .. } => "begin or end a transaction",
        _ => "change the schema",
    };
    Some(format!("only SELECT is allowed here: this would {would}"))
}
