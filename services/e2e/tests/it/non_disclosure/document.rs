//! Queries and bodies for the JSON API, made from its OpenAPI document: a new parameter or member fails the run until it is
//! known what to put there.

use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(wharf_api::openapi::document()).expect("the document is JSON"));

/// The queries to ask an operation with; the empty one first.
pub(super) fn queries(template: &str, method: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let parameters = operation(template, method)["parameters"].as_array().cloned().unwrap_or_default();
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().unwrap();
        let values: &[&str] = match name {
            "limit" => &["1", "2", "100", "0", "x"],
            "cursor" => &["", "AAAA"],
            "action" => &["version.", "token.issue", "member", "%00"],
            _ => panic!("{method} {template}: say in document.rs what values the query parameter `{name}` takes"),
        };
        all.extend(values.iter().map(|value| format!("?{name}={value}")));
    }
    all
}

/// The bodies to ask an operation with: everything it takes, only what it must have, each further member by itself, and
/// nothing that it takes. None for an operation without a body.
pub(super) fn bodies(template: &str, method: &str) -> Vec<Value> {
    let content = &operation(template, method)["requestBody"]["content"];
    let Some(schema) = content.as_object().and_then(|kinds| kinds.values().next()).map(|kind| &kind["schema"]) else {
        return Vec::new();
    };
    let schema = resolved(schema);
    let members = schema["properties"].as_object().expect("a body is an object with members");
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let all: Map<String, Value> = members
        .iter()
        .map(|(name, schema)| (name.clone(), value(name, schema, &format!("{method} {template}"))))
        .collect();
    let least: Map<String, Value> =
        all.iter().filter(|(name, _)| required.iter().any(|one| one == *name)).map(own).collect();
    let mut bodies = vec![Value::Object(all.clone()), Value::Object(least.clone())];
    for (name, value) in all.iter().filter(|(name, _)| !least.contains_key(*name)) {
        let mut body = least.clone();
        body.insert(name.clone(), value.clone());
        bodies.push(Value::Object(body));
    }
    bodies.push(json!({ "unknown": true }));
    bodies
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn operation(template: &str, method: &str) -> &'static Value {
    let operation = &DOCUMENT["paths"][template][method.to_ascii_lowercase()];
    assert!(operation.is_object(), "{method} {template} is not in the OpenAPI document");
    operation
}

fn resolved(schema: &'static Value) -> &'static Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let name = reference.rsplit('/').next().unwrap();
    resolved(&DOCUMENT["components"]["schemas"][name])
}

/// A value of a schema, which speaks of what is hidden wherever it can.
fn value(name: &str, schema: &'static Value, place: &str) -> Value {
    let schema = resolved(schema);
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(choice) = choices.and_then(|all| all.iter().find(|choice| choice["type"] != "null")) {
        return choice.get("const").cloned().unwrap_or_else(|| value(name, choice, place));
    }
    if let Some(members) = schema["properties"].as_object() {
        let members = members.iter().map(|(name, schema)| (name.clone(), value(name, schema, place)));
        return Value::Object(members.collect());
    }
    if schema["items"].is_object() && resolved(&schema["items"])["properties"].is_object() {
        return json!([value(name, &schema["items"], place)]);
    }
    match name {
        "slug" => json!("vault"),
        "name" => json!("hidden-0"),
        "note" | "label" => json!("whatever"),
        "login" | "member" => json!("hidden-dev"),
        "email" => json!("hidden-dev@acme.example"),
        "role" => json!("reader"),
        "scopes" => json!(["index:read@vault/hidden-*", "index:read@*"]),
        "sources" => json!(["127.0.0.0/8"]),
        "allowed_registries" => json!(["sparse+https://index.example/acme/vault/"]),
        "metadata" => json!({ "of": "hidden-core" }),
        "read" | "publish" | "yank" | "owners" | "allow" => json!(["hidden-*", "narrow-*"]),
        "except" => json!(["hidden-core"]),
        "versions" => json!("^2"),
        "published_before" | "not_before" => json!("2026-06-01T13:00:00Z"),
        "expires_at" => json!("2026-12-01T00:00:00Z"),
        "count" => json!("downloads"),
        "per" => json!("month"),
        "max" => json!(1),
        "max_crate_bytes" => json!(1_048_576),
        "overlap_s" => json!(0),
        "entitlement" => json!("8a3f1c52-5e0d-4a7b-9a0e-1c2d3e4f5a6b"),
        "crate" => json!("hidden-core"),
        "version" => json!("1.0.0"),
        "crates_io_allowed" | "git_personal_keys" | "legacy_git_downloads" | "enabled" => json!(false),
        _ => panic!("{place}: say in document.rs what the member `{name}` holds: {schema}"),
    }
}
