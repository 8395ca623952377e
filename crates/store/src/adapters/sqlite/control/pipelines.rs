//! Pipelines, as an operator writes them.

use rusqlite::{Connection, Params, Row, params};
use sendry_domain::{
    id::{PipelineName, TenantId},
    time::UnixMillis,
};
use uuid::Uuid;

use super::{
    super::{
        super::pipelines::{HeldPipeline, PipelineChange, stage, stage_word},
        column::{count, stored},
        failure::Failure,
        names,
    },
    changed, list, snapshot,
};
use crate::{ManagedPipeline, PipelineRecord, Stamp, StoreError, Written};

/// What [`pipeline`] reads.
macro_rules! pipelines {
    ($tail:literal) => {
        concat!(
            "SELECT p.tenant, p.name, p.services, p.environments, p.created_at, p.retired,
                    s.epoch, s.uid, s.generation, s.stage, s.max_bytes, s.delivery_limit
             FROM pipeline AS p LEFT JOIN pipeline_stamp AS s ON s.tenant = p.tenant AND s.name = p.name ",
            $tail
        )
    };
}

/// A tenant's, in the order of their names.
pub fn of_tenant(
    snapshot: &Connection,
    tenant: &TenantId,
) -> Result<Vec<ManagedPipeline>, Failure> {
    let sql = pipelines!("WHERE p.tenant = ? ORDER BY p.name");
    all(snapshot, sql, [tenant.as_str()])
}

pub fn apply(
    transaction: &Connection,
    stamp: &Stamp,
    pipeline: &ManagedPipeline,
) -> Result<Result<Written, StoreError>, Failure> {
    let record = &pipeline.record;
    let held = held(transaction, &record.tenant, &record.name)?;
    match held.apply(stamp, pipeline) {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(PipelineChange::Superseded(by)) => return Ok(Ok(Written::Superseded { by })),
        Ok(PipelineChange::None | PipelineChange::Remove) => {}
        Ok(PipelineChange::Write(pipeline)) => write(transaction, &pipeline)?,
    }
    Ok(Ok(Written::Done))
}

pub fn remove(
    transaction: &Connection,
    stamp: &Stamp,
    tenant: &TenantId,
    name: &PipelineName,
) -> Result<Written, Failure> {
    match held(transaction, tenant, name)?.remove(stamp) {
        PipelineChange::Superseded(by) => return Ok(Written::Superseded { by }),
        PipelineChange::None | PipelineChange::Write(_) => return Ok(Written::Done),
        PipelineChange::Remove => {}
    }
    let key = [tenant.as_str(), name.as_str()];
    let sql = "DELETE FROM pipeline_stamp WHERE tenant = ? AND name = ?";
    transaction.prepare_cached(sql)?.execute(key)?;
    let sql = "DELETE FROM pipeline WHERE tenant = ? AND name = ?";
    let rows = transaction.prepare_cached(sql)?.execute(key)?;
    changed(transaction, rows)?;
    Ok(Written::Done)
}

fn held(
    transaction: &Connection,
    tenant: &TenantId,
    name: &PipelineName,
) -> Result<HeldPipeline, Failure> {
    let mut statement = transaction.prepare_cached("SELECT epoch FROM control")?;
    let epoch = statement.query_row([], |row| row.get(0))?;
    let sql = pipelines!("WHERE p.tenant = ? AND p.name = ?");
    let found = all(transaction, sql, [tenant.as_str(), name.as_str()])?;
    Ok(HeldPipeline {
        epoch: count(epoch),
        tenant: snapshot::one_tenant(transaction, tenant)?.is_some(),
        pipeline: found.into_iter().next(),
    })
}

fn all(snapshot: &Connection, sql: &str, of: impl Params) -> Result<Vec<ManagedPipeline>, Failure> {
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query(of)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(pipeline(row)?);
    }
    Ok(found)
}

fn write(transaction: &Connection, pipeline: &ManagedPipeline) -> Result<(), Failure> {
    let ManagedPipeline {
        record:
            PipelineRecord {
                tenant,
                name,
                services,
                environments,
                created_at,
                retired,
            },
        stage,
        max_bytes,
        delivery_limit,
        stamp,
    } = pipeline;
    let sql = "INSERT INTO pipeline (tenant, name, services, environments, created_at, retired)
               VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET
                   services = excluded.services, environments = excluded.environments,
                   created_at = excluded.created_at, retired = excluded.retired
               WHERE (services, environments, created_at, retired)
                   IS NOT (excluded.services, excluded.environments, excluded.created_at, excluded.retired)";
    let rows = transaction.prepare_cached(sql)?.execute(params![
        tenant.as_str(),
        name.as_str(),
        list(services)?,
        list(environments)?,
        created_at.0,
        retired,
    ])?;
    changed(transaction, rows)?;
    let Some(stamp) = stamp else { return Ok(()) };
    let sql = "INSERT OR REPLACE INTO pipeline_stamp
                   (tenant, name, epoch, uid, generation, stage, max_bytes, delivery_limit)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    transaction.prepare_cached(sql)?.execute(params![
        tenant.as_str(),
        name.as_str(),
        stored(stamp.epoch),
        stamp.uid.as_bytes(),
        stamp.generation,
        stage_word(*stage),
        max_bytes.map(stored),
        delivery_limit,
    ])?;
    Ok(())
}

fn pipeline(row: &Row<'_>) -> Result<ManagedPipeline, Failure> {
    let texts = |column| -> Result<Vec<String>, Failure> {
        serde_json::from_str(&row.get::<_, String>(column)?).map_err(Failure::damaged)
    };
    let record = PipelineRecord {
        tenant: names::tenant(&row.get::<_, String>(0)?)?,
        name: PipelineName::new(&row.get::<_, String>(1)?).map_err(Failure::damaged)?,
        services: texts(2)?,
        environments: texts(3)?,
        created_at: UnixMillis(row.get(4)?),
        retired: row.get(5)?,
    };
    let Some(epoch) = row.get(6)? else {
        return Ok(ManagedPipeline::of_people(record));
    };
    let word: String = row.get(9)?;
    Ok(ManagedPipeline {
        record,
        stage: stage(&word).ok_or_else(|| Failure::damaged(format!("no stage `{word}`")))?,
        max_bytes: row.get::<_, Option<i64>>(10)?.map(count),
        delivery_limit: row.get(11)?,
        stamp: Some(Stamp {
            epoch: count(epoch),
            uid: Uuid::from_bytes(row.get(7)?),
            generation: row.get(8)?,
        }),
    })
}
