use super::*;

#[test]
fn nested_maps_are_joined() {
    let loaded = Given::file("log:\n  format: json\n").load(&[]);
    assert_eq!(loaded.value.log_format, crate::telemetry::LogFormat::Json);
}

#[test]
fn scalars_are_taken_as_written() {
    for text in ["1.10", "0123", "1_000", "0x1F", "1e3", "no", "+5", "12:30"] {
        let loaded = Given::file(&format!("release: {text} # why\n")).load(&[]);
        assert_eq!(loaded.value.release.as_deref(), Some(text));
    }
    for (text, expected) in [
        ("\"1.0\"", "1.0"),
        ("'a b'", "a b"),
        ("!!str 7", "7"),
        ("ü", "ü"),
    ] {
        let loaded = Given::file(&format!("# ü\nrelease: {text}\n")).load(&[]);
        assert_eq!(loaded.value.release.as_deref(), Some(expected));
    }
    let loaded = Given::file("x: &v 1.10\nrelease: *v\n").load_as::<Args>(&[]);
    assert!(loaded.is_err(), "an anchor needs a key that exists");
    let loaded = Given::file("legacy: &v 1.10\nrelease: *v\n").load(&[]);
    assert_eq!(loaded.value.release.as_deref(), Some("1.10"));
}

#[test]
fn a_key_without_a_value_is_not_set() {
    let loaded = Given::file("port:\nrelease: ~\n").load(&[]);
    assert_eq!(loaded.value.port, 8080);
    assert_eq!(loaded.value.release, None);
    assert_eq!(loaded.sources.get("port").unwrap().source, Source::Default);
}

#[test]
fn the_file_is_named_by_flag_or_variable_or_is_the_default() {
    let given = Given::file("port: 3");
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other.yaml");
    std::fs::write(&other, "port: 4").unwrap();
    let third = dir.path().join("third.yaml");
    std::fs::write(&third, "port: 5").unwrap();
    let (other, third) = (other.to_str().unwrap(), third.to_str().unwrap());

    let load = |environment: &[(&str, &str)], args: &[&str]| {
        Loader::new("SENDRY")
            .default_file(given.path())
            .environment(Environment::fixed(environment.to_vec()))
            .load::<Args>([&["demo"], args].concat())
            .unwrap()
            .value
            .port
    };
    assert_eq!(load(&[], &[]), 3);
    assert_eq!(load(&[("SENDRY_CONFIG", other)], &[]), 4);
    assert_eq!(load(&[("SENDRY_CONFIG", other)], &["--config", third]), 5);
}

#[test]
fn a_default_file_need_not_exist_but_a_named_one_must() {
    let given = Given::nothing();
    std::fs::remove_file(given.path()).unwrap();
    assert_eq!(given.load(&[]).value.port, 8080);
    let path = given.path();
    let error = given.error(&["--config", path.to_str().unwrap()]);
    assert!(
        error.starts_with(
            "failed to read the configuration file `sendry.yaml` named by --config: No such file"
        ),
        "{error}"
    );
}

#[test]
fn a_section_is_for_its_subcommand_and_the_rest_for_all() {
    let given = Given::file(
        "log: debug\n\
         database-url: everyone\n\
         worker:\n  database-url: worker\n  concurrency: 7\n",
    );
    let loaded = given.load_as::<Suite>(&["ingest"]).unwrap();
    assert_eq!(loaded.value.log.log, "debug");
    assert!(
        matches!(loaded.value.role, Role::Ingest { database_url, port: 1 } if database_url == "everyone")
    );
    let keys: Vec<&str> = loaded
        .sources
        .iter()
        .map(|setting| setting.key.as_str())
        .collect();
    assert_eq!(
        keys,
        ["log", "log-format", "database-url", "port"],
        "only the called command's settings"
    );

    let loaded = given
        .load_as::<Suite>(&["worker", "--log", "warn"])
        .unwrap();
    assert_eq!(loaded.value.log.log, "warn");
    assert_eq!(loaded.sources.get("log").unwrap().source, Source::Flag);
    assert!(
        matches!(loaded.value.role, Role::Worker { database_url, concurrency: 7 } if database_url == "worker")
    );
    assert_eq!(
        loaded.sources.get("concurrency").unwrap().source,
        Source::File(given.path()),
    );
}

#[test]
fn config_may_be_named_after_the_subcommand() {
    let given = Given::nothing();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    std::fs::write(&path, "database-url: x").unwrap();
    let args = ["ingest", "--config", path.to_str().unwrap()];
    assert!(given.load_as::<Suite>(&args).is_ok());
}
