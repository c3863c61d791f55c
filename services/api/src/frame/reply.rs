//! Answers: JSON with a status, never stored by anyone on the way.

use super::Fault;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use serde::Serialize;

/// What handlers return.
pub type Reply = Result<HttpResponse, Fault>;

/// 200 with a body.
pub fn ok(value: &impl Serialize) -> Reply {
    Ok(HttpResponse::build(StatusCode::OK).json(value))
}

/// 201 with a body and the path where the new thing is found.
pub fn created(location: String, value: &impl Serialize) -> Reply {
    Ok(HttpResponse::build(StatusCode::CREATED).insert_header((LOCATION, location)).json(value))
}

/// 204.
pub fn gone() -> Reply {
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}
