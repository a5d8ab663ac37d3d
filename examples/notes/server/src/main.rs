//! Serves the notes of a directory as JSON: `notes-server [DIR]`, or prints them: `notes-server --print [DIR]`.

use std::io;
use std::path::PathBuf;

use axum::{Json, Router, http::StatusCode, routing::get};
use notes_core::Note;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let print = args.first().is_some_and(|arg| arg == "--print");
    let dir = PathBuf::from(args.drain(usize::from(print)..).next().unwrap_or_else(|| "notes".into()));
    if print {
        for note in notes_core::read_all(&dir)? {
            println!("{}  {}", note.date, note.title);
        }
        return Ok(());
    }
    let app = Router::new().route("/api/notes", get(move || notes(dir.clone())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

async fn notes(dir: PathBuf) -> Result<Json<Vec<Note>>, StatusCode> {
    notes_core::read_all(&dir).map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
