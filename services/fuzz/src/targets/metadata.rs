use super::assert_presentable;
use serde_json::{Value, json};
use wharf_cargo_wire::{MetadataDependency, OwnIndexUrls, PublishMetadata};

pub(super) const WORDS: &[&str] = &[
    "{\"name\":\"a\",\"vers\":\"1.0.0\"",
    "\"deps\":[{",
    "\"version_req\":\"^1\"",
    "\"features\":",
    "\"optional\":true",
    "\"default_features\":false",
    "\"target\":\"cfg(unix)\"",
    "\"kind\":\"dev\"",
    "\"registry\":\"https://",
    "\"artifact\":",
    "\"explicit_name_in_toml\":",
    "\"authors\":[",
    "\"description\":",
    "\"homepage\":\"https://",
    "\"documentation\":",
    "\"readme\":",
    "\"readme_file\":",
    "\"keywords\":[",
    "\"categories\":[",
    "\"license\":",
    "\"license_file\":",
    "\"repository\":",
    "\"links\":",
    "\"rust_version\":",
    "null",
    "\\u0000",
    "\\ud83d\\ude00",
];

/// The JSON head means what any reader of JSON makes of it.
pub(super) fn check(bytes: &[u8]) {
    let head = match PublishMetadata::parse(bytes) {
        Ok(head) => head,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    let value: Value = serde_json::from_slice(bytes).expect("an accepted head is JSON");
    assert_eq!(value["name"], json!(head.name.as_str()));
    assert_eq!(value["vers"], json!(head.version.to_string()));
    assert!(!value.to_string().contains("\\u0000"));
    for (key, url) in
        [("homepage", &head.homepage), ("documentation", &head.documentation), ("repository", &head.repository)]
    {
        if let Some(url) = url {
            assert_eq!(value[key], json!(url));
            let lower = url.to_lowercase();
            assert!(lower.starts_with("https://") || lower.starts_with("http://"), "{url}");
            assert!(!url.contains(|c: char| c.is_whitespace() || c.is_control()), "{url}");
        }
    }
    assert!(head.keywords.len() <= 5 && head.categories.len() <= 5 && head.authors.len() <= 50);
    assert!(head.deps.len() <= 500);

    // What an artifact dependency says is not kept: it is refused when its turn comes.
    let artifact = value["deps"].as_array().is_some_and(|deps| deps.iter().any(|dep| !dep["artifact"].is_null()));
    let written = render(&head);
    let again =
        PublishMetadata::parse(written.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert!(artifact || again == head, "{written}");
    assert!(!artifact || head.dependencies(&OwnIndexUrls::default()).is_err());
    match head.dependencies(&OwnIndexUrls::default()) {
        Ok(deps) => assert_eq!(deps.len(), head.deps.len()),
        Err(error) => assert_presentable(&error.to_string()),
    }
}

fn render(head: &PublishMetadata) -> Value {
    let dep = |dep: &MetadataDependency| {
        json!({
            "name": dep.name, "version_req": dep.version_req, "features": dep.features, "optional": dep.optional,
            "default_features": dep.default_features, "target": dep.target, "kind": dep.kind, "registry": dep.registry,
            "explicit_name_in_toml": dep.explicit_name_in_toml,
        })
    };
    json!({
        "name": head.name.as_str(), "vers": head.version.to_string(), "deps": head.deps.iter().map(dep).collect::<Vec<_>>(),
        "authors": head.authors, "description": head.description, "documentation": head.documentation,
        "homepage": head.homepage, "readme": head.readme, "readme_file": head.readme_file, "keywords": head.keywords,
        "categories": head.categories, "license": head.license, "license_file": head.license_file,
        "repository": head.repository, "links": head.links, "rust_version": head.rust_version,
    })
}
