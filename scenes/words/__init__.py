"""Translations that ship, as `<code>.toml`: made and extended with `fmcore words`."""
