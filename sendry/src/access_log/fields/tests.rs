use super::*;

fn texts(line: &str) -> Vec<String> {
    Fields::of(line).map(|f| f.text.into_owned()).collect()
}

#[test]
fn cuts_at_spaces_quotes_and_brackets() {
    let line = r#"::1 - [10/Oct] "GET / \"x\"" 200  "" rt="0.1, 0.2" u=- [un "open"#;
    let fields: Vec<_> = Fields::of(line).collect();
    let shapes: Vec<_> = fields.iter().map(|f| (f.name, f.shape)).collect();
    use Shape::{Bare, Bracketed, Quoted};
    let bare = (None, Bare);
    assert_eq!(
        shapes[..6],
        [
            bare,
            bare,
            (None, Bracketed),
            (None, Quoted),
            bare,
            (None, Quoted)
        ]
    );
    assert_eq!(
        shapes[6..],
        [
            (Some("rt"), Quoted),
            (Some("u"), Bare),
            bare,
            (None, Quoted)
        ]
    );
    let want = [
        "::1",
        "-",
        "10/Oct",
        "GET / \"x\"",
        "200",
        "",
        "0.1, 0.2",
        "-",
        "[un",
        "open",
    ];
    assert_eq!(texts(line), want);
}

#[test]
fn resolves_escapes() {
    for (raw, want) in [
        (r#""caf\xC3\xA9""#, "café"),
        (r#""a\\b\tc""#, "a\\b\tc"),
        (r#""\x16\x03\x01""#, "\u{16}\u{3}\u{1}"),
        (r#""\xZZ \q \x4""#, r"\xZZ \q \x4"),
        (r#""\xFF""#, "\u{fffd}"),
        (r#""Agent("unescaped")/1""#, r#"Agent("unescaped")/1"#),
        ("\"cut off\\", "cut off\\"),
    ] {
        assert_eq!(texts(raw), [want], "{raw}");
    }
}
