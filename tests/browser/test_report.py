"""The report of a reproduction in a real browser, from its file alone."""

import pytest
from click.testing import CliRunner
from playwright.sync_api import Route

from lossatlas.app.cli.main import main
from lossatlas.app.figures.shared.dots import COLOURS
from lossatlas.app.routes.main import server
from lossatlas.compute.numerics.classes import NAMES
from lossatlas.compute.service.cache import Cache
from tests.browser.driver import browser, reader
from tests.browser.test_axe import violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
GRAPH = "document.querySelector('#figure-xor')"
INK = f"{GRAPH}._fullLayout.font.color"
DRAWN = f"{GRAPH}._fullData && {GRAPH}.querySelectorAll('.gl-canvas').length > 0"


def answer(route: Route) -> None:
    """What the server would say, without one."""
    path = route.request.url.removeprefix("http://study.test")
    found = server.test_client().get(path, headers=route.request.headers)
    route.fulfill(status=found.status_code, body=found.data, headers=dict(found.headers))


def test_the_report_draws_its_clouds_without_a_network_and_switches_rule_and_axes(
    chromium_path, cache_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("lossatlas.compute.study.design.PACES", {"micro": (0.01, 60), "macro": (0.1, 30)})
    out = tmp_path / "report.html"
    words = ("reproduce", "bosman2023", "--dataset", "xor", "--workers", "0", "--scale", "0.01", "--out", str(out))
    assert CliRunner().invoke(main, words).exit_code == 0
    monkeypatch.setattr("lossatlas.app.routes.study.SCALES", (0.01,))
    monkeypatch.setattr("lossatlas.app.routes.main.cache", lambda: Cache(cache_folder, 10**8))
    with browser(chromium_path) as chromium:
        judged = reader(chromium, "http://study.test", theme="dark")
        judged.page.route(f"{judged.address}/**", answer)
        judged.page.goto(f"{judged.address}/study")
        judged.page.wait_for_function(DRAWN)
        judged.page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        assert violations(judged) == []
        ink = judged.page.evaluate(INK)
        judged.page.emulate_media(color_scheme="light")
        judged.page.wait_for_function(f"{INK} !== '{ink}'")
        assert violations(judged) == []
        for _ in range(2):  # its own button: light, then dark
            judged.page.click("#theme")
        judged.page.wait_for_function(f"{INK} === '{ink}'")
        for width in (1280, 820):
            judged.page.set_viewport_size({"width": width, "height": 720})
            assert judged.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not judged.errors
        judged.page.context.close()
        page, errors, asked = chromium.new_page(color_scheme="dark"), [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(out.as_uri())
        page.wait_for_function(DRAWN)
        kinds = f"{GRAPH}._fullData.map(trace => Array.from(trace.marker.color))"
        ink = page.evaluate(INK)
        authors = page.evaluate(kinds)
        assert len(authors) == 12 and {code for codes in authors for code in codes} <= {*range(len(NAMES))}
        page.check("input[name='rule-xor'][value='full']")
        page.wait_for_function(f"JSON.stringify({kinds}) !== JSON.stringify({authors})")
        relu = page.evaluate(kinds)[1]
        assert set(relu) == {NAMES.index("singular")}  # ReLU with dead or scaled units: every full Hessian is singular
        assert page.evaluate(f"{GRAPH}._fullLayout.xaxis.type") == "log"
        page.check("input[name='axes-xor'][value='linear']")
        page.wait_for_function(f"{GRAPH}._fullLayout.xaxis.type === 'linear'")
        page.emulate_media(color_scheme="light")
        page.wait_for_function(f"{INK} !== '{ink}'")
        assert page.locator(".legend i").count() == len(COLOURS) + 1
        assert not errors and all(url.startswith(("file:", "blob:", "data:")) for url in asked)
