//! The calls about hosted zones: what they hold, their keys, and how often steered names were answered.

use http::Method;

use super::{Call, Client, ClientError, escape, request_id};
use crate::dns::DnsAnswers;
use crate::hosted::{AddZoneKey, HostedZones, MoveZoneKey, UpdateDone, UpdateHostedZone, ZoneKeys};
use crate::shift::WriteDone;

impl Client {
    /// `GET /v1/hosted-zones`.
    pub async fn hosted_zones(&self) -> Result<HostedZones, ClientError> {
        self.get("/v1/hosted-zones").await
    }

    /// `GET /v1/dns-answers`, of one name or of all.
    pub async fn dns_answers(&self, name: Option<&str>) -> Result<DnsAnswers, ClientError> {
        let query = name.map(|name| format!("?name={}", escape(name))).unwrap_or_default();
        self.get(&format!("/v1/dns-answers{query}")).await
    }

    /// `GET /v1/hosted-zones/{name}/keys`.
    pub async fn zone_keys(&self, hosted_zone: &str) -> Result<ZoneKeys, ClientError> {
        self.get(&format!("/v1/hosted-zones/{}/keys", escape(hosted_zone))).await
    }

    /// `POST /v1/hosted-zones/{name}/keys`.
    pub async fn add_zone_key(&self, hosted_zone: &str, add: &AddZoneKey) -> Result<WriteDone, ClientError> {
        let request_id = Some(add.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/hosted-zones/{}/keys", escape(hosted_zone));
        self.send(Method::POST, &path, None, &AddZoneKey { request_id, ..add.clone() }).await
    }

    /// `PUT /v1/hosted-zones/{name}/keys/{tag}`.
    pub async fn move_zone_key(
        &self,
        hosted_zone: &str,
        tag: u16,
        to: &MoveZoneKey,
    ) -> Result<WriteDone, ClientError> {
        let request_id = Some(to.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/hosted-zones/{}/keys/{tag}", escape(hosted_zone));
        self.send(Method::PUT, &path, None, &MoveZoneKey { request_id, ..to.clone() }).await
    }

    /// `DELETE /v1/hosted-zones/{name}/keys/{tag}`; with `force` without waiting.
    pub async fn remove_zone_key(
        &self,
        hosted_zone: &str,
        tag: u16,
        force: bool,
    ) -> Result<WriteDone, ClientError> {
        let name = escape(hosted_zone);
        let path = format!("/v1/hosted-zones/{name}/keys/{tag}?force={force}&request_id={}", request_id());
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }

    /// `POST /v1/hosted-zones/{name}/updates`.
    pub async fn update_hosted_zone(
        &self,
        hosted_zone: &str,
        update: &UpdateHostedZone,
    ) -> Result<UpdateDone, ClientError> {
        let request_id = Some(update.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/hosted-zones/{}/updates", escape(hosted_zone));
        self.send(Method::POST, &path, None, &UpdateHostedZone { request_id, ..update.clone() }).await
    }
}
