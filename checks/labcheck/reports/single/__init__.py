"""The formats of one submission: `render(record)` returns the text."""
