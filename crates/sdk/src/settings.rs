//! What the environment says of a client.

use crate::error::Error;
use crate::options::{Options, Spool};
use crate::redact::Redact;

/// What switches everything off.
const ON: [&str; 4] = ["1", "true", "yes", "on"];

impl Options {
    /// Options from `NEURALTRUST_API_KEY`, `NEURALTRUST_BASE_URL`, `NEURALTRUST_SAMPLE_RATE`, `NEURALTRUST_REDACT` (names
    /// of [`Redact`](crate::Redact) with commas between them), `NEURALTRUST_COMPRESSION`, `NEURALTRUST_HEADERS` (`name=value`, with commas),
    /// `NEURALTRUST_PROXY`, `NEURALTRUST_CA_FILE` and `OTEL_SERVICE_NAME`. `NEURALTRUST_SPOOL` is the folder of the [`Spool`], or
    /// `off`; without it, that is [`Spool::of_user`]. `NEURALTRUST_SPOOL_BYTES` is its size. `NEURALTRUST_DISABLED=true` switches
    /// everything off: these options have no key then, whatever else is set.
    ///
    /// # Errors
    /// [`Error`] names the setting that cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let read = |name: &str| read(name).filter(|value| !value.is_empty());
        if read("NEURALTRUST_DISABLED").is_some_and(|off| ON.contains(&off.trim().to_ascii_lowercase().as_str())) {
            return Ok(Self::default());
        }
        let mut options =
            Self { api_key: read("NEURALTRUST_API_KEY"), service_name: read("OTEL_SERVICE_NAME"), ..Self::default() };
        if let Some(base_url) = read("NEURALTRUST_BASE_URL") {
            options.base_url = base_url;
        }
        if let Some(share) = read("NEURALTRUST_SAMPLE_RATE") {
            options.sample_rate = share.trim().parse().map_err(|_| Error::SampleRate(share))?;
        }
        if let Some(names) = read("NEURALTRUST_REDACT") {
            options.redact = names.split(',').map(str::parse::<Redact>).collect::<Result<Vec<_>, _>>()?;
        }
        options.spool = match read("NEURALTRUST_SPOOL") {
            Some(off) if off.trim().eq_ignore_ascii_case("off") => None,
            Some(folder) => Some(Spool::new(folder)),
            None => Spool::of_user(),
        };
        if let (Some(spool), Some(bytes)) = (&mut options.spool, read("NEURALTRUST_SPOOL_BYTES")) {
            spool.bytes = bytes.trim().parse().map_err(|_| Error::SpoolBytes(bytes))?;
        }
        if let Some(name) = read("NEURALTRUST_COMPRESSION") {
            options.compression = name.parse()?;
        }
        if let Some(list) = read("NEURALTRUST_HEADERS") {
            let pairs = list.split(',').map(str::trim).filter(|pair| !pair.is_empty());
            let pair = |pair: &str| {
                let (name, value) = pair.split_once('=').ok_or_else(|| Error::Header(pair.to_owned()))?;
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            };
            options.headers = pairs.map(pair).collect::<Result<_, Error>>()?;
        }
        options.proxy = read("NEURALTRUST_PROXY");
        options.ca_file = read("NEURALTRUST_CA_FILE").map(Into::into);
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(settings: &[(&str, &str)]) -> Result<Options, Error> {
        Options::read(|name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn every_setting_is_heard() {
        let options = from(&[
            ("NEURALTRUST_API_KEY", "k"),
            ("NEURALTRUST_BASE_URL", "http://127.0.0.1:1"),
            ("NEURALTRUST_SAMPLE_RATE", "0.5"),
            ("NEURALTRUST_REDACT", "emails,cards"),
            ("NEURALTRUST_SPOOL", "/tmp/spool"),
            ("NEURALTRUST_SPOOL_BYTES", "7"),
            ("NEURALTRUST_COMPRESSION", "gzip"),
            ("NEURALTRUST_HEADERS", "a=b, c=d=e"),
            ("NEURALTRUST_PROXY", "http://127.0.0.1:2"),
            ("NEURALTRUST_CA_FILE", "ca.pem"),
            ("OTEL_SERVICE_NAME", "shop"),
        ])
        .unwrap();
        assert_eq!((options.api_key.as_deref(), &*options.base_url), (Some("k"), "http://127.0.0.1:1"));
        assert_eq!((options.sample_rate, options.redact), (0.5, vec![Redact::Emails, Redact::Cards]));
        assert_eq!(options.spool, Some(Spool { folder: "/tmp/spool".into(), bytes: 7 }));
        assert_eq!(options.headers, [("a", "b"), ("c", "d=e")].map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!((options.proxy.as_deref(), options.service_name.as_deref()), (Some("http://127.0.0.1:2"), Some("shop")));
        assert_eq!(options.ca_file, Some("ca.pem".into()));
        assert_eq!(options.compression, crate::Compression::Gzip);
        assert_eq!(from(&[("NEURALTRUST_SPOOL", "OFF")]).unwrap().spool, None);
    }

    #[test]
    fn the_off_switch_wins() {
        for (word, off) in [("true", true), ("1", true), (" On ", true), ("false", false), ("0", false), ("", false)] {
            let options = from(&[("NEURALTRUST_API_KEY", "k"), ("NEURALTRUST_DISABLED", word)]).unwrap();
            assert_eq!(options.api_key.is_none(), off, "{word:?}");
        }
    }

    #[test]
    fn a_setting_that_cannot_be_used_is_named() {
        for (name, value) in [
            ("NEURALTRUST_SAMPLE_RATE", "most"),
            ("NEURALTRUST_REDACT", "names"),
            ("NEURALTRUST_COMPRESSION", "lzma"),
            ("NEURALTRUST_HEADERS", "no pair"),
        ] {
            let error = from(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(value), "{name}: {error}");
        }
        assert!(from(&[("NEURALTRUST_SPOOL", "/tmp/x"), ("NEURALTRUST_SPOOL_BYTES", "much")]).is_err());
    }
}
