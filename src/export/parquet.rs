//! How does a result become a Parquet file?
//!
//! Parquet wants one type per column, `SQLite` has none. So a result is read
//! twice: first [`Columns`] sees every row and finds the narrowest type that
//! holds a column's values (whole numbers, numbers, text, bytes), then
//! [`Parquet`] writes the rows, a group of them at a time.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::store::Value;

/// Rows of a group at most.
const GROUP_ROWS: usize = 50_000;
/// Bytes of a group's values at most, before they are packed.
const GROUP_BYTES: usize = 32 << 20;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// NULL, all of them.
    #[default]
    Unknown,
    Integer,
    Real,
    Text,
    Blob,
}

impl Kind {
    /// The narrowest kind that holds `value` as well.
    fn widened(self, value: &Value) -> Self {
        match (self, value) {
            (kind, Value::Null) => kind,
            (Self::Unknown | Self::Integer, Value::Integer(_)) => Self::Integer,
            (Self::Unknown | Self::Integer | Self::Real, Value::Integer(_) | Value::Real(_)) => {
                Self::Real
            }
            (Self::Blob, _) | (_, Value::Blob(_)) => Self::Blob,
            (_, Value::Integer(_) | Value::Real(_) | Value::Text(_)) => Self::Text,
        }
    }
}

/// The columns of a result, as far as its rows were seen.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    names: Vec<String>,
    kinds: Vec<Kind>,
}

impl Columns {
    /// Columns of these names, which are distinct.
    pub fn new(names: Vec<String>) -> Self {
        let kinds = vec![Kind::Unknown; names.len()];
        Self { names, kinds }
    }

    /// Makes room for the values of a row.
    pub fn see(&mut self, row: &[Value]) {
        for (kind, value) in self.kinds.iter_mut().zip(row) {
            *kind = kind.widened(value);
        }
    }

    /// The schema: every column may be NULL.
    fn schema(&self) -> Result<Type, ParquetError> {
        let column = |(name, kind): (&String, &Kind)| {
            let (physical, logical) = match kind {
                Kind::Integer => (Physical::INT64, None),
                Kind::Real => (Physical::DOUBLE, None),
                Kind::Text | Kind::Unknown => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Kind::Blob => (Physical::BYTE_ARRAY, None),
            };
            Type::primitive_type_builder(name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical)
                .build()
                .map(Arc::new)
        };
        let fields = self.names.iter().zip(&self.kinds).map(column).collect::<Result<_, _>>()?;
        Type::group_type_builder("rows").with_fields(fields).build()
    }
}

/// The values of a column that wait for their group to be written.
enum Waiting {
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    Bytes(Vec<ByteArray>),
}

/// A column of the group that is being filled.
struct Column {
    values: Waiting,
    /// 1 for a value, 0 for NULL.
    levels: Vec<i16>,
}

/// Writes a file, row by row.
pub struct Parquet<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// If `out` cannot be written, or the names make no columns.
    pub fn begin(out: W, columns: &Columns) -> io::Result<Self> {
        let level = ZstdLevel::try_new(3).map_err(io::Error::other)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("crawlite ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = Arc::new(columns.schema().map_err(io::Error::other)?);
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties))
            .map_err(io::Error::other)?;
        let column = |kind: &Kind| Column {
            values: match kind {
                Kind::Integer => Waiting::Integers(Vec::new()),
                Kind::Real => Waiting::Reals(Vec::new()),
                Kind::Unknown | Kind::Text | Kind::Blob => Waiting::Bytes(Vec::new()),
            },
            levels: Vec::new(),
        };
        Ok(Self { writer, columns: columns.kinds.iter().map(column).collect(), rows: 0, bytes: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If `out` cannot be written, or the row holds what [`Columns`] has not seen.
    pub fn push(&mut self, row: &[Value]) -> io::Result<()> {
        for (column, value) in self.columns.iter_mut().zip(row) {
            let bytes = column.push(value).ok_or_else(|| {
                io::Error::other("the rows changed while they were read twice; run it again")
            })?;
            self.bytes += bytes;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_group().map_err(io::Error::other)?;
        self.writer.into_inner().map_err(io::Error::other)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let mut writer = group.next_column()?.expect("as many as in the schema");
            let levels = Some(&*column.levels);
            match &mut column.values {
                Waiting::Integers(values) => {
                    writer.typed::<Int64Type>().write_batch(values, levels, None)?;
                    values.clear();
                }
                Waiting::Reals(values) => {
                    writer.typed::<DoubleType>().write_batch(values, levels, None)?;
                    values.clear();
                }
                Waiting::Bytes(values) => {
                    writer.typed::<ByteArrayType>().write_batch(values, levels, None)?;
                    values.clear();
                }
            }
            column.levels.clear();
            writer.close()?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Column {
    /// Takes a value; gives its bytes, or nothing if it does not fit.
    fn push(&mut self, value: &Value) -> Option<usize> {
        self.levels.push(i16::from(*value != Value::Null));
        match (&mut self.values, value) {
            (_, Value::Null) => return Some(1),
            (Waiting::Integers(values), Value::Integer(number)) => values.push(*number),
            #[expect(clippy::cast_precision_loss, reason = "a column of numbers with a point")]
            (Waiting::Reals(values), Value::Integer(number)) => values.push(*number as f64),
            (Waiting::Reals(values), Value::Real(number)) => values.push(*number),
            (Waiting::Bytes(values), value) => {
                let bytes = match value {
                    Value::Text(text) => text.clone().into_bytes(),
                    Value::Blob(bytes) => bytes.clone(),
                    Value::Integer(number) => number.to_string().into_bytes(),
                    Value::Real(number) => format!("{number:?}").into_bytes(),
                    Value::Null => Vec::new(),
                };
                let length = bytes.len();
                values.push(bytes.into());
                return Some(length + 64);
            }
            _ => return None,
        }
        Some(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gets_the_narrowest_type_that_holds_it() {
        use Value::{Blob, Integer, Null, Real, Text};
        #[rustfmt::skip]
        let cases = [
            (vec![Null, Null],                              Kind::Unknown),
            (vec![Null, Integer(1), Integer(-1)],           Kind::Integer),
            (vec![Integer(1), Real(0.5), Integer(2)],       Kind::Real),
            (vec![Real(0.5), Text("a".into())],             Kind::Text),
            (vec![Text("a".into()), Integer(1)],            Kind::Text),
            (vec![Blob(vec![1]), Null],                     Kind::Blob),
            (vec![Text("a".into()), Blob(vec![1])],         Kind::Blob),
            (vec![Blob(vec![1]), Integer(1)],               Kind::Blob),
        ];
        for (values, expected) in cases {
            let kind = values.iter().fold(Kind::Unknown, Kind::widened);
            assert_eq!(kind, expected, "{values:?}");
        }
    }

    #[test]
    fn what_was_not_seen_is_an_error_and_no_rows_are_a_file() {
        let mut columns = Columns::new(vec!["a".into(), "odd. \"name\"".into()]);
        let empty = Parquet::begin(Vec::new(), &columns).unwrap().finish().unwrap();
        assert!(empty.starts_with(b"PAR1") && empty.ends_with(b"PAR1"));
        columns.see(&[Value::Integer(1), Value::Null]);
        let mut file = Parquet::begin(Vec::new(), &columns).unwrap();
        file.push(&[Value::Integer(2), Value::Null]).unwrap();
        let error = file.push(&[Value::Text("x".into()), Value::Null]).unwrap_err();
        assert!(error.to_string().contains("run it again"), "{error}");
    }
}
