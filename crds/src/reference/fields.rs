//! The fields of an object as tables, one for each object inside it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};

use super::rules;

/// What durations look like in the types.
const DURATION: &str = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$";

/// A heading, the fields of an object, its rules; then the same for each object in it.
pub(super) fn section(path: &str, of: &JSONSchemaProps) -> String {
    let fields: Vec<_> = of.properties.iter().flatten().collect();
    if fields.is_empty() {
        return String::new();
    }
    let required = of.required.clone().unwrap_or_default();
    let mut text =
        format!("\n### `{path}`\n\n| field | type | default | limits | |\n|---|---|---|---|---|\n");
    for (name, field) in &fields {
        text.push_str(&row(name, field, required.contains(name)));
    }
    text.push_str(&rules("\nOf all of it:\n", of));
    for (name, field) in fields {
        // Kubernetes' own; everybody who reads conditions knows it.
        if name != "conditions" {
            let (below, mark) = items(field).map_or((field, ""), |items| (items, "[]"));
            text.push_str(&section(&format!("{path}.{name}{mark}"), below));
        }
    }
    text
}

fn row(name: &str, field: &JSONSchemaProps, required: bool) -> String {
    let default = match &field.default {
        _ if required => "required".to_owned(),
        Some(value) if value.0.is_object() => "see below".to_owned(),
        Some(value) => format!("`{}`", value.0.to_string().replace('"', "")),
        None => String::new(),
    };
    let description = field.description.as_deref().unwrap_or_default();
    // A pipe would end the cell.
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| `{name}` | {} | {default} | {} | {} |\n",
        kind(field),
        cell(&limits(field).join("; ")),
        cell(description),
    )
}

fn items(field: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &field.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
        _ => None,
    }
}

fn kind(field: &JSONSchemaProps) -> String {
    if let Some(items) = items(field) {
        return format!("list of {}", kind(items));
    }
    if field.x_kubernetes_int_or_string == Some(true) {
        return "quantity".to_owned();
    }
    match (field.type_.as_deref(), field.format.as_deref()) {
        (Some("string"), Some("date-time")) => "time (RFC 3339)".to_owned(),
        (Some("string"), _) if field.pattern.as_deref() == Some(DURATION) => "duration".to_owned(),
        (Some(other), _) => other.to_owned(),
        (None, _) => "any".to_owned(),
    }
}

/// What is accepted, in the order in which one would say it.
fn limits(field: &JSONSchemaProps) -> Vec<String> {
    let mut limits = Vec::new();
    if let Some(values) = &field.enum_ {
        let values = values
            .iter()
            .map(|v| format!("`{}`", v.0.to_string().replace('"', "")));
        limits.push(values.collect::<Vec<_>>().join(", "));
    }
    limits.extend(between(field.minimum, field.maximum, ""));
    let count = |n: Option<i64>| n.map(|n| n as f64);
    limits.extend(between(
        count(field.min_items),
        count(field.max_items),
        " entries",
    ));
    if field.x_kubernetes_list_type.as_deref() == Some("set") {
        limits.push("each once".to_owned());
    }
    for key in field.x_kubernetes_list_map_keys.iter().flatten() {
        limits.push(format!("each `{key}` once"));
    }
    let known = field.pattern.as_deref() == Some(DURATION)
        || field.x_kubernetes_int_or_string == Some(true);
    if !known {
        limits.extend(between(
            count(field.min_length),
            count(field.max_length),
            " characters",
        ));
        limits.extend(field.pattern.as_ref().map(|p| format!("`{p}`")));
    }
    let of_items = items(field)
        .filter(|items| items.properties.is_none())
        .map(limits_of_items);
    limits.extend(of_items.into_iter().flatten());
    let rules = field.x_kubernetes_validations.iter().flatten();
    // Those of an object stand below its table.
    if field.properties.is_none() {
        limits.extend(rules.filter_map(|rule| rule.message.clone()));
    }
    limits
}

fn limits_of_items(items: &JSONSchemaProps) -> Option<String> {
    let limits = limits(items);
    (!limits.is_empty()).then(|| format!("each {}", limits.join("; ")))
}

fn between(least: Option<f64>, most: Option<f64>, unit: &str) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, None) => None,
    }
}
