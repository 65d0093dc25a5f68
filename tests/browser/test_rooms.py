"""A presenter and who follows, each in a browser of its own, from opening the room to its end."""

import json
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.driver import PATIENCE, Reader, reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
QUICK = "dataset=xor&widths=2&steps=20&points=17&activation=tanh&mode=contour"  # maps are drawn fast
SOON = PATIENCE  # ms, for what needs no computation; a second on an idle machine


@pytest.fixture
def readers(chromium, atlas):
    """Four readers with nothing remembered: the presenter, two who follow, and one who does not."""
    found = [reader(chromium, atlas) for _ in range(4)]
    yield found
    for one in found:
        one.page.context.close()
    assert not [error for one in found for error in one.errors]


def search(one: Reader) -> dict[str, str]:
    return one.page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


def await_search(one: Reader, name: str, value: str | None) -> None:
    told = "([name, value]) => new URLSearchParams(location.search).get(name) === value"
    one.page.wait_for_function(told, arg=[name, value], timeout=SOON)


def room_of(one: Reader) -> dict:
    return one.page.evaluate("window.lossatlas.room()")


def await_room(one: Reader, **expected) -> None:
    told = "expected => Object.entries(expected).every(([name, value]) => window.lossatlas.room()[name] === value)"
    one.page.wait_for_function(told, arg=expected, timeout=SOON)


def open_room(presenter: Reader, query: str = QUICK) -> str:
    presenter.open(query)
    presenter.wait()
    presenter.page.get_by_role("button", name="Follow me").dblclick()  # a double click opens one
    expect(presenter.page.locator("#room-dialog")).to_be_visible(timeout=SOON)
    return room_of(presenter)["own"]


def test_followers_see_what_the_presenter_sees_until_they_look_for_themselves(readers):
    presenter, one, two, stranger = readers
    code = open_room(presenter)
    assert presenter.page.inner_text("#room-code").replace(" ", "") == code and "room" not in search(presenter)
    presenter.page.wait_for_function("document.getElementById('room-qr').naturalWidth > 0", timeout=SOON)
    stranger.open(QUICK)
    one.open(f"room={code.lower()}")
    two.page.goto(f"{two.address}/room")
    two.page.fill("#code", f"{code[:3]} {code[3:]}".lower())
    two.page.get_by_role("button", name="Follow").click()
    for follower in (one, two):
        await_search(follower, "dataset", "xor")
        follower.wait()
        assert "XOR" in follower.page.inner_text("#sentence") and follower.heights(0) == presenter.heights(0)
        assert not [url for url in follower.requests if url.endswith("/stream")]  # the default page is never asked for
    await_room(presenter, count=2)
    assert presenter.page.inner_text("#room-count") == "2 follow"

    presenter.page.keyboard.press("Escape")  # the dialog closes, the room does not
    presenter.page.locator("main").focus()
    presenter.page.keyboard.press("l")
    for follower in (one, two):
        await_search(follower, "log", "0")
        follower.wait()
    presenter.wait()
    for follower in (one, two):
        assert follower.heights(0) == presenter.heights(0)
        assert search(follower)["room"].upper() == code and room_of(follower)["mode"] == "following"
    assert "log" not in search(stranger) and stranger.page.locator("#room-bar").is_hidden()

    entries = one.page.evaluate("history.length")
    one.page.fill("#option-seed", "8")  # a change of one's own
    await_search(one, "seed", "8")
    await_search(one, "room", None)
    await_room(one, mode="exploring")
    assert two.page.is_visible("#room-explore") and "seed" not in search(two) | search(presenter)
    presenter.page.locator("main").focus()
    presenter.page.keyboard.press("l")
    await_search(two, "log", None)
    assert search(one)["log"] == "0"
    await_room(presenter, count=1)
    one.page.reload()
    one.wait()
    await_room(one, mode="exploring")
    one.page.get_by_role("button", name="Return to the presenter").click()
    await_search(one, "room", code)
    await_search(one, "seed", None)
    assert "log" not in search(one) and one.page.evaluate("history.length") == entries + 2  # not one a change of state
    one.page.go_back()  # to what was explored
    await_search(one, "seed", "8")
    await_room(one, mode="exploring")
    one.page.go_back()  # and to where it followed
    await_room(one, mode="following")
    await_search(one, "seed", None)

    presenter.page.reload()
    presenter.wait()
    assert room_of(presenter)["own"] == code
    presenter.choose("dataset", "Iris")
    for follower in (one, two):
        await_search(follower, "dataset", None)
    presenter.page.click("#follow-me")
    presenter.page.get_by_role("button", name="Close room").click()
    presenter.page.get_by_role("button", name="Close it for everybody?").click()
    await_room(presenter, own=None)
    for follower in (one, two):
        await_room(follower, joined=None)
        assert "has ended" in follower.message() and follower.page.locator("#room-bar").is_hidden()
        await_search(follower, "room", None)
    heard = [url for url in stranger.requests if f"{stranger.address}/rooms" in url]
    assert not heard and room_of(stranger)["joined"] is None
    sent = [url for one in readers for url in one.requests if "secret" in url]
    assert not sent


@pytest.mark.parametrize("code", ["CDF347", "../%3Cscript%3E"])
def test_a_room_that_is_not_there_says_so_and_the_default_page_opens(readers, code):
    visitor = readers[0]
    visitor.open(f"room={code}")
    visitor.page.wait_for_function("document.getElementById('message')?.textContent.includes('room')", timeout=PATIENCE)
    await_search(visitor, "room", None)
    expect(visitor.page.locator("#sentence")).to_contain_text("Iris, network 4-4-3", timeout=PATIENCE)
    assert "no room" in visitor.message() or "no room's code" in visitor.message()
    assert not search(visitor)
    assert visitor.page.locator("#room-bar").is_hidden() and "script" not in visitor.page.inner_text("#message")


def await_step(one: Reader, page: int) -> None:
    """Until a step's words and all its pictures are there."""
    one.page.wait_for_function("page => window.lossatlas?.lesson?.page === page", arg=page, timeout=PATIENCE)
    one.wait()


def test_a_follower_goes_through_a_lesson_and_finds_the_presenter_again_after_a_break(readers):
    presenter, follower, *_ = readers
    code = open_room(presenter, "lesson=xor")
    presenter.page.keyboard.press("Escape")
    follower.open(f"room={code}&theme=dark")

    def check(page: int, place: str) -> None:
        for one in (presenter, follower):
            await_step(one, page)
            assert search(one)["lesson"] == "xor" and int(search(one).get("page", 1)) == page
            assert "dataset" not in search(one) and one.page.evaluate("window.lossatlas.place") == place
        shown = [(one.page.inner_text("#sentence"), set(one.panels())) for one in (presenter, follower)]
        assert shown[0] == shown[1]
        assert follower.page.locator(f".step[data-step='{page}']").is_visible()
        assert room_of(follower)["mode"] == "following" and not follower.page.evaluate("window.lossatlas.lesson.away")

    check(1, "landscape")
    presenter.page.click("#lesson-next")
    check(2, "curvature")
    presenter.page.click("#lesson-present")
    presenter.page.keyboard.press("ArrowRight")  # the answer: each follower has a prediction of its own
    presenter.page.keyboard.press("ArrowRight")
    check(3, "landscape")
    assert follower.page.evaluate("window.lossatlas.lesson.mode") == "read"
    presenter.page.keyboard.press("Escape")
    presenter.page.locator("#lesson").get_by_role("button", name="Leave").click()
    await_search(follower, "lesson", None)
    await_search(follower, "dataset", "xor")
    follower.wait()
    assert follower.page.locator("#lesson").is_hidden() and room_of(follower)["mode"] == "following"
    assert follower.page.evaluate("window.lossatlas.theme") == "dark" and search(follower)["theme"] == "dark"
    follower.page.route("**/rooms/**", lambda route: route.abort())
    follower.page.evaluate("dispatchEvent(new Event('pagehide'))")  # as a phone that is put away
    await_room(presenter, count=0)
    presenter.page.keyboard.press("Escape")
    presenter.page.fill("#option-steps", "20")
    await_search(presenter, "steps", "20")
    follower.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(follower.page.locator("#room-says")).to_contain_text("connection is lost", timeout=SOON)
    follower.page.unroute("**/rooms/**")
    await_search(follower, "steps", "20")
    expect(follower.page.locator("#room-says")).not_to_contain_text("lost", timeout=SOON)
    assert search(follower)["theme"] == "dark"
    follower.errors[:] = [error for error in follower.errors if "ERR_FAILED" not in error]  # the break itself
    answer = urllib.request.Request(
        f"{presenter.address}/rooms/{code}", json.dumps({"secret": "guess", "state": ""}).encode(),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(answer)
