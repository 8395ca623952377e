//! Pipelines, as an operator writes them.

use sendry_domain::{
    id::{PipelineName, TenantId},
    time::UnixMillis,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    super::{
        super::pipelines::{HeldPipeline, PipelineChange, stage, stage_word},
        column::{count, stored},
        database::Work,
        failure::Failure,
    },
    alone, snapshot,
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
pub fn of_tenant<'a>(
    connection: &'a mut PgConnection,
    tenant: &'a TenantId,
) -> Work<'a, Vec<ManagedPipeline>> {
    Box::pin(async move {
        let sql = pipelines!("WHERE p.tenant = $1 ORDER BY p.name COLLATE \"C\"");
        let rows = sqlx::query(sql).bind(tenant.as_str());
        let rows = rows.fetch_all(connection).await?;
        rows.iter().map(pipeline).collect()
    })
}

pub fn apply<'a>(
    connection: &'a mut PgConnection,
    (stamp, pipeline): &'a (Stamp, ManagedPipeline),
) -> Work<'a, Result<Written, StoreError>> {
    Box::pin(async move {
        let record = &pipeline.record;
        let held = held(connection, &record.tenant, &record.name).await?;
        let pipeline = match held.apply(stamp, pipeline) {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(PipelineChange::Superseded(by)) => return Ok(Ok(Written::Superseded { by })),
            Ok(PipelineChange::None | PipelineChange::Remove) => return Ok(Ok(Written::Done)),
            Ok(PipelineChange::Write(pipeline)) => pipeline,
        };
        write(connection, &pipeline).await?;
        Ok(Ok(Written::Done))
    })
}

pub fn remove<'a>(
    connection: &'a mut PgConnection,
    (stamp, tenant, name): &'a (Stamp, TenantId, PipelineName),
) -> Work<'a, Written> {
    Box::pin(async move {
        match held(connection, tenant, name).await?.remove(stamp) {
            PipelineChange::Superseded(by) => return Ok(Written::Superseded { by }),
            PipelineChange::None | PipelineChange::Write(_) => return Ok(Written::Done),
            PipelineChange::Remove => {}
        }
        for sql in [
            "DELETE FROM pipeline_stamp WHERE tenant = $1 AND name = $2",
            "DELETE FROM pipeline WHERE tenant = $1 AND name = $2",
        ] {
            let removed = sqlx::query(sql).bind(tenant.as_str()).bind(name.as_str());
            removed.execute(&mut *connection).await?;
        }
        Ok(Written::Done)
    })
}

async fn held(
    connection: &mut PgConnection,
    tenant: &TenantId,
    name: &PipelineName,
) -> Result<HeldPipeline, Failure> {
    let epoch = alone(connection).await?;
    let sql = pipelines!("WHERE p.tenant = $1 AND p.name = $2");
    let found = sqlx::query(sql).bind(tenant.as_str()).bind(name.as_str());
    let found = found.fetch_optional(&mut *connection).await?;
    Ok(HeldPipeline {
        epoch,
        tenant: snapshot::one_tenant(connection, tenant).await?.is_some(),
        pipeline: found.as_ref().map(pipeline).transpose()?,
    })
}

async fn write(connection: &mut PgConnection, pipeline: &ManagedPipeline) -> Result<(), Failure> {
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
    let sql = "INSERT INTO pipeline AS p
                   (tenant, name, services, environments, created_at, retired)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (tenant, name) DO UPDATE SET
                   services = excluded.services, environments = excluded.environments,
                   created_at = excluded.created_at, retired = excluded.retired
               WHERE p IS DISTINCT FROM excluded";
    sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(name.as_str())
        .bind(services)
        .bind(environments)
        .bind(created_at.0)
        .bind(retired)
        .execute(&mut *connection)
        .await?;
    let Some(stamp) = stamp else { return Ok(()) };
    let sql = "INSERT INTO pipeline_stamp
                   (tenant, name, epoch, uid, generation, stage, max_bytes, delivery_limit)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (tenant, name) DO UPDATE SET
                   epoch = excluded.epoch, uid = excluded.uid, generation = excluded.generation,
                   stage = excluded.stage, max_bytes = excluded.max_bytes,
                   delivery_limit = excluded.delivery_limit";
    sqlx::query(sql)
        .bind(tenant.as_str())
        .bind(name.as_str())
        .bind(stored(stamp.epoch))
        .bind(stamp.uid)
        .bind(stamp.generation)
        .bind(stage_word(*stage))
        .bind(max_bytes.map(stored))
        .bind(delivery_limit.map(i64::from))
        .execute(connection)
        .await?;
    Ok(())
}

fn pipeline(row: &PgRow) -> Result<ManagedPipeline, Failure> {
    let record = PipelineRecord {
        tenant: TenantId::new(row.try_get(0)?).map_err(Failure::damaged)?,
        name: PipelineName::new(row.try_get(1)?).map_err(Failure::damaged)?,
        services: row.try_get(2)?,
        environments: row.try_get(3)?,
        created_at: UnixMillis(row.try_get(4)?),
        retired: row.try_get(5)?,
    };
    let Some(epoch) = row.try_get(6)? else {
        return Ok(ManagedPipeline::of_people(record));
    };
    let word: &str = row.try_get(9)?;
    let limit: Option<i64> = row.try_get(11)?;
    Ok(ManagedPipeline {
        record,
        stage: stage(word).ok_or_else(|| Failure::damaged(format!("no stage `{word}`")))?,
        max_bytes: row.try_get::<Option<i64>, _>(10)?.map(count),
        delivery_limit: limit
            .map(u32::try_from)
            .transpose()
            .map_err(Failure::damaged)?,
        stamp: Some(Stamp {
            epoch: count(epoch),
            uid: row.try_get(7)?,
            generation: row.try_get(8)?,
        }),
    })
}
