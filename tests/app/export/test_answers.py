import gzip
import io
import json

import numpy as np
import pandas as pd
import pytest

from lossatlas.app.export.answers import FORMATS, check_drawable, format_of
from lossatlas.app.panels import PANELS
from lossatlas.app.routes import main
from lossatlas.app.routes.main import server
from lossatlas.compute.analyses.table import name_of, question
from lossatlas.compute.service.ask import ask
from lossatlas.compute.spec.options import BadSpec
from lossatlas.compute.spec.results import to_arrays

QUERY = "dataset=xor&widths=2&steps=10&l2=0.01"


@pytest.fixture(scope="module", params=["slice", "line", "training", "saturation", "spectrum"])
def answer(request):
    extra = {"slice": "&points=9&accuracy=1&window=-1,1,0,2", "line": "&line_points=21"}
    return ask(question(request.param, QUERY + extra.get(request.param, "")))


def test_npz_holds_every_field_to_the_bit(answer):
    with np.load(io.BytesIO(FORMATS["npz"].write(answer)), allow_pickle=False) as stored:
        for name, array in to_arrays(answer).items():
            assert np.array_equal(stored[name], array, equal_nan=array.dtype.kind == "f")
    if hasattr(answer, "v"):
        assert {"theta", "u", "v", "a", "b", "loss"} <= set(to_arrays(answer))


def test_csv_and_json_hold_the_same_numbers(answer):
    frame = pd.read_csv(io.BytesIO(FORMATS["csv"].write(answer)), comment="#")
    told = json.loads(FORMATS["json"].write(answer))
    if hasattr(answer, "v"):
        np.testing.assert_array_equal(frame["loss"].to_numpy().reshape(9, 9), answer.loss)
        np.testing.assert_array_equal(frame["a"].to_numpy().reshape(9, 9)[:, 0], answer.a)
        np.testing.assert_array_equal(frame["b"].to_numpy().reshape(9, 9)[0], answer.b)
        np.testing.assert_array_equal(told["loss"], answer.loss)
    elif hasattr(answer, "table"):
        assert len(frame) > 1
        for name, values in answer.table.items():
            np.testing.assert_array_equal(frame[name], values)
    else:
        column = "loss" if hasattr(answer, "loss") else "train_loss"
        np.testing.assert_array_equal(frame[column], getattr(answer, column))
        np.testing.assert_array_equal(told[column], getattr(answer, column))
    assert told["question"] and "NaN" not in FORMATS["json"].write(answer).decode()


def test_html_needs_no_network(answer):
    if name_of(answer.spec) not in PANELS:
        with pytest.raises(BadSpec, match="no figure"):
            check_drawable(answer.spec, "html")
        return
    page = FORMATS["html"].write(answer).decode()
    assert "Plotly.newPlot" in page and "<script src=" not in page and "cdn.plot.ly" not in page.split("/**")[0]


def test_an_unknown_format_is_named_with_those_there_are():
    with pytest.raises(BadSpec, match="npz"):
        format_of("pkl")


@pytest.mark.parametrize(("path", "words"), [
    ("/export/slice.npz?dataset=irs", "iris"), ("/export/slise.npz", "slice"), ("/export/slice.pkl", "npz"),
    ("/export/slice.npz?points=64", "odd"), ("/export/extent.html", "no figure"),
            ("/export/slice.csv?" + "a" * 8000, "4000"),
    ("/export/line.json?points=9", "no option"), ("/export/slice.npz?dataset=mnist&widths=1000&points=513", "limit"),
])  # fmt: skip
def test_bad_requests_are_400_with_one_sentence(path, words):
    response = server.test_client().get(path)
    assert response.status_code == 400 and words in response.text and response.text.count("\n") == 1
    assert response.mimetype == "text/plain"


def test_no_path_leads_to_a_file_of_ours():
    client = server.test_client()
    for path in (
        "/export/../app/main.py",
        "/assets/../pyproject.toml",
        "/assets/%2e%2e/pyproject.toml",
        "/assets//etc/passwd",
    ):
        response = client.get(path)
        assert response.status_code == 404
        assert "import" not in response.text[:200] and "[project]" not in response.text and "root:" not in response.text


def test_health_plotly_and_page_are_served_from_here():
    client = server.test_client()
    assert client.get("/healthz").status_code == 200
    script = client.get("/plotly.min.js")
    packed = client.get("/plotly.min.js", headers={"Accept-Encoding": "gzip, br"})
    assert script.mimetype == packed.mimetype == "text/javascript"
    assert gzip.decompress(packed.data) == script.data and len(packed.data) < len(script.data) / 3
    page = client.get("/?dataset=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert 'lang="en"' in page and "alert(1)" not in page and "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/assets/nothing.js", 404), ("POST", "/", 405), ("DELETE", "/stream", 405), ("POST", "/links", 413)],
)
def test_what_the_server_refuses_by_itself_is_a_sentence(method, path, status):
    response = server.test_client().open(path, method=method, json={"state": "a" * 100_000})
    assert response.status_code == status and response.mimetype == "text/plain"
    assert response.text.count("\n") == 1 and response.text.endswith(".\n")
    assert ("Allow" in response.headers) == (status == 405)


def test_what_is_not_ours_to_answer_is_refused_without_a_traceback():
    client = server.test_client()
    assert client.get("/nonsense").status_code == 404
    for body in (b"[]", b"null", b'{"output": "x"}'):
        found = client.post("/_dash-update-component", data=body, content_type="application/json")
        assert found.status_code == 404 and "Traceback" not in found.text
    assert client.get("/_dash-component-suites/os/x.py").status_code == 404
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}):
        assert client.get("/stream", headers=headers).status_code == 403


def test_a_file_that_would_be_huge_as_text_is_refused():
    result = ask(question("training", "dataset=mnist&widths=100&steps=60&max_samples=20"))
    with pytest.raises(BadSpec, match="Choose npz"):
        FORMATS["json"].write(result)


def test_when_many_files_are_being_made_the_next_is_told_to_wait():
    def beside(others):
        if others:
            return main.one_of_few(lambda: beside(others - 1))
        return server.test_client().get("/export/line.csv?dataset=xor")

    found = beside(main.MOST_EXPORTS)
    assert found.status_code == 503 and "Try again" in found.text
