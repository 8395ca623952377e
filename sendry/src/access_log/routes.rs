//! Learns from a whole file which segments are names of things rather than parts of a route.
//!
//! Where more than [`MAX_WORDS`] different words follow the same prefix, they are slugs, names or codes, and become
//! `:param`. The result does not depend on the order of the paths: words under a collapsed segment are put together as
//! if the segment had been `:param` from the start.
//!
//! Only requests that a route answered are learned from. Every public server is asked for thousands of paths that it
//! does not have (`/wp-login.php`, `/.env`); taken for routes, these would turn `/users` into `/:param`. For the same
//! reason such a request, unless it fits a route that answered others, belongs to no route: `(unmatched)`.

use std::collections::BTreeMap;

use sendry_domain::event::UNMATCHED;

use super::{
    Entry,
    template::{join, segments},
};

/// How many different words may follow one prefix before they are taken for the values of a parameter.
const MAX_WORDS: usize = 50;
const PARAM: &str = ":param";

/// Collects the paths of a file.
#[derive(Debug, Default)]
pub struct TemplateLearner {
    root: Node,
}

impl TemplateLearner {
    /// Takes note of one request.
    pub fn learn(&mut self, entry: &Entry) {
        if let Some(path) = entry
            .path
            .as_deref()
            .filter(|_| shows_a_route(entry.status))
        {
            self.root.insert(&segments(path));
        }
    }

    /// What the file's routes are.
    #[must_use]
    pub fn finish(self) -> Routes {
        Routes { root: self.root }
    }
}

/// The routes of one file.
#[derive(Debug, Default)]
pub struct Routes {
    root: Node,
}

impl Routes {
    /// The endpoint a request belongs to: a route template, or `(unmatched)`.
    #[must_use]
    pub fn endpoint(&self, entry: &Entry) -> String {
        let Some(path) = entry.path.as_deref() else {
            return UNMATCHED.to_owned();
        };
        let mut segments = segments(path);
        let mut node = Some(&self.root);
        for segment in &mut segments {
            node = node.and_then(|node| node.step(segment));
        }
        if node.is_some_and(|node| node.answered) || shows_a_route(entry.status) {
            join(segments)
        } else {
            UNMATCHED.to_owned()
        }
    }
}

/// Whether such an answer comes from a route. Not found, not understood, refused before routing (405, 444 of nginx, 400
/// for what is not HTTP) and moved (301 and 308, which servers give to any path to change the scheme or a slash) do not
/// show that there is one.
fn shows_a_route(status: u16) -> bool {
    !matches!(status, 0 | 301 | 308 | 400 | 404 | 405 | 410 | 414 | 444)
}

/// What follows one prefix.
#[derive(Debug, Default)]
struct Node {
    /// `:id`, `:uuid`, …: known by form, so they neither count as words nor collapse with them.
    placeholders: BTreeMap<String, Node>,
    /// Empty once collapsed.
    words: BTreeMap<String, Node>,
    /// What follows any word, once there were too many.
    param: Option<Box<Node>>,
    /// A request ended here and was answered.
    answered: bool,
}

impl Node {
    /// Recursion is bounded: a template has few segments.
    fn insert(&mut self, segments: &[String]) {
        let Some((first, rest)) = segments.split_first() else {
            self.answered = true;
            return;
        };
        if first.starts_with(':') {
            return self
                .placeholders
                .entry(first.clone())
                .or_default()
                .insert(rest);
        }
        if let Some(param) = &mut self.param {
            return param.insert(rest);
        }
        self.words.entry(first.clone()).or_default().insert(rest);
        self.collapse_if_crowded();
    }

    fn collapse_if_crowded(&mut self) {
        if self.words.len() > MAX_WORDS || self.param.is_some() {
            let mut param = self.param.take().unwrap_or_default();
            for (_, node) in std::mem::take(&mut self.words) {
                param.merge(node);
            }
            self.param = Some(param);
        }
    }

    fn merge(&mut self, other: Self) {
        self.answered |= other.answered;
        for (name, node) in other.placeholders {
            self.placeholders.entry(name).or_default().merge(node);
        }
        if let Some(param) = other.param {
            self.param.get_or_insert_default().merge(*param);
        }
        for (word, node) in other.words {
            self.words.entry(word).or_default().merge(node);
        }
        self.collapse_if_crowded();
    }

    /// The node after a segment, which becomes `:param` where its like were too many.
    fn step(&self, segment: &mut String) -> Option<&Self> {
        if segment.starts_with(':') {
            return self.placeholders.get(segment.as_str());
        }
        match &self.param {
            Some(param) => {
                PARAM.clone_into(segment);
                Some(param)
            }
            None => self.words.get(segment.as_str()),
        }
    }
}

#[cfg(test)]
mod tests;
