"""`reporter grafana export`: each way into Grafana, from the files that are shipped."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from reporter.cli.app import app
from reporter.cli.bundle import Kind
from tests.grafana.asking import DASHBOARDS, dashboards, panels
from tests.services.command import reporter
from tests.services.programs import find_program

GRAFANA = DASHBOARDS.parent
UIDS = [each["uid"] for each in dashboards()]
CONFIGMAP_LIMIT = 1 << 20
# `kubectl apply` repeats all of an object in one annotation of it.
ANNOTATION_LIMIT = 256 << 10
_EXAMPLE = re.compile(r"(?m)^reporter grafana export .+$")
_LINK = re.compile(r"/d/([\w-]+)")

Export = Callable[..., Path]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Export a kind into a new folder."""

    def make(kind: str, *options: str) -> Path:
        folder = tmp_path / kind
        done = called("--to", kind, folder, *options)
        assert (done.exit_code, done.stderr) == (0, "")
        return folder

    return make


def called(*arguments: object) -> Result:
    """The command, without a process of its own: it is called often here."""
    return CliRunner().invoke(app, ["grafana", "export", *map(str, arguments)])


def texts(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Every document of every YAML file: each is well-formed."""
    for path in folder.rglob("*.yaml"):
        yield from (each for each in yaml.safe_load_all(path.read_text()) if each)


def exported_dashboards(folder: Path) -> dict[str, dict[str, Any]]:
    """By their UIDs, out of whatever they are wrapped in."""
    plain = [path.read_text() for path in folder.rglob("*.json")]
    maps = [each["data"] for each in documents(folder) if each.get("kind") == "ConfigMap"]
    found = [json.loads(text) for text in [*plain, *(v for each in maps for v in each.values())]]
    return {each["uid"]: each for each in found}


def of_kind(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [each for each in documents(folder) if each.get("kind") == kind]


@pytest.mark.parametrize("kind", list(Kind))
def test_dashboards_are_those_that_are_committed(export: Export, kind: str) -> None:
    """Whatever they are wrapped in, unless something else is asked for."""
    found = exported_dashboards(export(kind))
    assert found == {each["uid"]: each for each in dashboards()}


def test_raw_is_what_is_committed(export: Export) -> None:
    """Byte for byte: JSON to import, and rules that Prometheus reads."""
    found = texts(export("raw"))
    assert sorted(found) == sorted(
        [
            *(f"dashboards/{uid}.json" for uid in UIDS),
            "rules/reporter-alerts.yaml",
            "rules/reporter-recording.yaml",
        ]
    )
    for name, text in found.items():
        assert text == (GRAFANA / name).read_text(), name


def test_provisioning_leads_to_the_dashboards(export: Export) -> None:
    """The provider names the folder that compose mounts; no second default keeps Grafana down."""
    folder = export("provisioning")
    (provider,) = yaml.safe_load((folder / "provisioning/dashboards/reporter.yaml").read_text())[
        "providers"
    ]
    (source,) = yaml.safe_load((folder / "provisioning/datasources/reporter.yaml").read_text())[
        "datasources"
    ]
    mounts = _compose(export("compose"))["services"]["grafana"]["volumes"]
    assert f"../dashboards:{provider['options']['path']}:ro" in mounts
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    assert source["jsonData"]["timeInterval"] == "15s"
    assert not source.get("isDefault")


@pytest.mark.service
def test_compose_holds_together(export: Export) -> None:
    """Prometheus takes its configuration and rules as real promtool does; every mount is there;
    nothing listens beyond this machine; every image has a tag."""
    folder = export("compose")
    compose = _compose(folder)
    for service in compose["services"].values():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        mounted = [each.split(":")[0] for each in service["volumes"]]
        assert all((folder / "compose" / path).exists() for path in mounted if path[0] == ".")
    checked = _promtool("check", "config", folder / "compose" / "prometheus.yaml")
    assert checked.stdout.count("rules found") == 2
    (scrape,) = yaml.safe_load((folder / "compose/prometheus.yaml").read_text())["scrape_configs"]
    assert scrape["honor_labels"] is True


def test_the_container_sees_its_rules(export: Export) -> None:
    """Prometheus's configuration names them relative to itself: so they lie in the container."""
    mounts = _compose(export("compose"))["services"]["prometheus"]
    config = mounts["command"][0].partition("=")[2]
    inside = dict(each.split(":")[:2] for each in mounts["volumes"])
    assert inside["./prometheus.yaml"] == config
    assert Path(inside["../rules"]) == Path(config).parent.parent / "rules"


@pytest.mark.parametrize("kind", ["configmap", "operator"])
def test_configmaps_are_found_and_fit(export: Export, kind: str) -> None:
    """One for each dashboard, with the label that the sidecar looks for, as text."""
    maps = of_kind(export(kind), "ConfigMap")
    assert sorted(each["metadata"]["name"] for each in maps) == sorted(UIDS)
    for each in maps:
        assert each["metadata"]["labels"] == {"grafana_dashboard": "1"}
        assert each["metadata"]["annotations"] == {"grafana_folder": "Training"}
        assert len(json.dumps(each)) < min(CONFIGMAP_LIMIT, ANNOTATION_LIMIT)


def test_the_operator_finds_each_dashboard(export: Export) -> None:
    """Each GrafanaDashboard names a ConfigMap and a key in it that are there, renamed ones too."""
    folder = export("operator", "--uid-prefix", "team-a-")
    keys = {each["metadata"]["name"]: set(each["data"]) for each in of_kind(folder, "ConfigMap")}
    found = of_kind(folder, "GrafanaDashboard")
    assert {each["metadata"]["name"] for each in found} == {f"team-a-{uid}" for uid in UIDS}
    for each in found:
        reference = each["spec"]["configMapRef"]
        assert {reference["key"]} == keys[reference["name"]]
        assert each["apiVersion"] == "grafana.integreatly.org/v1beta1"


@pytest.mark.parametrize("kind", ["configmap", "operator"])
def test_prometheus_operator_scrapes_and_alerts(export: Export, kind: str) -> None:
    """Apart from the dashboards, for those who have it: labels are honoured, rules are ours."""
    folder = export(kind) / "monitoring"
    (monitor,) = of_kind(folder, "ServiceMonitor")
    assert [each["honorLabels"] for each in monitor["spec"]["endpoints"]] == [True]
    assert (
        texts(folder)["prometheusrule.yaml"] == (GRAFANA / "rules/prometheusrule.yaml").read_text()
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_a_prefix_is_in_every_uid_and_link(export: Export, kind: str) -> None:
    """Two copies in one Grafana lead nowhere but to their own: by UID, link and tag."""
    folder = export(kind, "--uid-prefix", "team-a-")
    found = exported_dashboards(folder)
    assert set(found) == {f"team-a-{uid}" for uid in UIDS}
    links = [uid for text in texts(folder).values() for uid in _LINK.findall(text)]
    assert links
    assert set(links) <= set(found)
    for each in found.values():
        tagged = [each["tags"], *(link["tags"] for link in each["links"])]
        assert all(tag.startswith("team-a-") for tags in tagged for tag in tags)


@pytest.mark.parametrize("kind", list(Kind))
def test_intervals_are_what_was_asked_for(export: Export, kind: str) -> None:
    """Scraping, the data source, and the least step of every rate: the longer of the two."""
    folder = export(kind, "--scrape-interval", "30s", "--push-interval", "1m")
    told = {name: text for name, text in texts(folder).items() if name.endswith(".yaml")}
    said = re.findall(r"(?m)^ +-? ?(\w*[iI]nterval): (\S+)", "\n".join(_without_rules(told)))
    assert {value for _, value in said} <= {"30s"}
    assert (kind == "raw") == (not said)
    for each in exported_dashboards(folder).values():
        targets = [target for panel in panels(each) for target in panel.get("targets") or ()]
        rates = [target for target in targets if "$__rate_interval" in target["expr"]]
        assert {target["interval"] for target in rates} == ({"60s"} if rates else set())


def test_a_push_interval_below_the_scrape_interval_changes_nothing(export: Export) -> None:
    """No step is shorter than a scrape."""
    found = exported_dashboards(export("raw", "--push-interval", "5s"))
    assert found == {each["uid"]: each for each in dashboards()}


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """The message says what is there and what to do; --force writes, and leaves other files."""
    (tmp_path / "mine.txt").write_text("mine")
    refused = called("--to", "raw", tmp_path)
    assert refused.exit_code == 2
    assert "mine.txt" in refused.stderr
    assert "--force" in refused.stderr
    assert list(texts(tmp_path)) == ["mine.txt"]
    assert called("--to", "raw", tmp_path, "--force").exit_code == 0
    assert texts(tmp_path)["mine.txt"] == "mine"
    assert len(texts(tmp_path)) > 1


@pytest.mark.parametrize("kind", list(Kind))
def test_two_copies_are_no_two_of_one_name(export: Export, kind: str) -> None:
    """Grafana's provisioning and its sidecar keep the dashboards of all copies in one folder."""
    folder = export(kind, "--uid-prefix", "team-a-")
    files = {path.name for path in folder.rglob("*.json")}
    files |= {name for each in of_kind(folder, "ConfigMap") for name in each["data"]}
    assert files == {f"team-a-{uid}.json" for uid in UIDS}


def test_the_longest_prefix_fits(export: Export) -> None:
    """Grafana takes UIDs of up to 40 characters."""
    uids = exported_dashboards(export("raw", "--uid-prefix", "a" * 24))
    assert max(map(len, uids)) <= 40


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """With what to write instead, and before anything is written."""
    new, file = tmp_path / "new", tmp_path / "file"
    file.write_text("")
    unknown = _wrong("--to", "helm", new)
    assert all(f"'{kind}'" in unknown for kind in Kind)
    assert "24 of a-z, 0-9 and -" in _wrong("--to", "raw", new, "--uid-prefix", "Team A")
    assert "at least 1 second" in _wrong("--to", "raw", new, "--scrape-interval", "0")
    assert "such as 5m" in _wrong("--to", "raw", new, "--push-interval", "often")
    assert "is a file: name a folder" in _wrong("--to", "raw", file)
    assert not new.exists()


def _wrong(*arguments: object) -> str:
    done = called(*arguments)
    assert done.exit_code == 2
    return done.stderr


@pytest.mark.slow
def test_a_person_is_told_what_comes_next(tmp_path: Path) -> None:
    """Every file, and how to go on; where nothing can be written, what to do, and no traceback."""
    folder = tmp_path / "here"
    done = reporter("grafana", "export", "--to", "compose", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert all(str(folder / name) in done.stdout for name in texts(folder))
    assert f"docker compose -f {folder}/compose/compose.yaml up -d" in done.stdout
    refused = reporter("grafana", "export", "--to", "raw", "/proc/here")
    assert refused.returncode == 1
    assert refused.stderr.startswith("reporter: /proc/here")
    assert "name a folder that you may write to" in refused.stderr


def test_what_comes_next_can_be_pasted(tmp_path: Path) -> None:
    """A folder with a space in its name is one word to a shell."""
    folder = tmp_path / "my folder"
    (told,) = re.findall(r"docker compose .+", called("--to", "compose", folder, "--force").stdout)
    assert shlex.split(told)[3] == f"{folder}/compose/compose.yaml"


def test_the_examples_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command that is shown there, as it is shown; every kind is."""
    monkeypatch.chdir(tmp_path)
    shown = [line.split() for line in _EXAMPLE.findall((GRAFANA / "README.md").read_text())]
    assert {words[words.index("--to") + 1] for words in shown} == set(Kind)
    for words in shown:
        assert called(*words[3:], "--force").exit_code == 0, words


def test_help_shows_an_example() -> None:
    """And names every kind."""
    told = " ".join(called("--help").stdout.split())
    assert "Example: reporter grafana export --to" in told
    assert all(f"{kind}:" in told for kind in Kind)


def test_kustomize_may_read_every_file() -> None:
    """It reads no file outside a kustomization's own folder; other folders it reads by theirs."""
    seen: list[Path] = []
    for start in (GRAFANA / "kubernetes", GRAFANA / "kubernetes" / "operator"):
        _follow(start, seen)
    names = {path.name for path in seen}
    assert {f"{uid}.json" for uid in UIDS} <= names
    assert {"prometheusrule.yaml", "servicemonitor.yaml", "grafanadashboards.yaml"} <= names


def _follow(folder: Path, seen: list[Path]) -> None:
    told = yaml.safe_load((folder / "kustomization.yaml").read_text())
    made = [file for each in told.get("configMapGenerator", ()) for file in each["files"]]
    for name in [*told.get("resources", ()), *made]:
        path = (folder / name).resolve()
        if path.is_dir():
            _follow(path, seen)
        else:
            assert path.is_file()
            assert path.is_relative_to(folder)
            seen.append(path)


def test_kustomize_makes_what_is_exported(export: Export) -> None:
    """The same names, label and folder, though each says them for itself."""
    told = yaml.safe_load((DASHBOARDS / "kustomization.yaml").read_text())
    options = told["generatorOptions"]
    maps = {each["metadata"]["name"]: each for each in of_kind(export("configmap"), "ConfigMap")}
    assert {each["name"]: each["files"] for each in told["configMapGenerator"]} == {
        name: list(each["data"]) for name, each in maps.items()
    }
    for each in maps.values():
        assert each["metadata"]["labels"] == options["labels"]
        assert each["metadata"]["annotations"] == options["annotations"]
    assert options["disableNameSuffixHash"] is True


def _compose(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "compose/compose.yaml").read_text())
    return found


def _without_rules(found: dict[str, str]) -> Iterator[str]:
    return (text for name, text in found.items() if "rule" not in name and "\ndata:" not in text)


def _promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [find_program("promtool"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_an_installation_that_lacks_the_files_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is written, and the message says what to do."""
    for place in ("_INSTALLED", "_IN_THE_REPOSITORY"):
        monkeypatch.setattr(f"reporter.cli.bundle.{place}", tmp_path / "none")
    refused = called("--to", "raw", tmp_path / "new")
    assert refused.exit_code == 1
    assert "install run-reporter anew" in refused.stderr
    assert not (tmp_path / "new").exists()
