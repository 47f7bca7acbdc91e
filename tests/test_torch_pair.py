"""torchvision is imported beside any build of torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from fmcore.torch_pair import torchvision

INSTALLED = {
    "matched": "",
    "broken": "raise RuntimeError('the disk is on fire')",
    "mismatched": """
import torch
try:
    torch.ops.torchvision.nms, torch.ops.torchvision.qnms
except AttributeError:
    raise RuntimeError("operator torchvision::nms does not exist") from None
""",
}
TRY_ALL = """
import sys
from fmcore.torch_pair import _declared, torchvision
for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    try:
        print(torchvision() is torchvision(), len(_declared))
    except RuntimeError as error:
        print(error, len(_declared))
    sys.modules.pop("torchvision", None)
"""


def test_the_installed_pair() -> None:
    assert torchvision() is torchvision()
    assert torchvision().__name__ == "torchvision" and torchvision().datasets.FashionMNIST


def test_operators_are_declared_only_where_they_lack(tmp_path: Path) -> None:
    for name, content in INSTALLED.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "torchvision.py").write_text(content)
    folders = [str(tmp_path / name) for name in INSTALLED]
    told = subprocess.run([sys.executable, "-c", TRY_ALL, *folders], check=True, capture_output=True, text=True)
    assert told.stdout.splitlines() == ["True 0", "the disk is on fire 0", "True 1"]


OWN = {  # a module, which is named, and a file
    "nets": "import torchvision\n\n\ndef make():\n    return made()\n",
    "nets.py": "def make():\n    import torchvision\n\n    return made()\n",
}
MADE = "\n\ndef made():\n    from torch import nn\n\n    return nn.Conv2d(1, 2, 3)\n"
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
from fmcore.factories import network_of
print(network_of(sys.argv[2] + ":make", {}).network)
"""


@pytest.mark.parametrize("source", OWN)
def test_a_factory_may_import_torchvision_itself(source: str, tmp_path: Path) -> None:
    (tmp_path / "mismatched").mkdir()
    (tmp_path / "mismatched" / "torchvision.py").write_text(INSTALLED["mismatched"])
    (tmp_path / "nets.py").write_text(OWN[source] + MADE)
    command = [sys.executable, "-c", MAKE, str(tmp_path / "mismatched"), source]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert told.stdout.startswith("Conv2d(1, 2")
