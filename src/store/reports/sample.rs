//! Which of its rows stand for a report that has many?
//!
//! The first; where rows say which `issue` they are of, each issue has its share, so that
//! the first does not fill the table. The order of the rows stays.

use super::Value;

/// Rows of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
}

/// A sample on its way; holds `most` rows of each issue.
pub(super) struct Sampling {
    most: usize,
    columns: Vec<String>,
    issue: Option<usize>,
    seen: u64,
    /// By issue: rows with their place among all.
    kept: Vec<(Value, Vec<(u64, Vec<Value>)>)>,
}

impl Sampling {
    pub(super) fn new(most: usize) -> Self {
        Self { most, columns: Vec::new(), issue: None, seen: 0, kept: Vec::new() }
    }

    /// The names of the columns; once, before the first row.
    pub(super) fn columns(&mut self, names: &[String]) {
        self.columns = names.to_vec();
        self.issue = names.iter().position(|name| name == "issue");
    }

    /// A row; values beyond the columns are left out.
    pub(super) fn row(&mut self, row: &[Value]) {
        let issue = self.issue.map_or(&Value::Null, |place| &row[place]);
        let place = self.kept.iter().position(|(kept, _)| kept == issue).unwrap_or_else(|| {
            self.kept.push((issue.clone(), Vec::new()));
            self.kept.len() - 1
        });
        let rows = &mut self.kept[place].1;
        if rows.len() < self.most {
            rows.push((self.seen, row[..self.columns.len()].to_vec()));
        }
        self.seen += 1;
    }

    /// The rows there were, and those that stand for them.
    pub(super) fn finish(self) -> (u64, Sample) {
        let mut ranked: Vec<(usize, u64, Vec<Value>)> = Vec::new();
        for (_, rows) in self.kept {
            let rows = rows.into_iter().enumerate();
            ranked.extend(rows.map(|(rank, (place, row))| (rank, place, row)));
        }
        ranked.sort_by_key(|(rank, place, _)| (*rank, *place));
        ranked.truncate(self.most);
        ranked.sort_by_key(|(_, place, _)| *place);
        let rows = ranked.into_iter().map(|(.., row)| row).collect();
        (self.seen, Sample { columns: self.columns, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(most: usize, names: &[&str], rows: &[(&str, i64)]) -> (u64, Vec<i64>) {
        let mut sampling = Sampling::new(most);
        sampling.columns(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (issue, number) in rows {
            let beyond = Value::Null;
            sampling.row(&[Value::Text((*issue).into()), Value::Integer(*number), beyond]);
        }
        let (seen, sample) = sampling.finish();
        let number = |row: &Vec<Value>| match row[..] {
            [_, Value::Integer(number)] => number,
            _ => panic!("{row:?}"),
        };
        (seen, sample.rows.iter().map(number).collect())
    }

    #[test]
    fn each_issue_has_its_share_and_what_one_leaves_goes_to_the_others() {
        let rows = [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("c", 6), ("c", 7)];
        let cases: &[(usize, &[i64])] = &[
            (2, &[0, 4]),
            (3, &[0, 4, 5]),
            (6, &[0, 1, 2, 4, 5, 6]),
            (99, &[0, 1, 2, 3, 4, 5, 6, 7]),
        ];
        for (most, expected) in cases {
            let (seen, rows) = sampled(*most, &["issue", "n"], &rows);
            assert_eq!((seen, &*rows), (8, *expected), "{most}");
        }
        assert_eq!(sampled(3, &["url", "n"], &rows), (8, vec![0, 1, 2]), "no issues, the first");
        assert_eq!(sampled(3, &["url", "n"], &[]), (0, vec![]));
    }
}
