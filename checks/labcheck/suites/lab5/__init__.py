"""The checks of lab 5."""
