"""Builders of networks; no losses in here."""
