//! The shapes in which clients describe a user.

use neuraltrust_model::{Map, User};
use serde_json::Value;

/// A user from an object: `{id, name, email}` or `{user_id, user_name, user_email}`; everything else stays as it is named.
/// `None` when nothing is said.
pub(crate) fn user(mut map: Map) -> Option<User> {
    map.retain(|_, value| !value.is_null());
    let mut take = |names: [&str; 2]| {
        let name = names.into_iter().find(|name| matches!(map.get(*name), Some(Value::String(_) | Value::Number(_))))?;
        map.remove(name).map(|value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        })
    };
    let user =
        User { id: take(["user_id", "id"]), name: take(["name", "user_name"]), email: take(["user_email", "email"]), extra: map };
    (!user.is_empty()).then_some(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(given: Value, id: Option<&str>, name: Option<&str>, extra: Value) {
        let Value::Object(map) = given else { unreachable!() };
        let user = user(map).unwrap_or_default();
        assert_eq!((user.id.as_deref(), user.name.as_deref(), Value::Object(user.extra)), (id, name, extra));
    }

    #[test]
    fn both_shapes() {
        check(json!({"id": "u1", "name": "John"}), Some("u1"), Some("John"), json!({}));
        check(json!({"user_id": 7, "user_phone": "+41", "plan": null}), Some("7"), None, json!({"user_phone": "+41"}));
        check(json!({"user_id": "a", "id": "b"}), Some("a"), None, json!({"id": "b"}));
        check(json!({"id": ["odd"]}), None, None, json!({"id": ["odd"]}));
    }
}
