"""Mixing and morphing in Chromium: the place, its frames on a camera that stays, and a mixture in the Landscape."""

import numpy as np
import pytest

from lossatlas.compute.analyses.table import question
from lossatlas.compute.service.ask import ask
from tests.browser.driver import Reader

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TINY = "dataset=xor&widths=2&steps=20"
QUICK = f"{TINY}&morph_frames=5&morph_points=9&activation=tanh,elu"
LOOK = """() => {
  const layout = document.getElementById("plot-0-morph")._fullLayout;
  const { xaxis, yaxis, zaxis } = layout.scene;
  return JSON.stringify([layout.scene._scene.getCamera(), [xaxis, yaxis, zaxis].map(({ range }) => range),
    layout.coloraxis.cmin, layout.coloraxis.cmax]);
}"""
DRAWN = """([panel, trace, name]) =>
  Array.from(document.getElementById(`plot-0-${panel}`)._fullData[trace][name], (row) =>
    typeof row === "number" ? row : Array.from(row))"""


def settle(visitor: Reader) -> None:
    visitor.page.wait_for_timeout(700)
    visitor.wait()


def test_a_morph_is_played_on_one_camera_and_one_scale(visitor: Reader):
    visitor.open(f"place=morph&{QUICK}&morph_to=relu")
    visitor.wait()
    assert visitor.panels().keys() == {"0-morph", "0-morph-curve", "1-morph", "1-morph-curve"}
    assert visitor.page.locator("#columns article:visible h2").all_inner_texts() == ["tanh → ReLU", "ELU → ReLU"]
    assert visitor.page.locator("#bar").is_visible() and not visitor.page.locator(".windows").is_visible()
    width = visitor.page.evaluate("document.getElementById('plot-0-morph')._fullLayout.scene.xaxis.range[1]")
    found = ask(question("morph", f"{TINY}&morph_frames=5&morph_points=9&morph_to=relu&extent={width}"))
    look, asked = visitor.page.evaluate(LOOK), len(visitor.requests)
    for k in (4, 2):
        visitor.page.locator("#scrub input").fill(str(k))
        visitor.page.wait_for_selector(f"#player[data-step='{k / 4:g}']:not([data-moving])")
        assert visitor.page.inner_text("#moment") == f"t = {k / 4:.2f}"
        np.testing.assert_allclose(np.array(visitor.heights(0, "morph")).T, found.loss[k], rtol=1e-6)
        assert visitor.page.evaluate(LOOK) == look and len(visitor.requests) == asked
        assert visitor.page.evaluate(DRAWN, ["morph-curve", 1, "x"]) == [k / 4, k / 4]  # XOR has no test part
        units = visitor.page.evaluate(DRAWN, ["morph-curve", 5, "y"])
        np.testing.assert_allclose(units, found.curve[k], rtol=1e-6, atol=1e-7)

    assert visitor.page.locator("#row-alpha").is_visible() and not visitor.page.locator("#row-mix_with").is_visible()
    visitor.choose("morph_to", "sine")
    settle(visitor)
    assert visitor.page.locator("#columns article:visible h2").all_inner_texts() == ["tanh → sine", "ELU → sine"]
    visitor.page.get_by_text("its parameter", exact=True).click()
    visitor.page.wait_for_function("location.search.includes('morph=parameter')")
    visitor.wait("failed")  # tanh has no parameter to go over
    assert visitor.panels()["0-morph"]["state"] == "failed" and visitor.panels()["1-morph"]["state"] == "done"
    assert "tanh has none" in visitor.page.inner_text("#slot-0-morph .failure")
    assert visitor.page.inner_text("#column-1 h2") == "ELU, α 0.25 → 4"
    visitor.page.go_back()
    settle(visitor)
    assert {panel["state"] for panel in visitor.panels().values()} == {"cached"}


def test_a_mixture_is_one_of_the_landscapes_activations(visitor: Reader):
    visitor.open(f"{TINY}&points=17&activation=tanh&extent=1")
    visitor.wait()
    assert not visitor.page.locator("#row-mix").is_visible() and not visitor.page.locator("#row-alpha").is_visible()
    visitor.choose("mix_with", "ELU")
    settle(visitor)
    assert visitor.page.inner_text("#column-0 h2") == "tanh → ELU, t = 0.50"
    assert visitor.page.locator("#row-mix").is_visible() and visitor.page.locator("#row-alpha").is_visible()
    visitor.page.locator("#option-mix [role=slider]").focus()
    for _ in range(4):
        visitor.page.keyboard.press("ArrowLeft")
    visitor.page.wait_for_function("location.search.includes('mix=0.3')")
    settle(visitor)
    expected = ask(question("slice", f"{TINY}&points=17&activation=tanh&extent=1&mix_with=elu&mix=0.3")).loss
    np.testing.assert_allclose(np.array(visitor.heights(0)).T, expected, rtol=1e-6)
    assert "tanh → ELU, t = 0.30" in visitor.page.inner_text("#slot-0-slice .caption")
    visitor.page.locator("main").focus()
    visitor.page.keyboard.press("5")
    visitor.page.wait_for_function("location.search.includes('place=morph')")
    settle(visitor)
    assert visitor.page.inner_text("#column-0 h2") == "tanh → ReLU"
    visitor.open("place=morph&morph_to=nonsense")
    visitor.wait("refused")
    assert "morph_to must be one of the names known here" in visitor.message()
