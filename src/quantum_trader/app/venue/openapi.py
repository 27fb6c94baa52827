"""The control API described for machines: OpenAPI 3.1, made of the bodies it really reads."""

from typing import Any

import msgspec

from quantum_trader.app.venue.control_bodies import BODIES, Page

TEMPLATE = "#/components/schemas/{name}"
LOOKS = {
    "state": "Clocks, prices, accounts and positions as they are now.",
    "truth": "Everything that was asked and what came of it, oldest first.",
    "traffic": "How often which endpoint and stream path was used, and what came of it.",
    "faults": "The faults in force.",
}


def document() -> dict[str, Any]:
    """The whole description."""
    shapes = list(BODIES.values())
    schemas, components = msgspec.json.schema_components(shapes, ref_template=TEMPLATE)
    paths: dict[str, Any] = {f"/control/{name}": {"get": _look(name)} for name in LOOKS}
    for name, schema in zip(BODIES, schemas, strict=True):
        path = paths.setdefault(f"/control/{name}", {})
        path["post"] = _act(BODIES[name], schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Control of the paper venue", "version": "1"},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _look(name: str) -> dict[str, Any]:
    parameters = []
    if name == "truth":
        fields = msgspec.json.schema_components([Page])[1]["Page"]["properties"]
        parameters = [
            {"name": field, "in": "query", "schema": schema} for field, schema in fields.items()
        ]
    return {"summary": LOOKS[name], "parameters": parameters, "responses": _RESPONSES}


def _act(shape: type[msgspec.Struct], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": (shape.__doc__ or "").partition("\n")[0],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _RESPONSES,
    }


_OBJECT = {"content": {"application/json": {"schema": {"type": "object"}}}}
_RESPONSES = {
    "200": {"description": "Done.", **_OBJECT},
    "400": {"description": "Cannot be done, and why.", **_OBJECT},
    "401": {"description": "Without the token.", **_OBJECT},
    "403": {"description": "Not from a program of this machine.", **_OBJECT},
}
