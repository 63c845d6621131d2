"""Judges every request to the sandbox and every answer of it by Stripe's own OpenAPI document."""

import json
import re
from functools import cached_property
from urllib.parse import parse_qsl

import jsonschema_rs

from tests.judge.document import OBJECTS, reduced

_VALIDATORS = {}  # of all judges: building one takes longer than a thousand judgements


class Judge:
    """Called with each exchange; `findings` are sentences about what Stripe's document does not allow."""

    def __init__(self, document=None):
        self.document = document or reduced()
        self.findings = []
        self.judged = 0
        self._validators = _VALIDATORS

    def __call__(self, exchange):
        """Judge one exchange: its request, unless the answer refuses its parameters, and its answer."""
        found = self._operation(exchange.method, exchange.path)
        if found is None:
            if exchange.status != 404:
                self._find(exchange, "no such operation in the document")
            return
        self.judged += 1
        name, operation = found
        answer = self._decoded(exchange)
        if exchange.status not in (400, 401):
            self._judge_request(exchange, name, operation)
        if answer is not None:
            self._judge_answer(exchange, name, operation, answer)

    @cached_property
    def _patterns(self):
        """Each path of the document as a pattern, those without ids first."""
        paths = sorted({name.split(" ")[1] for name in self.document["operations"]}, key=lambda path: path.count("{"))
        return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]

    def _operation(self, method, path):
        for pattern, documented in self._patterns:
            name = f"{method} {documented}"
            if pattern.fullmatch(path.removesuffix("/")) and name in self.document["operations"]:
                return name, self.document["operations"][name]
        return None

    def _decoded(self, exchange):
        try:
            return json.loads(exchange.answer)
        except ValueError:
            self._find(exchange, "the answer is not JSON")
        return None

    def _judge_request(self, exchange, name, operation):
        given = typed(nested(exchange.text), operation["asked"], self.document["schemas"])
        for complaint in self._complaints(f"{name} asked", operation["asked"], given):
            self._find(exchange, f"request: {complaint}")

    def _judge_answer(self, exchange, name, operation, answer):
        which = "200" if exchange.status == 200 else "default"
        for complaint in self._complaints(f"{name} {which}", operation["answers"][which], answer):
            self._find(exchange, f"answer: {complaint}")
        if (exchange.status == 200) == ("error" in answer):
            self._find(exchange, "an error with status 200, or another status without error")
        if "expand" not in exchange.text.decode():
            for path in expanded(answer):
                self._find(exchange, f"answer: {path} is expanded though nobody asked")
        listed = answer.get("data") if answer.get("object") == "list" else [answer]
        for one in listed:
            if one.get("object") == "event":
                self.judge_event(one)

    def judge_event(self, event):
        """Judge the object that an event shows, which the document leaves open."""
        shown = event["data"]["object"]
        kind = shown["object"]
        reference = {"$ref": f"#/components/schemas/{kind}"}
        if kind not in OBJECTS:
            self.findings.append(f"event {event['type']}: about a {kind}")
            return
        for complaint in self._complaints(f"object {kind}", reference, shown):
            self.findings.append(f"event {event['type']}: {complaint}")

    def _complaints(self, name, schema, value):
        validator = self._validators.get(name)
        if validator is None:
            whole = {**schema, "components": {"schemas": self.document["schemas"]}}
            validator = self._validators[name] = jsonschema_rs.validator_for(whole)
        return [f"{error.instance_path}: {str(error.message)[:300]}" for error in validator.iter_errors(value)]

    def _find(self, exchange, what):
        self.findings.append(f"{exchange.method} {exchange.path} ({exchange.status}): {what}")


def expanded(value, path="", *, inside=False):
    """Where an answer holds a whole object in place of an id; errors and events hold some by themselves."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from expanded(one, f"{path}[{number}]")
    if not isinstance(value, dict) or value.get("object") == "event":
        return
    if inside and "id" in value and value.get("object") not in (None, "list", "item"):
        yield path
    for name, one in value.items():
        if name not in ("error", "last_payment_error", "last_setup_error"):
            yield from expanded(one, f"{path}.{name}", inside="object" in value and value["object"] != "list")


def nested(text):
    """A form as nested hashes of texts, by a decoder that the sandbox does not share."""
    whole = {}
    for name, value in parse_qsl(text.decode(), keep_blank_values=True):
        first, *others = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        place = whole
        for part, following in zip([first, *others], [*others, None], strict=True):
            key = part or str(len(place))
            if following is None:
                place[key] = value
            else:
                place = place.setdefault(key, {})
    return whole


def typed(value, schema, schemas):
    """The value with the types that a schema gives it; left as it is where it does not fit."""
    if "$ref" in schema:
        return typed(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        fitting = [one for one in schema["anyOf"] if fits(typed(value, one, schemas), one, schemas)]
        return typed(value, fitting[0], schemas) if fitting else value
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        others = others if isinstance(others, dict) else {}
        return {name: typed(one, properties.get(name, others), schemas) for name, one in value.items()}
    if kind == "array" and isinstance(value, dict):
        return [typed(one, schema["items"], schemas) for _, one in sorted(value.items(), key=lambda item: int(item[0]))]
    if kind == "integer" and isinstance(value, str) and re.fullmatch("-?[0-9]+", value):
        return int(value)
    if kind == "number" and isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return float(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def fits(value, schema, schemas):
    """Whether a value has the outer type of a schema, and is one of its words if it has them."""
    if "$ref" in schema:
        return fits(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    types = {"object": dict, "array": list, "integer": int, "boolean": bool, "string": str, "number": float}
    if "enum" in schema:
        return value in schema["enum"]
    return isinstance(value, types.get(schema.get("type"), object))
