"""Bundles and figures at their edges: shares next to all and nothing, odd names, empty axes, impossible geometry."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from films import Net, make_bundle
from pages import edited, renamed

from fmcore.analysis.compare import Agreement
from fmcore.analysis.measures import digest_of, sample_size
from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle
from fmcore.comparison import _answers as compared_answers
from fmcore.inspection import _accuracy as inspected_accuracy
from fmcore.page.about import about
from fmcore.page.pairing import _answers as paired_answers


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "made.safetensors", Net(measured=True, pooled=True, epochs=1, tests=40))


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [(0.005, 0, "under 1%"), (0.995, 0, "over 99%"), (0.9996, 1, "over 99.9%"), (0.0004, 1, "under 0.1%"),
     (0.99999, 2, "over 99.99%"), (1.0, 1, "100.0%"), (0.0, 2, "0.00%"), (0.9994, 1, "99.9%"), (0.5, 2, "50.00%")],
)  # fmt: skip
def test_a_share_is_told_with_decimals_and_never_said_to_be_all_or_nothing_when_it_is_not(
    share: float, decimals: int, text: str
) -> None:
    assert percent(share, decimals) == text


def test_no_report_says_all_of_what_is_not_all(made: Path, tmp_path: Path) -> None:
    with Bundle.open(made) as bundle:
        training, data = bundle.header.training, bundle.header.dataset
    last = training.history[-1].model_copy(update={"test_accuracy": 0.99996})
    path = edited(
        made,
        tmp_path / "edited.safetensors",
        training=training.model_copy(update={"history": (training.history[0], last)}),
        dataset=data.model_copy(update={"test_count": 50_000}),
    )
    found = Agreement(images=50_000, share=0.99998, accuracy=(0.99996, 0.00002), disagreements=())
    with Bundle.open(path) as bundle:
        assert "It is right on over 99.9% of 50,000 test images." in about(bundle)
        assert inspected_accuracy(bundle) == "over 99.99%"
        (said,) = compared_answers(bundle, bundle, found, True)
    assert said == ("A and B answer alike on over 99.9% of 50,000 images; A is right on over 99.99%, B on under 0.01%.")
    one, other = SimpleNamespace(name="one"), SimpleNamespace(name="other")
    assert paired_answers(one, other, found) == (  # type: ignore[arg-type]
        "one and other answer alike on over 99.9% of 50,000 test images; one is right on over 99.9% of them, other on"
        " under 0.1%."
    )


def test_arrays_of_a_module_called_header_are_its_own(made: Path, tmp_path: Path) -> None:
    path = renamed(made, tmp_path / "named.safetensors", {"conv1": "header"})
    with Bundle.open(path) as bundle:
        assert digest_of(bundle, "header/activation") == bundle.info("header/activation").sha256
        assert digest_of(bundle, "header/measures") == bundle.digest
        assert bundle.header.measures is not None
        size = sample_size("share off the object", bundle, "header/foreground")
        assert size == bundle.header.measures.foreground_images != bundle.header.dataset.test_count


def test_filters_that_start_alike_are_counted_over_no_images(made: Path) -> None:
    with Bundle.open(made) as one, Bundle.open(made) as other:
        assert sample_size("filters that start alike", one, "conv1/sample", other) == 1
