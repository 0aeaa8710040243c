//! Which controls lie below which.

use std::collections::{BTreeMap, BTreeSet};

use super::{Control, Framework};

/// `parent` and `maps_to`, turned downwards.
pub(super) struct Tree<'a> {
    children: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Tree<'a> {
    /// The tree of these controls.
    pub(super) fn new(controls: impl Iterator<Item = &'a Control>) -> Self {
        let mut children: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for control in controls {
            if let Some(parent) = &control.parent {
                children.entry(parent).or_default().insert(&control.id);
            }
            children.entry(&control.id).or_default().extend(control.maps_to.iter().map(String::as_str));
        }
        Self { children }
    }
    /// Every control below this one. It contains the control itself only if there is a circle.
    pub(super) fn below(&self, id: &str) -> BTreeSet<&'a str> {
        let children = |id: &str| self.children.get(id).into_iter().flatten().copied();
        let (mut found, mut todo) = (BTreeSet::new(), children(id).collect::<Vec<&'a str>>());
        while let Some(next) = todo.pop() {
            if found.insert(next) {
                todo.extend(children(next));
            }
        }
        found
    }
}

/// How many leaf points of a framework can be seen from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafCounts {
    pub external: usize,
    pub partial: usize,
    pub none: usize,
    /// Evidenced by the report's own existence.
    pub own_report: usize,
}

impl LeafCounts {
    /// All leaf points.
    pub fn total(&self) -> usize {
        self.external + self.partial + self.none + self.own_report
    }
}

/// Counts the controls of a framework that are no other's parent, by what an outside look can say about them.
pub fn leaf_counts(framework: &Framework) -> LeafCounts {
    let parents: BTreeSet<&str> = framework.controls.iter().filter_map(|control| control.parent.as_deref()).collect();
    let mut counts = LeafCounts::default();
    for control in framework.controls.iter().filter(|control| !parents.contains(control.id.as_str())) {
        match control.technical_evidence.as_str() {
            "external" => counts.external += 1,
            "partial" => counts.partial += 1,
            "self" => counts.own_report += 1,
            _ => counts.none += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::Frameworks;
    use super::*;

    #[test]
    fn the_leaf_points_of_2024_2690_are_27_72_223_and_13_of_335() {
        let all = Frameworks::built_in().unwrap();
        let counts = leaf_counts(all.framework("ir2690").unwrap());
        assert_eq!(counts, LeafCounts { external: 27, partial: 72, none: 223, own_report: 13 });
        assert_eq!(counts.total(), 335);
    }

    #[test]
    fn below_a_letter_of_article_21_lie_the_points_of_its_annex_sections() {
        let all = Frameworks::built_in().unwrap();
        let tree = Tree::new(all.controls());
        assert!(tree.below("NIS2-21.2e").contains("IR2690-6.7.2.k"));
        assert!(tree.below("NIS2-21.2j").contains("IR2690-11.6.1"));
        assert!(!tree.below("NIS2-21.2h").contains("IR2690-6.7.2.k"));
        assert!(tree.below("IR2690-6.7.2.k").is_empty());
    }
}
