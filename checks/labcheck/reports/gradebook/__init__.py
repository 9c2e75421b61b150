"""The formats of a class: `render(gradebook)` returns the text."""
