use super::*;

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_key() {
    let given = Given::file("brave: true\norigin: [a]\n");
    assert_eq!(
        given.error(&[]),
        "unknown setting `origin` at sendry.yaml:2; did you mean `origins`?"
    );
    assert_eq!(
        Given::file("log:\n  formt: json\n").error(&[]),
        "unknown setting `log-formt` at sendry.yaml:2; did you mean `log-format`?"
    );
    assert_eq!(
        Given::file("retention: 3d").error(&[]),
        "unknown setting `retention` at sendry.yaml:1; --help lists every setting"
    );
    assert_eq!(
        Given::file("worker:\n  concurency: 3").error_as::<Suite>(&["ingest"]),
        "unknown setting `worker-concurency` at sendry.yaml:2; did you mean `concurrency`?"
    );
    assert_eq!(
        Given::file("worker:\n  port: 3").error_as::<Suite>(&["ingest"]),
        "unknown setting `worker-port` at sendry.yaml:2; did you mean `port`?",
        "another subcommand's setting"
    );
}

#[test]
fn a_wrong_value_is_blamed_on_where_it_stands() {
    assert_eq!(
        Given::file("port: many").error(&[]),
        "failed to use `many` as setting `port` (from file sendry.yaml): \
         invalid digit found in string"
    );
    assert_eq!(
        Given::file("port: 1")
            .env("SENDRY_PORT", "99999")
            .error(&[]),
        "failed to use `99999` as setting `port` (from env SENDRY_PORT): \
         99999 is not in 0..=65535"
    );
    assert_eq!(
        Given::file("log-format: xml").error(&[]),
        "failed to use `xml` as setting `log-format` (from file sendry.yaml); \
         expected one of auto, json, pretty"
    );
    assert_eq!(
        Given::file("brave: perhaps").error(&[]),
        "failed to use `perhaps` as setting `brave` (from file sendry.yaml); \
         expected true or false"
    );
    let both = Given::file("port: many").error(&["--port", "few"]);
    assert!(
        both.contains("invalid value 'few' for '--port <PORT>'"),
        "clap's own: {both}"
    );
}

#[test]
fn kubernetes_service_variables_are_recognised() {
    let error = Given::nothing()
        .env("SENDRY_PORT", "tcp://10.0.0.1:80")
        .error(&[]);
    assert!(error.contains("set `enableServiceLinks: false`"), "{error}");
}

#[test]
fn a_missing_setting_tells_every_way_to_give_it() {
    assert_eq!(
        Given::nothing().error_as::<Suite>(&["worker"]),
        "missing setting `database-url` (--database-url, SENDRY_DATABASE_URL, \
         or in the configuration file)"
    );
}

#[test]
fn one_value_is_not_a_list_or_a_map() {
    assert_eq!(
        Given::file("port: [1, 2]").error(&[]),
        "setting `port` at sendry.yaml:1 takes one value, not a list"
    );
    assert_eq!(
        Given::file("origins: [[a], b]").error(&[]),
        "setting `origins` at sendry.yaml:1 takes one value, not a list of lists or maps"
    );
    assert_eq!(
        Given::file("- port").error(&[]),
        "expected `key: value` lines at sendry.yaml:1"
    );
}

#[test]
fn two_spellings_of_one_setting_are_a_contradiction() {
    assert_eq!(
        Given::file("log-format: json\nlog:\n  format: pretty\n").error(&[]),
        "setting `log-format` is given twice, at sendry.yaml:1 and at sendry.yaml:3; remove one"
    );
    let error = Given::file("port: 1\nport: 2\n").error(&[]);
    assert!(error.contains("duplicate"), "{error}");
}

#[test]
fn a_file_that_is_not_yaml_is_named_with_the_line() {
    let error = Given::file("port: 1\norigins: [a\nbrave: true\n").error(&[]);
    assert!(error.starts_with("failed to parse the configuration file `sendry.yaml` as YAML: "));
    assert!(error.contains("line 3"), "{error}");
}

#[test]
fn help_names_the_variables_and_not_their_values() {
    let given = Given::nothing().env("SENDRY_RELEASE", "9.9.9");
    for args in [["--help"], ["-h"]] {
        let help = given.error(&args);
        assert!(help.contains("[env: SENDRY_RELEASE]"), "{help}");
        assert!(help.contains("[env: SENDRY_CONFIG"), "{help}");
        assert!(!help.contains("9.9.9"), "{help}");
        assert!(!help.contains("SENDRY_YES"), "{help}");
    }
    let error = given.load_as::<Args>(&["--version"]).unwrap_err();
    assert_eq!(error.to_string().trim(), "demo 1.2.3");
}

#[test]
fn a_slip_on_the_command_line_is_claps_to_explain() {
    let error = Given::nothing().error(&["--prot", "1"]);
    assert!(error.contains("unexpected argument '--prot'"), "{error}");
    assert!(error.contains("--port"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let environment = Environment::fixed([("SENDRY_RELEASE", OsStr::from_bytes(b"a\xffb"))]);
    let loader = Loader::new("SENDRY").environment(environment);
    let error = loader.load::<Args>(["demo"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to use `a\u{fffd}b` as setting `release` (from env SENDRY_RELEASE); expected UTF-8"
    );
}
