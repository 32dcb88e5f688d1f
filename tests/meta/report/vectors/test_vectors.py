"""Vectors: enough, small, the same on every run, right, and read by code of others."""

from __future__ import annotations

import filecmp
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fixtures.cases.backend import Backend
from fixtures.cases.claims import OF_DTYPE
from fixtures.cases.implementation import TORCH_GRU
from fixtures.report.vectors.contents import Vector, of_witness
from fixtures.report.vectors.files import write
from fixtures.report.vectors.selection import witnesses

READERS = {"read.py": sys.executable, "read.mjs": "node"}


@pytest.fixture(scope="module")
def vectors() -> list[Vector]:
    """Every vector."""
    return [of_witness(*each) for each in witnesses()]


@pytest.fixture(scope="module")
def folder(vectors: list[Vector], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of all vectors."""
    path = tmp_path_factory.mktemp("vectors") / "vectors"
    write(vectors, path)
    return path


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of that folder."""
    data: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return data


def ten(manifest: dict[str, Any]) -> list[str]:
    """The smallest vector that has rows, of each of the laws but the first, by name."""
    smallest: dict[str, tuple[int, str]] = {}
    for vector in (each for each in manifest["vectors"] if "-B0-" not in each["name"]):
        size = vector["files"][0]["bytes"], vector["name"]
        smallest[vector["law"]] = min(smallest.get(vector["law"], size), size)
    return [name for _, name in list(smallest.values())[1:]]


def read(reader: str, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run a reader on the vectors of these names."""
    command = shutil.which(READERS[reader])
    if command is None:
        pytest.skip(f"{READERS[reader]} is not here, which runs {reader}")
    arguments = [command, str(folder / reader), str(folder), *names]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603  # our own files


def test_every_law_from_01_to_11_has_vectors(manifest: dict[str, Any], folder: Path) -> None:
    """At least 200, in less than 20 MB, of distinct names."""
    laws = Counter(vector["law"][:2] for vector in manifest["vectors"])
    assert sorted(laws) == [f"{number:02}" for number in range(1, 12)]
    assert sum(laws.values()) >= 200
    assert len({vector["name"] for vector in manifest["vectors"]}) == sum(laws.values())
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20e6


def test_second_run_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """From the cases on; every eighth is written again."""
    again = tmp_path / "again"
    write((of_witness(*each) for each in itertools.islice(witnesses(), 0, None, 8)), again)
    names = [path.name for path in again.iterdir() if path.name != "manifest.json"]
    assert len(names) > 25
    assert filecmp.cmpfiles(folder, again, names, shallow=False)[1:] == ([], [])


@pytest.mark.parametrize("reader", READERS)
def test_reader_with_a_gru_of_its_own_agrees(
    reader: str, folder: Path, manifest: dict[str, Any]
) -> None:
    """Ten vectors, of as many laws, in both formats."""
    names = ten(manifest)
    files = [v["files"] for v in manifest["vectors"] if v["name"] in names]
    assert len(names) == 10
    assert any(len(each) == 2 for each in files)
    done = read(reader, folder, *names)
    assert done.stdout == f"{sum(map(len, files))} files, 0 results differ\n", done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("word", ["unbatched", "batch_first", "-B0-"])
@pytest.mark.parametrize("reader", READERS)
def test_reader_knows_the_layout(
    reader: str, word: str, folder: Path, manifest: dict[str, Any]
) -> None:
    """Law 06 has unbatched input, under batch_first too, and empty batches."""
    names = [v["name"] for v in manifest["vectors"] if v["law"][:2] == "06" and word in v["name"]]
    names = [name for name in names if word == "unbatched" or not name.endswith("unbatched")]
    done = read(reader, folder, *names)
    assert len(names) >= 5
    assert "batch_first" in " ".join(names)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("reader", READERS)
def test_reader_sees_one_wrong_number(
    reader: str, folder: Path, manifest: dict[str, Any], tmp_path: Path
) -> None:
    """An expected number that is off by more than its tolerance is named."""
    name = next(v["name"] for v in manifest["vectors"] if len(v["files"]) == 2)
    shutil.copytree(folder, tmp_path / "wrong")
    file = tmp_path / "wrong" / f"{name}.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    data["tensors"]["h_n"]["data"][-1] += 2 * data["expected"]["h_n"]["tolerance"]
    file.write_text(json.dumps(data), encoding="utf-8")
    done = read(reader, tmp_path / "wrong", name)
    assert done.returncode == 1
    assert f"{name}.json: h_n[" in done.stdout
    assert "2 files, 1 results differ" in done.stdout


def test_torch_agrees_with_every_vector(vectors: list[Vector]) -> None:
    """Results and gradients of torch.nn.GRU are within the tolerances; there are many gradients."""
    offered = [
        vector
        for vector in vectors
        if not TORCH_GRU.why_not(OF_DTYPE[vector.about["dtype"]], Backend("cpu"))
    ]
    expected = {vector.name: list(vector.about["expected"]) for vector in offered}
    assert {vector.name: agreeing(vector) for vector in offered} == expected
    assert sum("grad_x" in names for names in expected.values()) >= 150


def test_wrong_gradient_is_seen(vectors: list[Vector]) -> None:
    """The comparison above can fail."""
    vector = next(each for each in vectors if "grad_h_0" in each.tensors)
    other = {**vector.tensors, "grad_h_0": vector.tensors["grad_h_0"] + 1e-3}
    assert "grad_h_0" not in agreeing(Vector(vector.name, vector.about, other))


def agreeing(vector: Vector) -> list[str]:
    """The names of torch's results that are within their tolerance."""
    about, tensors = vector.about, vector.tensors
    gru = nn.GRU(
        **about["configuration"], bidirectional=True, dtype=getattr(torch, about["dtype"])
    ).train(about["training"])
    gru.load_state_dict({name: tensors[name] for name, _ in gru.named_parameters()})
    leaves: dict[str, Tensor] = dict(gru.named_parameters())
    leaves |= {name: tensors[name].clone() for name in ("x", "h_0") if name in tensors}
    x, lengths, batch_first = leaves["x"], about["lengths"], gru.batch_first
    results = {}
    for leaf in leaves.values():
        leaf.requires_grad_()
    if lengths is None:
        results["output"], results["h_n"] = gru(x, leaves.get("h_0"))
    else:
        packed = pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        output, h_n = gru(packed, leaves.get("h_0"))
        steps = x.shape[int(batch_first)]
        padded, _ = pad_packed_sequence(output, batch_first, total_length=steps)
        results |= {"output": padded, "h_n": h_n}
    if "grad_output" in tensors:
        cotangents = [tensors["grad_output"], tensors["grad_h_n"]]
        gradients = torch.autograd.grad(list(results.values()), list(leaves.values()), cotangents)
        results |= {f"grad_{name}": g for name, g in zip(leaves, gradients, strict=True)}
    return [
        name
        for name, bound in about["expected"].items()
        if not torch.any(
            ((results[name].double() - tensors[name]).abs() > bound["tolerance"])
            | (results[name].isnan() != tensors[name].isnan())
        )
    ]


def violations(data: Any, schema: dict[str, Any], where: str = "manifest") -> list[str]:
    """What of JSON Schema's words that the schema uses the data does not obey."""
    types: dict[str, tuple[type, ...]] = {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "integer": (int,),
        "boolean": (bool,),
        "number": (int, float),
        "null": (type(None),),
    }
    wanted = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if wanted and not any(isinstance(data, types[each]) for each in wanted):
        return [f"{where} is no {' or '.join(wanted)}"]
    if "const" in schema and data != schema["const"]:
        return [f"{where} is not {schema['const']}"]
    if "enum" in schema and data not in schema["enum"]:
        return [f"{where} is none of {schema['enum']}"]
    if "pattern" in schema and not re.search(schema["pattern"], data):
        return [f"{where} does not match {schema['pattern']}"]
    found = []
    if isinstance(data, dict):
        properties = schema["properties"]
        found += [f"{where} has no {name}" for name in schema["required"] if name not in data]
        found += [f"{where} may have no {name}" for name in data if name not in properties]
        for name in properties.keys() & data.keys():
            found += violations(data[name], properties[name], f"{where}.{name}")
    if isinstance(data, list):
        for i, each in enumerate(data):
            found += violations(each, schema["items"], f"{where}[{i}]")
    return found


def test_manifest_obeys_its_schema(folder: Path, manifest: dict[str, Any]) -> None:
    """And a manifest that does not is seen."""
    schema = json.loads((folder / "manifest.schema.json").read_text(encoding="utf-8"))
    assert violations(manifest, schema) == []
    first, *_ = manifest["vectors"]
    assert violations({**manifest, "vectors": [{**first, "dtype": "f32"}]}, schema) != []
    assert violations({**manifest, "more": 1}, schema) == ["manifest may have no more"]


def test_manifest_has_the_checksum_of_every_file(folder: Path, manifest: dict[str, Any]) -> None:
    """All files of vectors are listed, with their sizes; nothing else lies there."""
    files = {f["name"]: f["bytes"] for v in manifest["vectors"] for f in v["files"]}
    beside = {"README.md", "manifest.json", "manifest.schema.json", *READERS}
    assert {path.name for path in folder.iterdir()} == {*files, *beside}
    assert all((folder / name).stat().st_size == size for name, size in files.items())
