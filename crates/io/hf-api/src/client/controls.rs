//! The calls about routing controls and practice runs.

use http::Method;

use super::{Call, Client, ClientError, escape, request_id};
use crate::control::{ControlPanel, Controls, ControlsSet, PutNamed, PutRule, SetControls};
use crate::practice::{Practice, Practices, PutPractice, SetAutoshift, StartPractice};
use crate::shift::{Shift, WriteDone};

impl Client {
    /// `GET /v1/controls`; with `stale` from what a node knows, else all that was acknowledged before is in it.
    pub async fn controls(&self, stale: bool) -> Result<Controls, ClientError> {
        self.get(if stale { "/v1/controls?stale=true" } else { "/v1/controls" }).await
    }

    /// `POST /v1/controls`: turns routing controls, all or none.
    pub async fn set_controls(&self, set: &SetControls) -> Result<ControlsSet, ClientError> {
        let request_id = Some(set.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::POST, "/v1/controls", None, &SetControls { request_id, ..set.clone() }).await
    }

    /// `GET /v1/panels/{panel}`.
    pub async fn panel(&self, panel: &str) -> Result<ControlPanel, ClientError> {
        self.get(&format!("/v1/panels/{}", escape(panel))).await
    }

    /// `PUT /v1/panels/{panel}`: makes or renames it.
    pub async fn put_panel(&self, panel: &str, put: &PutNamed) -> Result<WriteDone, ClientError> {
        self.put_named(&format!("/v1/panels/{}", escape(panel)), put).await
    }

    /// `PUT /v1/panels/{panel}/controls/{control}`: makes or renames it.
    pub async fn put_control(
        &self,
        panel: &str,
        control: &str,
        put: &PutNamed,
    ) -> Result<WriteDone, ClientError> {
        self.put_named(&format!("/v1/panels/{}/controls/{}", escape(panel), escape(control)), put).await
    }

    /// `PUT /v1/panels/{panel}/rules/{rule}`: makes it, or changes its name or wait period.
    pub async fn put_rule(&self, panel: &str, rule: &str, put: &PutRule) -> Result<WriteDone, ClientError> {
        let request_id = Some(put.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/panels/{}/rules/{}", escape(panel), escape(rule));
        self.send(Method::PUT, &path, None, &PutRule { request_id, ..put.clone() }).await
    }

    /// `DELETE /v1/panels/{panel}`.
    pub async fn delete_panel(&self, panel: &str) -> Result<WriteDone, ClientError> {
        self.delete(&format!("/v1/panels/{}", escape(panel))).await
    }

    /// `DELETE /v1/panels/{panel}/controls/{control}`.
    pub async fn delete_control(&self, panel: &str, control: &str) -> Result<WriteDone, ClientError> {
        self.delete(&format!("/v1/panels/{}/controls/{}", escape(panel), escape(control))).await
    }

    /// `DELETE /v1/panels/{panel}/rules/{rule}`.
    pub async fn delete_rule(&self, panel: &str, rule: &str) -> Result<WriteDone, ClientError> {
        self.delete(&format!("/v1/panels/{}/rules/{}", escape(panel), escape(rule))).await
    }

    /// `GET /v1/practice`.
    pub async fn practices(&self) -> Result<Practices, ClientError> {
        self.get("/v1/practice").await
    }

    /// `GET /v1/practice/{resource}`, such as `pool/web`.
    pub async fn practice(&self, resource: &str) -> Result<Practice, ClientError> {
        self.get(&format!("/v1/practice/{}", escape_resource(resource))).await
    }

    /// `PUT /v1/practice/{resource}`.
    pub async fn put_practice(&self, resource: &str, put: &PutPractice) -> Result<WriteDone, ClientError> {
        let request_id = Some(put.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/practice/{}", escape_resource(resource));
        self.send(Method::PUT, &path, None, &PutPractice { request_id, ..put.clone() }).await
    }

    /// `DELETE /v1/practice/{resource}`.
    pub async fn delete_practice(&self, resource: &str) -> Result<WriteDone, ClientError> {
        self.delete(&format!("/v1/practice/{}", escape_resource(resource))).await
    }

    /// `POST /v1/practice/{resource}/runs`.
    pub async fn start_practice(&self, resource: &str, start: &StartPractice) -> Result<Shift, ClientError> {
        let request_id = Some(start.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/practice/{}/runs", escape_resource(resource));
        self.send(Method::POST, &path, None, &StartPractice { request_id, ..start.clone() }).await
    }

    /// `GET /v1/autoshift`.
    pub async fn autoshifts(&self) -> Result<crate::AutoshiftsSeen, ClientError> {
        self.get("/v1/autoshift").await
    }

    /// `PUT /v1/autoshift/{resource}`.
    pub async fn set_autoshift(&self, resource: &str, set: &SetAutoshift) -> Result<WriteDone, ClientError> {
        let request_id = Some(set.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/autoshift/{}", escape_resource(resource));
        self.send(Method::PUT, &path, None, &SetAutoshift { request_id, ..set.clone() }).await
    }

    async fn put_named(&self, path: &str, put: &PutNamed) -> Result<WriteDone, ClientError> {
        let request_id = Some(put.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::PUT, path, None, &PutNamed { request_id, ..put.clone() }).await
    }

    async fn delete(&self, path: &str) -> Result<WriteDone, ClientError> {
        let path = format!("{path}?request_id={}", request_id());
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }
}

/// `kind/name` is two parts of the path.
fn escape_resource(resource: &str) -> String {
    resource.splitn(2, '/').map(escape).collect::<Vec<_>>().join("/")
}
