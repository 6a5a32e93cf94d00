//! Endpoints of pools.

use hyper::Method;

use super::{Call, Client, ClientError, escape};
use crate::{EndpointRegistered, Endpoints, RegisterEndpoint, WriteDone};

impl Client {
    /// `GET /v1/endpoints`.
    pub async fn endpoints(&self) -> Result<Endpoints, ClientError> {
        self.get("/v1/endpoints").await
    }

    /// `PUT /v1/pools/{pool}/endpoints/{id}`: registers or renews.
    pub async fn register_endpoint(
        &self,
        pool: &str,
        id: &str,
        endpoint: &RegisterEndpoint,
    ) -> Result<EndpointRegistered, ClientError> {
        self.send(
            Method::PUT,
            &format!("/v1/pools/{}/endpoints/{}", escape(pool), escape(id)),
            None,
            endpoint,
        )
        .await
    }

    /// `DELETE /v1/pools/{pool}/endpoints/{id}`.
    pub async fn deregister_endpoint(&self, pool: &str, id: &str) -> Result<WriteDone, ClientError> {
        let path = format!("/v1/pools/{}/endpoints/{}", escape(pool), escape(id));
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }
}
