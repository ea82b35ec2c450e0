"""Coding sheets of corpora: spreadsheets, Action Unit codes, onset, apex and offset."""
