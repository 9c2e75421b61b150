"""A client that ends at once."""
