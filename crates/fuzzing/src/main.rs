//! Writes what the targets start from into a folder for each, as the fuzzer reads it: `neuraltrust-fuzzing FOLDER`.

use std::io;
use std::path::PathBuf;

use neuraltrust_fuzzing::{TARGETS, seeds};

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "give the folder to write to"))?;
    for target in TARGETS {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (n, input) in seeds(target).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{n:04}")), input)?;
        }
    }
    Ok(())
}
