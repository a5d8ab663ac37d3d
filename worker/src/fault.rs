//! What the platform says when something fails, as far as an operator needs it.

use wasm_bindgen::{JsCast as _, JsValue};

/// The longest text that is kept of an error.
const MOST: usize = 300;

/// The first line of an error: what follows is a stack.
pub(crate) fn text(error: &JsValue) -> String {
    let whole = match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| "an error without a text".to_owned()),
    };
    first_line(&whole)
}

/// The same of an error that the bindings wrapped.
pub(crate) fn wrapped(error: &worker::Error) -> String {
    first_line(&error.to_string())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(MOST).collect()
}
