//! Rust sources without what is not code.

/// The text with the insides of comments, strings and characters blanked; every byte and every line stays in its place.
pub(super) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code: Vec<u8> = Vec::with_capacity(bytes.len());
    while code.len() < bytes.len() {
        let at = code.len();
        let end = comment(bytes, at).or_else(|| literal(bytes, at));
        match end {
            Some(end) => {
                let blank = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
                code.extend(bytes[at..end.min(bytes.len())].iter().map(blank));
            }
            None => code.push(bytes[at]),
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Line of the byte `at`, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// Whether a byte may stand in a Rust name.
pub(super) fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `word` stands in `text` as a word of its own.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    let apart = move |at: usize| bytes.get(at).is_none_or(|byte| !in_name(*byte));
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            (*at == 0 || apart(at - 1))
                && (!word.ends_with(|c: char| in_name(c as u8)) || apart(at + word.len()))
        })
}

/// The end of the comment that begins at `at`.
fn comment(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..at + 2)? {
        b"//" => Some(until(bytes, at, |rest| rest[0] == b'\n')),
        b"/*" => {
            let (mut end, mut depth) = (at, 0);
            while end < bytes.len() {
                match &bytes[end..(end + 2).min(bytes.len())] {
                    b"/*" => (depth, end) = (depth + 1, end + 2),
                    b"*/" => (depth, end) = (depth - 1, end + 2),
                    _ => end += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            Some(end)
        }
        _ => None,
    }
}

/// The end of the string or character that begins at `at`.
fn literal(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes[at] {
        b'"' => Some(quoted(bytes, at, b'"')),
        b'\'' => {
            let escaped = bytes.get(at + 1) == Some(&b'\\');
            let width = std::str::from_utf8(&bytes[at + 1..(at + 5).min(bytes.len())])
                .unwrap_or_else(|error| {
                    std::str::from_utf8(&bytes[at + 1..][..error.valid_up_to()]).unwrap_or("")
                })
                .chars()
                .next()?
                .len_utf8();
            // Otherwise it is a lifetime.
            (escaped || bytes.get(at + 1 + width) == Some(&b'\'')).then(|| quoted(bytes, at, b'\''))
        }
        b'r' => {
            let before = at.checked_sub(1).map(|at| bytes[at]);
            let prefix = before.is_none_or(|byte| !in_name(byte) || byte == b'b' || byte == b'c');
            let hashes = bytes[at + 1..]
                .iter()
                .take_while(|byte| **byte == b'#')
                .count();
            let open = at + 1 + hashes;
            (prefix && bytes.get(open) == Some(&b'"')).then(|| {
                let close: Vec<u8> = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
                until(bytes, open + 1, |rest| rest.starts_with(&close)) + close.len()
            })
        }
        _ => None,
    }
}

fn quoted(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn until(bytes: &[u8], from: usize, stop: impl Fn(&[u8]) -> bool) -> usize {
    (from..bytes.len())
        .find(|at| stop(&bytes[*at..]))
        .unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text =
            "a // b\n/* c /* d */ e */ f \"g \\\" h\" r#\"i \" j\"# b\"k\" 'l' '\\'' m::<'n>(o)\n";
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "f", "b", "m::<'n>(o)"]
        );
        assert_eq!(line_of(&code, code.find('f').unwrap()), 2);
    }

    #[test]
    fn whatever_is_cut_short_ends_with_the_text() {
        for text in ["\"a", "/* a", "// a", "r#\"a", "'\\", "'", "'ä'", "\"\\"] {
            assert_eq!(code_only(text).len(), text.len(), "{text}");
        }
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(
            words("async asynchronous is_async async", "async").collect::<Vec<_>>(),
            [0, 28]
        );
    }
}
