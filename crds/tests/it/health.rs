//! Argo CD's judgement, by the interpreter's family it uses: `examples/argocd/health.lua` on `examples/argocd/fixtures`.
//! A fixture's first line says what comes out.

use std::{collections::BTreeSet, fs};

use mlua::{Lua, LuaSerdeExt, Table};

use crate::support::{files, read, root};

#[test]
fn argo_cd_judges_each_state_as_a_person_would() {
    let program = fs::read_to_string(root().join("examples/argocd/health.lua")).unwrap();
    let mut seen = BTreeSet::new();
    for path in files("examples/argocd/fixtures", ".yaml") {
        let text = fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let expected =
            expected.unwrap_or_else(|| panic!("{path:?} does not say what should come out"));
        let lua = Lua::new();
        let object = lua.to_value(&read(&text).remove(0)).unwrap();
        lua.globals().set("obj", object).unwrap();
        let health: Table = lua.load(&program).eval().unwrap();
        let status: String = health.get("status").unwrap();
        let message: String = health.get("message").unwrap();
        assert_eq!(format!("{status}: {message}"), expected, "{path:?}");
        seen.insert(status);
    }
    let all = ["Degraded", "Healthy", "Progressing", "Suspended"];
    assert_eq!(seen.iter().collect::<Vec<_>>(), all);
}
