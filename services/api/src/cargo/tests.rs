use super::*;
use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use std::collections::HashSet;

#[test]
fn the_table_is_sound() {
    let mut operations = HashSet::new();
    let mut places = HashSet::new();
    for spec in ROUTES {
        assert!(operations.insert(spec.operation), "{}", spec.operation);
        assert!(places.insert((spec.method, spec.template)), "{} {}", spec.method, spec.template);
        assert!(spec.template.starts_with("/cargo/{org}/{registry}/api/v1/crates"), "{}", spec.template);
        assert!(!spec.session && !spec.kinds.is_empty(), "{}", spec.operation);
        let changes = spec.method != "GET";
        assert_eq!(spec.kinds.contains(&TokenKind::Download), !changes, "{}", spec.operation);
    }
}

#[actix_web::test]
async fn a_plus_in_a_version_may_be_encoded() {
    async fn echo(path: web::Path<(String, String, String, String)>) -> String {
        let (_, _, name, version) = path.into_inner();
        format!("{name}@{version}")
    }
    let yank = ROUTES.iter().find(|spec| spec.operation == "cargo_yank").unwrap();
    let app = init_service(App::new().route(yank.template, web::delete().to(echo))).await;
    for (version, read) in [("1.0.0+b.1", "1.0.0+b.1"), ("1.0.0%2Bb.1", "1.0.0+b.1"), ("1.0.0%252Bb", "1.0.0%2Bb")] {
        let uri = format!("/cargo/acme/private/api/v1/crates/Foo_Bar/{version}/yank");
        let answer = call_service(&app, TestRequest::delete().uri(&uri).to_request()).await;
        assert_eq!(read_body(answer).await, format!("Foo_Bar@{read}"));
    }
}

#[actix_web::test]
async fn without_a_site_every_route_is_there_and_fails_closed() {
    let app = init_service(App::new().configure(routes)).await;
    for spec in ROUTES {
        let uri = spec.template.replace("{org}", "acme").replace("{registry}", "private");
        let uri = uri.replace("{name}", "foo").replace("{version}", "1.0.0");
        let request = TestRequest::with_uri(&uri).method(spec.method.parse().unwrap()).to_request();
        let answer = call_service(&app, request).await;
        assert_eq!(answer.status(), 500, "{} {}", spec.method, spec.template);
        assert_eq!(answer.headers().get(CACHE_CONTROL).unwrap(), "no-store");
        let wrong = TestRequest::with_uri(&uri).method("PATCH".parse().unwrap()).to_request();
        let answer = call_service(&app, wrong).await;
        assert_eq!(answer.status(), 405, "{}", spec.template);
        assert!(answer.headers().get(ALLOW).unwrap().to_str().unwrap().contains(spec.method));
    }
    let absent = call_service(&app, TestRequest::get().uri("/cargo/acme/private/api/v1/summary").to_request()).await;
    assert_eq!(absent.status(), 404);
    assert!(read_body(absent).await.starts_with(br#"{"errors":[{"detail":"#));
}
