//! Logs: one line on stdout for each event, as JSON or as text.
//!
//! What keeps secrets out: field names stand in a list ([`FIELDS`]) or are dropped, with their names noted so that the
//! author of the line sees it; texts pass through [`redact`]; a panic leaves its place and never its payload. Headers,
//! bodies, queries and names of tenants have no field.

mod redact;

pub use redact::{redact, redact_tokens};

use crate::config::{Log, LogFormat};
use serde_json::{Map, Value};
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};
use wharf_domain::Clock;

/// The fields a log line may have. A new one belongs here only if its values can never hold a secret, a header, a
/// query or personal data.
pub const FIELDS: &[&str] = &[
    "action",
    "address",
    "attempt",
    "attempts",
    "backend",
    "bytes",
    "cause",
    "change",
    "check",
    "code",
    "collected",
    "count",
    "crates",
    "duration_ms",
    "elapsed_ms",
    "error",
    "job",
    "kind",
    "key_version",
    "level",
    "limit",
    "line",
    "location",
    "method",
    "operation",
    "org_id",
    "outcome",
    "phase",
    "pruned",
    "reason",
    "registry_id",
    "request_id",
    "revision",
    "route",
    "rows",
    "schema",
    "service",
    "sha256",
    "status",
    "thread",
    "token_id",
    "topic",
    "transaction",
    "user_id",
    "version",
    "versions",
    "worker",
];

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is not one.
    #[error("`log.level`: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Something else logs already.
    #[error("logging was started twice")]
    Twice,
}

/// Starts logging to stdout for the whole process, panics included.
pub fn start(log: &Log, clock: Arc<dyn Clock>) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(&log.level)?;
    let lines = Lines::new(log.format, clock, |line: &str| {
        // A log that cannot be written has nowhere to say so.
        let _unwritable = std::io::stdout().lock().write_all(line.as_bytes());
    });
    let subscriber = Registry::default().with(filter).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(target: "wharf::panic", location, thread, "panicked");
    }));
    Ok(())
}

/// A layer that hands every event to a sink as one finished line, newline included.
pub struct Lines<W> {
    format: LogFormat,
    clock: Arc<dyn Clock>,
    sink: W,
}

impl<W: Fn(&str) + Send + Sync + 'static> Lines<W> {
    /// A layer with a sink of one's own; tests collect lines with it.
    pub fn new(format: LogFormat, clock: Arc<dyn Clock>, sink: W) -> Self {
        Self { format, clock, sink }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    known: Map<String, Value>,
    dropped: Vec<&'static str>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        // Fields `log.…` describe where a line of the `log` crate came from, and add nothing.
        match field.name() {
            "message" => self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            name if FIELDS.contains(&name) => {
                self.known.insert(name.to_owned(), value);
            }
            name if name.starts_with("log.") => {}
            name => self.dropped.push(name),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(redact(&format!("{value:?}")).into_owned()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(redact(value).into_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_str(field, &chain(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

/// An error with everything behind it, on one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        // Many errors print their source too.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: Fn(&str) + Send + Sync + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().into_iter().rev() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.known.extend(of_span.known.clone());
            }
        }
        event.record(&mut fields);
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let time = self.clock.now();
        let line = match self.format {
            LogFormat::Json => json(time.to_string(), level, target, fields),
            LogFormat::Text => text(&time.to_string(), level, target, &fields),
        };
        (self.sink)(&line);
    }
}

fn json(time: String, level: Level, target: &str, fields: Fields) -> String {
    let mut line = Map::new();
    line.insert("time".to_owned(), time.into());
    line.insert("level".to_owned(), level.as_str().to_ascii_lowercase().into());
    line.insert("target".to_owned(), target.into());
    line.insert("message".to_owned(), fields.message.into());
    for (name, value) in fields.known {
        line.entry(name).or_insert(value);
    }
    if !fields.dropped.is_empty() {
        line.insert("dropped_fields".to_owned(), fields.dropped.into());
    }
    // JSON escapes control characters, so that no value can forge a second line.
    format!("{}\n", Value::Object(line))
}

fn text(time: &str, level: Level, target: &str, fields: &Fields) -> String {
    use fmt::Write;
    let mut line = format!("{time} {level:>5} {target}: {}", escape(&fields.message));
    for (name, value) in &fields.known {
        let value = value.as_str().map_or_else(|| value.to_string(), escape);
        write!(line, " {name}={value}").expect("writing to a String cannot fail");
    }
    for name in &fields.dropped {
        write!(line, " {name}=(dropped)").expect("writing to a String cannot fail");
    }
    line.push('\n');
    line
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
