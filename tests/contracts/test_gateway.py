"""What a gateway must do: the same tests on a real Pushgateway and on the embedded one."""

from __future__ import annotations

import gzip
import json
import math
import time

import pytest

from tests.contracts.gateways import HOSTILE, Gateway, encoded, gauge
from tests.waiting import wait_for

pytestmark = pytest.mark.service


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

    def test_f10_the_times_cannot_be_pushed(self, gateway: Gateway) -> None:
        """A body that brings the gateway's own times, of whatever type, changes nothing."""
        assert gateway.put("# TYPE push_time_seconds counter\npush_time_seconds 3\n") == 200
        assert gateway.times()[0] > 3

    def test_f14_grouping_labels_win(self, gateway: Gateway) -> None:
        """On any gateway the group's own labels win over those of a body."""
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

    def test_f11_f12_hostile_label_values_survive(self, gateway: Gateway) -> None:
        """Quotes, backslashes, line feeds, unicode and injected lines stay inside the value."""
        m = gateway.name
        escaped = HOSTILE.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        assert gateway.put(gauge(m, 1, f'{{v="{escaped}"}}')) == 200
        assert gateway.series(m) == [({"v": HOSTILE, "instance": "", "job": m}, 1.0)]
        assert not gateway.series("x")

    def test_f13_hostile_grouping_values_survive(self, gateway: Gateway) -> None:
        """Text of any kind in a group's label is shown as it was meant.

        Through the path, base64-encoded.
        """
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
