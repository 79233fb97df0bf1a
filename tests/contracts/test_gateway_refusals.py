"""What a gateway must refuse, and what it stays through: the real one and ours alike."""

from __future__ import annotations

import gzip

import pytest

from reporter.hub.gateway import BODY_LIMIT
from tests.contracts.gateways import Gateway, gauge
from tests.services.programs import EmbeddedGateway

pytestmark = pytest.mark.service


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
