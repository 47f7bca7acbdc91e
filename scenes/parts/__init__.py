"""The pieces that scenes are built from; each carries the rules that keep it honest."""
