"""The page: all commands, figures and tables, a card whose numbers are the tables', and no request."""

import html.parser
import re

import pytest

from niki_tf import report
from niki_tf.report import card, tables
from niki_tf.report.analysis import View

_VOID = {"meta", "link", "img", "br", "input"}


class Page(html.parser.HTMLParser):
    """The elements of a page: their addresses, text, links and whether they are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.text, self.open, self.links, self.sources = {}, {}, [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.links += [given["href"]] if "href" in given else []
        self.sources += [given[name] for name in ("src", "srcset", "poster", "data") if name in given]
        if "id" in given:
            assert given["id"] not in self.addresses
            self.addresses[given["id"]] = tag
        if tag not in _VOID:
            self.open.append((tag, given.get("id")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        for _, address in self.open:
            if address:
                self.text[address] = self.text.get(address, "") + text


@pytest.fixture
def written(analyses, setting, stub, monkeypatch, tmp_path):
    monkeypatch.setenv("NIKI_TF_ASSETS", str(tmp_path / "nothing"))
    stub.fails["collisions"] = lambda: "no <luck>"
    results = report.run_all(analyses, setting, run=stub)
    return results, report.write_page(results, setting).read_text()


def test_it_holds_every_command_table_figure_and_checksum(written):
    results, text = written
    page = Page(text)
    for result in results:
        assert result.command in page.text[result.analysis.name]
    assert "Tables & <more>" in page.text["noise"]
    assert page.text["noise-0-1-1"] == "6.7"
    assert text.count("data:image/png;base64,YSBwaWN0dXJl") == 2
    for version in results[0].record["versions"].values():
        assert version in page.text["sources"]
    for checksum in results[0].record["weights_sha256"].values():
        assert checksum in page.text["sources"]
    assert "not there yet: no <luck>" in page.text["collisions"]
    assert "speed on a GPU" in page.text["not-yet"]
    assert "This page is quick" in text


def test_analyses_of_images_are_shown_with_all_their_figures(of_images, stub):
    def run(command, folder):
        (folder / "more.png").write_bytes(b"another")
        return stub(command, folder)

    results = report.run_all(report.analyses_of_images(of_images.images), of_images, run=run)
    text = report.write_page(results, of_images).read_text()
    page = Page(text)
    assert text.count("<figure>") == 2 * len(results)
    assert f"{of_images.images.sets[1]}, seen by {of_images.images.backbone}" in re.sub("<[^>]*>", "", text)
    assert "image_occlusion" in page.addresses
    assert "give --images and --freeze_backbone" not in text
    without = report.write_page([], of_images._replace(images=None)).read_text()
    assert "give --images and --freeze_backbone" in without
    assert "seen by" not in without


def test_it_asks_for_nothing(written):
    page, text = Page(written[1]), written[1]
    assert all(source.startswith("data:") for source in page.sources)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.search(r"url\((?!['\"]?data:)|@import|https?://|\bfetch\(|XMLHttpRequest|WebSocket", text)
    assert "default-src 'none'" in text


def test_every_link_leads_to_a_place(written):
    page = Page(written[1])
    led = {link[1:] for link in page.links if link.startswith("#")}
    assert led - page.addresses.keys() == set()


def test_a_page_of_what_there_is_so_far(analyses, setting, stub):
    report.run_all(analyses[:1], setting, run=stub)
    results = report.found_so_far(analyses, setting)
    assert [bool(result.rows) for result in results] == [True, False, False]
    assert len(stub.commands) == 1
    page = Page(report.write_page(results, setting).read_text())
    assert page.text["noise-0-1-1"] == "6.7"
    assert "not there yet: it was not run yet" in page.text["collisions"]


def test_a_second_page_is_the_same(written, setting):
    results, text = written
    assert report.write_page(results, setting).read_text() == text


def test_a_page_of_all_clips_does_not_call_itself_quick(written, setting):
    assert "This page is quick" not in report.write_page(written[0], setting._replace(quick=False)).read_text()


def test_cells_of_the_card_are_those_of_the_tables(written):
    page, text = Page(written[1]), written[1]
    (section,) = re.findall(r'<section id="card">.*?</section>', text, re.DOTALL)
    cells = re.findall(r'<a href="#([^"]*)">([^<]*)</a>', section)
    assert cells == [("noise-0-1-1", "6.7"), ("noise-0-0-1", "10.4")]
    assert all(page.text[address] == shown for address, shown in cells)
    assert section.count('<td colspan="6">not there yet</td>') == len(card.USES) - 1
    assert "<strong>one_stage</strong>" in section


def test_the_card_takes_the_least_error_and_its_time():
    rows = [{"solver": name, "noise_mm": 30, "mpjpe": error} for name, error in (("mlp", 10.04), ("one_stage", 10.01))]
    times = [{"solver": name, "batch": 1, "ms per frame": ms} for name, ms in (("one_stage", 2.5), ("mlp", 1.5))]
    noise, speed = View("", ("mpjpe",), across="noise_mm"), View("", ("ms per frame",), across="batch", decimals=3)
    shown = {
        "noise-0": tables.table(noise, rows, address="noise-0"),
        "speed-0": tables.table(speed, times, address="speed-0"),
    }
    choice = card.choices(shown)[0]
    assert choice.solver == "one_stage"
    assert choice.error == card.Cell("10.0", "noise-0-1-0")
    assert choice.time == card.Cell("2.500", "speed-0-0-0")
    assert choice.simple is None


def test_the_card_asks_for_tables_that_analyses_have():
    addresses = {f"{a.name}-{n}": view for a in report.ANALYSES for n, view in enumerate(a.views)}
    for use in card.USES:
        view = addresses[use.table]
        assert all(len(named) == len(view.by) for named in use.candidates)
    assert card.SPEED in addresses


def test_a_table_has_a_line_for_each_key_and_a_column_for_each_level():
    rows = [
        {"solver": "a", "way": way, "gap": gap, "mpjpe": 10.0 * gap, "pve": None}
        for way in ("x", "y")
        for gap in (4, 8)
    ]
    one = tables.table(View("", ("mpjpe",), across="way"), [{"way": "left_arm", "mpjpe": 1.0}], address="a")
    assert one.headings == ("left arm",)  # which a narrow page can break
    shown = tables.table(
        View("", ("mpjpe", "pve"), across="gap", by=("solver", "way"), where={"way": "y"}), rows, address="gaps-0"
    )
    assert shown.headings == ("solver", "way", "MPJPE, 4", "PVE, 4", "MPJPE, 8", "PVE, 8")
    assert shown.lines == (("a", "y", "40.0", "–", "80.0", "–"),)
    assert 'id="gaps-0-0-2">80.0</td>' in tables.to_html(shown, caption="A & b")
    assert "A &amp; b" in tables.to_html(shown, caption="A & b")
    assert tables.prose("`a` & b") == "<code>a</code> &amp; b"
    assert "no rows" in tables.to_html(tables.table(View("", ("mpjpe",)), [], address="b"), caption="B")
