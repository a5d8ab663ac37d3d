//! What goes wrong with a bucket, and what that is to the service: missing, busy, full, or out of reach with a hint.

use object_store::client::HttpErrorKind;
use sci_native::{Bucket, Error};
use sci_service::BlobError;

use crate::observed::{End, Seen};

/// An operation that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A request did not succeed.
    Request(Seen),
    /// Every request succeeded, and the answer was none that can be used.
    Answer,
    /// The thing itself is wrong: it ended early, or the program failed.
    Other(&'static str),
}

const CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where they are temporary, to \
                           credentials that are good for this bucket";
const RIGHTS: &str = "the credentials must allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the \
                      objects, and s3:ListBucket on the bucket";
const REGION: &str = "name the bucket's region with --s3-region, or AWS_REGION";
const BUCKET: &str =
    "make the bucket first, or correct its name; --s3-path-style is for servers that have no name per bucket";
const REACH: &str = "see that the server runs and that --s3-endpoint is its address; what is stored is not affected";
const LATER: &str = "repeat it later; the operator of the bucket knows more";
const CLOCK: &str = "set this machine's clock; signatures are good for 15 minutes";
const SPEAKS: &str = "see that --s3-endpoint is the address of a server that speaks S3, not of its console";

impl Trouble {
    /// The program failed.
    pub(crate) const PANICKED: Self = Self::Other("a request was given up inside");

    /// Whether there is no such object. Another 404 may be a bucket that is gone, and then nothing is known of the object.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.answer(), Some((404, "NoSuchKey" | "NoSuchVersion")))
    }

    /// The status and the code, when there was an answer.
    pub(crate) fn answer(&self) -> Option<(u16, &str)> {
        match self {
            Self::Request(Seen { end: End::Answer { status, code, .. }, .. }) => Some((*status, code)),
            _ => None,
        }
    }

    /// What happened, in one sentence.
    pub(crate) fn sentence(&self, bucket: &Bucket) -> String {
        let Self::Request(Seen { host, end }) = self else {
            let what = if let Self::Other(what) = self { what } else { "the answer is none of S3's" };
            return format!("{bucket}: {what}");
        };
        if !is_of(bucket, host) {
            return format!("{bucket}: {host}, which should know the credentials, gives none");
        }
        match end {
            End::Silence(HttpErrorKind::Timeout) => format!("{bucket}: {host} did not answer in time"),
            End::Silence(HttpErrorKind::Connect) => format!("{bucket}: cannot connect to {host}"),
            End::Silence(_) => format!("{bucket}: the connection to {host} broke"),
            End::Answer { status, code, region } => {
                let says = means(*status, code);
                let code = if code.is_empty() { String::new() } else { format!(" {code}") };
                let region = region.as_ref().map(|region| format!("; it is in {region}")).unwrap_or_default();
                format!("{bucket}: {says} ({host} answers {status}{code}){region}")
            }
        }
    }

    fn hint(&self, bucket: &Bucket) -> &'static str {
        match (self, self.answer()) {
            (Self::Request(Seen { host, .. }), _) if !is_of(bucket, host) => CREDENTIALS,
            (_, Some((_, "NoSuchBucket"))) => BUCKET,
            (_, Some((_, "RequestTimeTooSkewed"))) => CLOCK,
            (_, Some((_, code))) if is_of_credentials(code) => CREDENTIALS,
            (_, Some((status, code))) if is_of_region(status, code) => REGION,
            (_, Some((403, _))) => RIGHTS,
            (_, Some((401, _))) => CREDENTIALS,
            (_, Some((404, _))) => BUCKET,
            (_, Some((500.., _))) => LATER,
            (Self::Request(Seen { end: End::Silence(_), .. }), _) => REACH,
            _ => SPEAKS,
        }
    }

    /// As the service sees it.
    pub(crate) fn of_blob(&self, bucket: &Bucket) -> BlobError {
        match self.answer() {
            _ if self.is_missing() => BlobError::Missing,
            Some((429 | 503, _) | (_, "SlowDown")) => BlobError::Busy(self.sentence(bucket)),
            Some((507, _) | (_, "XMinioStorageFull" | "QuotaExceeded")) => BlobError::Full(self.sentence(bucket)),
            _ => BlobError::Unreachable { problem: self.sentence(bucket), hint: self.hint(bucket) },
        }
    }

    /// As whoever opens the store sees it.
    pub(crate) fn of_opening(&self, bucket: &Bucket) -> Error {
        Error::Bucket { problem: self.sentence(bucket), hint: self.hint(bucket) }
    }
}

/// Whether a server is the bucket's own, and not one that credentials are fetched from.
fn is_of(bucket: &Bucket, host: &str) -> bool {
    match bucket.way.endpoint.as_ref().and_then(|endpoint| endpoint.split_once("://")) {
        Some((_, server)) => host.strip_suffix(server).is_some_and(|name| name.is_empty() || name.ends_with('.')),
        None => host.contains(".amazonaws.com") && !host.starts_with("sts."),
    }
}

fn is_of_credentials(code: &str) -> bool {
    matches!(
        code,
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "InvalidClientTokenId"
    )
}

fn is_of_region(status: u16, code: &str) -> bool {
    (300..400).contains(&status)
        || matches!(code, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" | "PermanentRedirect")
}

/// What an answer means here.
fn means(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "NoSuchBucket") => "there is no such bucket",
        (_, "RequestTimeTooSkewed") => "this machine's clock is wrong",
        _ if is_of_credentials(code) => "the credentials are refused",
        _ if is_of_region(status, code) => "the bucket is in another region",
        (401, _) => "the credentials are refused",
        (403, _) => "the credentials do not allow it",
        (404, _) => "there is no such thing",
        (429 | 503, _) | (_, "SlowDown") => "the bucket has too much to do",
        (507, _) | (_, "XMinioStorageFull" | "QuotaExceeded") => "the bucket is full",
        (500.., _) => "the bucket failed",
        _ => "the request is refused",
    }
}

#[cfg(test)]
mod tests {
    use sci_native::Way;

    use super::*;

    fn told(status: u16, code: &str) -> (String, Option<&'static str>) {
        let bucket = Bucket::new("s3://builds", Way::default()).unwrap();
        let end = End::Answer { status, code: code.to_owned(), region: None };
        match (Trouble::Request(Seen { host: "builds.s3.us-east-1.amazonaws.com".to_owned(), end })).of_blob(&bucket) {
            BlobError::Unreachable { problem, hint } => (problem, Some(hint)),
            other => (other.to_string(), None),
        }
    }

    #[test]
    fn who_has_no_credentials_is_not_taken_for_the_bucket() {
        let way = Way { endpoint: Some("https://s3.example:9000".to_owned()), ..Way::default() };
        let bucket = Bucket::new("s3://builds", way).unwrap();
        let seen = |host: &str| Seen { host: host.to_owned(), end: End::Silence(HttpErrorKind::Connect) };
        for host in ["s3.example:9000", "builds.s3.example:9000"] {
            assert_eq!(Trouble::Request(seen(host)).hint(&bucket), REACH, "{host}");
        }
        for host in ["169.254.169.254", "sts.us-east-1.amazonaws.com", "evils3.example:9000"] {
            let trouble = Trouble::Request(seen(host));
            assert_eq!(trouble.hint(&bucket), CREDENTIALS, "{host}");
            assert!(trouble.sentence(&bucket).contains("gives none"), "{host}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let cases = [
            (404, "NoSuchBucket", "there is no such bucket", BUCKET),
            (403, "InvalidAccessKeyId", "the credentials are refused", CREDENTIALS),
            (403, "SignatureDoesNotMatch", "the credentials are refused", CREDENTIALS),
            (400, "ExpiredToken", "the credentials are refused", CREDENTIALS),
            (403, "AccessDenied", "the credentials do not allow it", RIGHTS),
            (403, "RequestTimeTooSkewed", "this machine's clock is wrong", CLOCK),
            (301, "PermanentRedirect", "the bucket is in another region", REGION),
            (400, "AuthorizationHeaderMalformed", "the bucket is in another region", REGION),
            (500, "InternalError", "the bucket failed", LATER),
            (400, "", "the request is refused", SPEAKS),
        ];
        for (status, code, says, hint) in cases {
            let (problem, found) = told(status, code);
            assert!(problem.contains(says), "{status} {code}: {problem}");
            assert_eq!(found, Some(hint), "{status} {code}");
        }
        assert_eq!(told(503, "SlowDown").1, None);
        assert!(told(507, "").0.starts_with("there is no room left"));
        assert_eq!(told(404, "NoSuchKey").0, BlobError::Missing.to_string());
        assert_eq!(told(404, "").1, Some(BUCKET), "a 404 of something else than S3 proves nothing");
    }
}
