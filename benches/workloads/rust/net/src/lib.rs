//! Something that serves.

/// A server's routes.
pub fn routes() -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(|body: String| async move { answer(&body) }))
}

/// Serves them.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    axum::serve(listener, routes()).await
}

fn answer(body: &str) -> String {
    measured_core::count(body).unwrap_or_else(|error| error.to_string())
}

/// A client of it.
///
/// # Errors
/// When the server does not answer.
pub async fn ask(url: &str) -> reqwest::Result<String> {
    reqwest::get(url).await?.text().await
}
