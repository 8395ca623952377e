//! The definitions as an API server is given them.
//!
//! What the derives write is nearly it. Integers get a format that Kubernetes knows, descriptions become one line of text,
//! which `kubectl explain` breaks where the terminal ends, and entries of lists have no defaults: whoever applies a list
//! from the client's side (`kubectl apply`, Argo CD) compares it whole, and would see a difference for ever. Readers fill
//! those in; the types do.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{SendryPipeline, SendryTenant};

/// Both definitions: tenants, then pipelines. Nobody applies what `SendryTenant::crd()` says itself.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [SendryTenant::crd(), SendryPipeline::crd()].map(plain)
}

fn plain(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let versions = definition.spec.versions.iter_mut();
    versions
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
        .for_each(|of| schema(of, false));
    definition
}

fn schema(of: &mut JSONSchemaProps, in_list: bool) {
    if in_list {
        of.default = None;
    }
    if of.format.as_deref().is_some_and(|f| f.starts_with("uint")) {
        // No limit of ours is above it.
        of.format = Some("int32".to_owned());
    }
    if let Some(text) = &mut of.description {
        *text = one_line(text);
    }
    for property in of.properties.iter_mut().flat_map(|p| p.values_mut()) {
        schema(property, in_list);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut of.items {
        schema(items, true);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut of.additional_properties {
        schema(values, in_list);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(of: &JSONSchemaProps, path: &str, say: &mut impl FnMut(&str, &JSONSchemaProps)) {
        say(path, of);
        for (name, property) in of.properties.iter().flatten() {
            each(property, &format!("{path}.{name}"), say);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &of.items {
            each(items, &format!("{path}[]"), say);
        }
    }

    fn everything(mut say: impl FnMut(&str, &JSONSchemaProps)) {
        for definition in definitions() {
            let kind = &definition.spec.names.kind;
            let schema = definition.spec.versions[0].schema.as_ref().unwrap();
            each(schema.open_api_v3_schema.as_ref().unwrap(), kind, &mut say);
        }
    }

    #[test]
    fn formats_are_known_and_entries_of_lists_have_no_defaults() {
        everything(|path, schema| {
            let known = [None, Some("int32"), Some("int64"), Some("date-time")];
            let format = schema.format.as_deref();
            assert!(known.contains(&format), "{path}: {format:?}");
            let default = schema.default.as_ref();
            assert!(
                !path.contains("[]") || default.is_none(),
                "{path}: {default:?}"
            );
        });
    }

    #[test]
    fn everything_has_a_description_for_who_writes_a_manifest() {
        let mut seen = 0;
        everything(|path, schema| {
            // Kubernetes' own words for conditions, and the values of lists, whose field says what they are.
            let theirs = path.contains(".conditions[]") || path.ends_with(".metadata");
            if theirs || path.ends_with("[]") {
                return;
            }
            let text = schema.description.as_deref().unwrap_or_default();
            let ends = text.ends_with('.') && !text.contains('\n');
            let begins = text.starts_with(|c: char| c.is_uppercase() || c == '`');
            assert!(begins && ends, "{path} has no sentence: {text:?}");
            assert!(
                !text.contains("[`") && !text.contains("::"),
                "{path}: {text:?}"
            );
            seen += 1;
        });
        assert!(seen > 60, "{seen}");
    }

    #[test]
    fn whatever_a_rule_reads_has_a_greatest_size() {
        everything(|path, schema| {
            let ours = path.contains(".spec") && !path.ends_with("[]");
            if ours && schema.type_.as_deref() == Some("array") {
                assert!(
                    schema.max_items.is_some(),
                    "{path} may have any number of entries"
                );
            }
            let text = schema.type_.as_deref() == Some("string") && schema.enum_.is_none();
            let quantity = schema.x_kubernetes_int_or_string == Some(true);
            if ours && (text || quantity) && schema.format.is_none() {
                assert!(schema.max_length.is_some(), "{path} may be of any length");
            }
        });
    }
}
