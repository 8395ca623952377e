use super::*;

const NOTHING: &[&str] = &[];
const FLAG: &[&str] = &["--port", "1"];

fn port(given: &Given, args: &[&str]) -> (u16, Source) {
    let loaded = given.load(args);
    (
        loaded.value.port,
        loaded.sources.get("port").unwrap().source.clone(),
    )
}

fn env() -> Source {
    Source::Env("SENDRY_PORT".to_owned())
}

#[test]
fn a_default_stands_alone() {
    assert_eq!(port(&Given::nothing(), NOTHING), (8080, Source::Default));
}

#[test]
fn a_file_beats_a_default() {
    let given = Given::file("port: 3");
    assert_eq!(port(&given, NOTHING), (3, Source::File(given.path())));
}

#[test]
fn an_environment_beats_a_default() {
    assert_eq!(
        port(&Given::nothing().env("SENDRY_PORT", "2"), NOTHING),
        (2, env())
    );
}

#[test]
fn an_environment_beats_a_file() {
    assert_eq!(
        port(&Given::file("port: 3").env("SENDRY_PORT", "2"), NOTHING),
        (2, env())
    );
}

#[test]
fn a_flag_beats_a_default() {
    assert_eq!(port(&Given::nothing(), FLAG), (1, Source::Flag));
}

#[test]
fn a_flag_beats_a_file() {
    assert_eq!(port(&Given::file("port: 3"), FLAG), (1, Source::Flag));
}

#[test]
fn a_flag_beats_an_environment() {
    let given = Given::file("port: 3").env("SENDRY_PORT", "2");
    assert_eq!(port(&given, FLAG), (1, Source::Flag));
    assert_eq!(port(&given, &["-p1"]), (1, Source::Flag));
}

#[test]
fn what_is_beaten_is_not_even_parsed() {
    let given = Given::file("port: none").env("SENDRY_PORT", "nil");
    assert_eq!(port(&given, FLAG), (1, Source::Flag));
}

#[test]
fn an_empty_variable_is_no_value() {
    let given = Given::file("port: 3").env("SENDRY_PORT", "");
    assert_eq!(port(&given, NOTHING), (3, Source::File(given.path())));
}

#[test]
fn booleans_have_many_spellings_outside_the_command_line() {
    assert!(!Given::nothing().load(NOTHING).value.brave);
    for yes in ["true", "YES", "on", "1"] {
        assert!(
            Given::file(&format!("brave: {yes}"))
                .load(NOTHING)
                .value
                .brave,
            "{yes}"
        );
        assert!(
            Given::nothing()
                .env("SENDRY_BRAVE", yes)
                .load(NOTHING)
                .value
                .brave,
            "{yes}"
        );
    }
    assert!(
        !Given::file("brave: true")
            .env("SENDRY_BRAVE", "off")
            .load(NOTHING)
            .value
            .brave
    );
    let loaded = Given::nothing().load(&["--brave"]);
    assert_eq!(loaded.sources.get("brave").unwrap().source, Source::Flag);
}

#[test]
fn lists_come_from_anywhere() {
    let file = Given::file("origins: [a, b]");
    assert_eq!(file.load(NOTHING).value.origins, ["a", "b"]);
    assert_eq!(
        Given::file("origins: a,b").load(NOTHING).value.origins,
        ["a", "b"]
    );
    let env = file.env("SENDRY_ORIGINS", "c,d");
    assert_eq!(env.load(NOTHING).value.origins, ["c", "d"]);
    let loaded = env.load(&["--origins", "e", "--origins", "f"]);
    assert_eq!(
        loaded.value.origins,
        ["e", "f"],
        "lists are replaced, not joined"
    );
    assert_eq!(
        loaded.sources.get("origins").unwrap().value.as_deref(),
        Some("e,f")
    );
}

#[test]
fn a_named_variable_keeps_its_name() {
    let given = Given::nothing()
        .env("LEGACY_NAME", "x")
        .env("SENDRY_LEGACY", "y");
    let loaded = given.load(NOTHING);
    assert_eq!(loaded.value.legacy.as_deref(), Some("x"));
}

#[test]
fn an_act_is_said_on_the_command_line_only() {
    let given = Given::nothing().env("SENDRY_YES", "true");
    let loaded = given.load(NOTHING);
    assert!(!loaded.value.yes);
    assert!(loaded.sources.get("yes").is_none());
    assert!(given.load(&["--yes"]).value.yes);
    assert!(
        Given::file("yes: true")
            .error(NOTHING)
            .starts_with("unknown setting `yes`")
    );
}

#[test]
fn the_sources_are_a_table_and_json() {
    let given = Given::nothing().env("SENDRY_RELEASE", "1.10");
    let loaded = given.load(&["--port", "9", "--print-config"]);
    assert_eq!(loaded.print, Some(PrintFormat::Table));
    assert_eq!(
        loaded.to_print().unwrap(),
        "SETTING     VALUE  SOURCE\n\
         port        9      flag\n\
         brave       false  default\n\
         origins     -      default\n\
         release     1.10   env SENDRY_RELEASE\n\
         log-format  auto   default\n\
         password    -      default\n\
         sink        -      default\n\
         legacy      -      default\n"
    );
    let loaded = given.load(&["--print-config=json"]);
    let json: serde_json::Value = serde_json::from_str(&loaded.to_print().unwrap()).unwrap();
    assert_eq!(
        json[3],
        serde_json::json!({
            "key": "release",
            "value": "1.10",
            "source": { "kind": "env", "name": "SENDRY_RELEASE" },
        })
    );
    assert_eq!(json[0]["source"], serde_json::json!({ "kind": "default" }));
    assert_eq!(given.load(NOTHING).to_print(), None);
}
