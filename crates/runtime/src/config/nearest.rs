//! "Did you mean": the known name closest to an unknown one.

/// The name nearest to `wanted` by edits, if one is near enough to be a slip: a third of its
/// length, at least two edits. Case, `_` and `.` against `-` are no difference.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = normal(wanted).collect();
    let slip = (wanted.len() / 3).max(2);
    known
        .map(|name| (edits(&wanted, &normal(name).collect::<Vec<_>>()), name))
        .filter(|(distance, name)| *distance <= slip && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn normal(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(|letter| match letter {
        '_' | '.' => '-',
        letter => letter.to_ascii_lowercase(),
    })
}

/// Levenshtein's distance, one row at a time.
fn edits(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (removed, letter) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = removed + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["database-url", "queue-url", "log"];

    fn find(wanted: &str) -> Option<&'static str> {
        nearest(wanted, KNOWN.into_iter())
    }

    #[test]
    fn slips_are_found() {
        assert_eq!(find("databse-url"), Some("database-url"));
        assert_eq!(find("DATABASE_URL"), Some("database-url"));
        assert_eq!(find("queue.ulr"), Some("queue-url"));
        assert_eq!(find("logs"), Some("log"));
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(find("retention"), None);
        assert_eq!(find("x"), None);
    }
}
