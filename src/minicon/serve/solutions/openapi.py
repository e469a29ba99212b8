"""The OpenAPI description of the API, as data."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _reference(name)}


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _reference(name)}}


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": _content("Refusal")}


_NULLABLE = {"type": ["string", "null"]}
_SIZE = {"type": ["integer", "null"], "description": "bytes"}
_SOLVED = {"description": "all platforms are solved", "content": _content("Solution")}
_UNSOLVED = {
    "description": "a platform has no solution (Solution), or the question is invalid (Refusal)",
    "content": {
        "application/json": {"schema": {"oneOf": [_reference("Solution"), _reference("Refusal")]}}
    },
}
_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
_FILE = {"name": "file", "in": "path", "required": True, "schema": _TEXT}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Solutions from the channels of this server",
        "version": "1",
        "description": "Tokens, where the server requires them, are sent as bearer tokens.",
    },
    "paths": {
        "/api/solve": {
            "post": {
                "summary": "Solve specs or an environment file for some platforms",
                "requestBody": {"required": True, "content": _content("Question")},
                "responses": {
                    "200": _SOLVED,
                    "400": _refusal("the body is not a question"),
                    "401": _refusal("a token is required"),
                    "413": _refusal("the question is too large"),
                    "422": _UNSOLVED,
                    "503": _refusal("too many questions wait; see Retry-After"),
                    "504": _refusal("there was no answer within the time limit"),
                },
            }
        },
        "/api/solve/{id}": {
            "get": {
                "summary": "Return an earlier solution, while it is kept",
                "parameters": [_ID],
                "responses": {"200": _SOLVED, "404": _refusal("it is not kept"), "422": _UNSOLVED},
            }
        },
        "/api/solve/{id}/{file}": {
            "get": {
                "summary": "Return a solution as environment.yml, conda-lock.yml or linux-64.txt",
                "parameters": [_ID, _FILE],
                "responses": {
                    "200": {"description": "the file", "content": {"text/plain": {}}},
                    "404": _refusal("the solution is not kept, or has no such file"),
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Question": {
                **_object(
                    specs={**_TEXTS, "examples": [["python=3.12", "numpy >=2"]]},
                    environment={**_TEXT, "description": "text of an environment.yml"},
                    channels={**_TEXTS, "description": "names; none means all of this server"},
                    platforms={**_TEXTS, "examples": [["linux-64", "osx-arm64"]]},
                    virtual_packages={**_TEXTS, "examples": [["__cuda=12.4"]]},
                ),
                "additionalProperties": False,
            },
            "Solution": _object(
                id={**_TEXT, "description": "hash of the question"},
                solved={"type": "boolean"},
                name=_NULLABLE,
                channels={"type": "array", "items": _object(name=_TEXT, url=_TEXT)},
                specs=_TEXTS,
                notes=_TEXTS,
                results=_array("Result"),
            ),
            "Result": _object(
                platform=_TEXT,
                solved={"type": "boolean"},
                virtual_packages=_TEXTS,
                notes=_TEXTS,
                packages=_array("Package"),
                to_build={**_TEXTS, "description": "requirements that pip has to build"},
                error=_reference("Explanation"),
            ),
            "Package": _object(
                name=_TEXT,
                version=_TEXT,
                build=_TEXT,
                channel=_TEXT,
                subdir=_TEXT,
                fn=_TEXT,
                url=_TEXT,
                size=_SIZE,
                sha256=_NULLABLE,
                md5=_NULLABLE,
                license=_NULLABLE,
                depends=_TEXTS,
                requested={**_TEXTS, "description": "requested specs that it meets"},
                needed_by={**_TEXTS, "description": "packages that depend on it"},
                held_back={**_NULLABLE, "description": "why it is not the newest"},
                source={"enum": ["conda", "pypi"]},
            ),
            "Explanation": _object(
                reference=_TEXT,
                message=_TEXT,
                sentences={**_TEXTS, "description": "how the specs contradict each other"},
                fixes=_array("Fix"),
                hint=_NULLABLE,
            ),
            "Fix": _object(
                text={**_TEXT, "description": "a change that was solved"},
                replaces=_TEXT,
                spec=_NULLABLE,
                specs={"type": ["array", "null"], "items": _TEXT},
            ),
            "Refusal": _object(error=_object(reference=_TEXT, message=_TEXT, hint=_NULLABLE)),
        }
    },
}
