"""How scripts come to a browser: by addresses that change with their content, and into files that stand alone."""

import json
import re
import shutil
import subprocess

import pytest

from lossatlas.app.export.file import SCRIPT as SAVED
from lossatlas.app.export.report import SCRIPT as REPORT
from lossatlas.app.look import scripts
from lossatlas.app.routes.main import app

client = app.server.test_client()
PAGE = client.get("/").text


def test_every_module_has_its_fingerprint_on_the_page():
    (found,) = re.findall(r'<script type="importmap">(.*?)</script>', PAGE)
    imports = json.loads(found)["imports"]
    assert imports == {f"/assets/{name}": scripts.address(name) for name in scripts.modules()}
    assert "/assets/main.mjs" in imports and len(imports) > 50


def test_the_map_stands_before_what_loads_modules_and_each_needed_one_is_preloaded():
    links = re.findall(r'<link rel="modulepreload" href="([^"]+)">', PAGE)
    assert links == [scripts.address(name) for name in scripts.needed(scripts.MAIN)]
    start = PAGE.index(f'src="{links[-1]}"')
    assert PAGE.index("importmap") < PAGE.index("modulepreload") < start
    before = [PAGE.index(f'id="{name}"') for name in ("declared", "columns", "template-help")]
    assert max(before) < start  # a module may run as soon as its tag has come, and looks for all of these


def test_the_document_runs_one_script_and_those_of_dash_wait_in_a_template():
    shown, held = PAGE.split('<template id="dash">')
    assert re.findall(r'<script[^>]* src="([^"]+)"', shown) == [scripts.address("main.mjs")]
    assert "dash_renderer" in held and "_dash-renderer" in held


def test_a_module_is_kept_under_its_fingerprint_alone():
    known = client.get(scripts.address("main.mjs"))
    assert known.status_code == 200 and known.mimetype == "text/javascript"
    assert known.headers["Cache-Control"] == scripts.FOREVER
    assert client.get(scripts.address("css/style.css")).headers["Cache-Control"] == scripts.FOREVER
    for path in (
        "/assets/main.mjs",
        "/assets/main.mjs?v=0123456789ab",
        "/assets/main.mjs?v=",
        "/assets/css/style.css?v=1",
    ):
        assert client.get(path).headers["Cache-Control"] == "no-cache"  # asked for again, and answered 304


def test_another_content_is_another_address(tmp_path, monkeypatch):
    monkeypatch.setattr(scripts, "ASSETS", tmp_path)
    addresses = []
    for content in ("export const a = 1;\n", "export const a = 2;\n"):
        (tmp_path / "other.mjs").write_text(content)
        scripts.address.cache_clear()
        addresses.append(scripts.address("other.mjs"))
    scripts.address.cache_clear()
    assert addresses[0] != addresses[1]


@pytest.mark.parametrize("entry", ["/gallery", "/lessons", "/room", "/s/aaaaaaaa"])
def test_other_pages_run_their_module_before_the_first_paint(entry):
    page = client.get(entry).text
    (source,) = re.findall(r'<script type="module" blocking="render" src="([^"]+)"></script>', page)
    assert scripts.is_current(*source.split("?v=")) and page.index("importmap") < page.index(source) < page.index(
        "</head>"
    )


@pytest.mark.parametrize("entry", [SAVED, REPORT])
def test_a_file_that_stands_alone_holds_its_modules_as_one_text(entry, tmp_path):
    text = scripts.inlined(entry)
    assert not re.search(r"^(import|export)\b", text, re.M) and "</script" not in text
    for name in scripts.needed(entry):
        body = [line for line in (scripts.ASSETS / name).read_text().splitlines() if not line.startswith("import ")]
        assert all(line.removeprefix("export ") in text for line in body)
    if node := shutil.which("node"):
        (tmp_path / "one.mjs").write_text(text)
        assert subprocess.run([node, "--check", tmp_path / "one.mjs"], check=False).returncode == 0
