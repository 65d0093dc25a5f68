"""What a visit costs on the wire: everything is packed, nothing is sent twice, and both within a budget."""

import gzip
import re

import pytest

from lossatlas.app.look import plotly_script, scripts
from lossatlas.app.routes.main import app

client = app.server.test_client()
PACKED = {"Accept-Encoding": "gzip"}
FIRST, SECOND = 2_000_000, 30_000  # bytes of a visit, but for the answers that it asks for
PAGE = client.get("/").text


def held_scripts() -> list[str]:
    """The scripts of Dash that the page runs: dash.mjs says which it does not."""
    (pattern,) = re.findall(r"^const NOT_NEEDED = /(.*)/;$", (scripts.ASSETS / "base/dash.mjs").read_text(), re.M)
    held = re.findall(r'<script src="([^"]+)"', PAGE.split('<template id="dash">')[1])
    return [address for address in held if not re.search(pattern.replace(r"\/", "/"), address)]


FOREVER = [
    *re.findall(r'<link rel="(?:stylesheet|modulepreload)" href="([^"]+)"', PAGE),
    plotly_script.address(),
    *held_scripts(),
]
AGAIN = ["/", "/_dash-layout", "/_dash-dependencies"]


def test_the_page_is_made_of_these():
    assert len(FOREVER) == len(set(FOREVER)) > 70 and sum("dash" in address for address in FOREVER) >= 6


@pytest.mark.parametrize("address", [*FOREVER, *AGAIN])
def test_what_the_page_is_made_of_is_packed_and_means_the_same(address):
    plain, packed = client.get(address), client.get(address, headers=PACKED)
    assert plain.status_code == packed.status_code == 200 and "Content-Encoding" not in plain.headers
    assert packed.vary.as_set() == plain.vary.as_set() == {"accept-encoding"}
    if "Content-Encoding" in packed.headers:
        assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data)
    else:
        assert len(plain.data) < 700


@pytest.mark.parametrize("address", FOREVER)
def test_what_an_address_names_is_kept_for_a_year(address):
    assert client.get(address, headers=PACKED).headers["Cache-Control"] == scripts.FOREVER


@pytest.mark.parametrize("address", AGAIN)
def test_anything_else_is_asked_for_again_and_sent_only_where_it_is_another(address):
    first = client.get(address, headers=PACKED)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(address, headers=PACKED | {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.data
    assert client.get(address, headers=PACKED | {"If-None-Match": 'W/"another"'}).data == first.data


def sizes(addresses: list[str]) -> int:
    return sum(len(client.get(address, headers=PACKED).data) for address in addresses)


def test_a_first_visit_and_a_second_one_stay_within_the_budget():
    assert sizes([*FOREVER, *AGAIN]) <= FIRST
    assert sizes(["/"]) <= SECOND  # after an upgrade; else nothing but 304


def test_a_stream_is_not_held_back_to_be_packed():
    assert "ETag" not in client.get("/stream?dataset=nonsense", headers=PACKED).headers


def test_plotly_under_another_fingerprint_is_not_kept():
    assert client.get(f"{plotly_script.PATH}?v=0", headers=PACKED).headers["Cache-Control"] == "no-cache"
