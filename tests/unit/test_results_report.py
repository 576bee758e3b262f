"""The report: what it says, that it is whole, and that a browser shows all of it without a complaint."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_results import make_run
from PIL import Image

from ivvit.results.comparison import Comparison, compare
from ivvit.results.figures import write_figures
from ivvit.results.further_tables import text_tables
from ivvit.results.report.content import DataEntry, ReportContext, StudyEntry
from ivvit.results.report.page import write_report
from ivvit.results.report.words import sentences
from ivvit.results.runs import RunRef

BOTH = {"UCF101": 0.6, "CIFAR100": 0.3}
EVIL = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A baseline, a better one, a single one, and a run without a result for a reason that would do harm."""
    root = tmp_path_factory.mktemp("runs")
    runs = [make_run(root, "base", seed, BOTH, seed_noise=0.01) for seed in range(3)]
    better = {"UCF101": 0.62, "CIFAR100": 0.8}
    frames = {"num_frames": 4}
    runs += [make_run(root, "better", seed, better, specification=frames, seed_noise=0.01) for seed in range(3)]
    runs += [make_run(root, "single", seed, {"UCF101": 0.3}, seed_noise=0.01) for seed in range(3)]
    return compare([*runs, RunRef("lost", 0, root, root / "lost", missing=EVIL)], baseline="base")


@pytest.fixture(scope="module")
def report(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with everything on it."""
    folder = tmp_path_factory.mktemp("report")
    write_figures(comparison, folder)
    Image.new("RGB", (300, 200), "red").save(folder / "samples_X.png")
    entry = {"name": "samples_X", "title": "Samples of X", "caption": "some"}
    (folder / "samples.json").write_text(json.dumps([entry]))
    graph = folder / "graph.svg"
    graph.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    study = StudyEntry(
        "lr", "6 trials", {"optimizer.lr": "0.001"}, [["trial", "top1"], ["0", "0.5"]], "studies/lr.html"
    )
    data = [DataEntry("UCF101", [("", EVIL), ("What to do", "Nothing")])]
    context = ReportContext("Results of my.yaml", [study], data, graph, {"t": "t/"})
    return write_report(comparison, folder, context)


def test_what_the_tables_say_in_words(comparison: Comparison) -> None:
    text = " ".join(sentences(comparison))
    assert "CIFAR100: better is best, with top-1" in text and "all others are significantly worse" in text
    assert re.search(r"Significantly better than base: better on CIFAR100 \(\+\d+\.\d points\)", text)
    assert re.search(r"Joint training helps on UCF101 \(\+\d+\.\d points, base\)", text)
    assert "1 of 10 runs has no result" in text
    table = text_tables(comparison)[0]
    cell = next(row for row in table.rows if row[0] == "better")[table.header.index("CIFAR100")]
    value, interval = cell.rstrip("↑").split(" ", 1)
    assert f"CIFAR100: better is best, with top-1 {value}% {interval};" in text, "the numbers of the table"


def test_it_begins_with_the_table_and_has_all_parts(report: Path) -> None:
    text = report.read_text()
    titles = re.findall(r"<(?:h1|h2|caption)[^>]*>(.*?)</", text)
    assert titles[:2] == ["Results of my.yaml", "Comparison"]
    assert [t for t in titles[2:] if t in ("Figures", "Samples", "Studies", "Data", "Runs", "Rules")] == [
        "Figures", "Samples", "Studies", "Data", "Runs", "Rules"
    ]  # fmt: skip
    assert "num_frames: 4" in text and "c0ffee" in text and "optimizer.lr" in text
    assert "<h3>What to do</h3>" in text


def test_it_needs_no_network_and_runs_no_script(report: Path) -> None:
    text = report.read_text()
    assert "<script" not in text and "\x1b" not in text and html.escape("<script>") in text
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert address.startswith(("data:", "#")) or not re.match(r"[a-z]+:|//", address), address


def test_equal_results_give_an_equal_page(report: Path, comparison: Comparison, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(report.parent, tmp_path / name)
    pages = [write_report(comparison, tmp_path / name, ReportContext("x")).read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_nothing_finished_is_a_page_as_well(tmp_path: Path) -> None:
    comparison = compare([RunRef("a", 0, tmp_path, tmp_path / "x", missing="waits")])
    assert "No run is finished yet." in write_report(comparison, tmp_path, ReportContext("x")).read_text()


PROBE = """<script>
document.querySelectorAll("details").forEach(item => item.open = true);
window.addEventListener("load", () => {
  const broken = [...document.images].filter(image => !image.naturalWidth).map(image => image.alt);
  const anchors = [...document.querySelectorAll('a[href^="#"]')].map(anchor => anchor.hash);
  const lost = anchors.filter(hash => !document.querySelector(hash));
  const closed = [...document.querySelectorAll("details")].filter(item => item.offsetHeight < 50).length;
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  document.body.dataset.probe = JSON.stringify({images: document.images.length, broken, lost, closed, wide});
});
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1400, 500])
def test_a_browser_opens_every_item_without_a_complaint(report: Path, width: int, tmp_path: Path) -> None:
    page = tmp_path / "probed.html"
    page.write_text(report.read_text().replace("</body>", PROBE))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]
    options += ["--dump-dom", f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900"]
    command = [
        "chromium",
        *options,
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        page.as_uri(),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert "CONSOLE" not in ran.stderr, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
    found = json.loads(html.unescape(re.search(r'data-probe="(.*?)"', ran.stdout)[1]))
    assert found.pop("images") >= 8
    assert found == {"broken": [], "lost": [], "closed": 0, "wide": 0}
