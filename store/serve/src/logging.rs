//! The log: one line per request, and what goes wrong inside. Neither a bearer nor a body ever reaches it.

use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

/// The form of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// A JSON object.
    Json,
}

/// Sends every line of this process to a writer from now on; a second call changes nothing.
pub fn install<W>(format: Format, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // There is one log in a process, and whoever came first has it.
    let _ = tracing::subscriber::set_global_default(subscriber(format, writer));
}

/// A subscriber that writes this program's lines in one form.
pub fn subscriber<W>(format: Format, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_max_level(Level::INFO).with_target(false).with_writer(writer);
    match format {
        Format::Text => Box::new(builder.with_ansi(false).finish()),
        Format::Json => {
            Box::new(builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish())
        }
    }
}
