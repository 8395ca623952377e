//! The `Dockerfile` makes the images of the table, and of the versions that everything else is built with.

use std::{collections::BTreeSet, fs};

use super::{ALL, FOLDER, USER};
use crate::tree;

/// The instructions of a Dockerfile, each on a line of its own.
fn instructions() -> Vec<String> {
    let text = fs::read_to_string(tree::root().join("Dockerfile")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = joined
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.filter(|line| !line.is_empty()).collect()
}

/// Those of the stage of this name, without its `FROM`, and what it stands on.
fn stage(name: &str) -> (String, Vec<String>) {
    let all = instructions();
    let ending = format!(" AS {name}");
    let is_first = |line: &&String| line.starts_with("FROM ") && line.ends_with(&ending);
    let first = all.iter().find(is_first);
    let first = first.unwrap_or_else(|| panic!("no stage `{name}` in {all:#?}"));
    let base = first["FROM ".len()..first.len() - ending.len()].to_owned();
    let rest = all.iter().skip_while(|line| line != &first).skip(1);
    let rest = rest.take_while(|line| !line.starts_with("FROM ")).cloned();
    (base, rest.collect())
}

#[test]
fn each_image_of_the_table_is_a_stage_with_its_program_and_nothing_else() {
    for image in &ALL {
        let (base, lines) = stage(image.name);
        assert_eq!(base, "base", "{}", image.name);
        let copy = format!("COPY --from=build /out/{0} {FOLDER}/{0}", image.program);
        let label = format!("LABEL org.opencontainers.image.title={:?}", image.title);
        let entrypoint = format!("ENTRYPOINT [{:?}]", image.entrypoint());
        assert_eq!(lines, [copy, label, entrypoint], "{}", image.name);
    }
    let stages = instructions()
        .iter()
        .filter(|line| line.starts_with("FROM base "))
        .count();
    assert_eq!(stages, ALL.len(), "a stage that the table does not have");
}

#[test]
fn every_program_is_built_and_run_by_the_same_user() {
    let (_, lines) = stage("build");
    let build = lines
        .iter()
        .find(|line| line.contains("cargo build"))
        .unwrap();
    let words = |from: &str, to: &str| {
        let rest = build.split_once(from).unwrap().1;
        let part = rest.split_once(to).unwrap().0;
        let words = part.split_whitespace().filter(|word| *word != "--package");
        words.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let programs: BTreeSet<String> = ALL.iter().map(|image| image.program.to_owned()).collect();
    assert_eq!(words("--bins", "&&"), programs);
    assert_eq!(words("for program in", ";"), programs);
    let (_, lines) = stage("base");
    assert!(lines.contains(&format!("USER {USER}:{USER}")), "{lines:?}");
    let label = lines.iter().find(|line| line.starts_with("LABEL")).unwrap();
    for (name, value) in ALL[0].labels().iter().skip(1) {
        assert!(label.contains(&format!("{name}={value:?}")), "{label}");
    }
}

/// The folder of what is compiled outlives a build, and cargo goes by the times of sources.
#[test]
fn sources_are_touched_before_they_are_compiled() {
    let (_, lines) = stage("build");
    let build = lines.iter().find(|line| line.contains("cargo build"));
    let (before, _) = build.unwrap().split_once("cargo build").unwrap();
    let touching = "find . -path ./target -prune -o -type f -exec touch -c {} + && ";
    assert!(before.ends_with(touching), "{before}");
}

#[test]
fn it_builds_with_the_versions_that_we_build_with() {
    let toolchain = fs::read_to_string(tree::root().join("rust-toolchain.toml")).unwrap();
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "));
    let channel = channel.unwrap().trim_matches('"');
    let (base, lines) = stage("build");
    assert_eq!(base, format!("rust:{channel}-slim-bookworm"));
    let pinned = format!("ENV RUSTUP_TOOLCHAIN={channel}");
    assert_eq!(lines.first(), Some(&pinned), "{lines:?}");
    let (base, _) = stage("dashboard");
    let node: u32 = base
        .strip_prefix("node:")
        .unwrap()
        .split('-')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(node >= 20, "{base}");
}
