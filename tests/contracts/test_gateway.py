"""What a gateway must do: the same tests on a real Pushgateway and on the embedded one."""

from __future__ import annotations

import base64
import gzip
import http.client
import itertools
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reporter.hub.gateway import BODY_LIMIT
from tests.services.programs import EmbeddedGateway, Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

_numbers = itertools.count()

HOSTILE = 'a\nb "quoted" back\\slash é ✓ } # x{y="z"} 1\\n'


@dataclass
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]


class Gateway:
    """A gateway seen from outside, and the names that the running test may use on it."""

    def __init__(self, url: str, *, embedded: bool) -> None:
        self.address = url.removeprefix("http://")
        self.embedded = embedded
        self.name = f"contract_{os.getpid()}_{next(_numbers)}"

    @property
    def path(self) -> str:
        return f"/metrics/job/{self.name}"

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            content = body.encode() if isinstance(body, str) else body
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(), dict(response.getheaders()))
        finally:
            connection.close()

    def put(self, body: bytes | str, path: str | None = None) -> int:
        return self.request("PUT", path or self.path, body).status

    def post(self, body: bytes | str, path: str | None = None) -> int:
        return self.request("POST", path or self.path, body).status

    def series(self, family: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """The samples of a family, as an independent reader finds them in /metrics."""
        text = self.request("GET", "/metrics").body
        return [
            (sample.labels, sample.value)
            for one in text_string_to_metric_families(text)
            for sample in one.samples
            if sample.name == family and labels.items() <= sample.labels.items()
        ]

    def value(self, family: str, **labels: str) -> float:
        [(_, value)] = self.series(family, **labels)
        return value

    def times(self) -> tuple[float, float]:
        """When the group was last pushed, and when that last failed."""
        pushed = self.value("push_time_seconds", job=self.name)
        return pushed, self.value("push_failure_time_seconds", job=self.name)

    def group(self) -> dict[str, object] | None:
        data = json.loads(self.request("GET", "/api/v1/metrics").body)["data"]
        return next((one for one in data if one["labels"]["job"] == self.name), None)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedGateway]:
    program = EmbeddedGateway(tmp_path_factory.mktemp("hub"))
    try:
        program.start()
        yield program
    finally:
        program.stop()


@pytest.fixture(params=["pushgateway", "embedded"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    program: Pushgateway | EmbeddedGateway = request.getfixturevalue(request.param)
    return Gateway(program.url, embedded=request.param == "embedded")


@pytest.fixture
def ours(embedded: EmbeddedGateway) -> Gateway:
    return Gateway(embedded.url, embedded=True)


def gauge(name: str, value: object = 1, labels: str = "") -> str:
    return f"# TYPE {name} gauge\n{name}{labels} {value}\n"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


class TestPushing:
    def test_a_put_is_shown_with_the_group_s_labels(self, gateway: Gateway) -> None:
        """A pushed gauge appears with its job, and with an empty instance."""
        m = gateway.name
        assert gateway.put(gauge(m, 1.5, '{a="b"}'), f"{gateway.path}/run/r1") == 200
        assert gateway.series(m) == [({"a": "b", "instance": "", "job": m, "run": "r1"}, 1.5)]
        text = gateway.request("GET", "/metrics").body
        assert f"# TYPE {m} gauge\n" in text

    def test_put_replaces_post_adds_delete_removes(self, gateway: Gateway) -> None:
        """PUT owns the whole group, POST only the families it names, DELETE ends the group."""
        m = gateway.name
        gateway.put(gauge(m + "_a") + gauge(m + "_b", 1, '{x="1"}'))
        assert gateway.post(gauge(m + "_b", 2, '{x="2"}') + gauge(m + "_c")) == 200
        assert [labels["x"] for labels, _ in gateway.series(m + "_b")] == ["2"]
        assert gateway.series(m + "_a")
        assert gateway.series(m + "_c")
        gateway.put(gauge(m + "_c", 7))
        assert gateway.value(m + "_c") == 7
        assert not gateway.series(m + "_a")
        assert not gateway.series(m + "_b")
        assert gateway.request("DELETE", gateway.path).status == 202
        wait_for(lambda: gateway.group() is None, what="the group to be gone")
        assert not gateway.series(m + "_c")
        assert not gateway.series("push_time_seconds", job=m)

    def test_delete_is_exact(self, gateway: Gateway) -> None:
        """DELETE with fewer labels leaves the group; in another order it is the same group."""
        gateway.put(gauge(gateway.name), f"{gateway.path}/a/1/b/2")
        assert gateway.request("DELETE", f"{gateway.path}/a/1").status == 202
        assert gateway.request("DELETE", gateway.path).status == 202
        # The real one deletes in order, so that this push comes after both.
        assert gateway.put("", f"{gateway.path}/z/z") == 200
        assert gateway.series(gateway.name)
        assert gateway.request("DELETE", f"{gateway.path}/b/2/a/1").status == 202
        wait_for(lambda: not gateway.series(gateway.name), what="the group to be gone")

    def test_delete_of_nothing_is_accepted(self, gateway: Gateway) -> None:
        """DELETE of a group that is not there answers 202 too."""
        assert gateway.request("DELETE", gateway.path).status == 202

    def test_an_empty_put_makes_an_empty_group(self, gateway: Gateway) -> None:
        """A PUT without a body is a push: it empties the group and renews its time."""
        gateway.put(gauge(gateway.name))
        before, _ = gateway.times()
        assert gateway.put("") == 200
        assert not gateway.series(gateway.name)
        assert gateway.times()[0] > before
        fresh = f"{gateway.path}/never/pushed"
        assert gateway.put("# a comment alone\n", fresh) == 200
        assert len(gateway.series("push_time_seconds", job=gateway.name)) == 2

    def test_a_good_push_stamps_its_time(self, gateway: Gateway) -> None:
        """push_time_seconds is now, push_failure_time_seconds is 0."""
        before = time.time()
        gateway.put(gauge(gateway.name))
        pushed, failed = gateway.times()
        assert before - 1 <= pushed <= time.time() + 1
        assert failed == 0

    def test_the_times_cannot_be_pushed(self, gateway: Gateway) -> None:
        """A body that brings the gateway's own times, of whatever type, changes nothing."""
        assert gateway.put("# TYPE push_time_seconds counter\npush_time_seconds 3\n") == 200
        assert gateway.times()[0] > 3

    def test_grouping_labels_win(self, gateway: Gateway) -> None:
        """What the body says about job, run and instance does not escape its group."""
        m = gateway.name
        body = gauge(m, 1, '{job="other",run="other",own="kept"}')
        assert gateway.put(body, f"{gateway.path}/run/mine/instance/i") == 200
        assert gateway.series(m) == [
            ({"instance": "i", "job": m, "run": "mine", "own": "kept"}, 1.0)
        ]

    def test_a_body_s_instance_is_kept(self, gateway: Gateway) -> None:
        """An instance in the body stands, where the group has none."""
        gateway.put(gauge(gateway.name, 1, '{instance="i"}'))
        assert gateway.series(gateway.name)[0][0]["instance"] == "i"

    def test_gzip(self, gateway: Gateway) -> None:
        """A gzip body is unpacked, of several members too; what is not gzip is refused."""
        m = gateway.name
        header = {"Content-Encoding": "gzip"}
        body = gzip.compress(gauge(m + "_a").encode()) + gzip.compress(gauge(m + "_b").encode())
        assert gateway.request("PUT", gateway.path, body, header).status == 200
        assert gateway.series(m + "_a")
        assert gateway.request("PUT", gateway.path, b"not gzip", header).status == 400
        assert gateway.request("PUT", gateway.path, b"", header).status == 400
        assert gateway.series(m + "_a")


class TestValues:
    @pytest.mark.parametrize(
        "text", ["1", "-1.5", "+2", "1e-300", "1E5", ".5", "5.", "0.1", "12345678.9", "1e21"]
    )
    def test_numbers_survive(self, gateway: Gateway, text: str) -> None:
        """Every spelling of a number is read, and shown as the same number."""
        assert gateway.put(gauge(gateway.name, text)) == 200
        assert gateway.value(gateway.name) == float(text)

    @pytest.mark.parametrize("text", ["NaN", "nan", "+Inf", "-Inf", "inf", "Infinity"])
    def test_non_finite_values_are_legal(self, gateway: Gateway, text: str) -> None:
        """NaN and the infinities are values like others."""
        assert gateway.put(gauge(gateway.name, text)) == 200
        value, expected = gateway.value(gateway.name), float(text)
        assert value == expected or (math.isnan(value) and math.isnan(expected))

    def test_hostile_label_values_survive(self, gateway: Gateway) -> None:
        """Quotes, backslashes, line feeds, unicode and injected lines stay inside the value."""
        m = gateway.name
        escaped = HOSTILE.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        assert gateway.put(gauge(m, 1, f'{{v="{escaped}"}}')) == 200
        assert gateway.series(m) == [({"v": HOSTILE, "instance": "", "job": m}, 1.0)]
        assert not gateway.series("x")

    def test_hostile_grouping_values_survive(self, gateway: Gateway) -> None:
        """The same through the path, base64-encoded."""
        m = gateway.name
        path = f"{gateway.path}/v@base64/{encoded(HOSTILE)}"
        assert gateway.put(gauge(m), path) == 200
        assert gateway.series(m)[0][0]["v"] == HOSTILE

    def test_help_survives(self, gateway: Gateway) -> None:
        """HELP is shown with its escapes."""
        gateway.put(f"# HELP {gateway.name} a \\\\ b \\n c\n{gauge(gateway.name)}")
        assert f"# HELP {gateway.name} a \\\\ b \\n c\n" in gateway.request("GET", "/metrics").body

    @pytest.mark.parametrize(
        "line",
        [
            'M{a="b",} 1',
            'M\t{ a = "b" , } \t 1',
            ' M{a="b"} 1',
            'M{a="b"}1',
            '#\n##x\n\nM{a="b"} 1',
        ],
    )
    def test_lawful_spellings_are_read(self, gateway: Gateway, line: str) -> None:
        """Blanks, a trailing comma, empty lines and comments are as free as there."""
        assert gateway.put(line.replace("M", gateway.name) + "\n") == 200
        assert gateway.series(gateway.name)[0][0]["a"] == "b"

    def test_histograms_and_summaries_are_kept(self, gateway: Gateway) -> None:
        """Buckets, quantiles, sums and counts belong to one family."""
        m = gateway.name
        body = (
            f"# TYPE {m}_h histogram\n"
            f'{m}_h_bucket{{le="1"}} 1\n{m}_h_bucket{{le="+Inf"}} 2\n{m}_h_sum 3\n{m}_h_count 2\n'
            f'# TYPE {m}_s summary\n{m}_s{{quantile="0.5"}} 1\n{m}_s_sum 3\n{m}_s_count 2\n'
        )
        assert gateway.put(body) == 200
        assert gateway.value(m + "_h_bucket", le="+Inf") == 2
        assert gateway.value(m + "_s_sum") == 3
        group = gateway.group()
        assert group is not None
        histogram, summary = group[m + "_h"], group[m + "_s"]
        assert isinstance(histogram, dict)
        assert isinstance(summary, dict)
        labels = {"job": m, "instance": ""}
        assert histogram["metrics"] == [
            {"labels": labels, "buckets": {"1": "1", "+Inf": "2"}, "sum": "3", "count": "2"}
        ]
        assert summary["metrics"] == [
            {"labels": labels, "quantiles": {"0.5": "1"}, "sum": "3", "count": "2"}
        ]


UNREADABLE = {
    "no final line feed": b"M 1",
    "no value": b"M\n",
    "not a number": b"M x\n",
    "hexadecimal": b"M 0x10\n",
    "underscore": b"M 1_0\n",
    "too large": b"M 1e400\n",
    "signed nan": b"M +nan\n",
    "trailing blank": b"M 1 \n",
    "carriage return": b"M 1\r\n",
    "fraction as timestamp": b"M 1 5.5\n",
    "text after the value": b"M 1 # text\n",
    "bad metric name": b"9M 1\n",
    "no metric name": b'{a="b"} 1\n',
    "byte order mark": b"\xef\xbb\xbfM 1\n",
    "bad label name": b'M{9a="x"} 1\n',
    "dash in a label name": b'M{a-b="x"} 1\n',
    "label twice": b'M{a="b",a="c"} 1\n',
    "__name__": b'M{__name__="x"} 1\n',
    "bad escape": b'M{a="x\\q"} 1\n',
    "line feed in a label": b'M{a="x\ny"} 1\n',
    "single quotes": b"M{a='x'} 1\n",
    "no comma": b'M{a="b" c="d"} 1\n',
    "only a comma": b"M{,} 1\n",
    "two commas": b'M{a="b",,} 1\n',
    "open quote": b'M{a="b} 1\n',
    "open brace": b'M{a="b" 1\n',
    "not UTF-8": b'M{a="\xff"} 1\n',
    "TYPE twice": b"# TYPE M gauge\n# TYPE M gauge\nM 1\n",
    "TYPE after samples": b"M 1\n# TYPE M gauge\n",
    "unknown type": b"# TYPE M gaugehistogram\nM 1\n",
    "HELP twice": b"# HELP M a\n# HELP M b\nM 1\n",
    "bad escape in HELP": b"# HELP M a\\q\nM 1\n",
    "bad name in a comment": b"# TYPE 9M gauge\n",
    "quantile is no number": b'# TYPE M summary\nM{quantile="x"} 1\n',
    "bucket is no number": b'# TYPE M histogram\nM_bucket{le="x"} 1\n',
}
INCONSISTENT = {
    "timestamp": b"M 1 1700000000000\n",
    "negative timestamp": b"M 1 -5\n",
    "series twice": b"M 1\nM 2\n",
    "series twice in another order": b'M{a="1",b="2"} 1\nM{b="2",a="1"} 1\n',
    "series twice once the group's labels are in": b'M{job="a"} 1\nM{job="b"} 1\n',
    "reserved label": b'M{__a="x"} 1\n',
    "part of a histogram": b"# TYPE M_sum gauge\nM_sum 1\n# TYPE M histogram\nM_count 1\n",
}


class TestRefusals:
    @pytest.mark.parametrize("method", ["PUT", "POST"])
    @pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
    def test_unreadable(self, gateway: Gateway, body: bytes, method: str) -> None:
        """What cannot be read answers 400 with a reason and changes nothing at all."""
        gateway.put(gauge(gateway.name + "_kept"))
        times = gateway.times()
        body = body.replace(b"M", gateway.name.encode())
        answer = gateway.request(method, gateway.path, body)
        assert answer.status == 400
        assert len(answer.body) > 10
        assert gateway.series(gateway.name + "_kept")
        assert not gateway.series(gateway.name)
        assert gateway.times() == times

    @pytest.mark.parametrize("body", INCONSISTENT.values(), ids=INCONSISTENT.keys())
    def test_inconsistent(self, gateway: Gateway, body: bytes) -> None:
        """What is readable and cannot stand answers 400, keeps the group, stamps the failure."""
        gateway.put(gauge(gateway.name + "_kept"))
        pushed, _ = gateway.times()
        answer = gateway.request("PUT", gateway.path, body.replace(b"M", gateway.name.encode()))
        assert answer.status == 400
        assert answer.body.startswith("pushed metrics are invalid or inconsistent")
        assert gateway.series(gateway.name + "_kept")
        assert gateway.times()[0] == pushed
        assert gateway.times()[1] > pushed
        group = gateway.group()
        assert group is not None
        assert group["last_push_successful"] is False
        gateway.put(gauge(gateway.name + "_kept"))
        assert gateway.times()[0] > gateway.times()[1] > 0

    def test_a_failed_first_push_leaves_its_mark(self, gateway: Gateway) -> None:
        """A group whose only push failed is shown with its failure and a push time of 0."""
        assert gateway.put(f"{gateway.name} 1 5\n") == 400
        pushed, failed = gateway.times()
        assert pushed == 0
        assert failed > 0

    def test_types_must_agree_across_groups(self, gateway: Gateway) -> None:
        """A family has one type on the whole gateway; alone, its group may change it."""
        m = gateway.name + "_total"
        counter = f"# TYPE {m} counter\n{m} 1\n"
        assert gateway.put(gauge(m), f"{gateway.path}/run/1") == 200
        assert gateway.put(counter, f"{gateway.path}/run/2") == 400
        assert gateway.put(f"{m} 1\n", f"{gateway.path}/run/2") == 400
        assert gateway.put(counter, f"{gateway.path}/run/1") == 200
        assert gateway.put(counter, f"{gateway.path}/run/2") == 200
        assert gateway.post(gauge(m), f"{gateway.path}/run/2") == 400
        assert len(gateway.series(m)) == 2

    def test_a_series_has_one_owner(self, gateway: Gateway) -> None:
        """Labels in the body may not make the series of another group."""
        assert gateway.put(gauge(gateway.name, 1, '{a="b"}')) == 200
        assert gateway.put(gauge(gateway.name, 2), f"{gateway.path}/a/b") == 400
        assert gateway.value(gateway.name) == 1
        assert gateway.put("") == 200
        assert gateway.put(gauge(gateway.name, 2), f"{gateway.path}/a/b") == 200
        assert gateway.value(gateway.name) == 2


class TestPaths:
    @pytest.mark.parametrize(
        ("rest", "labels"),
        [
            ("", {}),
            ("/", {}),
            ("?ignored=1", {}),
            ("/a/b%20c+d", {"a": "b c+d"}),
            ("/a/%C3%A9", {"a": "é"}),
            ("/a/", {"a": ""}),
            ("/a@base64/=", {"a": ""}),
            ("/a@base64/L3Zhci90bXA=", {"a": "/var/tmp"}),
            ("/a@base64/L3Zhci90bXA", {"a": "/var/tmp"}),
            ("/a@base64/aGk_Pz8-", {"a": "hi???>"}),
            ("/a/1/a/2", {"a": "2"}),
            ("/job/other", {}),
        ],
    )
    def test_labels_in_the_path(self, gateway: Gateway, rest: str, labels: dict[str, str]) -> None:
        """Plain, percent-encoded and base64 values, with and without padding."""
        assert gateway.put(gauge(gateway.name), gateway.path + rest) == 200
        group = gateway.group()
        assert group is not None
        assert group["labels"] == {"job": gateway.name, **labels}

    def test_the_job_may_be_base64(self, gateway: Gateway) -> None:
        """Both spellings of a job are the same group."""
        gateway.put(gauge(gateway.name))
        path = f"/metrics/job@base64/{encoded(gateway.name)}"
        assert gateway.put(gauge(gateway.name, 2), path) == 200
        assert gateway.value(gateway.name) == 2
        assert gateway.request("DELETE", path.rstrip("=")).status == 202
        wait_for(lambda: gateway.group() is None, what="the group to be gone")

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
    @pytest.mark.parametrize(
        "path",
        [
            "/metrics/job/x/a",
            "/metrics/job/x/a/b/",
            "/metrics/job/x/a/b%2Fc",
            "/metrics/job/x/9a/b",
            "/metrics/job/x/a-b/c",
            "/metrics/job/x/__a/b",
            "/metrics/job/x/a@foo/b",
            "/metrics/job/x/@base64/YQ",
            "/metrics/job/x/a@base64/!!",
            "/metrics/job@base64/=",
        ],
    )
    def test_refused_paths(self, gateway: Gateway, path: str, method: str) -> None:
        """A missing job, an odd path and a bad label answer 400."""
        assert gateway.request(method, path, b"").status == 400

    @pytest.mark.parametrize(
        "path", ["/metrics/job/", "/metrics/job//a/b", "/metrics/job/x/a//b/c"]
    )
    def test_an_empty_component_is_refused(self, gateway: Gateway, path: str) -> None:
        """The real one redirects, which no pushing client follows; ours says what is wrong."""
        expected = {400} if gateway.embedded else {301, 307}
        assert gateway.request("PUT", path, gauge(gateway.name)).status in expected
        assert not gateway.series(gateway.name)

    def test_a_job_that_is_not_base64_is_refused_each_time(self, ours: Gateway) -> None:
        """Ours alone: 1.5.1 answers 400 once, keeps a lock, and hangs at the next of the kind."""
        assert ours.put(gauge(ours.name), "/metrics/job@base64/!!") == 400
        assert ours.put(gauge(ours.name), f"/metrics/job@base64/{encoded(ours.name)}") == 200

    @pytest.mark.parametrize("path", ["/metrics/job/%FF", "/metrics/job@base64/_w"])
    def test_labels_that_are_not_utf8_are_refused(self, ours: Gateway, path: str) -> None:
        """Ours alone: 1.5.1 answers 400 too, but shows a broken group from then on."""
        assert ours.put(gauge(ours.name), path) == 400
        assert not ours.series("push_time_seconds", job="\N{REPLACEMENT CHARACTER}")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("PUT", "/metrics", 405),
            ("GET", "/metrics/job/x", 405),
            ("PATCH", "/metrics/job/x", 405),
            ("PUT", "/api/v1/metrics", 405),
            ("PUT", "/metrics/", 404),
            ("PUT", "/metrics/job", 404),
            ("PUT", "/metrics/jobs/x", 404),
            ("GET", "/nothing", 404),
        ],
    )
    def test_foreign_methods_and_paths(
        self, gateway: Gateway, method: str, path: str, status: int
    ) -> None:
        """405 for another method, 404 for another path."""
        assert gateway.request(method, path).status == status


class TestReading:
    def test_content_type(self, gateway: Gateway) -> None:
        """/metrics is the text format, version 0.0.4, in UTF-8."""
        headers = {
            name.lower(): value
            for name, value in gateway.request("GET", "/metrics").headers.items()
        }
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"

    def test_head(self, gateway: Gateway) -> None:
        """Ours answers HEAD, for health checks that use it; 1.5.1 answers 405."""
        answer = gateway.request("HEAD", "/metrics")
        assert answer.status == (200 if gateway.embedded else 405)
        assert not answer.body

    @pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
    def test_health(self, gateway: Gateway, path: str) -> None:
        """Both health checks answer OK."""
        answer = gateway.request("GET", path)
        assert (answer.status, answer.body) == (200, "OK")

    def test_listing(self, gateway: Gateway) -> None:
        """/api/v1/metrics has each group with labels, families, times and the last outcome."""
        m = gateway.name
        gateway.put(f"# HELP {m} of help\n" + gauge(m, "NaN", '{a="b"}'), f"{gateway.path}/run/r")
        group = gateway.group()
        assert group is not None
        assert set(group) == {
            "labels", "last_push_successful", m, "push_time_seconds", "push_failure_time_seconds",
        }  # fmt: skip
        assert group["labels"] == {"job": m, "run": "r"}
        assert group["last_push_successful"] is True
        family, pushed = group[m], group["push_time_seconds"]
        assert isinstance(family, dict)
        assert isinstance(pushed, dict)
        assert family.pop("time_stamp").endswith("Z")
        labels = {"job": m, "run": "r", "instance": ""}
        assert family == {
            "type": "GAUGE",
            "help": "of help",
            "metrics": [{"labels": {**labels, "a": "b"}, "value": "NaN"}],
        }
        assert pushed["type"] == "GAUGE"
        assert pushed["metrics"][0]["labels"] == labels
        assert float(pushed["metrics"][0]["value"]) == pytest.approx(time.time(), abs=60)

    def test_status(self, gateway: Gateway) -> None:
        """/api/v1/status says what runs there, since when and how."""
        answer = json.loads(gateway.request("GET", "/api/v1/status").body)
        assert answer["status"] == "success"
        assert set(answer["data"]) == {"build_information", "flags", "start_time"}
        assert answer["data"]["build_information"]["version"]
        assert answer["data"]["start_time"].endswith("Z")


class TestLimits:
    """Ours alone: the real one has no limits, and takes all the memory there is."""

    def test_a_large_body_is_refused(self, ours: Gateway) -> None:
        """A body over the limit answers 413, or the connection is cut while it is sent."""
        try:
            status = ours.put(b"#" * BODY_LIMIT + b"#\n")
        except (BrokenPipeError, ConnectionResetError):
            status = 413
        assert status == 413
        assert ours.group() is None

    def test_a_gzip_bomb_is_refused(self, ours: Gateway) -> None:
        """A small body that unpacks to more than the limit answers 413."""
        bomb = gzip.compress(b"#" * (BODY_LIMIT + 1) + b"\n")
        header = {"Content-Encoding": "gzip"}
        assert ours.request("PUT", ours.path, bomb, header).status == 413
        many = gzip.compress(b"#" * (BODY_LIMIT // 4)) * 5
        assert ours.request("PUT", ours.path, many, header).status == 413
        assert ours.group() is None

    def test_a_gzip_bomb_is_not_unpacked(self, ours: Gateway, embedded: EmbeddedGateway) -> None:
        """Half a gigabyte in half a megabyte costs no more memory than a lawful body."""
        bomb = gzip.compress(b"#" * (512 * 1024 * 1024), compresslevel=1)
        assert len(bomb) < BODY_LIMIT
        before = embedded.peak_memory()
        header = {"Content-Encoding": "gzip"}
        assert ours.request("PUT", ours.path, bomb, header).status == 413
        assert embedded.peak_memory() - before < 8 * BODY_LIMIT

    def test_a_gzip_body_that_is_cut_short_is_refused(self, ours: Gateway) -> None:
        """The real one takes what arrived as the whole; ours would not lose series silently."""
        cut = gzip.compress(gauge(ours.name).encode())[:-6]
        assert ours.request("PUT", ours.path, cut, {"Content-Encoding": "gzip"}).status == 400

    def test_a_foreign_host_is_refused(self, ours: Gateway) -> None:
        """A page that rebinds its DNS name to this machine reads and pushes nothing."""
        assert ours.request("GET", "/metrics", headers={"Host": "evil.example"}).status == 400
        assert ours.request("PUT", ours.path, b"", {"Host": "evil.example:9091"}).status == 400
        assert ours.group() is None
        for host in ("localhost:9091", "[::1]:9091", "127.0.0.1"):
            assert ours.request("GET", "/-/ready", headers={"Host": host}).status == 200
