//! Results of pushed health checks.

use hyper::Method;

use super::{Client, ClientError, escape};
use crate::{CheckResults, PushResult, PushedTo};

impl Client {
    /// `POST /v1/health-checks/{check}/results`: counts at the node that answers; [`Client::each`] tells every one.
    pub async fn push_result(&self, check: &str, result: &PushResult) -> Result<PushedTo, ClientError> {
        self.send(Method::POST, &format!("/v1/health-checks/{}/results", escape(check)), None, result).await
    }

    /// `GET /v1/health-checks/{check}/results`.
    pub async fn results(&self, check: &str) -> Result<CheckResults, ClientError> {
        self.get(&format!("/v1/health-checks/{}/results", escape(check))).await
    }
}
