//! Answers as the runtime sends them.

use sci_service::http::{Reply, Response as ServiceResponse};
use worker::{Response, ResponseBuilder};

use crate::blobs::Download;
use crate::refusal::Refusal;

/// The header with the request's id, by which an operator finds it in the log.
const REQUEST_ID: &str = "x-request-id";

/// The service's answer.
///
/// # Errors
/// What the runtime says.
pub fn from_service(response: ServiceResponse<Download>, id: &str) -> worker::Result<Response> {
    let mut builder = builder(response.status, id)?;
    for (name, value) in &response.headers {
        builder = builder.with_header(name, value)?;
    }
    match response.body {
        Reply::Empty => Ok(builder.empty()),
        Reply::Json(bytes) => Ok(builder.with_header("content-type", "application/json")?.fixed(bytes)),
        Reply::Object { body, .. } => {
            // Anything else might be compressed on its way, and a client takes no other bytes than the object's.
            let builder = builder.with_header("content-type", "application/octet-stream")?;
            match body {
                Download::Empty => Ok(builder.fixed(Vec::new())),
                Download::Object(object) => match object.body() {
                    Some(body) => Ok(builder.body(body.response_body()?)),
                    None => Err("the bucket gave an object without its body".into()),
                },
            }
        }
    }
}

/// The host's own answer.
///
/// # Errors
/// What the runtime says.
pub fn from_refusal(refusal: &Refusal, id: &str) -> worker::Result<Response> {
    let response = ServiceResponse::<Download>::api_error("", &refusal.error);
    from_service(ServiceResponse { status: refusal.status, ..response }, id)
}

fn builder(status: u16, id: &str) -> worker::Result<ResponseBuilder> {
    Response::builder().with_status(status).with_header(REQUEST_ID, id)
}
