//! The calls about shifts, pins and deployments.

use http::Method;

use super::{Call, Client, ClientError, escape, request_id};
use crate::deployment::{Deployments, StartDeployment};
use crate::shift::{Extend, SetPin, Shift, ShiftFilter, Shifts, StartShift, WriteDone};

impl Client {
    /// `GET /v1/shifts`: active ones, and with `all` the newest ended ones.
    pub async fn shifts(&self, all: bool) -> Result<Shifts, ClientError> {
        self.shifts_of(&ShiftFilter { all, ..ShiftFilter::default() }).await
    }

    /// `GET /v1/shifts`: those that the filter lets through.
    pub async fn shifts_of(&self, filter: &ShiftFilter) -> Result<Shifts, ClientError> {
        let mut query: Vec<String> = Vec::new();
        if filter.all {
            query.push("all=true".to_owned());
        }
        let words = [("zone", &filter.zone), ("resource", &filter.resource), ("state", &filter.state)];
        for (name, word) in words {
            query.extend(word.as_ref().map(|word| format!("{name}={}", escape(word))));
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        self.get(&format!("/v1/shifts{query}")).await
    }

    /// `GET /v1/shifts/{id}`.
    pub async fn shift(&self, id: &str) -> Result<Shift, ClientError> {
        self.get(&format!("/v1/shifts/{}", escape(id))).await
    }

    /// `POST /v1/shifts`.
    pub async fn start_shift(&self, start: &StartShift) -> Result<Shift, ClientError> {
        let request_id = Some(start.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::POST, "/v1/shifts", None, &StartShift { request_id, ..start.clone() }).await
    }

    /// `POST /v1/shifts/{id}/extend`.
    pub async fn extend_shift(
        &self,
        id: &str,
        extend: &Extend,
        if_match: Option<u64>,
    ) -> Result<Shift, ClientError> {
        let request_id = Some(extend.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/shifts/{}/extend", escape(id));
        self.send(Method::POST, &path, if_match, &Extend { request_id, ..extend.clone() }).await
    }

    /// `DELETE /v1/shifts/{id}`: ends it now.
    pub async fn cancel_shift(&self, id: &str, if_match: Option<u64>) -> Result<Shift, ClientError> {
        let path = format!("/v1/shifts/{}?request_id={}", escape(id), request_id());
        self.call(Call { method: Method::DELETE, path, if_match, body: None }).await
    }

    /// `POST /v1/pins`.
    pub async fn pin(&self, pin: &SetPin) -> Result<WriteDone, ClientError> {
        let request_id = Some(pin.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::POST, "/v1/pins", None, &SetPin { request_id, ..pin.clone() }).await
    }

    /// `GET /v1/deployments`.
    pub async fn deployments(&self) -> Result<Deployments, ClientError> {
        self.get("/v1/deployments").await
    }

    /// `POST /v1/deployments`.
    pub async fn start_deployment(&self, start: &StartDeployment) -> Result<WriteDone, ClientError> {
        let request_id = Some(start.request_id.clone().unwrap_or_else(request_id));
        let start = StartDeployment { request_id, ..start.clone() };
        self.send(Method::POST, "/v1/deployments", None, &start).await
    }

    /// `DELETE /v1/deployments`.
    pub async fn end_deployment(&self, zone: &str, resource: &str) -> Result<WriteDone, ClientError> {
        let (zone, resource) = (escape(zone), escape(resource));
        let path = format!("/v1/deployments?zone={zone}&resource={resource}&request_id={}", request_id());
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }

    /// `DELETE /v1/pins`.
    pub async fn unpin(&self, zone: &str, resource: &str) -> Result<WriteDone, ClientError> {
        let (zone, resource) = (escape(zone), escape(resource));
        let path = format!("/v1/pins?zone={zone}&resource={resource}&request_id={}", request_id());
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }
}
