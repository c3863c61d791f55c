//! Reads the file and the environment into one struct, and can say of every value where it came from.
//!
//! `WHARF__SECTION__KEY=value` overrides `key` of `[section]`. A value is read as TOML where it is TOML (`10`, `true`,
//! `["10.0.0.0/8"]`, `"10"`), else as a text. A relative path (a key `path`, or one that ends in `_file`, `_dir` or
//! `_path`) counts from the folder of the configuration file, so that a process finds its files wherever it is started.
//!
//! How origins are kept: TOML values carry their place in the file. A value from the environment gets a made-up place
//! behind the end of the file, one per variable; an error's place then leads back to the line or to the variable.

use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// Why the configuration cannot be used: which key, from where, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct ConfigError {
    origin: String,
    problem: String,
}

/// Reads the configuration from `path` and from the variables of this process that begin with `{prefix}__`.
pub fn load<T: DeserializeOwned>(path: Option<&Path>, prefix: &str) -> Result<T, ConfigError> {
    load_from(path, prefix, std::env::vars_os())
}

/// Like [`load`], with the environment as a parameter.
pub fn load_from<T: DeserializeOwned>(
    path: Option<&Path>,
    prefix: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, ConfigError> {
    let variables = Variable::collect(prefix, environment)?;
    let source = Source::read(path, &variables)?;
    let mut document = DeTable::parse(&source.text).map_err(|error| source.error(&error, &[]))?;
    for (number, variable) in variables.iter().enumerate() {
        let at = source.text.len() + 1 + number;
        set(document.get_mut(), &variable.keys, &variable.value, at..at + 1);
    }
    let mut places = Vec::new();
    settle(document.get_mut(), "", &source.folder, &mut places);
    T::deserialize(Deserializer::from(document)).map_err(|error| source.error(&error, &places))
}

struct Variable {
    name: String,
    keys: Vec<String>,
    value: String,
}

impl Variable {
    fn collect(
        prefix: &str,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Vec<Self>, ConfigError> {
        let mut variables = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            let Some(rest) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("__")) else { continue };
            let keys: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
            let refuse = |problem: &str| ConfigError { origin: name.to_owned(), problem: problem.to_owned() };
            if keys.iter().any(String::is_empty) {
                return Err(refuse("not of the form PREFIX__SECTION__KEY"));
            }
            let value = value.into_string().map_err(|_| refuse("the value is not UTF-8"))?;
            variables.push(Self { name: name.to_owned(), keys, value });
        }
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(variables)
    }
}

struct Source<'v> {
    path: Option<PathBuf>,
    folder: PathBuf,
    text: String,
    variables: &'v [Variable],
}

impl<'v> Source<'v> {
    fn read(path: Option<&Path>, variables: &'v [Variable]) -> Result<Self, ConfigError> {
        let unreadable = |error: std::io::Error| ConfigError {
            origin: path.unwrap_or(Path::new(".")).display().to_string(),
            problem: format!("cannot read the configuration: {error}"),
        };
        let text = path.map(fs::read_to_string).transpose().map_err(unreadable)?.unwrap_or_default();
        let file = std::path::absolute(path.unwrap_or(Path::new("none"))).map_err(unreadable)?;
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        if folder.to_str().is_none() {
            return Err(unreadable(std::io::Error::other("the name of its folder is not UTF-8")));
        }
        Ok(Self { path: path.map(Path::to_path_buf), folder, text, variables })
    }

    fn error(&self, error: &toml::de::Error, places: &[(Range<usize>, String)]) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start);
        let key = places
            .iter()
            .filter(|(span, _)| span.contains(&at))
            .min_by_key(|(span, key)| (span.len(), Reverse(key.len())))
            .map_or_else(String::new, |(_, key)| format!("`{key}`: "));
        ConfigError { origin: self.origin(at), problem: format!("{key}{}", error.message()) }
    }

    fn origin(&self, at: usize) -> String {
        if let Some(variable) = at.checked_sub(self.text.len() + 1).and_then(|number| self.variables.get(number)) {
            return format!("environment variable {}", variable.name);
        }
        match &self.path {
            Some(path) => {
                let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
                format!("{}:{line}", path.display())
            }
            None => "configuration from the environment".to_owned(),
        }
    }
}

fn set<'d>(table: &mut DeTable<'d>, keys: &[String], value: &'d str, at: Range<usize>) {
    let [key, rest @ ..] = keys else { return };
    if !rest.is_empty()
        && let Some(DeValue::Table(inner)) = table.get_mut(key.as_str()).map(Spanned::get_mut)
    {
        return set(inner, rest, value, at);
    }
    let new = if rest.is_empty() {
        let mut value = DeValue::parse(value).map_or(DeValue::String(Cow::Borrowed(value)), Spanned::into_inner);
        move_to(&mut value, &at);
        value
    } else {
        let mut inner = DeTable::new();
        set(&mut inner, rest, value, at.clone());
        DeValue::Table(inner)
    };
    table.remove(key.as_str());
    table.insert(Spanned::new(at.clone(), Cow::Owned(key.clone())), Spanned::new(at, new));
}

/// Gives everything inside a value of the environment that variable's place.
fn move_to(value: &mut DeValue<'_>, at: &Range<usize>) {
    match value {
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                move_to(item.get_mut(), at);
                let inner = std::mem::replace(item.get_mut(), DeValue::Boolean(false));
                *item = Spanned::new(at.clone(), inner);
            }
        }
        DeValue::Table(table) => {
            for (key, mut item) in std::mem::take(table) {
                move_to(item.get_mut(), at);
                table.insert(Spanned::new(at.clone(), key.into_inner()), Spanned::new(at.clone(), item.into_inner()));
            }
        }
        _ => {}
    }
}

/// Makes paths absolute, and notes the place of every key and value.
fn settle(table: &mut DeTable<'_>, parent: &str, folder: &Path, places: &mut Vec<(Range<usize>, String)>) {
    for (key, value) in table.iter_mut() {
        let name = key.get_ref().as_ref();
        let full = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        places.push((key.span(), full.clone()));
        places.push((value.span(), full.clone()));
        let is_path = name == "path" || ["_file", "_dir", "_path"].iter().any(|ending| name.ends_with(ending));
        match value.get_mut() {
            DeValue::Table(inner) => settle(inner, &full, folder, places),
            DeValue::String(path) if is_path && !path.is_empty() => {
                // Lossless: both parts are UTF-8.
                *path = Cow::Owned(folder.join(path.as_ref()).to_string_lossy().into_owned());
            }
            _ => {}
        }
    }
}
