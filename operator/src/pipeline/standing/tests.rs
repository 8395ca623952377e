use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sendry_domain::id::TenantId;
use sendry_store::{PipelineRecord, Stamp};
use serde_json::{Value, json};

use super::*;

fn pipeline(name: &str, second: i64, spec: Value) -> Arc<SendryPipeline> {
    let mut pipeline = SendryPipeline::new(name, serde_json::from_value(spec).unwrap());
    pipeline.metadata.creation_timestamp = Some(at(second));
    pipeline.metadata.uid = Some(uid(name, second).to_string());
    Arc::new(pipeline)
}

fn shop(name: &str, second: i64) -> Arc<SendryPipeline> {
    pipeline(name, second, json!({"services": ["shop"]}))
}

fn deleted(mut pipeline: Arc<SendryPipeline>, policy: DeletionPolicy) -> Arc<SendryPipeline> {
    let one = Arc::make_mut(&mut pipeline);
    one.metadata.deletion_timestamp = Some(at(9));
    one.spec.deletion_policy = policy;
    pipeline
}

/// Of the resource that was made so.
fn uid(name: &str, second: i64) -> Uuid {
    let text = format!("{name}{second}");
    let number = text.bytes().fold(0, |n, b| n * 256 + u128::from(b));
    Uuid::from_u128(number)
}

/// Says a row on behalf of the resource of that name made so.
fn of(second: i64, mut row: ManagedPipeline) -> ManagedPipeline {
    row.stamp = Some(Stamp {
        epoch: 1,
        uid: uid(row.record.name.as_str(), second),
        generation: 1,
    });
    row
}

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn row(name: &str, second: i64, retired: bool) -> ManagedPipeline {
    ManagedPipeline::of_people(PipelineRecord {
        tenant: TenantId::new("acme").unwrap(),
        name: PipelineName::new(name).unwrap(),
        services: vec!["shop".to_owned()],
        environments: Vec::new(),
        created_at: UnixMillis(second * 1_000),
        retired,
    })
}

fn said(
    pipeline: &SendryPipeline,
    siblings: &[Arc<SendryPipeline>],
    rows: &[ManagedPipeline],
) -> Option<(&'static str, String)> {
    let refused = standing(pipeline, siblings, rows, None).err()?;
    Some((refused.reason, refused.message))
}

#[test]
fn of_equal_patterns_the_older_one_has_it_and_the_younger_hears_of_it() {
    let (old, young) = (shop("old", 1), shop("young", 2));
    assert_eq!(said(&old, std::slice::from_ref(&young), &[]), None);
    let (reason, message) = said(&young, std::slice::from_ref(&old), &[]).unwrap();
    assert_eq!(reason, "PatternConflict");
    assert!(
        message.contains("pipeline old, which is older"),
        "{message}"
    );
    // Made in one second, the name decides, for both alike.
    let (a, b) = (shop("a", 1), shop("b", 1));
    assert_eq!(said(&a, std::slice::from_ref(&b), &[]), None);
    assert!(said(&b, std::slice::from_ref(&a), &[]).is_some());
    // But who takes events already goes on taking them.
    let taking = [row("b", 1, false)];
    assert_eq!(said(&b, std::slice::from_ref(&a), &taking), None);
    assert!(said(&a, std::slice::from_ref(&b), &taking).is_some());
}

#[test]
fn a_more_specific_pattern_is_no_conflict() {
    let all = pipeline("all", 1, json!({}));
    let spec = json!({"services": ["shop"], "environments": ["production"]});
    let (shop, production) = (shop("shop", 2), pipeline("prod", 3, spec));
    let siblings = [all.clone(), shop.clone()];
    assert_eq!(said(&production, &siblings, &[]), None);
    assert_eq!(said(&shop, &[all, production], &[]), None);
}

#[test]
fn one_that_is_drained_is_in_nobodys_way_and_one_that_is_kept_is() {
    let young = shop("young", 2);
    let rows = [of(1, row("old", 1, false))];
    let drained = deleted(shop("old", 1), DeletionPolicy::Drain);
    assert_eq!(said(&young, &[drained], &rows), None);
    let kept = deleted(shop("old", 1), DeletionPolicy::Retain);
    assert!(said(&young, &[kept], &rows).is_some());
    // Afterwards its row speaks for it.
    let (reason, message) = said(&young, &[], &rows).unwrap();
    assert_eq!(reason, "PatternConflict");
    assert!(message.contains("no resource stands for"), "{message}");
    assert_eq!(said(&young, &[], &[row("old", 1, true)]), None);
    // Its own row is in nobody's way, however old.
    assert_eq!(said(&young, &[], &[row("young", 0, false)]), None);
}

#[test]
fn one_that_takes_up_what_was_kept_is_as_old_as_that() {
    let (again, other) = (shop("old", 3), shop("other", 2));
    let kept = [row("old", 1, false)];
    assert_eq!(said(&again, std::slice::from_ref(&other), &kept), None);
    assert!(said(&other, std::slice::from_ref(&again), &kept).is_some());
    assert_eq!(created_at(&again, &kept), UnixMillis(1_000));
    // What takes no events any more makes nobody old.
    let retired = [row("old", 1, true)];
    assert!(said(&again, std::slice::from_ref(&other), &retired).is_some());
    assert_eq!(created_at(&again, &retired), UnixMillis(3_000));
}

#[test]
fn beyond_what_the_tenant_allows_the_youngest_wait_and_claim_nothing() {
    let (a, b) = (shop("a", 1), pipeline("b", 2, json!({"services": ["pay"]})));
    let c = pipeline("c", 3, json!({"services": ["pay"]}));
    let refused = |of: &Arc<SendryPipeline>, most| {
        let all = [a.clone(), b.clone(), c.clone()];
        let others: Vec<_> = all.into_iter().filter(|p| p != of).collect();
        standing(of, &others, &[], Some(most))
            .err()
            .map(|i| i.reason)
    };
    assert_eq!(refused(&a, 1), None);
    assert_eq!(refused(&b, 1), Some("TooManyPipelines"));
    assert_eq!(refused(&c, 2), Some("TooManyPipelines"));
    assert_eq!(refused(&c, 3), Some("PatternConflict"));
    let gone = deleted(b.clone(), DeletionPolicy::Drain);
    assert!(standing(&c, &[a.clone(), gone], &[], Some(2)).is_ok());
}

#[test]
fn a_queue_that_is_kept_or_drained_counts_as_a_pipeline_and_may_be_taken_up() {
    let pay = |name, second| pipeline(name, second, json!({"services": [name]}));
    let (a, b) = (pay("a", 2), pay("b", 3));
    let refused = |of: &Arc<SendryPipeline>, siblings: &[Arc<SendryPipeline>], rows: &[_]| {
        let refused = standing(of, siblings, rows, Some(2)).err()?;
        Some((refused.reason, refused.message))
    };
    // One was kept, one is still drained, and a third one would be one too many.
    let kept = of(1, row("kept", 1, true));
    let drained = of(1, row("old", 1, true));
    let leaves = deleted(pay("old", 1), DeletionPolicy::Drain);
    let rows = [kept.clone(), drained.clone()];
    let (reason, message) = refused(&a, std::slice::from_ref(&leaves), &rows).unwrap();
    assert_eq!(reason, "TooManyPipelines");
    assert!(message.contains("kept, old"), "{message}");
    // With the queue gone, or about to be, there is room.
    let leaving = ManagedPipeline {
        stage: QueueStage::Leaving,
        ..drained
    };
    assert_eq!(refused(&a, &[leaves], &[kept.clone(), leaving]), None);
    // What people wrote has no queue that an operator keeps.
    let peoples = row("peoples", 1, true);
    let rows = [kept.clone(), peoples];
    assert_eq!(refused(&a, &[], &rows), None);
    // Who takes up what was kept comes before those that have nothing yet, though they are older.
    let (again, rows) = (pay("kept", 9), [kept, of(2, row("a", 2, false))]);
    assert_eq!(refused(&again, &[a.clone(), b.clone()], &rows), None);
    assert!(refused(&b, &[a.clone(), again.clone()], &rows).is_some());
    assert_eq!(refused(&a, &[b, again], &rows), None);
}

#[test]
fn a_row_that_another_resource_of_its_name_has_not_taken_up_still_speaks() {
    let young = shop("young", 2);
    // Ingest sends `shop` there, whatever the resource that has the name now asks for.
    let again = pipeline("old", 3, json!({"services": ["pay"]}));
    let kept = [of(1, row("old", 1, false))];
    assert!(said(&young, std::slice::from_ref(&again), &kept).is_some());
    // What people wrote is as good.
    let peoples = [row("old", 1, false)];
    assert!(said(&young, std::slice::from_ref(&again), &peoples).is_some());
    // Its row, and what it asks for now, are not in each other's way.
    let pay = pipeline("pay", 4, json!({"services": ["pay"]}));
    let both = pipeline("old", 3, json!({"services": ["shop", "pay"]}));
    assert!(said(&pay, std::slice::from_ref(&both), &kept).is_some());
    assert_eq!(said(&both, &[young.clone(), pay], &kept), None);
    // Taken up, the resource speaks.
    let taken_up = [of(3, row("old", 1, false))];
    assert_eq!(said(&young, &[again], &taken_up), None);
    // Drained is what was its own alone.
    let drained = deleted(shop("old", 3), DeletionPolicy::Drain);
    assert!(said(&young, &[drained], &kept).is_some());
}

#[test]
fn one_whose_spec_cannot_be_read_is_judged_by_what_still_routes() {
    let young = shop("young", 2);
    let broken = |services| {
        let spec = json!({"services": [services], "worker": {"concurrency": 65}});
        pipeline("old", 1, spec)
    };
    let rows = [of(1, row("old", 1, false))];
    // It asks for something else now, and yet has what it had.
    assert!(said(&young, &[broken("pay")], &rows).is_some());
    let pay = pipeline("pay", 2, json!({"services": ["pay"]}));
    assert_eq!(said(&pay, &[broken("pay")], &rows), None);
    // What was never routed is in nobody's way.
    assert_eq!(said(&young, &[broken("shop")], &[]), None);
}
