//! The calls about the estate, and the questions: status, explain, what if, journal.

use http::Method;

use super::{Client, ClientError, escape, request_id};
use crate::estate::{ApplyEstate, Diff, EstateInfo};
use crate::explain::Explain;
use crate::journal::{Journal, JournalExport};
use crate::shift::WriteDone;
use crate::status::Status;

impl Client {
    /// `GET /v1/status`.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// `GET /v1/closing-sources`: what stores outside say of zones.
    pub async fn closing_sources(&self) -> Result<crate::ClosingSources, ClientError> {
        self.get("/v1/closing-sources").await
    }

    /// `GET /v1/consumers`: who obeys zone status.
    pub async fn consumers(&self) -> Result<crate::Consumers, ClientError> {
        self.get("/v1/consumers").await
    }

    /// `GET /v1/gray`: the detectors' word on every pool's zones.
    pub async fn gray(&self) -> Result<crate::Gray, ClientError> {
        self.get("/v1/gray").await
    }

    /// `GET /v1/gray/recording`: a page of what the detector of a pool took, after the given second.
    pub async fn gray_recording(&self, pool: &str, after: u64) -> Result<crate::GrayRecording, ClientError> {
        self.get(&format!("/v1/gray/recording?pool={}&after={after}", escape(pool))).await
    }

    /// `GET /v1/estate`.
    pub async fn estate(&self) -> Result<EstateInfo, ClientError> {
        self.get("/v1/estate").await
    }

    /// `PUT /v1/estate`.
    pub async fn apply_estate(&self, estate: &ApplyEstate) -> Result<WriteDone, ClientError> {
        let request_id = Some(estate.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::PUT, "/v1/estate", None, &ApplyEstate { request_id, ..estate.clone() }).await
    }

    /// `POST /v1/estate/diff`: what applying it would change.
    pub async fn diff_estate(&self, estate: &ApplyEstate) -> Result<Diff, ClientError> {
        self.send(Method::POST, "/v1/estate/diff", None, estate).await
    }

    /// `GET /v1/explain` for a DNS question; `rtype` is `A` or any other type, `from` the client's address.
    pub async fn explain_name(&self, name: &str, rtype: &str, from: &str) -> Result<Explain, ClientError> {
        self.get(&format!("/v1/explain?name={}&type={}&from={}", escape(name), escape(rtype), escape(from)))
            .await
    }

    /// The same for a client behind a resolver that tells its network (EDNS Client Subnet), such as `192.0.2.0/24`.
    pub async fn explain_name_for(
        &self,
        name: &str,
        rtype: &str,
        from: &str,
        subnet: &str,
    ) -> Result<Explain, ClientError> {
        let (name, rtype, from) = (escape(name), escape(rtype), escape(from));
        self.get(&format!("/v1/explain?name={name}&type={rtype}&from={from}&subnet={}", escape(subnet))).await
    }

    /// `GET /v1/whatif` for a zone or region, of a node that knows the last week, if one answers.
    pub async fn what_if(&self, lose: &str) -> Result<crate::capacity::WhatIf, ClientError> {
        let path = format!("/v1/whatif?lose={}", escape(lose));
        self.preferred(path, |found: &crate::capacity::WhatIf| found.week).await
    }

    /// `GET /v1/explain` for a balancer in `from_zone` that picks an endpoint of `pool` (its name, without `pool/`).
    pub async fn explain_pool(&self, pool: &str, from_zone: Option<&str>) -> Result<Explain, ClientError> {
        let from_zone = from_zone.map(|zone| format!("&from_zone={}", escape(zone))).unwrap_or_default();
        self.get(&format!("/v1/explain?pool={}{from_zone}", escape(pool))).await
    }

    /// `GET /v1/explain` for a health check (its name, without `check/`): which checkers say what.
    pub async fn explain_check(&self, check: &str) -> Result<Explain, ClientError> {
        self.get(&format!("/v1/explain?check={}", escape(check))).await
    }

    /// `GET /v1/journal`: at most `limit` lines after line `after`; without `after` the newest ones. Of a node with a ledger, if one
    /// answers.
    pub async fn journal(&self, after: Option<u64>, limit: u32) -> Result<Journal, ClientError> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        self.preferred(format!("/v1/journal?limit={limit}{after}"), |journal: &Journal| journal.ledger).await
    }

    /// `GET /v1/journal/export`: at most `limit` lines after position `after` and not before `since_ms`, as they were journalled, with
    /// their links. Each node has a journal of its own.
    pub async fn journal_export(
        &self,
        after: u64,
        since_ms: Option<u64>,
        limit: u32,
    ) -> Result<JournalExport, ClientError> {
        let since = since_ms.map(|at| format!("&since_ms={at}")).unwrap_or_default();
        self.get(&format!("/v1/journal/export?after={after}&limit={limit}{since}")).await
    }
}
