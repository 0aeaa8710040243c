//! The mapping lint: what a check may claim to be evidence of.

use super::Frameworks;

/// What one check cites.
#[derive(Clone, Copy, Debug)]
pub struct Citation<'a> {
    pub check: &'a str,
    /// The check's evidence is the estate's own word.
    pub declared: bool,
    pub controls: &'a [String],
}

/// Complaints, each naming check and control; a check's id is its file. Every cited id exists, no id is cited twice by one check, and nothing that was
/// looked at from outside is said to be evidence about a control that cannot be seen from outside, or that only the report
/// evidences. Threats and offences may be cited: they are "relevant to the scenario" and never enter coverage.
pub fn lint_citations<'a>(frameworks: &Frameworks, checks: impl IntoIterator<Item = Citation<'a>>) -> Vec<String> {
    checks.into_iter().flat_map(|citation| complaints(frameworks, citation)).collect()
}

fn complaints(frameworks: &Frameworks, citation: Citation<'_>) -> Vec<String> {
    let Citation { check, declared, controls } = citation;
    let fault = |(place, id): (usize, &String)| match frameworks.control(id) {
        _ if controls[..place].contains(id) => Some(format!("control '{id}' is cited twice")),
        None => Some(format!("control '{id}' does not exist")),
        Some(control) if control.own_report() => Some(format!("control '{id}' is evidenced by the report alone")),
        Some(control) if control.not_testable() && !declared => Some(format!(
            "control '{id}' cannot be seen from outside; only a check with evidence = \"declared\" may cite it"
        )),
        Some(_) => None,
    };
    controls.iter().enumerate().filter_map(fault).map(|fault| format!("{check}: {fault}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(declared: bool, controls: &[&str]) -> Vec<String> {
        let controls: Vec<String> = controls.iter().map(|id| (*id).to_owned()).collect();
        let citation = Citation { check: "dns.x", declared, controls: &controls };
        lint_citations(&Frameworks::built_in().unwrap(), [citation])
    }

    #[test]
    fn requirements_threats_and_offences_may_be_cited() {
        assert_eq!(lint(false, &["NIS2-21.2e", "CG03-T12", "BC-7"]), Vec::<String>::new());
    }

    #[test]
    fn a_control_that_does_not_exist_is_refused() {
        assert_eq!(lint(false, &["NIS2-21.2z"]), ["dns.x: control 'NIS2-21.2z' does not exist"]);
    }

    #[test]
    fn what_cannot_be_seen_from_outside_is_cited_by_declared_evidence_only() {
        assert_eq!(lint(false, &["NIS2-21.2g"]).len(), 1);
        assert_eq!(lint(true, &["NIS2-21.2g"]), Vec::<String>::new());
    }

    #[test]
    fn what_only_the_report_evidences_is_cited_by_no_check() {
        let all = Frameworks::built_in().unwrap();
        let own = all.controls().find(|control| control.own_report()).unwrap().id.clone();
        assert_eq!(lint(true, &[&own]).len(), 1);
    }

    #[test]
    fn a_control_cited_twice_is_refused() {
        assert_eq!(lint(false, &["BC-7", "BC-7"]), ["dns.x: control 'BC-7' is cited twice"]);
    }
}
