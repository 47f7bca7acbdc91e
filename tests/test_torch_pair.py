"""torchvision is imported beside any build of torch."""

import subprocess
import sys
from pathlib import Path

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
