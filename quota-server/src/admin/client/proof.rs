//! The client of what proves the journals: verification, seals and heads.

use super::{Client, ClientError};
use crate::admin::verify::LINES;
use crate::admin::wire::{
    CheckHeads, Heads, HeadsVerdict, Progress, Seal, SealMonth, Seals, Verdict, VerifyLine,
};
use reqwest::header::ACCEPT;
use reqwest::{Method, RequestBuilder, StatusCode};

impl Client {
    /// Derives every balance from its journal again, and compares.
    ///
    /// # Errors
    /// [`ClientError`]; a difference is no error.
    pub async fn verify(&self) -> Result<Verdict, ClientError> {
        self.get("verify", &[]).await
    }

    /// The same of everything, of one tenant's book, or of its chain from an entry, or a date, on. Tells now and then how many entries
    /// were looked at.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`. A difference is no error.
    pub async fn verify_part(
        &self,
        tenant: Option<&str>,
        since: Option<&str>,
        progress: impl FnMut(u64),
    ) -> Result<Verdict, ClientError> {
        let query = [("tenant", tenant), ("since", since)];
        let query: Vec<_> = { query.into_iter() }
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let request = self.request(Method::GET, &Self::with_query("verify", &query));
        let request = request.header(ACCEPT, LINES);
        self.last_line(request, progress).await
    }

    /// Reads an answer of lines, to its verdict.
    async fn last_line(
        &self,
        request: RequestBuilder,
        mut progress: impl FnMut(u64),
    ) -> Result<Verdict, ClientError> {
        let unreachable = |source| self.unreachable(source);
        let mut answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if !status.is_success() {
            return self.read(status, &answer.bytes().await.map_err(unreachable)?);
        }
        let mut rest = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(unreachable)? {
            rest.extend_from_slice(&part);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                match serde_json::from_slice(&line) {
                    Ok(VerifyLine::Progress(Progress { entries })) => progress(entries),
                    Ok(VerifyLine::Verdict(verdict)) => return Ok(verdict),
                    Ok(VerifyLine::Failure(failure)) => {
                        return Err(Self::refused(StatusCode::SERVICE_UNAVAILABLE, failure));
                    }
                    Err(_) => return Err(self.not_ferry(status)),
                }
            }
        }
        Err(self.not_ferry(status))
    }

    /// Seals a month that is over, or finds it sealed.
    ///
    /// # Errors
    /// [`ClientError`]; codes `month_not_over`, `frozen`, `not_frozen`, and `conflict` if it is sealed without other books.
    pub async fn seal_month(&self, asked: &SealMonth) -> Result<Seal, ClientError> {
        let request = self.request(Method::POST, "seals");
        self.send(request.json(asked)).await
    }

    /// Every sealed month.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn seals(&self) -> Result<Seals, ClientError> {
        self.get("seals", &[]).await
    }

    /// Where every journal ends, signed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn heads(&self) -> Result<Heads, ClientError> {
        self.get("heads", &[]).await
    }

    /// Whether the journals still have what these heads say.
    ///
    /// # Errors
    /// [`ClientError`]; a head that does not hold is no error.
    pub async fn check_heads(&self, check: &CheckHeads) -> Result<HeadsVerdict, ClientError> {
        let request = self.request(Method::POST, "heads/check").json(check);
        self.send(request).await
    }
}
