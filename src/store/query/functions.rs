//! SQL functions of a query: one of ours, and some of `SQLite`'s with a bound.
//!
//! `unpack(codec, bytes)` gives the bytes of a stored body as they were, as a
//! blob: codecs `'zstd'` and `'gzip'` decompress, `'identity'` returns `bytes`; NULL in,
//! NULL out. The codec is the `codec` column beside the bytes.
//!
//! A few built-ins take time that grows with the *product* of two lengths, which
//! is hours for two of 16 MiB, in one step that nothing can interrupt. They are
//! replaced: text by a linear search of our own, all else by the original, run
//! in a connection aside, once the product is found small enough.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_rusqlite::rusqlite;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Error, Result, ffi, params_from_iter};

use super::MAX_VALUE_BYTES;
use crate::store::body;

/// Bytes looked at by one call at most: some two seconds.
const MAX_WORK: u64 = 1 << 29;

/// Replaced, with the number of their arguments. Only these arities: `trim(x)` is linear.
const QUADRATIC: [(&str, i32); 6] =
    [("instr", 2), ("replace", 3), ("trim", 2), ("ltrim", 2), ("rtrim", 2), ("unhex", 2)];

/// Adds the functions to a connection.
pub(super) fn register(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    db.create_scalar_function("unpack", 2, flags, unpack)?;

    let aside = Connection::open_in_memory()?;
    aside.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    let aside = Arc::new(Mutex::new(aside));
    for (name, arguments) in QUADRATIC {
        let aside = Arc::clone(&aside);
        let sql = match arguments {
            2 => format!("SELECT {name}(?1, ?2)"),
            _ => format!("SELECT {name}(?1, ?2, ?3)"),
        };
        db.create_scalar_function(name, arguments, flags, move |context| {
            if let Some(found) = linear(name, context) {
                return found;
            }
            if length(context.get_raw(0)).saturating_mul(length(context.get_raw(1))) > MAX_WORK {
                let words = format!("{name}() of values this large would take too long");
                return Err(Error::UserFunctionError(words.into()));
            }
            let aside = aside.lock().unwrap_or_else(PoisonError::into_inner);
            let values = (0..context.len()).map(|i| ToSqlOutput::Borrowed(context.get_raw(i)));
            aside.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))
        })?;
    }
    Ok(())
}

fn length(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
        _ => 20, // digits of a number
    }
}

/// `instr` and `replace` of text, which are the common case, without quadratic work.
fn linear(name: &str, context: &Context<'_>) -> Option<Result<Value>> {
    let text = |i| match context.get_raw(i) {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    match name {
        "instr" => {
            let (all, part) = (text(0)?, text(1)?);
            let place = all.find(part).map_or(0, |at| all[..at].chars().count() + 1);
            Some(Ok(Value::Integer(i64::try_from(place).unwrap_or(i64::MAX))))
        }
        "replace" => {
            let (all, old, new) = (text(0)?, text(1)?, text(2)?);
            if old.is_empty() || old.starts_with('\0') {
                return Some(Ok(Value::Text(all.to_owned())));
            }
            let times = if new.len() > old.len() { all.matches(old).count() } else { 0 };
            let longer = times.saturating_mul(new.len().saturating_sub(old.len()));
            if all.len().saturating_add(longer) > MAX_VALUE_BYTES.unsigned_abs() as usize {
                return Some(Err(too_big()));
            }
            Some(Ok(Value::Text(all.replace(old, new))))
        }
        _ => None,
    }
}

fn unpack(context: &Context<'_>) -> Result<Value> {
    let (codec, given) = (context.get_raw(0), context.get_raw(1));
    match (codec, given) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => Ok(Value::Null),
        (ValueRef::Text(b"identity"), ValueRef::Text(bytes)) => {
            Ok(Value::Text(String::from_utf8_lossy(bytes).into_owned()))
        }
        (ValueRef::Text(b"identity"), ValueRef::Blob(bytes)) => Ok(Value::Blob(bytes.to_vec())),
        (ValueRef::Text(codec @ (b"zstd" | b"gzip")), ValueRef::Blob(bytes)) => {
            let most = u64::from(MAX_VALUE_BYTES.unsigned_abs());
            let codec = if codec == b"zstd" { "zstd" } else { "gzip" };
            let damaged =
                |_| Error::UserFunctionError(format!("unpack(): the bytes are not {codec}").into());
            let unpacked = body::unpack(codec, bytes, most).map_err(damaged)?;
            unpacked.map(Value::Blob).ok_or_else(too_big)
        }
        _ => Err(Error::UserFunctionError(
            "unpack(): the codec is 'zstd', 'gzip' or 'identity', then a blob".into(),
        )),
    }
}

fn too_big() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None)
}
