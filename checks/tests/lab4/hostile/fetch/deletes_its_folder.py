"""Removes the folder that it runs in."""

import os, shutil

shutil.rmtree(os.getcwd(), ignore_errors=True)
