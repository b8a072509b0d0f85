//! Signing a browser in: by a link that works once, by a key, and out again.

use neuraltrust_testing::Server;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::{make_key, start};

/// A client that follows no redirect and takes any status for an answer.
fn agent() -> Agent {
    Agent::new_with_config(Agent::config_builder().max_redirects(0).http_status_as_error(false).build())
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The cookie as a browser sends it back.
fn cookie(response: &Response<Body>) -> String {
    header(response, "set-cookie").split(';').next().unwrap().to_owned()
}

fn session(server: &Server, cookie: &str) -> u16 {
    server.fetch("/api/v1/session", &[("cookie", cookie)]).status
}

#[test]
fn a_link_signs_in_once_and_the_session_outlives_the_server() {
    let mut server = start();
    let link = server.sign_in_link().unwrap().to_owned();
    let followed = agent().get(&link).call().unwrap();
    assert_eq!((followed.status().as_u16(), header(&followed, "location")), (303, "/"));
    let set = header(&followed, "set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let cookie = cookie(&followed);
    assert_eq!(session(&server, &cookie), 200);

    let again = agent().get(&link).call().unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "location")), (303, "/?signin=expired"));
    assert_eq!(header(&again, "set-cookie"), "");

    server.kill();
    server.restart();
    assert_eq!(session(&server, &cookie), 200);
    let out = agent().delete(format!("{}/api/v1/session", server.url())).header("cookie", &cookie).call().unwrap();
    assert_eq!(out.status(), 204);
    assert_eq!(session(&server, &cookie), 401);
}

#[test]
fn a_key_that_may_read_signs_in_and_another_site_cannot_use_the_session() {
    let server = start();
    let url = format!("{}/api/v1/session", server.url());
    let sign_in = |key: &str| {
        let body = serde_json::json!({ "key": key }).to_string();
        agent().post(&url).header("content-type", "application/json").send(body).unwrap()
    };
    assert_eq!(sign_in("nt_wrong").status(), 401);
    assert_eq!(sign_in(&make_key(&server, "ingest")).status(), 403);
    let signed_in = sign_in(server.key());
    assert_eq!(signed_in.status(), 200);
    let cookie = cookie(&signed_in);

    let create = |site: &str| {
        agent()
            .post(format!("{}/api/v1/projects", server.url()))
            .header("content-type", "application/json")
            .header("cookie", &cookie)
            .header("sec-fetch-site", site)
            .send(format!("{{\"name\":\"{site}\"}}"))
            .unwrap()
            .status()
    };
    assert_eq!(create("same-origin"), 201);
    assert_eq!(create("cross-site"), 403);
    let ingest = server.post("/v1/trace", &[("cookie", &cookie)], "{}");
    assert_eq!(ingest.status, 401, "a browser's session sends no spans");
}

#[test]
fn a_new_link_can_be_made_while_the_server_runs() {
    let server = start();
    let output =
        std::process::Command::new(crate::BINARY).args(["signin", "--data-dir"]).arg(server.data_dir()).output().unwrap();
    let link = String::from_utf8(output.stdout).unwrap();
    let (_, token) = link.trim().split_once("/signin?").unwrap();
    let followed = agent().get(format!("{}/signin?{token}", server.url())).call().unwrap();
    assert_eq!(header(&followed, "location"), "/");
}
