//! How much of an answer is wanted?

use crate::config::Bodies;
use crate::engine::record::Kind;
use crate::fetch::Head;

/// Whether a head that is not good, or names something that refers to more, is
/// better asked for whole. A server that asks for less is not asked again for this.
pub(super) fn needs_get(kind: Kind, head: &Head) -> bool {
    let is_refused = head.status >= 400 && !matches!(head.status, 429 | 503);
    is_refused || kind == Kind::Asset && head.status < 300 && (is_css(head) || is_html(head))
}

/// Whether the body of what is no HTML is kept.
pub(super) fn is_kept(bodies: Bodies, head: &Head) -> bool {
    match bodies {
        Bodies::All => true,
        Bodies::Documents => is_document(&head.media_type()),
        Bodies::Html | Bodies::None => false,
    }
}

/// PDF, word processors, spreadsheets, presentations and books.
fn is_document(media_type: &str) -> bool {
    ["application/pdf", "application/rtf", "application/msword", "application/epub+zip"]
        .contains(&media_type)
        || [
            "application/vnd.openxmlformats-officedocument",
            "application/vnd.oasis.opendocument",
            "application/vnd.ms-",
        ]
        .iter()
        .any(|start| media_type.starts_with(start))
}

pub(super) fn is_css(head: &Head) -> bool {
    head.media_type() == "text/css"
}

pub(super) fn is_html(head: &Head) -> bool {
    matches!(&*head.media_type(), "text/html" | "application/xhtml+xml")
}
