//! Could fetching this URL end a login, or delete something?
//!
//! A crawler that is logged in follows every link, "log out" and "delete" too.
//! Judged by whole words of path and query, so that `/login` and `/deleted-scenes`
//! are none of them.

use crate::canonical::CanonicalUrl;

/// Words that end a session.
const ENDING: [&str; 10] = [
    "logout", "logoff", "signout", "signoff", "log-out", "log-off", "sign-out", "sign-off",
    "log_out", "sign_out",
];
/// Words that change or remove something.
const CHANGING: [&str; 7] =
    ["delete", "remove", "destroy", "unsubscribe", "deactivate", "revoke", "purge"];

/// The word in `url` that says so, if one does.
pub(super) fn ending_word(url: &CanonicalUrl) -> Option<&'static str> {
    let lower = url.path_and_query().to_ascii_lowercase();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut parts = lower.split(|c| !is_part(c)).filter(|part| !part.is_empty());
    parts.find_map(|part| {
        let mut words = ENDING.iter().chain(&CHANGING);
        words.find(|word| part == **word).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_decide() {
        #[rustfmt::skip]
        let cases = [
            ("/logout", true), ("/user/LogOut.php", true), ("/wp-login.php?action=logout", true), ("/sign-out/", true),
            ("/posts/7/delete", true), ("/api?do=delete&id=1", true), ("/login", false), ("/deleted-scenes", false),
            ("/how-to-logout-of-x", false), ("/undelete", false), ("/", false),
        ];
        for (path, expected) in cases {
            let url = CanonicalUrl::parse(&format!("http://a{path}")).unwrap();
            assert_eq!(ending_word(&url).is_some(), expected, "{path}");
        }
    }
}
