"""Worlds: pictures that are drawn, so that every attribute is known."""
