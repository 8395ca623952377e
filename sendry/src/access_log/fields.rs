//! Cuts a log line into its fields and resolves their escapes.

use std::borrow::Cow;

/// How a field is set off from its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// By spaces.
    Bare,
    /// `"…"`
    Quoted,
    /// `[…]`
    Bracketed,
}

/// One field. `rt=0.123` and `rt="0.123"` have a name.
#[derive(Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub name: Option<&'a str>,
    pub shape: Shape,
    pub text: Cow<'a, str>,
}

impl Field<'_> {
    /// The text, unless it says that there is none.
    pub fn present(&self) -> Option<&str> {
        Some(self.text.as_ref()).filter(|text| !text.is_empty() && *text != "-")
    }

    /// A field as the referrer and the user agent are written.
    pub fn is_plainly_quoted(&self) -> bool {
        self.shape == Shape::Quoted && self.name.is_none()
    }
}

/// The fields of a line, from left to right. Anything is a sequence of fields; nothing is refused here.
pub(super) struct Fields<'a> {
    rest: &'a str,
}

impl<'a> Fields<'a> {
    pub fn of(line: &'a str) -> Self {
        Self { rest: line }
    }

    fn take(&mut self, bytes: usize, skip: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest.get(skip..).unwrap_or_default();
        taken
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let name = name(self.rest);
        if let Some(name) = name {
            self.take(name.len(), 1);
        } else if self.rest.is_empty() {
            return None;
        }
        let closing_bracket = self
            .rest
            .starts_with('[')
            .then(|| self.rest.find(']'))
            .flatten();
        let (shape, text) = if self.rest.starts_with('"') {
            self.take(0, 1);
            (
                Shape::Quoted,
                unescape(self.take(closing_quote(self.rest), 1)),
            )
        } else if let Some(end) = closing_bracket {
            (Shape::Bracketed, Cow::Borrowed(&self.take(end, 1)[1..]))
        } else {
            let end = self.rest.find([' ', '\t']).unwrap_or(self.rest.len());
            (Shape::Bare, Cow::Borrowed(self.take(end, 0)))
        };
        Some(Field { name, shape, text })
    }
}

/// The name of a `name=value` field at the start of the text.
fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    (end > 0 && text[end..].starts_with('=')).then(|| &text[..end])
}

/// Where a quoted text ends: at a quote that is neither escaped nor amid text, because nginx with `escape=none` leaves
/// the quotes of a user agent as they are. In a line that was cut off it ends with the line.
fn closing_quote(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' if matches!(bytes.get(at + 1), None | Some(b' ' | b'\t')) => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// Resolves `\"`, `\\`, `\xHH` (nginx writes every byte over 126 so) and the short forms of Apache.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, used) = match (first, tail) {
            (b'\\', [b'x', high, low, ..]) => match hex_byte(*high, *low) {
                Some(byte) => (byte, 4),
                None => (b'\\', 1),
            },
            (b'\\', [short, ..]) => match short {
                b'"' | b'\\' => (*short, 2),
                b'n' => (b'\n', 2),
                b't' => (b'\t', 2),
                b'r' => (b'\r', 2),
                _ => (b'\\', 1),
            },
            _ => (*first, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The byte two hexadecimal digits stand for.
pub(super) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests;
