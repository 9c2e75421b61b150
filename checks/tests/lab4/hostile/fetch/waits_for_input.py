"""Asks its user, who is not there."""

input("Which URL? ")
