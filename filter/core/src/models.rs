//! `GET /v1/models`, in OpenAI's shape.

use ferry_api::v1::{Model, ModelList};
use serde_json::{Value, json};

use crate::reply::{Reason, Reply};

/// The answer to `GET /v1/models`, or to `GET /v1/models/{id}` if one is `wanted`.
#[must_use]
pub fn reply(list: &ModelList, wanted: Option<&str>) -> Reply {
    let Some(id) = wanted else {
        let data: Vec<Value> = list.models.iter().map(entry).collect();
        return Reply::json(200, &json!({"object": "list", "data": data}));
    };
    match list.models.iter().find(|model| model.name == id) {
        Some(model) => Reply::json(200, &entry(model)),
        None => Reply::reason(Reason::ModelNotFound),
    }
}

fn entry(model: &Model) -> Value {
    json!({"id": model.name, "object": "model", "created": model.created_s, "owned_by": model.owned_by})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> ModelList {
        let model = |name: &str| Model {
            name: name.into(),
            created_s: 1_700_000_000,
            owned_by: "openai".into(),
        };
        ModelList {
            models: vec![model("gpt-4o"), model("org/model")],
            ..ModelList::default()
        }
    }

    #[test]
    fn all_or_one() {
        let body =
            |wanted| serde_json::from_slice::<Value>(&reply(&list(), wanted).body).expect("JSON");
        let first = json!({"id": "gpt-4o", "object": "model", "created": 1_700_000_000, "owned_by": "openai"});
        assert_eq!(body(None)["object"], "list");
        assert_eq!(body(None)["data"][0], first);
        assert_eq!(body(Some("gpt-4o")), first);
        assert_eq!(body(Some("org/model"))["id"], "org/model");
        assert_eq!(reply(&list(), Some("gpt-5")).status, 404);
        assert_eq!(body(Some("gpt-5"))["error"]["code"], "model_not_found");
    }
}
