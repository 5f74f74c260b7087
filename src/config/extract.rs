//! Which tables are to be filled from pages, and how does a person write that?
//!
//! A field is a CSS selector alone, whose text is taken, or a table that says
//! more. Columns keep the order in which they are written. Whether selectors,
//! patterns and names are good is for [`extract`](crate::extract) to say.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

use super::{one_line, with_nearest_key};

/// `[[extract]]`: a table that is filled from pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExtractConfig {
    /// The name of the table.
    pub name: String,
    /// A regular expression that a page's URL must match; unset: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// CSS selector of what gives a row; unset: a page gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// The columns by name, in order.
    #[serde(serialize_with = "write_fields")]
    pub fields: Vec<(String, FieldConfig)>,
}

/// A column of such a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldConfig {
    /// CSS selector of what is taken, the first match; unset: the element of the row itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub css: Option<String>,
    /// The attribute that is taken; unset: the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attr: Option<String>,
    /// A regular expression of which the first group is taken, or else the match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// As what it is taken; unset: a URL for attributes that hold one, or else text.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub kind: Option<FieldKind>,
    /// What stands before the decimals of a number; unset: what it looks like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// In which order a date in digits has day, month and year; unset: only dates that
    /// leave no doubt are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<DateOrder>,
}

/// As what a value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text, white space folded.
    Text,
    /// The element as HTML, with its own tag.
    Html,
    /// The HTML within the element.
    InnerHtml,
    /// A JSON array of what every match gives.
    List,
    /// The first number in it, with decimals.
    Number,
    /// The first number in it, without.
    Integer,
    /// A date, with the time if it has one, as ISO 8601 writes it.
    Date,
    /// An absolute URL.
    Url,
    /// How many matches there are.
    Count,
}

/// What stands before the decimals of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decimal {
    /// 1,299.00
    #[serde(rename = ".")]
    Point,
    /// 1.299,00
    #[serde(rename = ",")]
    Comma,
}

/// In which order a date in digits is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// 31.12.2026
    Dmy,
    /// 12/31/2026
    Mdy,
    /// 2026/12/31
    Ymd,
}

/// Reads `[[extract]]`; an error names its place.
pub(super) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ExtractConfig>, D::Error> {
    let rules = Vec::<Value>::deserialize(deserializer)?.into_iter().enumerate();
    rules.map(|(at, rule)| read_rule(at, rule).map_err(D::Error::custom)).collect()
}

fn read_rule(at: usize, rule: Value) -> Result<ExtractConfig, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        name: String,
        url: Option<String>,
        each: Option<String>,
        fields: Table,
    }
    let said = |place: &str, error: &toml::de::Error| {
        format!("`extract[{at}]{place}`: {}", with_nearest_key(&one_line(error)))
    };
    let Written { name, url, each, fields } = rule.try_into().map_err(|error| said("", &error))?;
    let fields = fields.into_iter().map(|(name, field)| match field {
        Value::String(css) => Ok((name, FieldConfig { css: Some(css), ..FieldConfig::default() })),
        field => match field.try_into() {
            Ok(field) => Ok((name, field)),
            Err(error) => Err(said(&format!(".fields.{name}"), &error)),
        },
    });
    Ok(ExtractConfig { name, url, each, fields: fields.collect::<Result<_, _>>()? })
}

/// Writes every field as a table of its own: in TOML, strings stand before tables,
/// whatever their order was.
fn write_fields<S: Serializer>(
    fields: &[(String, FieldConfig)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, field)| (name, field)))
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    const RULE: &str = r#"
        [[extract]]
        name = "product"
        url = '/product/'
        each = ".card"
        [extract.fields]
        title = "h1"
        price = { css = ".price", as = "number", decimal = "," }
        image = { css = "img", attr = "src" }
        maker = ".maker"
        code = { attr = "data-code" }
        published = { css = "time", attr = "datetime", as = "date", order = "dmy" }
    "#;

    fn read(text: &str) -> anyhow::Result<Config> {
        Config::layered(text.parse()?, &[], toml::Table::new())
    }

    #[test]
    fn fields_keep_their_order_when_they_are_stored() {
        let config = read(RULE).unwrap();
        let names: Vec<_> = config.extract[0].fields.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["title", "price", "image", "maker", "code", "published"]);
        let stored = config.without_secrets().to_string();
        assert_eq!(read(&stored).unwrap(), config);
    }

    #[test]
    fn a_wrong_rule_is_named_by_its_place() {
        #[rustfmt::skip]
        let cases = [
            ("name = \"product\"", "nmae = \"product\"", "`extract[0]`: unknown key `nmae`; did you mean `name`?"),
            ("title = \"h1\"",     "title = 3",          "`extract[0].fields.title`: invalid type: integer"),
            ("as = \"number\"",    "as = \"numbr\"",     "`extract[0].fields.price`: unknown `numbr` in `as`; did you mean `number`?"),
            ("css = \".price\"",   "cs = \".price\"",    "`extract[0].fields.price`: unknown key `cs`; did you mean `css`?"),
            ("decimal = \",\"",    "decimal = \";\"",    "`extract[0].fields.price`: unknown `;` in `decimal`; did you mean"),
            ("[extract.fields]",   "[extract.felds]",    "`extract[0]`: unknown key `felds`; did you mean `fields`?"),
            ("name = \"product\"", "",                   "`extract[0]`: missing field `name`"),
        ];
        for (right, wrong, expected) in cases {
            let error = read(&RULE.replace(right, wrong)).unwrap_err();
            let message = format!("{error:#}");
            assert!(message.starts_with(expected), "{wrong}: {message}");
            assert!(!message.contains('\n') && !message.contains("; in `extract`"), "{message}");
        }
    }
}
