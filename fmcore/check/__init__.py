"""The checker of finished lessons: pure functions over records, stills, films and bundles."""
