"""What a page teaches as Markdown: whatever strangers call their classes and layers, it stays text."""

import re
from pathlib import Path

import pytest
from pages import check_state, check_words, edited, renamed, rich_bundle, taught, texts

from fmcore.page.markdown import as_markdown, escaped
from fmcore.page.view import opening

HOSTILE = (
    "</script><b>shirt",
    "[bag](javascript:alert)",
    "# `dress` *_|~&amp; ![x](y) {.z} www.evil.test http://e.test",
)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_bundle(tmp_path_factory.mktemp("rich"))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain text, 1.5 (of 2) – “x”", "plain text, 1.5 (of 2) – “x”"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("*a* _b_ `c` ~d~", r"\*a\* \_b\_ \`c\` \~d\~"),
        ("[x](y) ![z](w)", r"\[x\](y) \!\[z\](w)"),
        ("# x", r"\# x"),
        ("C#, a #", r"C\#, a \#"),
        (": x", r"\: x"),
        ("- x", r"\- x"),
        ("=== x", r"\=== x"),
        ("1. x", r"1\. x"),
        ("12) x", r"12\) x"),
        ("1.5", "1.5"),
        ("a|b $c$ ^d {.e} \\f", r"a\|b \$c\$ \^d \{.e\} \\f"),
        ("http://e.test www.e.test a@b.test", r"http\://e.test www\.e.test a\@b.test"),
        ("a\n# b\r\n\tc\x00d\u202e", r"a \# b c d"),
    ],
)
def test_markdown_shows_a_text_as_it_stands(text: str, written: str) -> None:
    assert escaped(text) == written


def test_strangers_cannot_write_markup(rich: Path, tmp_path: Path) -> None:
    names = {"conv1": "<img src=x onerror=1>", "conv2": "*[a](b)* # `c`", "pool1": "0", "pool2": "x\n- y"}
    hostile = edited(
        renamed(rich, tmp_path / "names.safetensors", names), tmp_path / "evil.safetensors", classes=HOSTILE
    )
    teaching, content = taught(hostile)
    check_words(teaching, content)
    said = " ".join(texts(teaching))
    assert "<img src=x onerror=1>" in said and "layer 0" in said  # they are text, and stay as they are
    written = as_markdown("<i>title</i>\n# x", teaching, "page (1).html")
    assert not re.search(r"<(?!!)|\n# |(?<!\\)`[^`]", written.partition("\n")[2].replace("```", ""))
    links = re.findall(r"\]\(([^)]+)\)", re.sub(r"\\.", "", written))
    assert links and all(
        re.fullmatch(r"page%20%281%29\.html(#[\w.~%=&,-]*)?", link) for link in links if "page" in link
    )
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    shown = markdown.render(written)
    assert not re.search(r"<(?!/?(h1|h2|h3|p|ul|ol|li|pre|code|a)\b)", shown)
    assert set(re.findall(r'href="([^"#]*)', shown)) == {"page%20%281%29.html"}


def test_notes_and_answers_are_written_with_links_or_without(rich: Path) -> None:
    teaching, content = taught(rich)
    plain, linked = as_markdown("A title", teaching, None), as_markdown("A title", teaching, "page.html")
    order = (
        "# A title", "## Background", "## Important formulas", "## Pros", "## Cons (what to watch out for)",
        "## Quick example", "## Common mistake", "## How the numbers were measured", "## Questions", "## Answers",
    )  # fmt: skip
    places = [plain.index(f"{heading}\n") for heading in order]
    assert places == sorted(places) and "page.html" not in plain and "feature mapₖ = φ(Wₖ * x + bₖ)" in plain
    answers = plain.partition("## Answers")[2].strip().splitlines()
    for line, (at, question) in zip(answers, enumerate(teaching.questions, start=1), strict=True):
        letter = "ABCD"[question["answer"]]
        assert line.startswith(f"{at}. {letter}: {escaped(question['options'][question['answer']])}.")
        assert f"    - {letter}: {escaped(question['options'][question['answer']])}\n" in plain
    start = opening(content)
    assert teaching.start == start
    for address in re.findall(r"page\.html#(\S+)\)", linked):
        state = dict(part.split("=") for part in address.split("&"))
        check_state({**start, **state}, content)
        assert all(start.get(name, "") != said for name, said in state.items())
