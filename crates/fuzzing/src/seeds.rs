//! The recordings as inputs of the targets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use neuraltrust_normalize::multipart;
use neuraltrust_testing::{fixtures, workspace};
use serde_json::Value;

use crate::Target;
use crate::targets::first_boundary;

/// What a target starts from: the bodies of its recorded requests in clear, forms with compressed parts too, and what the fuzzer once
/// found.
///
/// # Panics
/// Where a recording cannot be read.
#[must_use]
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    walk(&fixtures(), &mut |path| inputs.extend(recorded(target, path)));
    if target.name == "langsmith_form" {
        let compressed: Vec<_> = inputs.iter().flat_map(|form| ["gzip", "zstd"].map(|coding| compressed(form, coding))).collect();
        inputs.extend(compressed.into_iter().flatten());
    }
    let found = workspace().join("fuzz/regressions").join(target.name);
    if found.is_dir() {
        walk(&found, &mut |path| inputs.push(fs::read(path).expect("read what was found")));
    }
    inputs
}

/// A form whose parts are each compressed, with a file beside them; no client of the recordings does that, and the form allows it.
fn compressed(form: &[u8], coding: &str) -> Option<Vec<u8>> {
    let boundary = first_boundary(form);
    let mut parts = multipart::parts(form, boundary).ok()?;
    let name = parts.first()?.name.replacen("post", "attachment", 1) + ".file";
    parts.push(multipart::Part { name: &name, content_type: "image/png", encoding: "", body: b"\x89PNG\r\n\x1a\n" });
    let mut written = Vec::new();
    for part in parts {
        let coded = match coding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(part.body).and_then(|()| encoder.finish()).ok()?
            }
            _ => zstd::encode_all(part.body, 3).ok()?,
        };
        let (name, kind) = (part.name, part.content_type);
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {kind}\r\nContent-Encoding: {coding}\r\n\r\n"
        );
        written.extend([head.as_bytes(), &coded, b"\r\n"].concat());
    }
    written.extend(format!("--{boundary}--\r\n").into_bytes());
    Some(written)
}

fn walk(folder: &Path, read: &mut impl FnMut(&Path)) {
    let mut paths: Vec<_> = fs::read_dir(folder).expect("list inputs").map(|entry| entry.expect("list inputs").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { walk(&path, read) } else { read(&path) }
    }
}

fn recorded(target: &Target, path: &Path) -> Option<Vec<u8>> {
    if path.extension()? != "json" {
        return None;
    }
    let request: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let header = |wanted: &str| {
        let pairs = request["headers"].as_array()?.iter();
        pairs
            .filter(|pair| pair[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
            .find_map(|pair| pair[1].as_str())
    };
    if !(target.takes)(request["path"].as_str()?, header("content-type").unwrap_or_default()) {
        return None;
    }
    let body = fs::read(path.with_file_name(request["body_file"].as_str()?)).expect("read a recorded body");
    match header("content-encoding") {
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(body.as_slice()).read_to_end(&mut plain).expect("a recorded body is whole");
            Some(plain)
        }
        Some("zstd") => Some(zstd::decode_all(body.as_slice()).expect("a recorded body is whole")),
        _ => Some(body),
    }
}
