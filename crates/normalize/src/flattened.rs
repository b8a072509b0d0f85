//! Structure that was flattened into attribute names: `llm.input_messages.0.message.role` and the like.

use std::collections::BTreeMap;

use neuraltrust_model::Map;
use serde_json::Value;

/// Most levels that a name is taken apart into; what is beyond stays one name.
const MAX_LEVELS: usize = 12;

enum Node {
    Leaf(Value),
    Branch(BTreeMap<String, Node>),
}

/// Takes every attribute below `prefix`, as the structure that their names spell: levels named by numbers are arrays, in
/// the order of the numbers. `None` where there is none.
pub(crate) fn take(attributes: &mut Map, prefix: &str) -> Option<Value> {
    take_those(attributes, prefix, |_| true)
}

/// The same for the attributes whose name after the prefix is `wanted`.
pub(crate) fn take_those(attributes: &mut Map, prefix: &str, wanted: impl Fn(&str) -> bool) -> Option<Value> {
    let names: Vec<String> = attributes.keys().filter(|name| below(name, prefix).is_some_and(&wanted)).cloned().collect();
    let mut tree = BTreeMap::new();
    for name in names {
        let Some(value) = attributes.remove(&name) else { continue };
        let levels: Vec<&str> = below(&name, prefix).unwrap_or_default().splitn(MAX_LEVELS, '.').collect();
        // A name that is both a value and a level above others stays where it is.
        if let Err(value) = plant(&mut tree, &levels, value) {
            attributes.insert(name, value);
        }
    }
    (!tree.is_empty()).then(|| structure(Node::Branch(tree)))
}

fn below<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix)?.strip_prefix('.').filter(|rest| !rest.is_empty())
}

fn plant(tree: &mut BTreeMap<String, Node>, levels: &[&str], value: Value) -> Result<(), Value> {
    match levels {
        [] => Err(value),
        [last] if tree.contains_key(*last) => Err(value),
        [last] => {
            tree.insert((*last).to_owned(), Node::Leaf(value));
            Ok(())
        }
        [first, rest @ ..] => match tree.entry((*first).to_owned()).or_insert_with(|| Node::Branch(BTreeMap::new())) {
            Node::Branch(branch) => plant(branch, rest, value),
            Node::Leaf(_) => Err(value),
        },
    }
}

fn structure(node: Node) -> Value {
    let branch = match node {
        Node::Leaf(value) => return value,
        Node::Branch(branch) => branch,
    };
    let numbers: Option<Vec<u64>> = branch.keys().map(|name| name.parse().ok()).collect();
    match numbers {
        Some(numbers) => {
            // Numbers only order the items: a gap, or a number in the billions, makes no room for what is not there.
            let mut items: Vec<_> = numbers.into_iter().zip(branch.into_values()).collect();
            items.sort_by_key(|(number, _)| *number);
            Value::Array(items.into_iter().map(|(_, node)| structure(node)).collect())
        }
        None => Value::Object(branch.into_iter().map(|(name, node)| (name, structure(node))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_become_structure_and_odd_ones_stay() {
        let Value::Object(mut attributes) = json!({
            "p.0.role": "user", "p.10.role": "c", "p.2.role": "b", "p.0.parts.1": 2, "p.0.parts.0": 1,
            "p": "alone", "p.": 0, "pp.0": 1, "p.0.role.deep": "no room", "p.18446744073709551615.role": "last",
        }) else {
            unreachable!()
        };
        let taken = take(&mut attributes, "p").unwrap();
        assert_eq!(taken, json!([{"role": "user", "parts": [1, 2]}, {"role": "b"}, {"role": "c"}, {"role": "last"}]));
        assert_eq!(attributes.keys().collect::<Vec<_>>(), ["p", "p.", "p.0.role.deep", "pp.0"]);
        assert_eq!(take(&mut attributes, "none"), None);
        attributes.insert(format!("q.{}", "a.".repeat(100_000)), json!(1));
        assert!(take(&mut attributes, "q").is_some());
    }
}
