"""Names of files that strangers' words become."""

import pytest

from fmcore.files import distinct_names

NAMES: dict[str, tuple[list[str], list[str]]] = {
    "as they are": (["conv1_maps.png", "層_maps.png"], ["conv1_maps.png", "層_maps.png"]),
    "paths": (["/etc/x_a.png", "..\\x_a.png"], ["_etc_x_a.png", "_x_a.png"]),
    "control characters": (["a\n\x1b[2J_b.png"], ["a___2J_b.png"]),
    "hidden": ([".a_b.png", "..."], ["a_b.png", "_"]),
    "equal in the end": (["a/b_c.png", "a:b_c.png", "A b_c.png", "A?b_c.png"],
                         ["a_b_c.png", "a_b_c-2.png", "A b_c.png", "A_b_c-3.png"]),
    "long": (["ü" * 300 + "_c.png"], ["ü" * 87 + "_c.png"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_names_of_files_lead_nowhere_else_and_differ(kind: str) -> None:
    wanted, names = NAMES[kind]
    assert distinct_names(wanted) == names
