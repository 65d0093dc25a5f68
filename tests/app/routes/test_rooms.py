"""Rooms: what is kept, who may change it, who sees it, and what nobody can make them do."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice

import pytest
from flask import Flask

from lossatlas.app.routes import rooms as module
from lossatlas.app.routes.rooms import LARGEST_BODY, OWN, Desk, add_routes, allow_followers, events, shared
from lossatlas.app.stream import alive
from lossatlas.compute.service.cache import Cache
from lossatlas.compute.service.rooms import (
    ALPHABET,
    IDLE,
    LIFE,
    MOST_OPENINGS,
    PRESENCE,
    NoRoom,
    NotYours,
    Rooms,
    RoomsUnusable,
    TooManyRooms,
    camera_of,
    code_of,
)  # fmt: skip
from lossatlas.compute.spec.options import BadSpec

XOR, IRIS = "dataset=xor&widths=2", "dataset=iris&activation=tanh,relu"
CAMERA = [1.2, 0.9, 0.9, 0, 0, 0, 0, 0, 1]
OTHER_PROCESS = """
import sys
from pathlib import Path
from lossatlas.compute.service.rooms import NotYours, Rooms
folder, code, secret = sys.argv[1:]
rooms = Rooms(Path(folder))
print(rooms.look([code])[code].state)
for number in range(50):
    rooms.show(code, secret, f"seed={number}")
rooms.count("other", {code: 3})
try:
    rooms.show(code, "guess", "seed=666")
except NotYours:
    print("refused")
"""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rooms(cache_folder, clock):
    return Rooms(cache_folder, most=3, clock=clock)


@pytest.fixture
def server(cache_folder, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.3)
    monkeypatch.setattr(module, "_places", module.Places(8))
    found = Flask("rooms")
    add_routes(found, cache_folder)
    return found.test_client()


def post(server, path: str, data: object, **headers: str):
    answer = server.post(path, json=data, headers={name.replace("_", "-"): text for name, text in headers.items()})
    return answer.status_code, answer.get_json()


def told(stream: Iterator[str], most: int = 12) -> Iterator[tuple[str, dict]]:
    """The named events among the next few chunks of a stream."""
    for chunk in islice(stream, most):
        if chunk.startswith("event: "):
            name, data = chunk.removeprefix("event: ").rstrip("\n").split("\ndata: ")
            yield name, json.loads(data)


def await_event(stream: Iterator[str], name: str) -> dict:
    return next(data for found, data in told(stream) if found == name)


# ---------------------------------------------------------------- the store


@pytest.mark.parametrize(("typed", "code"), [
    ("CDF347", "CDF347"), ("cdf347", "CDF347"), (" cdf-347\n", "CDF347"), ("c d f 3 4 7", "CDF347"), ("CDF34", ""),
    ("CDF3470", ""), ("CDF34O", ""), ("../../", ""), ("ＣＤＦ３４７", ""), ("C" * 10**6, ""), ("", ""), (None, ""),
    (347, ""),
])  # fmt: skip
def test_a_code_is_read_as_a_reader_types_it(typed, code):
    assert code_of(typed) == code


def test_codes_have_no_lookalikes_and_differ(rooms):
    assert not set(ALPHABET) & set("0O1ILU2Z5S8BAEIOU") and len(ALPHABET) == len(set(ALPHABET))
    opened = [rooms.open(XOR) for _ in range(3)]
    assert all(code_of(code) == code for code, _ in opened) and len(set(sum(opened, ()))) == 6


def test_processes_share_rooms_and_lose_no_change(cache_folder):
    here = Rooms(cache_folder)
    code, secret = here.open(XOR, CAMERA)
    words = [sys.executable, "-c", OTHER_PROCESS, str(cache_folder), code, secret]
    other = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline().strip() == XOR
    for number in range(50):
        here.show(code, secret, f"seed={number}")
    assert other.communicate(timeout=60)[0].strip() == "refused" and other.returncode == 0
    room = here.look([code])[code]
    assert (room.revision, room.state, room.followers) == (101, "seed=49", 3)


def test_a_room_expires_after_its_last_change(rooms, clock):
    (code, secret), (other, _) = rooms.open(XOR), rooms.open(IRIS)
    clock.now += LIFE - 1
    rooms.show(code, secret, XOR)
    clock.now += 2
    assert set(rooms.look([code, other])) == {code}
    clock.now += LIFE
    assert rooms.look([code]) == {}
    with pytest.raises(NoRoom, match="4 hours"):
        rooms.show(code, secret, XOR)


def test_only_the_secret_changes_or_closes_a_room(rooms):
    (code, secret), (_, others) = rooms.open(XOR), rooms.open(IRIS)
    for wrong in ("", "guess", secret[:-1], others, "\ud800"):
        with pytest.raises(NotYours):
            rooms.show(code, wrong, IRIS)
        with pytest.raises(NotYours):
            rooms.close(code, wrong)
    assert rooms.look([code])[code].state == XOR
    rooms.close(code, secret)
    assert rooms.look([code]) == {}
    with pytest.raises(NoRoom):
        rooms.close(code, secret)


def test_the_secret_itself_is_not_kept(rooms, cache_folder):
    _, secret = rooms.open(XOR)
    assert secret.encode() not in (cache_folder / "rooms.db").read_bytes()


def test_followers_are_those_of_all_processes_that_still_say_so(rooms, clock):
    code, _ = rooms.open(XOR)
    rooms.count("one", {code: 2})
    rooms.count("two", {code: 5})
    assert rooms.look([code])[code].followers == 7
    clock.now += PRESENCE - 1
    rooms.count("one", {code: 3})
    assert rooms.look([code])[code].followers == 8
    clock.now += 2  # the second was killed
    assert rooms.look([code])[code].followers == 3
    rooms.count("one", {})
    assert rooms.look([code])[code].followers == 0


def test_the_number_of_rooms_is_bounded_and_an_abandoned_one_gives_way(rooms, clock):
    followed, alone, _ = (rooms.open(XOR)[0] for _ in range(3))
    with pytest.raises(TooManyRooms, match="All 3 rooms"):
        rooms.open(XOR)
    clock.now += IDLE
    rooms.count("one", {followed: 1})
    new, _ = rooms.open(XOR)
    assert followed in rooms.look([followed]) and new in rooms.look([new]) and rooms.look([alone]) == {}


def test_rooms_are_not_opened_too_fast(cache_folder, clock):
    rooms = Rooms(cache_folder, clock=clock)
    for _ in range(MOST_OPENINGS):
        rooms.close(*rooms.open(XOR))
    with pytest.raises(TooManyRooms, match="within a minute"):
        rooms.open(XOR)
    clock.now += 60
    assert rooms.open(XOR)


def test_answers_neither_push_rooms_out_nor_clear_them(rooms, cache_folder):
    code, _ = rooms.open(XOR)
    cache = Cache(cache_folder, 10**6)
    for number in range(40):
        cache.put(f"slice-{number:040x}", bytes(50_000))
    cache.clear()
    assert rooms.look([code])[code].state == XOR


def test_a_damaged_or_removed_file_starts_empty(rooms, cache_folder):
    code, secret = rooms.open(XOR)
    (cache_folder / "rooms.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RoomsUnusable, match="Try again"):
        rooms.look([code])
    code, secret = rooms.open(XOR)
    (cache_folder / "rooms.db").unlink()
    with pytest.raises(NoRoom):
        rooms.show(code, secret, XOR)


@pytest.mark.parametrize("bad", [None, "", {}, [1.0] * 8, [1.0] * 10, [1.0] * 8 + ["1"], [True] * 9,
                                 [float("nan")] * 9, [float("inf")] * 9, [101.0] * 9, [10**400] * 9,
                                 [[1]] * 9])  # fmt: skip
def test_a_camera_is_nine_small_numbers(bad):
    with pytest.raises(ValueError, match="camera"):
        camera_of(bad)


def test_what_is_each_browsers_own_is_cut_out_and_the_rest_is_checked():
    given = f"?{IRIS}&theme=dark&room=CDF347&window=0,1,0,1"
    assert shared(given) == f"{IRIS}&window=0,1,0,1" and {"room", "theme"} <= set(OWN)
    assert shared("theme=pink") == shared("") == ""  # what is cut out is not judged
    with pytest.raises(BadSpec, match="Did you mean 'iris'"):
        shared("dataset=irs")


# ---------------------------------------------------------------- over HTTP


def test_a_room_from_opening_to_closing(server, cache_folder):
    status, room = post(server, "/rooms", {"state": XOR, "camera": CAMERA})
    assert status == 200 and set(room) == {"code", "secret"}
    code, secret = room["code"], room["secret"]
    desk = Desk(cache_folder)  # as another process sees it
    stream = events(code, desk.rooms, desk.watcher, True)
    assert await_event(stream, "state") == {"revision": 1, "state": XOR, "camera": CAMERA}
    assert {"count": 1} in [data for name, data in told(stream, 4) if name == "followers"]
    status, answer = post(server, f"/rooms/{code.lower()}", {"secret": secret, "state": f"{IRIS}&theme=dark"})
    assert (status, answer) == (200, {"revision": 2})
    assert await_event(stream, "state") == {"revision": 2, "state": IRIS, "camera": []}
    assert post(server, f"/rooms/{code}/close", {"secret": secret}) == (200, {})
    assert "There is no room" in await_event(stream, "closed")["sentence"] and list(stream) == []
    assert post(server, f"/rooms/{code}", {"secret": secret, "state": XOR})[0] == 404


def test_rooms_never_see_each_others_state(cache_folder, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.1)
    one, two = Desk(cache_folder), Desk(cache_folder)
    (code, secret), (other, _) = one.rooms.open(XOR), one.rooms.open(IRIS)
    followers = [events(name, desk.rooms, desk.watcher, True) for name in (code, other) for desk in (one, two)]
    begun = [await_event(stream, "state")["state"] for stream in followers]
    assert begun == [XOR, XOR, IRIS, IRIS]
    one.rooms.show(code, secret, "seed=5")
    assert [await_event(stream, "state")["state"] for stream in followers[:2]] == ["seed=5"] * 2
    for stream in followers[2:]:
        assert not [data for name, data in told(stream, 6) if name == "state"]
    for stream in followers:
        stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("state", "words"), [
    ("dataset=irs", "Did you mean 'iris'"), ("nonsense", "without '='"), ("a" * 5000, "at most 4000"), (7, "query"),
    (None, "query"), (["dataset=iris"], "query"), ("colour=red", "no option"), ("activation=" + "tanh," * 3 + "x", "x"),
    ("dataset=\ud800", "dataset"),
])  # fmt: skip
def test_nonsense_is_refused_with_a_sentence_and_what_was_shown_stays(server, cache_folder, state, words):
    _, room = post(server, "/rooms", {"state": XOR})
    status, answer = post(server, f"/rooms/{room['code']}", {"secret": room["secret"], "state": state})
    assert status == 400 and words in answer["sentence"]
    assert Rooms(cache_folder).look([room["code"]])[room["code"]].state == XOR
    assert post(server, "/rooms", {"state": state})[0] == 400


@pytest.mark.parametrize(("data", "kind", "status"), [
    (b'{"state": ""}', "text/plain", 415), (b'{"state": ""}', "application/x-www-form-urlencoded", 415),
    (b"{" + b" " * LARGEST_BODY + b"}", "application/json", 413), (b"[" * 15_000, "application/json", 400),
    (b"{", "application/json", 400), (b"[]", "application/json", 400), (b"\xff\xfe", "application/json", 400),
    (b'{"state": "", "camera": [1e999]}', "application/json", 400), (b"{}", "application/json", 200),
])  # fmt: skip
def test_a_body_is_a_small_json_object(server, data, kind, status):
    answer = server.post("/rooms", data=data, content_type=kind)
    assert answer.status_code == status and (status == 200 or answer.get_json()["sentence"])


@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://elsewhere.example"},
    {"Origin": "null"}, {"Origin": "http://localhost:1234"}, {"Origin": "http://["},
])  # fmt: skip
def test_other_sites_pages_are_kept_out(server, headers):
    _, room = post(server, "/rooms", {"state": XOR})
    code, secret = room["code"], room["secret"]
    for path, data in (
        ("/rooms", {}),
        (f"/rooms/{code}", {"secret": secret}),
        (f"/rooms/{code}/close", {"secret": secret}),
    ):
        assert server.post(path, json=data, headers=headers).status_code == 403
    for part in ("events", "qr.svg"):
        assert server.get(f"/rooms/{code}/{part}", headers=headers).status_code == 403
    own = {"Origin": "http://localhost"} if "Origin" in headers else {"Sec-Fetch-Site": "same-origin"}
    assert server.post("/rooms", json={}, headers=own).status_code == 200


@pytest.mark.parametrize("code", ["CDF347", "nonsense", "%00", "..", "C" * 3000])
def test_an_unknown_room_says_so(server, code):
    heard = server.get(f"/rooms/{code}/events").get_data(as_text=True)
    assert "event: closed" in heard and "room" in heard
    assert post(server, f"/rooms/{code}", {"secret": "x", "state": XOR})[0] in (403, 404)


def test_beyond_the_cap_followers_are_told_that_it_is_busy(cache_folder, monkeypatch):
    monkeypatch.setattr(module, "_places", module.Places(1))
    allow_followers(1)
    desk = Desk(cache_folder)
    code, _ = desk.rooms.open(XOR)
    one, two = (events(code, desk.rooms, desk.watcher, True) for _ in range(2))
    await_event(one, "state")
    assert "1 browsers follow" in await_event(two, "busy")["sentence"] and list(two) == []
    one.close()  # type: ignore[attr-defined]
    three = events(code, desk.rooms, desk.watcher, True)
    assert await_event(three, "state")["state"] == XOR
    three.close()  # type: ignore[attr-defined]


def test_who_only_presents_is_not_counted_and_who_leaves_no_more(cache_folder, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.2)
    desk = Desk(cache_folder)
    code, _ = desk.rooms.open(XOR)
    presenter, follower = (events(code, desk.rooms, desk.watcher, counts) for counts in (False, True))
    assert await_event(presenter, "followers") == {"count": 0}
    await_event(follower, "state")
    assert await_event(presenter, "followers") == {"count": 1}
    follower.close()  # type: ignore[attr-defined]
    assert await_event(presenter, "followers") == {"count": 0}
    presenter.close()  # type: ignore[attr-defined]


def test_followers_go_on_after_a_look_that_failed_in_no_known_way(cache_folder, monkeypatch, caplog):
    monkeypatch.setattr(module, "TROUBLE", 0.05)
    desk, failed = Desk(cache_folder), threading.Event()
    (code, secret), look = desk.rooms.open(XOR), desk.rooms.look
    stream = events(code, desk.rooms, desk.watcher, True)
    assert await_event(stream, "state")["state"] == XOR

    def once_failing(codes):
        if not failed.is_set():
            failed.set()
            raise RuntimeError("of a new kind")
        return look(codes)

    monkeypatch.setattr(desk.rooms, "look", once_failing)
    assert failed.wait(30)
    desk.rooms.show(code, secret, IRIS)
    assert await_event(stream, "state")["state"] == IRIS and "of a new kind" in caplog.text
    stream.close()  # type: ignore[attr-defined]


def test_streams_end_with_the_web_process(cache_folder, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.1)
    desk = Desk(cache_folder)
    stream = events(desk.rooms.open(XOR)[0], desk.rooms, desk.watcher, True)
    await_event(stream, "state")
    monkeypatch.setattr(alive, "ALIVE", lambda: False)
    assert not [name for name, _ in told(stream) if name == "closed"]


def test_a_typed_code_leads_into_its_room_or_says_why_not(server):
    _, room = post(server, "/rooms", {"state": XOR})
    code = room["code"]
    answer = server.get("/room", query_string={"code": f" {code[:3].lower()}-{code[3:]} "})
    assert answer.status_code == 303 and answer.headers["Location"] == f"/?room={code}"
    assert server.get("/room").status_code == 200
    answer = server.get("/room", query_string={"code": '"><script>alert(1)</script>'})
    assert answer.status_code == 404 and "no room" in answer.text and "<script>" not in answer.text


def test_the_qr_code_is_of_the_address_that_the_browser_knows(server):
    code = post(server, "/rooms", {})[1]["code"]
    drawn = server.get(f"/rooms/{code}/qr.svg", headers={"Host": "hall.example:8050"})
    assert drawn.mimetype == "image/svg+xml" and drawn.data == module.qr_code(f"http://hall.example:8050/?room={code}")
    assert (
        b'fill="#fff"' in drawn.data and b'stroke="#000"' in drawn.data and b"M4 4.5h7" in drawn.data
    )  # margin of four
    assert drawn.data != server.get(f"/rooms/{code}/qr.svg").data
    assert server.get("/rooms/nonsense/qr.svg").status_code == 404
