//! What the API server refuses by itself, also while no operator runs: `crds/admission.yaml`, for one operator.

/// The policies for an operator that is the service account `sendry-operator` in `sendry-system`.
const POLICIES: &str = include_str!("../admission.yaml");

/// The namespace of the operator where nobody says otherwise.
pub const OPERATOR_NAMESPACE: &str = "sendry-system";

/// The service account of the operator where nobody says otherwise.
pub const OPERATOR_ACCOUNT: &str = "sendry-operator";

/// A name that cannot be one of a namespace or service account.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no name of a namespace or service account: it has letters a-z, digits and hyphens"
)]
pub struct NotAName(String);

/// The policies and their bindings as a stream of YAML, for the operator's service account.
///
/// # Errors
/// When a name is none: it would end up inside an expression.
pub fn policies(namespace: &str, account: &str) -> Result<String, NotAName> {
    for name in [namespace, account] {
        let known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(known) {
            return Err(NotAName(name.to_owned()));
        }
    }
    Ok(POLICIES.replace(
        &format!("system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"),
        &format!("system:serviceaccount:{namespace}:{account}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{
        ALLOW_DELETION_ANNOTATION, NAME_LABEL, PROTECTED_ANNOTATION, TENANT_LABEL, WORKER_NAME,
    };

    #[test]
    fn the_operators_names_are_put_in_everywhere() {
        let ours = policies(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT).unwrap();
        assert_eq!(ours, POLICIES);
        let theirs = policies("monitoring", "op").unwrap();
        let code = theirs.lines().filter(|line| !line.starts_with('#'));
        let left: Vec<_> = code
            .filter(|line| line.contains(OPERATOR_NAMESPACE))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(
            theirs
                .matches("in ['system:serviceaccount:monitoring:op']")
                .count(),
            2
        );
    }

    #[test]
    fn what_could_end_a_text_in_an_expression_is_no_name() {
        for name in ["", "a'b", "a b", "A", "a:b"] {
            policies(name, "a").unwrap_err();
            policies("a", name).unwrap_err();
        }
    }

    #[test]
    fn names_in_it_are_the_ones_that_the_operator_uses() {
        for name in [
            ALLOW_DELETION_ANNOTATION,
            PROTECTED_ANNOTATION,
            TENANT_LABEL,
            NAME_LABEL,
            WORKER_NAME,
        ] {
            assert!(POLICIES.contains(name), "{name}");
        }
    }
}
