#!/bin/sh
# Builds the server and the front end. It knows nothing of sci: cargo and npm find what is already there.
set -eu
cd "$(dirname "$0")"

npm install --prefix web --loglevel=error
npm run --silent --prefix web build
cargo build --locked
