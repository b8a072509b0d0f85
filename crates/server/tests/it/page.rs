//! The page that is embedded in the binary.

use ureq::Agent;

use crate::start;

#[test]
fn the_page_is_served_at_its_own_paths_with_a_strict_policy() {
    let server = start();
    let agent = Agent::new_with_defaults();
    for path in ["/", "/conversations/some-id", "/traces/some-id", "/sessions", "/sessions/some-id"] {
        let mut page = agent.get(format!("{}{path}", server.url())).header("accept-encoding", "identity").call().unwrap();
        let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("cache-control"), "no-cache");
        assert!(header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
        let tag = header("etag");
        let html = page.body_mut().read_to_string().unwrap();
        assert!(html.contains("<div id=\"root\""), "{html}");

        let script = html.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();
        let asset = agent.get(format!("{}{script}", server.url())).header("accept-encoding", "gzip").call().unwrap();
        assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(asset.headers()["content-encoding"], "gzip");
        let unchanged = server.fetch(path, &[("if-none-match", &tag)]);
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    }
    assert_eq!(server.fetch("/assets/none.js", &[]).status, 404);
    assert_eq!(server.fetch("/healthz", &[]).status, 200);
    assert_eq!(server.fetch("/readyz", &[]).status, 200);
}
