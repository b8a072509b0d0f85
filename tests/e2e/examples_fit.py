"""Tells which examples of an OpenAPI document are not what their schemas say; schemathesis brings the validator."""

import json
import sys

import jsonschema_rs


def told(document):
    """A line for each that does not fit."""
    components = document["components"]

    def fits(where, schema, example):
        return [
            f"{where}: {error.message}"
            for error in jsonschema_rs.validator_for({**schema, "components": components}).iter_errors(example)
        ]

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for side in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for content in side.get("content", {}).values():
                    if "example" in content:
                        yield from fits(f"{method} {path}", content["schema"], content["example"])
    for name, schema in components["schemas"].items():
        if "example" in schema:
            yield from fits(name, {"$ref": f"#/components/schemas/{name}"}, schema["example"])


sys.exit("\n".join(told(json.load(sys.stdin))) or None)
