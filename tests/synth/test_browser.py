"""The report in headless Chromium: light and dark, wide and as on a phone; sorting; pictures."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from synth import report
from synth.metrics import load, metric, save

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the page needs no network
)
#: What a page says of itself, put into its copy: sizes, colours, and the order of sorted columns.
PROBE = """
<script>
addEventListener("load", () => {
  const seen = {errors: window.failures};
  seen.wide = [...document.querySelectorAll("body *")].filter((e) =>
    !e.closest(".scroll") && !e.closest("svg") &&
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
  ).map((e) => e.tagName + "." + e.className);
  seen.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  seen.width = innerWidth;
  seen.ground = getComputedStyle(document.body).backgroundColor;
  seen.ink = getComputedStyle(document.querySelector("svg text") ?? document.body).color;
  seen.pictures = [...document.querySelectorAll("svg")].map((e) => e.getBoundingClientRect().width);
  const table = document.querySelector("#results");
  if (table) {
    const column = [...table.tHead.rows[0].cells].findIndex((c) => c.textContent.includes("area"));
    const values = () => [...table.tBodies[0].rows].map((r) => r.cells[column].dataset.value);
    const heading = table.tHead.rows[0].cells[column];
    for (const order of ["up", "down"]) {
      heading.querySelector("button").click();
      seen[order] = values();
      seen[order + "_said"] = heading.getAttribute("aria-sort");
    }
  }
  parent.postMessage(JSON.stringify(seen), "*");
});
</script>
"""
ERRORS = "<script>failures = []; addEventListener('error', e => failures.push(e.message))</script>"
#: A window cannot be as narrow as a phone, a frame can.
FRAME = """<!doctype html><meta name="color-scheme" content="light dark">
<pre id="probe"></pre><script>
addEventListener("message", (e) => document.querySelector("#probe").textContent = e.data);
</script><iframe src="{}" style="width: {}px; height: 900px; border: 0"></iframe>"""


@pytest.fixture(scope="module")
def pages(build, tmp_path_factory):
    """A report of some designs of the catalog, with figures made from those of a sample."""
    folder = tmp_path_factory.mktemp("pages")
    sample = load(build / "synth" / "sample_mac" / "metrics.json")
    figures = {"int8_mac": 300.0, "dint4_int8_mac": 90.0, "int8_dot32": 1200.0, "fp16_mac": 700.0}
    for name, area in figures.items():
        metrics = [m for m in sample.metrics if m.name not in ("area", "energy")]
        metrics += [metric("area", area, "made up"), metric("energy", area / 9, "made up")]
        save(
            folder / "synth" / name / "metrics.json",
            replace(sample, design=name, metrics=metrics, summary="of a test " * 6),
        )
    shutil.copytree(build / "synth" / "sample_dot4", folder / "synth" / "sample_dot4")
    np.save(folder / "t.npy", np.random.default_rng(0).standard_normal((8, 128)))
    return report.write(folder, str(folder / "t.npy")).parent


def browse(page, profile, *, width, dark, shot=None):
    """What the page says of itself in a frame of ``width``; ``shot``: where a screenshot goes."""
    text = page.read_text().replace("<head>", "<head>" + ERRORS, 1)
    copy, frame = (page.with_name(f"{name}-{page.name}") for name in ("probe", "frame"))
    copy.write_text(text.replace("</body>", PROBE + "</body>"))
    frame.write_text(FRAME.format(copy.name, width))
    flags = [*FLAGS, f"--user-data-dir={profile}"]
    flags += ["--blink-settings=preferredColorScheme=0"] if dark else []

    def chromium(*what):
        return subprocess.run(
            [CHROMIUM, *flags, *what], capture_output=True, text=True, timeout=180
        ).stdout

    try:
        if shot:
            chromium(f"--screenshot={shot}", f"--window-size={width},2000", page.as_uri())
        dom = chromium("--dump-dom", "--virtual-time-budget=10000", frame.as_uri())
    finally:
        copy.unlink()
        frame.unlink()
    found = re.search(r'<pre id="probe">(.+?)</pre>', dom, re.S)
    assert found, dom[-500:]
    return json.loads(unescape(found[1]))


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (390, True)], ids=["wide-light", "phone-dark"]
)
@pytest.mark.parametrize("name", ["index", "sample_dot4"])
def test_pages_fit_and_take_the_colours_that_are_preferred(pages, tmp_path, name, width, dark):
    shot = tmp_path / "shot.png"
    seen = browse(pages / f"{name}.html", tmp_path / "profile", width=width, dark=dark, shot=shot)
    assert seen["errors"] == [] and seen["width"] == width
    assert seen["overflow"] <= 0 and seen["wide"] == []
    colours = [sum(map(int, re.findall(r"\d+", seen[key])[:3])) / 3 for key in ("ground", "ink")]
    assert (colours[0] < 60 and colours[1] > 200) if dark else (colours[0] > 240 > colours[1])
    assert all(size > 100 for size in seen["pictures"])
    assert shot.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and shot.stat().st_size > 10_000


def test_a_click_sorts_by_number_and_a_second_the_other_way(pages, tmp_path):
    seen = browse(pages / "index.html", tmp_path / "profile", width=1280, dark=False)
    up = [float(value) for value in seen["up"]]
    assert len(up) == 5 and up == sorted(up) and len(set(up)) == 5
    assert seen["up_said"] == "ascending" and seen["down_said"] == "descending"
    assert seen["down"] == seen["up"][::-1]
