//! What there is of a tenant, for a person and for a script.

use std::fmt;

use anyhow::bail;
use sendry_domain::id::TenantId;
use sendry_store::{Footprint, NotErasable, TenantRecord};
use serde_json::json;

use super::{parts::Parts, queues::Found};

/// What was found.
#[derive(Debug)]
pub struct Survey {
    /// Whose.
    pub name: TenantId,
    /// As it is set; `None` where only rows are left of it.
    pub tenant: Option<TenantRecord>,
    /// In the queue; or why nobody looked.
    pub queues: Result<Vec<Found>, String>,
    /// By place: raw events, counts, settings.
    pub rows: [(&'static str, Footprint); 3],
}

impl Survey {
    /// Looks everywhere.
    pub async fn look(parts: &Parts, name: &TenantId) -> anyhow::Result<Self> {
        let snapshot = parts.control.snapshot().await?;
        Ok(Self {
            name: name.clone(),
            tenant: snapshot.tenants.into_iter().find(|t| t.id == *name),
            queues: parts.queues.look(name).await?,
            rows: [
                ("raw events", parts.raw.footprint(name).await?),
                ("counts", parts.metrics.footprint(name).await?),
                ("settings", parts.control.footprint(name).await?),
            ],
        })
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.rows.iter().map(|(_, found)| found.total()).sum()
    }

    /// Whether nothing says that there ever was such a tenant.
    pub fn is_empty(&self) -> bool {
        let holds = |found: &Found| found.kind != "queue" || found.messages != Some(0);
        let queued = self.queues.as_ref().is_ok_and(|all| all.iter().any(holds));
        self.tenant.is_none() && self.rows() == 0 && !queued
    }

    /// Whether it may be erased, with what to do where it may not.
    pub fn may_be_erased(&self) -> anyhow::Result<()> {
        may_be_erased(&self.name, self.tenant.as_ref())
    }

    fn state(&self) -> &'static str {
        match &self.tenant {
            None => "gone but for what is left below",
            Some(tenant) if tenant.retained_at.is_some() => {
                "retained: its SendryTenant was deleted"
            }
            Some(tenant) if tenant.suspended => "suspended",
            Some(_) => "active",
        }
    }

    /// For a script.
    pub fn json(&self) -> String {
        let queues = self.queues.as_ref().ok().map(|all| {
            let one = |f: &Found| json!({ "kind": f.kind, "name": f.name, "messages": f.messages });
            all.iter().map(one).collect::<Vec<_>>()
        });
        let places = self.rows.iter().map(|(place, found)| {
            let rows = found.rows.iter();
            let rows = rows.map(|(what, rows)| ((*what).to_owned(), json!(rows)));
            (
                (*place).to_owned(),
                serde_json::Value::Object(rows.collect()),
            )
        });
        let refusal = self.may_be_erased().err().map(|error| error.to_string());
        json!({
            "tenant": self.name.as_str(),
            "state": self.tenant.as_ref().map(|_| self.state()),
            "erased": false,
            "mayBeErased": refusal.is_none(),
            "refusal": refusal,
            "queues": queues,
            "stored": serde_json::Value::Object(places.collect()),
            "rows": self.rows(),
        })
        .to_string()
    }
}

/// Whether the tenant may be erased, with what to do where it may not.
pub fn may_be_erased(name: &TenantId, tenant: Option<&TenantRecord>) -> anyhow::Result<()> {
    match tenant.map_or(Ok(()), TenantRecord::may_be_erased) {
        Ok(()) => Ok(()),
        Err(NotErasable::Managed) => bail!(
            "tenant `{name}` is kept by an operator: delete its SendryTenant first (`kubectl delete sendrytenant {name}`), \
             which retains everything, and purge it then"
        ),
        Err(NotErasable::Active) => bail!(
            "tenant `{name}` takes events: suspend it first (`sendry tenants suspend {name}`), give ingest five seconds to \
             hear of it, and purge it then"
        ),
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        writeln!(f, "tenant {name}: {}\n", self.state())?;
        writeln!(f, "{:<12} {:<44} {:>12}", "WHERE", "WHAT", "HOW MANY")?;
        match &self.queues {
            Err(why) => writeln!(f, "{:<12} {why}", "queue")?,
            Ok(all) => {
                for found in all {
                    let what = format!("{} {}", found.kind, found.name);
                    let messages = found.messages.map_or(String::new(), |n| n.to_string());
                    writeln!(f, "{:<12} {what:<44} {messages:>12}", "queue")?;
                }
            }
        }
        for (place, found) in &self.rows {
            for (what, rows) in &found.rows {
                writeln!(f, "{place:<12} {what:<44} {rows:>12}")?;
            }
        }
        writeln!(f, "\n{} rows. Nothing was erased.", self.rows())?;
        match self.may_be_erased() {
            Ok(()) => writeln!(
                f,
                "To erase all of it for good, run the same command with --yes --confirm {name}"
            ),
            Err(why) => writeln!(f, "To erase it: {why}"),
        }
    }
}
