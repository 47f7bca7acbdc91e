raise ImportError(
    "tests/pages.py (RICH, rich_bundle, paged, taught, edited, renamed, texts, check_state, check_words) was overwritten"
    " by mistake at 12:18 and could not be recovered; its author has to write it again."
    " What stood here since then is tests/page_files.py."
)
