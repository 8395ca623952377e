use sendry_crds::condition::find;

use super::*;

fn look(wanted: u32, ready: u32, available: Availability) -> Look {
    Look {
        deployment: "w-1".to_owned(),
        uid: String::new(),
        wanted,
        there: wanted,
        ready,
        available,
    }
}

fn with(look: Option<Look>, min: u32) -> Report {
    Report {
        synced: Some(Synced::Whole),
        workers: Some(Workers {
            look,
            min,
            capped: false,
            selector: "a=b".to_owned(),
        }),
        ..Report::default()
    }
}

fn said(
    report: &Report,
    before: Option<&SendryPipelineStatus>,
    second: i64,
) -> SendryPipelineStatus {
    status(before, report, 3, Timestamp::from_second(second).unwrap())
}

fn is(status: &SendryPipelineStatus, kind: &str) -> (String, String) {
    let condition = find(&status.conditions, kind).unwrap();
    assert_eq!(condition.observed_generation, Some(3));
    (condition.status.clone(), condition.reason.clone())
}

fn ready(report: &Report) -> (String, String) {
    is(&said(report, None, 1), condition::READY)
}

fn words(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn ready_needs_as_many_workers_as_are_wanted_up_to_the_fewest() {
    let yes = words("True", "Ready");
    let no = words("False", "WorkersStarting");
    let of = |wanted, ready_ones, min| {
        ready(&with(
            Some(look(wanted, ready_ones, Availability::Yes)),
            min,
        ))
    };
    assert_eq!(of(0, 0, 0), yes);
    assert_eq!(of(5, 2, 2), yes);
    assert_eq!(of(5, 1, 2), no);
    assert_eq!(of(1, 1, 2), no, "fewer are asked for");
    assert_eq!(ready(&with(None, 0)), no);
}

#[test]
fn one_that_the_tenants_limit_starves_is_not_ready_and_says_so() {
    let mut report = with(Some(look(0, 0, Availability::Yes)), 1);
    let workers = report.workers.as_mut().unwrap();
    assert!(workers.are_short());
    workers.capped = true;
    assert!(!workers.are_short());
    assert_eq!(ready(&report), words("False", "TenantCap"));
    let workers = report.workers.as_mut().unwrap();
    workers.min = 0;
    assert_eq!(ready(&report), words("False", "TenantCap"), "it wants one");
    report.workers.as_mut().unwrap().look = Some(look(1, 1, Availability::Yes));
    assert_eq!(
        ready(&report),
        words("True", "Ready"),
        "fewer than it wants"
    );
    let workers = report.workers.as_mut().unwrap();
    (workers.capped, workers.look) = (false, Some(look(0, 0, Availability::Yes)));
    assert_eq!(ready(&report), words("True", "Ready"), "it wants none");
}

#[test]
fn what_is_in_the_way_of_workers_is_said_in_its_own_words() {
    let no = Availability::No {
        reason: "ErrImagePull",
        message: "no such image".to_owned(),
    };
    let report = with(Some(look(2, 0, no.clone())), 1);
    assert_eq!(ready(&report), words("False", "ErrImagePull"));
    let status = said(&report, None, 1);
    assert_eq!(
        is(&status, condition::WORKERS_AVAILABLE),
        words("False", "ErrImagePull")
    );
    assert_eq!(is(&status, condition::RECONCILING).0, "True");
    // More than are needed: it is said, and it is ready all the same.
    let status = said(&with(Some(look(2, 1, no)), 1), None, 1);
    assert_eq!(is(&status, condition::READY).0, "True");
    assert_eq!(is(&status, condition::WORKERS_AVAILABLE).0, "False");
}

#[test]
fn the_same_again_is_no_change_and_what_others_say_is_theirs() {
    let report = with(Some(look(1, 1, Availability::Yes)), 1);
    let first = said(&report, None, 1);
    let mut read = first.clone();
    read.desired_replicas = Some(7);
    read.conditions.insert(
        0,
        Condition {
            type_: condition::SCALING_ACTIVE.to_owned(),
            status: "True".to_owned(),
            reason: "Steady".to_owned(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: first.conditions[0].last_transition_time.clone(),
        },
    );
    let again = said(&report, Some(&read), 2);
    assert!(same(&read, &again));
    assert_eq!(again.desired_replicas, None, "it is not ours to say");
    assert!(find(&again.conditions, condition::SCALING_ACTIVE).is_none());
    assert_eq!((again.replicas, again.ready_replicas), (Some(1), Some(1)));
    // What was not looked at is as it was last seen.
    let failed = Report {
        failure: Some(("StoreUnavailable", "away".to_owned())),
        ..Report::default()
    };
    let after = said(&failed, Some(&again), 3);
    assert_eq!(
        (after.replicas, after.selector.as_deref()),
        (Some(1), Some("a=b"))
    );
    assert_eq!(is(&after, condition::READY).1, "StoreUnavailable");
    assert!(!same(&again, &after));
}

#[test]
fn what_needs_a_person_goes_before_what_passes_by_itself() {
    let invalid = |reason| Invalid {
        reason,
        message: "do something".to_owned(),
    };
    let report = Report {
        refused: Some(Refused::Stalled(invalid("PatternConflict"))),
        ..Report::default()
    };
    let status = said(&report, None, 1);
    assert_eq!(
        is(&status, condition::STALLED),
        words("True", "PatternConflict")
    );
    let report = Report {
        refused: Some(Refused::Waits(invalid("NoTenant"))),
        ..Report::default()
    };
    let status = said(&report, None, 1);
    assert_eq!(is(&status, condition::STALLED).0, "False");
    assert_eq!(is(&status, condition::READY), words("False", "NoTenant"));
    let report = Report {
        synced: Some(Synced::Conflict {
            message: String::new(),
        }),
        leaving: Some(invalid("Draining")),
        ..Report::default()
    };
    assert_eq!(ready(&report), words("False", "OwnershipConflict"));
}

#[test]
fn of_one_that_is_refused_is_said_what_is_seen_and_the_rest_is_unknown() {
    let whole = said(&with(Some(look(2, 2, Availability::Yes)), 1), None, 1);
    let refused = |report| Report {
        refused: Some(Refused::Stalled(Invalid {
            reason: "PatternConflict",
            message: "an older one has it".to_owned(),
        })),
        ..report
    };
    // It has nothing, whatever was said before of an older generation.
    let nothing = said(&refused(Report::default()), Some(&whole), 2);
    for kind in [condition::TOPOLOGY_SYNCED, condition::WORKERS_AVAILABLE] {
        assert_eq!(is(&nothing, kind), words("Unknown", "PatternConflict"));
    }
    assert_eq!((nothing.replicas, nothing.ready_replicas), (None, None));
    // It has a queue and workers still.
    let report = refused(with(Some(look(3, 1, Availability::Yes)), 0));
    let something = said(&report, Some(&whole), 2);
    assert_eq!(
        is(&something, condition::TOPOLOGY_SYNCED),
        words("True", "InEffect")
    );
    assert_eq!(
        is(&something, condition::WORKERS_AVAILABLE),
        words("True", "Available")
    );
    assert_eq!(
        (something.replicas, something.ready_replicas),
        (Some(3), Some(1))
    );
    assert_eq!(is(&something, condition::STALLED).0, "True");
}

#[test]
fn an_object_of_somebody_else_is_for_a_person() {
    let failed = |reason| Report {
        failure: Some((reason, "delete it, or move it elsewhere".to_owned())),
        ..Report::default()
    };
    let status = said(&failed("NameTaken"), None, 1);
    assert_eq!(is(&status, condition::READY), words("False", "NameTaken"));
    assert_eq!(is(&status, condition::STALLED), words("True", "NameTaken"));
    assert_eq!(is(&status, condition::RECONCILING).0, "False");
    let status = said(&failed("StoreUnavailable"), None, 1);
    assert_eq!(is(&status, condition::STALLED).0, "False");
}

#[test]
fn what_a_person_asked_for_is_ready_and_said() {
    let report = Report {
        but: Some(("Suspended", "no workers")),
        ..with(Some(look(0, 0, Availability::Yes)), 0)
    };
    assert_eq!(ready(&report), words("True", "Suspended"));
    assert_eq!(
        is(&said(&report, None, 1), condition::WORKERS_AVAILABLE),
        words("True", "NoneWanted")
    );
}
