//! What happened to a monitored request: the one definition of an error, used by every count, chart and alert.

/// How a monitored request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Neither of the others.
    Success,
    /// The server answered 4xx: the caller's mistake, counted apart from errors.
    ClientError,
    /// The server failed: status ≥ 500, no response at all (status 0), or an error type was recorded.
    Error,
}

impl Outcome {
    /// The rule. `status` 0 means that no response was sent; `has_error_type` that the client named an error.
    #[must_use]
    pub fn of(status: u16, has_error_type: bool) -> Self {
        match status {
            _ if has_error_type => Self::Error,
            0 | 500.. => Self::Error,
            400..=499 => Self::ClientError,
            _ => Self::Success,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{self, ClientError, Error, Success};

    #[test]
    fn an_error_is_5xx_no_answer_or_an_error_type() {
        let cases = [
            (200, false, Success),
            (302, false, Success),
            (399, false, Success),
            (400, false, ClientError),
            (499, false, ClientError),
            (500, false, Error),
            (599, false, Error),
            (0, false, Error),
            (200, true, Error),
            (404, true, Error),
        ];
        for (status, error_type, expected) in cases {
            assert_eq!(
                Outcome::of(status, error_type),
                expected,
                "{status} {error_type}"
            );
        }
    }
}
