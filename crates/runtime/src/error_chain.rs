//! Telling an error once, with its causes.
//!
//! Errors of this workspace say what *their* layer was doing and keep the cause in `source()`; the
//! one place that logs or prints them joins the layers. Some foreign errors repeat their source's
//! text in their own; such repeats are left out.

use std::error::Error;
use std::fmt;

/// `error` and its sources as `a: b: c`.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    Chain(error)
}

struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let mut inner = None;
        for text in texts.iter().rev() {
            inner = Some(Box::new(Layer {
                text,
                source: inner,
            }));
        }
        *inner.unwrap()
    }

    #[test]
    fn joins_every_layer_in_order() {
        let error = layers(&["failed to start", "failed to bind", "address in use"]);
        assert_eq!(
            chain(&error).to_string(),
            "failed to start: failed to bind: address in use"
        );
    }

    #[test]
    fn leaves_out_what_a_layer_already_said() {
        let error = layers(&["failed to bind: in use: 98", "in use: 98", "98", "kernel"]);
        assert_eq!(
            chain(&error).to_string(),
            "failed to bind: in use: 98: kernel"
        );
    }

    #[test]
    fn one_layer_is_just_itself() {
        assert_eq!(chain(&layers(&["alone"])).to_string(), "alone");
    }
}
