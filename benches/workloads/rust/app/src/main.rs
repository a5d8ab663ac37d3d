//! Something that runs.

use clap::Parser;

/// Where to serve.
#[derive(Parser)]
struct Arguments {
    #[arg(default_value = "127.0.0.1:0")]
    address: String,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(Arguments::parse().address).await?;
    println!("{} on {} threads", listener.local_addr()?, rayon::current_num_threads());
    measured_net::serve(listener).await
}
