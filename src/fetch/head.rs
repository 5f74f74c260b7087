//! What does the head of a response say?

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::canonical::without_credentials;

/// Response headers that are kept.
const KEPT_HEADERS: usize = 64;
/// Bytes of a header's value that are kept.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// What a 304 may say of a body that it does not have, or of its connection alone.
const DESCRIBE_THE_BODY: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
];

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Head {
    /// HTTP status code, 100 to 599.
    pub status: u16,
    headers: HeaderMap,
}

impl Head {
    pub(super) fn new(status: u16, headers: HeaderMap) -> Self {
        Self { status, headers }
    }

    /// The head of a stored answer, from what [`Head::to_json`] kept of it.
    pub fn from_json(status: u16, json: &str) -> Self {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).unwrap_or_default();
        let mut headers = HeaderMap::new();
        for (name, values) in &object {
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            let values = values.as_array().into_iter().flatten().filter_map(|value| value.as_str());
            for value in values.filter_map(|value| HeaderValue::from_str(value).ok()) {
                headers.append(&name, value);
            }
        }
        Self { status, headers }
    }

    /// A stored head as a 304 that confirms it leaves it: what the 304 says replaces
    /// what was said before, but for what describes the stored bytes themselves
    /// (RFC 9111 section 3.2).
    #[must_use]
    pub fn freshened_by(&self, newer: &Self) -> Self {
        let mut headers = self.headers.clone();
        // Values of cookies are not kept.
        headers.remove(header::SET_COOKIE);
        for name in newer.headers.keys().filter(|name| !DESCRIBE_THE_BODY.contains(name)) {
            headers.remove(name);
            for value in newer.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        Self { status: self.status, headers }
    }

    /// The first value of a header as it came.
    pub(super) fn value(&self, name: HeaderName) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// The first value of a header, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every value of a header that is text.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// The Location of a redirect, also where servers write it in raw UTF-8.
    pub fn location(&self) -> Option<String> {
        let value = self.headers.get(header::LOCATION)?;
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
            .then(|| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The media type in lower case, without parameters; empty if not said.
    pub fn media_type(&self) -> String {
        let value = self.get("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The charset parameter of the media type.
    pub fn charset(&self) -> Option<&str> {
        let value = self.get("content-type")?;
        value.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches(['"', '\'']))
        })
    }

    /// How long the server asks to be left alone (RFC 9110 section 10.2.3):
    /// seconds, or a date, which may lie in the past.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = self.get("retry-after")?.trim();
        if let Ok(seconds) = value.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        if value.starts_with(|c: char| c.is_ascii_digit())
            && value.bytes().all(|b| b.is_ascii_digit())
        {
            return Some(Duration::MAX);
        }
        let date = httpdate::parse_http_date(value.get(..64).unwrap_or(value)).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    }

    /// The headers as a JSON object of arrays, without secrets: cookies keep their
    /// names alone, URLs lose their credentials.
    pub fn to_json(&self) -> String {
        let mut object = serde_json::Map::new();
        for (name, value) in self.headers.iter().take(KEPT_HEADERS) {
            let text =
                String::from_utf8_lossy(&value.as_bytes()[..value.len().min(MAX_VALUE_BYTES)])
                    .into_owned();
            let text = match *name {
                header::SET_COOKIE => {
                    format!("{}=<cut>", text.split('=').next().unwrap_or_default())
                }
                header::LOCATION | header::CONTENT_LOCATION | header::REFRESH => {
                    without_credentials(&text).into_owned()
                }
                header::LINK => {
                    text.split_inclusive('<').map(without_credentials).collect::<String>()
                }
                _ => text,
            };
            let values =
                object.entry(name.as_str()).or_insert_with(|| serde_json::Value::Array(Vec::new()));
            values.as_array_mut().expect("made as an array").push(text.into());
        }
        serde_json::Value::Object(object).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.append(HeaderName::from_static(name), value);
        }
        Head { status, headers: map }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        #[rustfmt::skip]
        let cases = [
            ("120",                           Some(Duration::from_mins(2))),
            (" 0 ",                           Some(Duration::ZERO)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(Duration::from_mins(1))),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(Duration::ZERO)),
            ("99999999999999999999999",       Some(Duration::MAX)),
            ("-1",                            None),
            ("soon",                          None),
        ];
        for (value, expected) in cases {
            assert_eq!(head(429, &[("retry-after", value)]).retry_after(now), expected, "{value}");
        }
    }

    #[test]
    fn media_type_charset_and_location_are_read() {
        let head =
            head(301, &[("content-type", "Text/HTML; a=b; Charset=\"utf-8\""), ("location", "/é")]);
        assert_eq!(head.media_type(), "text/html");
        assert_eq!(head.charset(), Some("utf-8"));
        assert_eq!(head.location().as_deref(), Some("/é"));
    }

    #[test]
    fn a_304_freshens_what_is_stored() {
        let stored = head(
            200,
            &[("content-type", "text/html"), ("x", "1"), ("x", "2"), ("set-cookie", "a=<cut>")],
        );
        let newer = head(
            304,
            &[("content-type", "text/plain"), ("x", "3"), ("content-length", "0"), ("y", "4")],
        );
        let fresh = Head::from_json(200, &stored.to_json()).freshened_by(&newer);
        assert_eq!(fresh.status, 200);
        assert_eq!(fresh.get_all("x").collect::<Vec<_>>(), ["3"]);
        assert_eq!((fresh.get("content-type"), fresh.get("y")), (Some("text/html"), Some("4")));
        assert_eq!((fresh.get("content-length"), fresh.get("set-cookie")), (None, None));
    }

    #[test]
    fn secrets_are_not_stored() {
        let json = head(200, &[("set-cookie", "sid=hunter2; Path=/"), ("x", "a\"b")]).to_json();
        assert_eq!(json, r#"{"set-cookie":["sid=<cut>"],"x":["a\"b"]}"#);
        let json = head(302, &[("location", "https://me:hunter2@a/b")]).to_json();
        assert_eq!(json, r#"{"location":["https://a/b"]}"#);
        let urls = [
            ("refresh", "0;url=//me:hunter2@a/b"),
            ("content-location", "https://me@a/"),
            ("link", "<https://me:hunter2@a/>; rel=x, </b>, <//u:hunter2@c/>;title=\"a@b\""),
        ];
        let json = head(200, &urls).to_json();
        assert!(
            !json.contains("hunter2") && json.contains("<https://a/>; rel=x, </b>, <//c/>"),
            "{json}"
        );
        assert!(json.contains("a@b"), "{json}");
    }
}
