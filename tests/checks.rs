//! The built-in catalogue, as `scrutineer checks` sees it.

use scrutineer::check::{Catalogue, Expect, run_cases};

fn catalogue() -> Result<Catalogue, String> {
    Catalogue::linted(&[]).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_check_comes_out_as_its_own_cases_say() {
    let results = run_cases(&catalogue().unwrap(), None, &|_| true);
    assert!(!results.is_empty());
    let wrong =
        results.iter().filter_map(|one| Some(format!("{} / {}: {}", one.check, one.case, one.problem.as_ref()?)));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Design §9: a pass, a fail and a near miss; and what could not be looked at is neither.
#[test]
fn every_check_has_a_near_miss_and_an_undetermined_case() {
    let catalogue = catalogue().unwrap();
    for family in scrutineer::check::FAMILIES {
        for check in catalogue.family(family) {
            let cases = &check.file.cases;
            assert!(cases.iter().any(|case| case.name.starts_with("near miss")), "{} has no near miss", check.id);
            let looks = !matches!(check.file.evidence, scrutineer::check::EvidenceKind::Declared);
            let unsure = cases.iter().any(|case| case.expect == Expect::Undetermined);
            let walks_plain_list = matches!(&*check.id, "dns.host-special-address" | "estate.ends-before-results");
            assert!(unsure || !looks || walks_plain_list, "{} has no undetermined case", check.id);
        }
    }
}

/// A run judges with what was read at build time; it is what the files say, the cases aside.
#[test]
fn what_is_built_in_is_what_the_files_say() {
    let (built_in, files) = (Catalogue::load(&[]).unwrap(), catalogue().unwrap());
    assert_eq!(built_in.digest, files.digest);
    assert_eq!(built_in.checks.len(), files.checks.len());
    for (id, check) in files.checks {
        let mut file = check.file;
        file.cases.clear();
        assert_eq!(
            serde_json::to_value(&built_in.checks[&id].file).unwrap(),
            serde_json::to_value(&file).unwrap(),
            "{id}"
        );
        assert_eq!(built_in.checks[&id].digest, check.digest, "{id}");
    }
}
