use super::*;

const HIDDEN: &str = "hunter2";

#[test]
fn a_secret_is_never_shown() {
    let cases = [
        (Given::nothing(), vec!["--password", HIDDEN]),
        (Given::nothing().env("SENDRY_PASSWORD", HIDDEN), vec![]),
        (Given::file("password: hunter2"), vec![]),
    ];
    for (given, args) in cases {
        let loaded = given.load(&args);
        assert_eq!(loaded.value.password.as_ref().unwrap().expose(), HIDDEN);
        let table = loaded.sources.to_string();
        assert!(table.contains("•••"), "{table}");
        for shown in [table, loaded.sources.to_json(), format!("{loaded:?}")] {
            assert!(!shown.contains(HIDDEN), "{shown}");
        }
    }
}

#[test]
fn an_argument_of_any_type_can_be_marked_secret() {
    let loaded = Given::file("sink: 4242").load(&[]);
    assert_eq!(loaded.value.sink, Some(4242));
    assert!(!loaded.sources.to_string().contains("4242"));
    assert!(!loaded.sources.to_json().contains("4242"));
}

#[test]
fn a_secret_of_the_wrong_form_is_not_quoted() {
    let cases = [
        (Given::file("sink: hunter2"), vec![], "file sendry.yaml"),
        (
            Given::nothing().env("SENDRY_SINK", HIDDEN),
            vec![],
            "env SENDRY_SINK",
        ),
        (Given::nothing(), vec!["--sink", HIDDEN], "flag"),
        (Given::nothing(), vec!["--sink=hunter2"], "flag"),
    ];
    for (given, args, origin) in cases {
        let expected =
            format!("failed to use a secret value (•••) as setting `sink` (from {origin})");
        assert_eq!(given.error(&args), expected);
    }
}

#[test]
fn broken_yaml_is_not_quoted() {
    let error = Given::file("password: hunter2\nport: [\n")
        .load_as::<Args>(&[])
        .unwrap_err();
    let shown = format!("{} {error:?}", chain(&error));
    assert!(!shown.contains(HIDDEN), "{shown}");
    let error = Given::file("password: \"hunter2\n")
        .load_as::<Args>(&[])
        .unwrap_err();
    let shown = format!("{} {error:?}", chain(&error));
    assert!(!shown.contains(HIDDEN), "{shown}");
}

#[test]
fn help_that_nobody_asked_for_shows_no_secret() {
    #[derive(Debug, Parser)]
    #[command(arg_required_else_help = true)]
    struct Bare {
        /// Password
        #[arg(long)]
        _password: SecretString,
    }
    let given = Given::file("").env("SENDRY_PASSWORD", HIDDEN);
    let error = given.error_as::<Bare>(&[]);
    assert!(error.contains("Usage:"), "{error}");
    assert!(!error.contains(HIDDEN), "{error}");
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let given = Given::nothing();
    let path = given.dir.path().join("password");
    std::fs::write(&path, "hunter2\n").unwrap();
    let at = format!("@{}", path.display());
    let loaded = given.load(&["--password", &at]);
    assert_eq!(loaded.value.password.unwrap().expose(), HIDDEN);
    let given = Given::file(&format!("password: '{at}'"));
    assert_eq!(given.load(&[]).value.password.unwrap().expose(), HIDDEN);
    assert_eq!(
        given
            .load(&["--password", "@home"])
            .value
            .password
            .unwrap()
            .expose(),
        "@home",
        "only @/ is a path"
    );
}

#[test]
fn a_secrets_file_that_is_missing_or_empty_is_named() {
    let given = Given::nothing().env("SENDRY_PASSWORD", "@/nowhere/password");
    let error = given.error(&[]);
    assert!(
        error.starts_with(
            "failed to use a secret value (•••) as setting `password` (from env SENDRY_PASSWORD): \
             failed to read the secret's file `/nowhere/password`: No such file"
        ),
        "{error}"
    );
    let path = given.dir.path().join("password");
    std::fs::write(&path, "\n").unwrap();
    let error = given.error(&["--password", &format!("@{}", path.display())]);
    assert!(
        error.ends_with("the secret's file `password` is empty"),
        "{error}"
    );
}
