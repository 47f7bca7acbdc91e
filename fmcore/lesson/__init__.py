"""Beats, scripts, plans, timelines, captions and chapters: a lesson as data, before anything is drawn."""
