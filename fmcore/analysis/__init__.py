"""Pure functions on a bundle's arrays. Numbers in, numbers out; no torch, no manim, no files."""
