//! Who is asking: API keys in the headers that clients use, and the page's session cookie.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use neuraltrust_store::{Accounts, Grant, Scope, Secret};

use crate::error::ApiError;
use crate::http::App;
use crate::quarantine;

/// Name of the page's cookie.
pub(crate) const COOKIE: &str = "nt_session";

/// The keys that a request may mean, the likeliest first: `Authorization: Bearer KEY`, `Authorization: Basic base64(pk:sk)`
/// with the key as either part, `Authorization: KEY`, `x-api-key: KEY` or `token: KEY`; `api_key: KEY` as earlier releases of
/// Phoenix send it, and `helicone-auth: Bearer KEY`.
fn keys(headers: &HeaderMap) -> Vec<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let mut keys = Vec::new();
    for value in ["authorization", "helicone-auth"].into_iter().filter_map(text) {
        match value.split_once(' ') {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => keys.push(key.trim().to_owned()),
            Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => keys.extend(basic(pair.trim())),
            Some(_) => {}
            None => keys.push(value.to_owned()),
        }
    }
    keys.extend(["x-api-key", "token", "api_key", "api-key"].into_iter().filter_map(text).map(str::to_owned));
    keys.retain(|key| !key.is_empty());
    keys
}

/// The parts of Basic credentials (RFC 7617), the secret one first.
fn basic(pair: &str) -> Vec<String> {
    let decoded = STANDARD.decode(pair).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (public, secret) = decoded.split_once(':').unwrap_or(("", &decoded));
    vec![secret.to_owned(), public.to_owned()]
}

/// What the key of a request opens, when it allows what is asked for.
pub(crate) fn require_key(accounts: &Accounts, headers: &HeaderMap, scope: Scope) -> Result<Grant, ApiError> {
    key_of(accounts, headers, &[scope])
}

/// What the key of a request opens, when it allows one of what is asked for.
fn key_of(accounts: &Accounts, headers: &HeaderMap, any: &[Scope]) -> Result<Grant, ApiError> {
    if let Some(grant) = quarantine::replayed_for() {
        return allowed(grant, any);
    }
    let keys = keys(headers);
    if keys.is_empty() {
        let detail = "this needs an API key: send it as `Authorization: Bearer KEY`, `x-api-key: KEY` or `token: KEY`";
        return Err(unauthorized("no_key", detail));
    }
    for key in keys {
        if let Some(grant) = accounts.key(&key)? {
            return allowed(grant, any);
        }
    }
    Err(unauthorized("unknown_key", "this server does not know the API key; make one with `neuraltrust key create`"))
}

fn allowed(grant: Grant, any: &[Scope]) -> Result<Grant, ApiError> {
    if any.iter().any(|asked| grant.scope.allows(*asked)) {
        return Ok(grant);
    }
    let would = |scope: &&Scope| any.iter().any(|asked| scope.allows(*asked));
    let keys = Scope::OF_KEYS.iter().filter(would).map(|scope| scope.as_str()).collect::<Vec<_>>().join(" or ");
    let editor = if any.contains(&Scope::Edit) { ", or a member who may edit" } else { "" };
    let who = match &grant.member {
        Some(name) => format!("{name}, whose key may {} only,", grant.scope),
        None => format!("a key of scope {}", grant.scope),
    };
    let detail = format!("{who} may not do this; it takes a key of scope {keys}{editor}");
    Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_scope", detail))
}

fn unauthorized(reason: &'static str, detail: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, reason, detail)
}

/// Whether a request shows a key, good or not: programs do, and browsers do not.
pub(crate) fn presents_key(headers: &HeaderMap) -> bool {
    !keys(headers).is_empty()
}

/// The secret in the page's cookie.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(COOKIE).map(|cookie| cookie.value().to_owned())
}

/// The cookie that signs the page in. Scripts cannot read it, and other sites' forms do not send it.
pub(crate) fn session_cookie(secret: &Secret, headers: &HeaderMap) -> Cookie<'static> {
    let mut cookie = Cookie::new(COOKIE, secret.reveal().to_owned());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    cookie.set_max_age(Accounts::session_lasts().try_into().ok());
    // Behind a proxy that speaks TLS the cookie must never travel in clear.
    cookie.set_secure(headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https"));
    cookie
}

/// The cookie that takes the other away.
pub(crate) fn no_session_cookie() -> Cookie<'static> {
    let mut cookie = Cookie::new(COOKIE, "");
    cookie.set_path("/");
    cookie.make_removal();
    cookie
}

/// Someone who may read.
pub(crate) struct Reader(pub(crate) Grant);

/// Someone who may tell of spans.
pub(crate) struct Sender(pub(crate) Grant);

/// Someone who may judge: who tells of spans, and who edits.
pub(crate) struct Judge(pub(crate) Grant);

/// Someone who may change what everybody of the project sees.
pub(crate) struct Editor(pub(crate) Grant);

/// Someone who may do everything, in the project of what they ask with.
pub(crate) struct Keeper(pub(crate) Grant);

macro_rules! asks_for {
    ($($who:ident: $($scope:ident),+;)+) => {$(
        impl FromRequestParts<App> for $who {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
                require(parts, app, &[$(Scope::$scope),+]).map(Self)
            }
        }
    )+};
}

asks_for! {
    Reader: Read;
    Sender: Ingest;
    Judge: Ingest, Edit;
    Editor: Edit;
    Keeper: Admin;
}

/// A key where one is sent, else the page's session.
fn require(parts: &Parts, app: &App, any: &[Scope]) -> Result<Grant, ApiError> {
    let accounts = app.store.accounts();
    let secret = session_secret(&parts.headers).filter(|_| keys(&parts.headers).is_empty());
    let Some(secret) = secret else { return key_of(accounts, &parts.headers, any) };
    let grant = accounts
        .session(&secret)?
        .ok_or_else(|| unauthorized("signed_out", "the session has ended; sign in again with a key or a new sign-in link"))?;
    if !parts.method.is_safe() {
        same_origin(&parts.method, &parts.headers)?;
    }
    allowed(grant, any)
}

/// Refuses a change that another site's page asks for in the name of a signed-in browser.
pub(crate) fn same_origin(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let fetched = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let same = match (fetched, text(header::ORIGIN), text(header::HOST)) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        (None, None, _) => true,
        (None, Some(_), None) => false,
    };
    if same {
        return Ok(());
    }
    let detail = format!("a {method} request with the page's cookie must come from the page itself; use an API key instead");
    Err(ApiError::new(StatusCode::FORBIDDEN, "cross_site", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_key_is_read_from_the_headers_that_clients_use() {
        let of = |pair| keys(&headers(&[pair]));
        for pair in [
            ("authorization", "Bearer k"),
            ("authorization", "bearer  k"),
            ("authorization", "k"),
            ("x-api-key", "k"),
            ("token", " k "),
            ("api_key", "k"),
            ("api-key", "k"),
            ("helicone-auth", "Bearer k"),
        ] {
            assert_eq!(of(pair), ["k"], "{pair:?}");
        }
        assert_eq!(of(("authorization", "Basic cGs6c2s=")), ["sk", "pk"]);
        assert_eq!(of(("authorization", "Basic cGs6")), ["pk"]);
        for pair in [("authorization", "Basic %%"), ("authorization", "Digest k"), ("token", " "), ("cookie", "token=k")] {
            assert!(of(pair).is_empty(), "{pair:?}");
        }
    }

    #[test]
    fn another_site_cannot_change_anything() {
        let post = |pairs: &[(&'static str, &'static str)]| same_origin(&Method::POST, &headers(pairs)).is_ok();
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[("origin", "http://a:1"), ("host", "a:1")]));
        assert!(post(&[("host", "a:1")]));
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("sec-fetch-site", "same-site"), ("origin", "http://a:1"), ("host", "a:1")]));
        assert!(!post(&[("origin", "http://evil"), ("host", "a:1")]));
        assert!(!post(&[("origin", "null"), ("host", "a:1")]));
    }
}
