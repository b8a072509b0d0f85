"""Values: structure stays structure, and nothing that an application has makes a call fail."""

from __future__ import annotations

import array
import base64
import collections
import dataclasses
import datetime
import decimal
import enum
import io
import pathlib
import uuid
from typing import Any, NamedTuple

import pytest

from conftest import LONG, Server
from neuraltrust import Metadata, NeuralTrust, User, _values


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Document:
    text: str
    tags: set[str]
    inner: Point


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")


class Plain:
    def __repr__(self) -> str:
        return "Plain()"


class Endless:
    def model_dump(self) -> Any:
        return Endless()


def test_structure_stays_structure(server: Server, client: NeuralTrust) -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        name: str
        at: datetime.datetime

    moment = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
    pairs: list[tuple[Any, Any]] = [
        ("text", "text"),
        ("", ""),
        ({"a": [1, 2.5, True, None, "ü🦊"]}, {"a": [1, 2.5, True, None, "ü🦊"]}),
        ([], []),
        ((1, (2,)), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("a"), ["a"]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [["a", 1]]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (collections.deque([1]), [1]),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Document("t", {"b", "a"}, Point(1, 2)), {"text": "t", "tags": ["a", "b"], "inner": {"x": 1, "y": 2}}),
        (Model(name="n", at=moment), {"name": "n", "at": "2027-01-15T08:00:00+00:00"}),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        ({Color.RED: 1, 2: 3, None: 4, True: 5, (1,): 6}, {"red": 1, "2": 3, "null": 4, "true": 5, "(1,)": 6}),
        (moment, "2027-01-15T08:00:00+00:00"),
        (moment.date(), "2027-01-15"),
        (datetime.timedelta(seconds=1.5), 1.5),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.10"), "1.10"),
        (b"\x00\xff", {"bytes": 2, "base64": "AP8="}),
        (b"x" * 100_000, {"bytes": 100_000}),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (ValueError("v"), {"type": "ValueError", "message": "v"}),
        (Color, f"{__name__}.Color"),
        (Plain(), "Plain()"),
        (User(id="u", plan=None), {"id": "u"}),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (-(2**70), str(-(2**70))),
        (float("nan"), "NaN"),
        (float("-inf"), "-inf"),
        ("lone \ud800 surrogate", "lone \ufffd\ufffd\ufffd surrogate"),
        ("nul \x00", "nul \x00"),
    ]
    trace = client.trace()
    for given, _ in pairs:
        trace.tool([given]).end([given])
    assert client.flush(LONG)
    for (given, expected), span in zip(pairs, server.spans()):
        assert (span.input, span.output) == ([expected], [expected]), repr(given)


def test_what_has_no_end_ends(server: Server, client: NeuralTrust) -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    deep: Any = "core"
    for _ in range(5_000):
        deep = [deep]
    mapping: dict[str, Any] = {}
    mapping["self"] = {"again": mapping}
    shared = ["twice"]
    trace = client.trace()
    for given in (cycle, deep, mapping, Endless(), [shared, shared], Hostile(), {Hostile(): 1}, [Hostile(), 2]):
        trace.tool(given).end(given)
    assert client.flush(LONG)
    spans = server.spans()
    assert spans[0].output == [1, "<cycle>"]
    assert "<nested too deep>" in repr(spans[1].output)
    assert spans[2].output == {"self": {"again": "<cycle>"}}
    assert spans[3].output == "<nested too deep>"
    assert spans[4].output == [["twice"], ["twice"]]
    assert spans[5].output == "<unprintable Hostile>"
    assert spans[6].output == "<unprintable dict>"
    assert spans[7].output == ["<unprintable Hostile>", 2]


def test_values_are_copied_at_the_call(server: Server, client: NeuralTrust) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    client.trace().generation(messages).end(messages)
    messages.append({"role": "assistant", "content": "Hi!"})
    assert client.flush(LONG)
    assert server.spans()[0].input == [{"role": "user", "content": "Hello"}]


def test_an_interrupt_goes_through(client: NeuralTrust) -> None:
    class Interrupting:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.trace().tool(Interrupting())


# Made in the test: pytest would ask a hostile value for its name.
ODD = {
    "number": lambda: 7,
    "uuid": lambda: uuid.UUID(int=1),
    "enum": lambda: Color.RED,
    "empty": str,
    "control": lambda: "a\nb",
    "surrogate": lambda: "a\ud800",
    "long": lambda: "x" * 500,
    "hostile": Hostile,
    "list": lambda: ["a"],
    "none": lambda: None,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_ids_and_names(server: Server, client: NeuralTrust, name: str) -> None:
    odd = ODD[name]()
    trace = client.trace(odd, odd, odd, odd, odd, odd, odd)
    message = trace.message("Hello", odd, name=odd)
    message.feedback(odd, odd, odd)
    message.send(odd, odd, odd, odd, odd, odd, odd)
    message.end("Hi!", error=odd, model=odd, usage=odd, attributes=odd)
    assert client.flush(LONG)
    assert len(server.spans()) == 3
    assert client.stats()["sent"] == len(server.sent)


def test_users_and_metadata() -> None:
    user = User(id="u", name="n", email=None)
    assert (user.id, user.name, user.email) == ("u", "n", None)
    assert dict(user) == user.model_dump() == {"id": "u", "name": "n"}
    assert user == User(name="n", id="u")
    assert user != Metadata(id="u", name="n")
    assert repr(Metadata(os="linux")) == "Metadata(os='linux')"


def test_a_user_may_be_a_dict_or_an_id(server: Server, client: NeuralTrust) -> None:
    client.trace(user={"user_id": 7}).event("a")
    client.trace(user="u7", metadata="m").event("b")
    assert client.flush(LONG)
    first, second = server.spans()
    assert first.attributes["neuraltrust.user"] == {"user_id": 7}
    assert second.attributes["neuraltrust.user"] == {"id": "u7"}
    assert second.attributes["neuraltrust.metadata"] == {"value": "m"}


def test_what_is_too_large_is_cut_and_says_so(server: Server, client: NeuralTrust) -> None:
    text = "x" * 200_000_000
    client.trace().message(text).end([text, 1, 2])
    client.trace().message({"a": text, "b": 1}).end("fine")
    assert client.flush(LONG)
    first, second = server.spans()
    assert first.input.endswith(" [truncated: the first 8388608 of 200000000 bytes]")
    assert len(first.input) < 8_400_000
    assert first.output[0].endswith(" of 200000000 bytes]")
    assert first.output[1:] == ["[truncated: 2 more items]"]
    assert second.input["[truncated]"] == "[truncated: 1 more fields]"
    assert (second.output, client.stats()["dropped"]) == ("fine", 0)


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


@pytest.mark.parametrize(
    ("mime_type", "image"),
    [
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0" + bytes(900)),
        ("image/gif", b"GIF89a" + bytes(900)),
        ("image/webp", b"RIFF\0\0\0\0WEBPVP8 " + bytes(900)),
    ],
)
def test_bytes_of_an_image_are_an_image(server: Server, client: NeuralTrust, mime_type: str, image: bytes) -> None:
    given = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
    client.trace().generation(given).end(bytearray(image))
    assert client.flush(LONG)
    (span,) = server.spans()
    uri = f"data:{mime_type};base64,{base64.b64encode(image).decode()}"
    part = {"type": "image", "mime_type": mime_type, "uri": uri}
    assert span.input == [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]
    assert span.output == part
    assert _values.plain(memoryview(image + bytes(_values.MAX_IMAGE))) == {"bytes": len(image) + _values.MAX_IMAGE}


def test_an_image_of_pillow_is_a_picture_of_it(server: Server, client: NeuralTrust) -> None:
    pillow = pytest.importorskip("PIL.Image")
    client.trace().generation([pillow.new("RGB", (2_000, 1_000), "red")]).end(pillow.new("LA", (8, 8)))
    assert client.flush(LONG)
    (span,) = server.spans()
    (part,), small = span.input, span.output
    assert (part["type"], part["mime_type"], part["width"], part["height"]) == ("image", "image/png", 2_000, 1_000)
    for described, size in ((part, (512, 256)), (small, (8, 8))):
        seen = pillow.open(io.BytesIO(base64.b64decode(described["uri"].split(",")[1])))
        assert seen.size == size
    assert _values.plain(pillow.new("1", (8_000, 5_000))) == {"image": {"mode": "1", "width": 8_000, "height": 5_000}}


def test_arrays_are_lists(server: Server, client: NeuralTrust) -> None:
    numpy = pytest.importorskip("numpy")
    pairs = [
        (numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (numpy.float32(0.5), 0.5),
        (numpy.int64(7), 7),
        (numpy.bool_(True), True),
        (numpy.array(["a"]), ["a"]),
        (numpy.zeros(0), []),
    ]
    for given, _ in pairs:
        client.trace().retrieval({"embedding": given})
    assert client.flush(LONG)
    assert [span.input["embedding"] for span in server.spans()] == [expected for _, expected in pairs]
    # Of a view of many millions of numbers no more than the first are made.
    many = numpy.broadcast_to(numpy.int8(3), (100_000, 100_000))
    assert _values.plain(many) == {
        "shape": [100_000, 100_000],
        "items": [3] * 100_000,
        "[truncated]": "[truncated: the first 100000 of 10000000000 items]",
    }


def test_of_very_many_items_the_first_are_kept() -> None:
    mark = "[truncated: the first 100000 of 1000000000 items]"
    assert _values.plain(range(10**9)) == {"items": list(range(100_000)), "[truncated]": mark}
    words = _values.plain(array.array("b", bytes(150_000)))
    assert (words["shape"], len(words["items"])) == ([150_000], 100_000)
    assert len(_values.plain(set(range(150_000)))["items"]) == 100_000
    assert _values.plain(collections.deque([1])) == [1]
