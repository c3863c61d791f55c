//! The query of a request, read after its caller was identified.
//!
//! Extractors run side by side. One that refuses at once would win over the credential exactly when that has to be looked
//! up, and so tell whether a token was used here a moment ago.

use super::{Fault, caller};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use wharf_registry::Error;

/// What the query says.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            caller::identify(&request).await?;
            let read = web::Query::<T>::from_query(request.query_string())
                .map_err(|error| Error::invalid("query_invalid", format!("the query does not fit: {error}")))?;
            Ok(Self(read.into_inner()))
        })
    }
}
