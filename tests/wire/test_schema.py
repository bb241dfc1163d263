"""The generated files: in step with the code, valid, and in agreement with what the program takes and writes."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from meerkat_rpc.commands import schema as command
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.wire import catalog, types
from meerkat_rpc.wire.convert import structure, to_json
from meerkat_rpc.wire.json_schema import definitions, named_types
from meerkat_rpc.wire.schema import as_text, bundle, files
from tests.wire.samples import UUID, full, plain, samples

ROOT = Path(__file__).parents[2]

DOCUMENTS: Mapping[str, Any] = {path: json.loads(text) for path, text in files().items() if path.endswith(".json")}

SENT_BY_CLIENT = sorted(
    {entry.params for entry in catalog.METHODS}
    | {entry.params for entry in catalog.NOTIFICATIONS if entry.to == "server"}
)
SENT_BY_SERVER = sorted(
    {entry.result for entry in catalog.METHODS}
    | {entry.params for entry in catalog.NOTIFICATIONS if entry.to == "client"}
)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": dict(definitions())})


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


def test_the_committed_files_are_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--check", str(ROOT / "schema")) == 0, capsys.readouterr().out


def test_generation_gives_the_same_text_every_time() -> None:
    assert files() == files()
    assert as_text(bundle()) == as_text(bundle())


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path != "openrpc.json"])
def test_every_schema_is_valid_and_stands_by_itself(path: str) -> None:
    Draft202012Validator.check_schema(DOCUMENTS[path])
    assert set(references(DOCUMENTS[path])) == {f"#/$defs/{name}" for name in DOCUMENTS[path].get("$defs", {})}


def test_the_bundle_is_valid_and_lists_everything() -> None:
    whole = bundle()
    Draft202012Validator.check_schema(whole)
    assert set(whole["methods"]) == {entry.name for entry in catalog.METHODS}
    assert set(whole["notifications"]) == {entry.name for entry in catalog.NOTIFICATIONS}
    assert {reference.rpartition("/")[2] for reference in references(whole)} <= set(whole["$defs"])


def references(document: Any) -> Iterator[str]:
    """Yield every ``$ref`` in ``document``."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(document, list):
        for item in document:
            yield from references(item)


def test_every_method_and_notification_has_its_files() -> None:
    methods = {f"methods/{entry.name.replace('/', '.')}" for entry in catalog.METHODS}
    assert {f"{path}.{half}.json" for path in methods for half in ("params", "result")} <= set(DOCUMENTS)
    assert {f"notifications/{entry.name.replace('/', '.')}.json" for entry in catalog.NOTIFICATIONS} <= set(DOCUMENTS)


def test_every_error_has_its_number_and_its_code_in_the_schema() -> None:
    check = Draft202012Validator(DOCUMENTS["errors.json"])
    for entry in catalog.ERRORS:
        data = {"code": entry.code, "session_id": UUID, "max": 4, "later": "x"}
        assert check.is_valid({"code": entry.number, "message": "x", "data": data})
        assert not check.is_valid({"code": entry.number, "message": "x", "data": {**data, "code": "OTHER"}})
        assert not check.is_valid({"code": entry.number, "message": "x"})


@pytest.mark.parametrize("name", SENT_BY_SERVER)
def test_what_the_server_writes_is_valid(name: str) -> None:
    check, kind = validator(name), named_types()[name]
    for value in samples(kind):
        written = to_json(structure(kind, value))
        check.validate(written)
        assert written == value


@pytest.mark.parametrize("name", SENT_BY_CLIENT)
def test_what_the_client_library_writes_is_valid_and_read_back(name: str) -> None:
    check, kind = validator(name), named_types()[name]
    for value in samples(kind):
        instance = structure(kind, value)
        check.validate(to_json(instance))
        assert plain(structure(kind, to_json(instance))) == plain(instance)


ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    1001,
    2.5,
    "",
    "text",
    UUID,
    "deferred",
    "session",
    [],
    ["a"],
    {},
    {"a": 1},
    {"a": "b"},
)


@pytest.mark.parametrize("name", SENT_BY_CLIENT)
def test_the_schema_takes_and_refuses_what_the_program_does(name: str) -> None:
    check, kind = validator(name), named_types()[name]
    whole = full(kind)
    for field, schema in definitions()[name].get("properties", {}).items():
        for odd in ODD_VALUES:
            if isinstance(odd, str) and schema.get("format") == "uuid":
                continue  # `format` is a note to people in JSON Schema, and a rule here
            value = {**whole, field: odd}
            assert check.is_valid(value) == taken(kind, value), f"{field}: {odd!r}"
        without = {key: value for key, value in whole.items() if key != field}
        assert check.is_valid(without) == taken(kind, without), f"without {field}"


def taken(kind: Any, value: Any) -> bool:
    try:
        structure(kind, value)
    except InvalidArgument:
        return False
    return True


def test_defaults_in_the_schema_are_those_of_the_program() -> None:
    schema = definitions()["SessionListParams"]["properties"]
    shown = {field: kind["default"] for field, kind in schema.items()}
    assert plain(structure(types.SessionListParams, shown)) == plain(types.SessionListParams())


def test_the_openrpc_document_describes_every_method_by_name() -> None:
    document = DOCUMENTS["openrpc.json"]
    assert document["openrpc"] == "1.3.2"
    assert [method["name"] for method in document["methods"]] == sorted(entry.name for entry in catalog.METHODS)
    for method in document["methods"]:
        assert method["paramStructure"] == "by-name"
        required = [param["required"] for param in method["params"]]
        assert required == sorted(required, reverse=True), "OpenRPC: required ones first"
    assert {entry["name"] for entry in document["x-notifications"]} == {entry.name for entry in catalog.NOTIFICATIONS}


def test_every_reference_in_the_openrpc_document_leads_somewhere() -> None:
    document = DOCUMENTS["openrpc.json"]
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_openrpc_document_says_which_errors_a_method_has() -> None:
    errors = {
        method["name"]: {error["$ref"].rpartition("/")[2] for error in method["errors"]}
        for method in DOCUMENTS["openrpc.json"]["methods"]
    }
    assert {"SESSION_NOT_FOUND", "SESSION_BUSY", "PROVIDER_ERROR", "STORE_ERROR"} <= errors["turn/start"]
    assert "SESSION_NOT_FOUND" in errors["events/list_since"]
    assert "SESSION_NOT_FOUND" not in errors["session/create"]
    assert errors["models/catalog"] == {"INVALID_REQUEST", "INVALID_PARAMS", "INTERNAL_ERROR", "TURN_CANCELLED"}


def test_the_typescript_module_declares_every_type_and_name() -> None:
    text = files()["meerkat-rpc.ts"]
    for name in named_types():
        assert f"export interface {name} {{" in text or f"export type {name} =" in text
    for name in [entry.name for entry in catalog.METHODS] + [entry.name for entry in catalog.NOTIFICATIONS]:
        assert f'  "{name}": {{ ' in text
    for error in catalog.ERRORS:
        assert f"  {error.code}: {error.number}," in text


USE = """
import { ErrorCodes, Event, Methods, Notifications, RpcError } from "./meerkat-rpc";
declare function call<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]>;
export async function use(event: Event, error: RpcError, note: Notifications["session/event"]["params"]) {
  const result = await call("session/create", { prompt: "hi" });
  if ("text" in result) { const text: string = result.text; return text; }
  switch (event.type) { case "text_delta": return event.delta; case "run_failed": return event.reason; }
  if (error.code === ErrorCodes.SESSION_BUSY) return error.data.owner?.host;
  // @ts-expect-error a required parameter is missing
  await call("turn/start", { prompt: "hi" });
  return note.event.type;
}
"""


@pytest.mark.skipif(
    shutil.which("tsc") is None and not os.environ.get("CI"),
    reason="tsc is not on PATH: npm install --global typescript",
)
def test_the_typescript_module_compiles_strictly(tmp_path: Path) -> None:
    (tmp_path / "meerkat-rpc.ts").write_text(files()["meerkat-rpc.ts"], "utf-8")
    (tmp_path / "use.ts").write_text(USE, "utf-8")
    done = subprocess.run(
        ["tsc", "--strict", "--noEmit", "use.ts"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_check_names_each_file_that_differs_and_the_command_that_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "schema"
    assert run("--write", str(folder)) == 0
    assert run("--check", str(folder)) == 0
    (folder / "errors.json").write_text("{}", "utf-8")
    (folder / "events.json").unlink()
    (folder / "methods" / "gone.params.json").write_text("{}", "utf-8")
    capsys.readouterr()
    assert run("--check", str(folder)) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/errors.json: not what the code says",
        f"{folder}/events.json: missing",
        f"{folder}/methods/gone.params.json: nothing generates it any more; delete it",
        f"The files are generated; mend them with: meerkat-rpc schema --write {folder}",
    ]


def test_files_that_cannot_be_written_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert run("--write", str(tmp_path / "file")) == 1
    assert "meerkat-rpc: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [((), "{"), (("--format", "openrpc"), '{\n  "openrpc"'), (("--format", "typescript"), "// The types")],
)
def test_the_command_prints_each_format(
    arguments: tuple[str, ...], beginning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 0
    assert capsys.readouterr().out.startswith(beginning)
