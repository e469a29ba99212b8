"""Solutions for programs: answers, files, limits, and questions of hostile clients."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
import yaml
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder
from tests.support.commands import QuickWorkspace
from tests.support.package_index import PackageIndex
from tests.support.package_index import serving as serving_index
from tests.support.served import serving
from tests.support.wheels import WheelBuilder

from minicon.envs.locks.conda_lock import parse_conda_lock
from minicon.models.environment_files.explicit_list import parse_explicit_list

pytest.importorskip("aiohttp")


def ask(server, status: int = 200, **question):
    answer = server.send("POST", "/api/solve", json=question)
    assert answer.status_code == status, answer.text
    return answer.json()


def names_of(result) -> set[str]:
    return {each["name"] for each in result["packages"]}


def test_a_solution_has_all_that_an_environment_needs(served) -> None:
    document = ask(served, specs=["app"], platforms=["linux-64", "osx-arm64"])
    assert document["solved"]
    assert document["channels"] == [{"name": "team", "url": f"{served.url}/team"}]
    linux, mac = document["results"]
    assert names_of(linux) == names_of(mac) == {"app", "engine", "libfast", "data-files"}
    (engine,) = (each for each in linux["packages"] if each["name"] == "engine")
    assert engine["url"] == f"{served.url}/team/linux-64/engine-3.1-0.conda"
    assert engine["needed_by"] == ["app"]
    assert served.get(engine["url"].removeprefix(served.url)).status_code == 200


def test_environment_files_are_questions(served) -> None:
    text = (
        f"name: mine\nchannels: [{served.url}/team, conda-forge]\nplatforms: [osx-arm64]\n"
        "dependencies:\n- app\n- only-linux  # [linux]\n"
    )
    document = ask(served, environment=text)
    assert document["name"] == "mine"
    assert [each["platform"] for each in document["results"]] == ["osx-arm64"]
    assert document["specs"] == ["app"]
    assert document["notes"] == ["the channel conda-forge of the file is not offered here"]


def test_no_solution_is_explained(served) -> None:
    document = ask(served, 422, specs=["old-tool", "engine"], platforms=["linux-64"])
    assert not document["solved"]
    error = document["results"][0]["error"]
    assert error["message"] == "old-tool and engine cannot be installed together"
    assert error["sentences"] == ["old-tool needs libfast <2", "engine needs libfast >=2"]
    assert [fix["specs"] for fix in error["fixes"]] == [["engine"], ["old-tool"]]
    missing = ask(served, 422, specs=["engin"])["results"][0]["error"]
    assert missing["hint"] == "did you mean engine?"


def test_solutions_are_kept_under_the_hash_of_their_question(served) -> None:
    question = {"specs": ["app", "libfast"], "platforms": ["linux-64"]}
    first = ask(served, **question)
    start = time.monotonic()
    again = ask(served, **question)
    assert time.monotonic() - start < 0.25
    assert again == first
    assert served.get(f"/api/solve/{first['id']}").json() == first
    assert ask(served, **{**question, "platforms": ["osx-arm64"]})["id"] != first["id"]
    assert served.get(f"/api/solve/{'0' * 32}").status_code == 404


def test_solutions_are_taken_as_files(served, tmp_path) -> None:
    document = ask(served, specs=["app"], platforms=["linux-64", "osx-arm64"])
    path = f"/api/solve/{document['id']}"
    answer = served.get(f"{path}/environment.yml")
    assert yaml.safe_load(answer.text) == {
        "name": "environment",
        "channels": [f"{served.url}/team"],
        "platforms": ["linux-64", "osx-arm64"],
        "dependencies": ["app"],
    }
    assert answer.headers["Content-Disposition"] == 'attachment; filename="environment.yml"'
    explicit = served.get(f"{path}/linux-64.txt").text
    assert len(parse_explicit_list(explicit, source="x").entries) == 4
    lock = served.get(f"{path}/conda-lock.yml").text
    assert len(parse_conda_lock(lock, source="x").packages) == 8
    workspace = QuickWorkspace(tmp_path)
    for name, text in (("linux-64.txt", explicit), ("conda-lock.yml", lock)):
        (tmp_path / name).write_text(text)
        options = ("--platform", "linux-64")
        workspace.run("create", "-y", "-n", name[:4], "-f", name, *options, cwd=tmp_path).ok()
        assert (workspace.environment(name[:4]) / "lib" / "engine").exists()
    for name in ("win-64.txt", "other"):
        assert served.get(f"{path}/{name}").status_code == 404


def test_the_api_is_described(served) -> None:
    description = served.get("/api/openapi.json").json()
    document = ask(served, specs=["app"])
    schemas = description["components"]["schemas"]
    assert document.keys() <= schemas["Solution"]["properties"].keys()
    result = document["results"][0]
    assert result.keys() <= schemas["Result"]["properties"].keys()
    assert result["packages"][0].keys() <= schemas["Package"]["properties"].keys()
    error = ask(served, 422, specs=["old-tool", "engine"])["results"][0]["error"]
    assert error.keys() <= schemas["Explanation"]["properties"].keys()
    assert error["fixes"][0].keys() <= schemas["Fix"]["properties"].keys()


@pytest.mark.parametrize(
    "spec",
    [
        "/etc/passwd::app",
        "../other::app",
        "file:///etc::app",
        "http://127.0.0.1:1/x::app",
        "app[channel=/etc]",
        "app[channel='http://127.0.0.1:1']",
        "app[url='http://127.0.0.1:1/app-1-0.conda']",
        "app[fn='/etc/passwd.conda']",
        "http://127.0.0.1:1/app-1.0-0.conda",
        "./app-1.0-0.conda",
        "/etc/app-1.0-0.tar.bz2",
        "app @ file:///etc/passwd",
        "app-1.0-py3-none-any.whl",
        "pypi:requests",
        "host::python",
        "conda-forge::app",
        "^(a+)+$",
        "*",
        "a" * 600,
        "app\x1b[31m",
        "app\n- other",
        "<script>alert(1)</script>",
    ],
)
def test_specs_name_no_files_or_addresses(served, spec: str) -> None:
    error = ask(served, 422, specs=[spec])["error"]
    assert "Traceback" not in json.dumps(error)
    assert "/etc/passwd'" not in error["message"].replace(repr(spec), "")


@pytest.mark.parametrize(
    "text",
    [
        "dependencies:\n- pip:\n  - -r /etc/passwd\n",
        "dependencies:\n- pip:\n  - --index-url=http://127.0.0.1:1\n  - x\n",
        "dependencies:\n- pip:\n  - -e .\n",
        "dependencies:\n- pip:\n  - git+https://127.0.0.1:1/x\n",
        "dependencies:\n- pip:\n  - x==${HOME}\n",
        "@EXPLICIT\nhttp://127.0.0.1:1/app-1-0.conda\n",
        "-r /etc/passwd\n",
        "dependencies: !!python/object/apply:os.system [id]\n",
        "a: &a [x,x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\ndependencies: [*c,*c]\n",
        "dependencies: [" + "[" * 5000 + "]" * 5000 + "]\n",
        "dependencies:\n" + "- app\n" * 300,
        "name: [1\n",
        "\0",
    ],
)
def test_environment_files_name_no_files_or_addresses(served, text: str) -> None:
    assert "error" in ask(served, 422, environment=text)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"specs": "app"}', 400),
        (b'{"specs": [1]}', 400),
        (b'{"other": 1}', 400),
        (b"{" * 1000, 400),
        (b'{"specs": ["' + b"a" * 300_000 + b'"]}', 413),
        (b'{"specs": []}', 422),
        (b'{"specs": ["app"], "platforms": ["../x"]}', 422),
        (b'{"specs": ["app"], "platforms": ["noarch"]}', 422),
        (b'{"specs": ["app"], "channels": ["/etc"]}', 422),
        (b'{"specs": ["app"], "virtual_packages": ["x y"]}', 422),
        (b'{"specs": ["\\ud800"]}', 400),
    ],
)
def test_invalid_questions_are_refused(served, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = served.send("POST", "/api/solve", data=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_other_sites_cannot_ask(served) -> None:
    """A form of another site can send text, not JSON; and no header lets it read an answer."""
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = served.send("POST", "/api/solve", data=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415
    answer = served.send("OPTIONS", "/api/solve", headers={"Origin": "http://other.test"})
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_tokens_decide_about_channels_of_solutions(tmp_path, team) -> None:
    (tmp_path / "tokens").write_text("token-for-all\ntoken-for-one one\n")
    with serving(tmp_path, f"one={team}", f"two={team}", "--tokens", tmp_path / "tokens") as server:
        bearer = {"Authorization": "Bearer token-for-one"}
        question = {"specs": ["app"]}
        assert server.send("POST", "/api/solve", json=question).status_code == 401
        found = server.send("POST", "/api/solve", json=question, headers=bearer).json()
        assert [each["name"] for each in found["channels"]] == ["one"]
        other = {"specs": ["app"], "channels": ["two"]}
        denied = server.send("POST", "/api/solve", json=other, headers=bearer)
        assert denied.status_code == 422
        both = {"Authorization": "Bearer token-for-all"}
        found = server.send("POST", "/api/solve", json=other, headers=both).json()
        assert server.get(f"/api/solve/{found['id']}", headers=bearer).status_code == 404
        assert server.get(f"/api/solve/{found['id']}", headers=both).status_code == 200


def test_channels_cannot_lead_to_other_addresses(tmp_path) -> None:
    """What an index names (a base URL, relations) is no reason to request it."""
    channel = ChannelBuilder(tmp_path / "led", channel_relations={"base": "../hidden"})
    channel.add("app-1.0-0", subdir="noarch")
    channel.write()
    hidden = ChannelBuilder(tmp_path / "hidden").add_all("secret-1.0-0", subdir="noarch")
    hidden.write()
    with serving(tmp_path, tmp_path / "led") as server:
        answer = server.send("POST", "/api/solve", json={"specs": ["secret"]})
        assert answer.status_code in (422, 502)
        assert "results" not in answer.json()


def test_an_index_cannot_lead_to_other_addresses(tmp_path) -> None:
    with ChannelServer(tmp_path / "other") as other:
        infos = (
            {"shards_base_url": f"http://127.0.0.1:{other.port}/"},
            {"shards_base_url": f"https://127.0.0.1:{other.port}/"},
            {"shards_base_url": "../../%2e%2e/secret/"},
            {"base_url": f"https://127.0.0.1:{other.port}/"},
        )
        folders = [tmp_path / f"led{number}" for number in range(len(infos))]
        for folder, info in zip(folders, infos, strict=True):
            channel = ChannelBuilder(folder, **info)
            channel.add("app-1.0-0", subdir="noarch")
            channel.write(shards=True)
        with serving(tmp_path, *folders) as server:
            statuses = []
            for folder in folders:
                wanted = {"specs": ["app"], "channels": [folder.name]}
                statuses.append(server.send("POST", "/api/solve", json=wanted).status_code)
                assert server.get(f"/{folder.name}/packages/app").status_code in (200, 502)
        assert statuses == [502, 502, 502, 200]
        assert other.connections == 0


def test_messages_have_no_paths_of_the_server(tmp_path) -> None:
    ChannelBuilder(tmp_path / "broken").add_all("app-1-0", subdir="noarch").write()
    (tmp_path / "broken" / "noarch" / "repodata.json").write_text("{broken")
    with serving(tmp_path, tmp_path / "broken") as server:
        texts = [server.send("POST", "/api/solve", json={"specs": ["app"]}).text]
        texts += [server.get(path).text for path in ("/broken/", "/broken/packages/app")]
        for text in texts:
            assert str(tmp_path) not in text
            assert "channels.invalid" not in text
            assert "broken" in text


def test_pypi_is_used_where_the_operator_allows_it(tmp_path) -> None:
    index = PackageIndex()
    index.add(WheelBuilder("pure", "1.0"))
    with serving_index(index):
        variables = {"PIP_INDEX_URL": index.index_url, "PIP_CONFIG_FILE": os.devnull}
        channel = ChannelBuilder(tmp_path / "own")
        channel.add("python-3.11.5-0", subdir="linux-64")
        channel.write()
        with serving(tmp_path, tmp_path / "own", "--allow", "pypi", **variables) as server:
            environment = "dependencies:\n- python\n- pip:\n  - pure\n"
            found = ask(server, environment=environment)
            (wheel,) = (p for p in found["results"][0]["packages"] if p["name"] == "pure")
            assert wheel["source"] == "pypi"
            assert wheel["url"].startswith(index.url)
            for line in ("-r /etc/passwd", "pure @ file:///etc/passwd", "./pure", "pure==${HOME}"):
                bad = f"dependencies:\n- python\n- pip:\n  - {line}\n"
                assert "error" in ask(server, 422, environment=bad)


def options_for(folder: Path, **fields):
    from minicon.serve.hosted import parse_hosted
    from minicon.serve.options import ServeOptions

    return ServeOptions(channels=parse_hosted([str(folder)]), **fields)


def question(**fields):
    empty = {"channels": [], "environment": "", "platforms": [], "virtual_packages": []}
    return {"specs": ["app"], "readable": ["team"], "public": "", **empty, **fields}


def test_a_question_that_takes_too_long_is_ended(team, tmp_path, monkeypatch) -> None:
    from minicon.serve.questions import Answerers
    from minicon.serve.refusal import Refusal

    monkeypatch.setenv("MINICON_ROOT", str(tmp_path))

    async def run() -> None:
        answerers = Answerers(options_for(team, solvers=1))
        try:
            with pytest.raises(Refusal) as refused:
                await answerers.ask("solve", 0.001, **question())
            assert refused.value.status == 504
            found = await answerers.ask("solve", 30, **question())
            assert found["results"][0]["solved"]
        finally:
            await answerers.close()

    asyncio.run(run())


def test_one_client_cannot_fill_the_queue(team, tmp_path, monkeypatch) -> None:
    from minicon.serve.questions import Answerers
    from minicon.serve.refusal import Refusal

    monkeypatch.setenv("MINICON_ROOT", str(tmp_path))

    async def run() -> list[object]:
        answerers = Answerers(options_for(team, solvers=1, most_waiting=8))
        try:
            one = [answerers.ask("solve", 30, client="one", **question()) for _ in range(8)]
            other = answerers.ask("solve", 30, client="other", **question())
            return await asyncio.gather(*one, other, return_exceptions=True)
        finally:
            await answerers.close()

    *of_one, of_other = asyncio.run(run())
    assert sum(isinstance(each, Refusal) for each in of_one) == 5  # one is answered, two wait
    assert of_other["results"][0]["solved"]


def test_too_many_questions_are_refused(team, tmp_path, monkeypatch) -> None:
    from minicon.serve.questions import Answerers
    from minicon.serve.refusal import Refusal

    monkeypatch.setenv("MINICON_ROOT", str(tmp_path))

    async def run() -> list[object]:
        answerers = Answerers(options_for(team, solvers=1, most_waiting=3))
        try:
            questions = (answerers.ask("solve", 30, **question()) for _ in range(10))
            return await asyncio.gather(*questions, return_exceptions=True)
        finally:
            await answerers.close()

    found = asyncio.run(run())
    refused = [each for each in found if isinstance(each, Refusal)]
    assert {each.status for each in refused} == {503}
    assert len(refused) == 6  # one is answered, three wait
    assert refused[0].headers["Retry-After"]
