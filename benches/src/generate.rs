//! Trees to measure on, the same on every machine: a seed decides every byte.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files of one generated directory.
const PER_DIRECTORY: usize = 40;

/// Source text is made of few words; that is why it compresses.
const WORDS: [&str; 24] = [
    "const",
    "return",
    "function",
    "export",
    "default",
    "import",
    "from",
    "if",
    "else",
    "await",
    "async",
    "new",
    "this",
    "value",
    "options",
    "result",
    "index",
    "length",
    "module",
    "exports",
    "require",
    "undefined",
    "true",
    "null",
];

/// Writes `files` files of source-like text, `mean` bytes long on average, below `root`, and returns their paths relative
/// to it in byte order.
///
/// # Errors
/// When a file cannot be written.
pub fn tree(root: &Path, files: usize, mean: usize) -> io::Result<Vec<PathBuf>> {
    let mut random = fastrand::Rng::with_seed(files as u64);
    let mut paths = Vec::with_capacity(files);
    for index in 0..files {
        let directory = PathBuf::from(format!("package-{:04}/lib", index / PER_DIRECTORY));
        fs::create_dir_all(root.join(&directory))?;
        let path = directory.join(format!("module-{:02}.js", index % PER_DIRECTORY));
        // Most files are short and a few are long, as in node_modules.
        let length = if index % 10 == 0 { random.usize(mean..mean * 10) } else { random.usize(1..mean) };
        fs::write(root.join(&path), text(&mut random, length))?;
        paths.push(path);
    }
    Ok(paths)
}

/// `length` bytes that read like source code.
pub fn text(random: &mut fastrand::Rng, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 16);
    while text.len() < length {
        text.extend_from_slice(WORDS[random.usize(..WORDS.len())].as_bytes());
        match random.u8(..8) {
            0 => text.extend_from_slice(b";\n"),
            1 => text.extend_from_slice(format!("({})", random.u16(..)).as_bytes()),
            _ => text.push(b' '),
        }
    }
    text.truncate(length);
    text
}
