//! The rules of `docs/ARCHITECTURE.md` on the tree as it stands. How each rule fails is shown beside the rule.

use xtask::{
    architecture::{self as rules, RULES, Rule},
    tree::Tree,
};

#[track_caller]
fn holds(rule: Rule) {
    let findings = rule.check(&Tree::read());
    let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(
        told.is_empty(),
        "The rule is: {}.\n\n{}\n",
        rule.says,
        told.join("\n")
    );
}

macro_rules! each {
    ($($test:ident: $rule:ident;)*) => {
        $(
            #[test]
            fn $test() {
                holds(rules::$rule);
            }
        )*

        #[test]
        fn no_rule_is_forgotten() {
            assert_eq!(RULES.len(), [$(rules::$rule),*].len());
        }
    };
}

each! {
    only_adapters_name_a_driver: DRIVERS;
    crates_use_each_other_along_the_arrows: ARROWS;
    the_domain_is_pure: PURITY;
    no_sql_reads_a_clock: CLOCKS;
    no_source_file_is_too_long: LENGTH;
    no_module_is_a_mod_rs: MODULES;
    nothing_is_left_open: WORDS;
    the_lock_holds_no_addresses: LOCK;
    no_file_names_this_machine: ADDRESSES;
    no_document_names_what_is_not_there: DOCS;
    every_crate_takes_the_lints: LINTS;
}
