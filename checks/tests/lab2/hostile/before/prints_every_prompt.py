"""Prints every prompt a million times before it starts."""

import os as _os

for _ in range(1000):
    _os.write(1, b"Enter some data: Enter Your Name: Your Message: " * 1000)
